//! The route table: an endpoint is one line that says method, path, who may call, and the handler.
//!
//! The same rows make the router, the OpenAPI document and the access test.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use shared::kernel::Error;
use shared::kernel::config::Rate;
use shared::platform::tx::Origin;

use crate::app::App;
use crate::auth;
use crate::error::ApiError;
use crate::watch::{self, Opens};

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody; a valid token is seen, a bad one ignored.
    Public,
    /// Anybody signed in.
    Caller,
    /// Signed in and allowed this.
    Can(&'static str),
}

/// How often one may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `RATE_LIMIT_API` per user, a tenth of it per address without an account.
    Api,
    /// `RATE_LIMIT_FORMS` per address.
    Forms,
    /// Not at all: health checks.
    None,
}

/// Makes a type's JSON Schema.
pub type SchemaFn = fn(&mut SchemaGenerator) -> Schema;

/// One endpoint.
pub struct Row {
    /// GET, POST …
    pub method: Method,
    /// The whole path.
    pub path: String,
    /// Who may call.
    pub access: Access,
    /// How often.
    pub limit: Limit,
    /// What it does, one line.
    pub summary: &'static str,
    /// The resource.
    pub tag: &'static str,
    /// The body it takes.
    pub takes: Option<SchemaFn>,
    /// The query it takes.
    pub queries: Option<SchemaFn>,
    /// Whether it takes `?limit` and `?after`.
    pub paged: bool,
    /// What it answers: status and the type in `data`.
    pub gives: Vec<(u16, Option<SchemaFn>)>,
    /// Whether its answer is a stream of events.
    pub streams: bool,
    /// Whether its answer is a file: bytes, or a range of them.
    pub downloads: bool,
    /// Bytes that its body may have, when that is more than others'.
    pub largest: Option<usize>,
    /// What is recorded of whoever reads it with success.
    pub opens: Option<Opens>,
    handler: MethodRouter<App>,
}

/// Rows of one resource.
pub struct Table {
    base: &'static str,
    tag: &'static str,
    rows: Vec<Row>,
}

macro_rules! verbs {
    ($($name:ident $method:ident),+) => {$(
        /// Adds an endpoint of this method.
        #[must_use]
        pub fn $name<H, T>(self, path: &str, access: Access, handler: H) -> Self
        where
            H: Handler<T, App>,
            T: 'static,
        {
            self.row(Method::$method, path, access, on(MethodFilter::$method, handler))
        }
    )+};
}

impl Table {
    /// A table whose paths begin with `base`; `tag` names the resource in the documentation.
    pub fn at(base: &'static str, tag: &'static str) -> Self {
        Self { base, tag, rows: Vec::new() }
    }

    verbs!(get GET, post POST, put PUT, patch PATCH, delete DELETE);

    fn row(mut self, method: Method, path: &str, access: Access, handler: MethodRouter<App>) -> Self {
        self.rows.push(Row {
            method,
            path: format!("{}{path}", self.base),
            access,
            limit: Limit::Api,
            summary: "",
            tag: self.tag,
            takes: None,
            queries: None,
            paged: false,
            gives: Vec::new(),
            streams: false,
            largest: None,
            downloads: false,
            opens: None,
            handler,
        });
        self
    }

    fn last(mut self, change: impl FnOnce(&mut Row)) -> Self {
        change(self.rows.last_mut().expect("a row is described after it was added"));
        self
    }

    /// The last row's summary.
    #[must_use]
    pub fn says(self, summary: &'static str) -> Self {
        self.last(|row| row.summary = summary)
    }

    /// The last row's JSON body.
    #[must_use]
    pub fn takes<T: JsonSchema>(self) -> Self {
        self.last(|row| row.takes = Some(SchemaGenerator::subschema_for::<T>))
    }

    /// The last row takes bodies of up to so many bytes.
    #[must_use]
    pub fn up_to(self, largest: usize) -> Self {
        self.last(|row| row.largest = Some(largest))
    }

    /// The last row's query parameters.
    #[must_use]
    pub fn queries<T: JsonSchema>(self) -> Self {
        self.last(|row| row.queries = Some(SchemaGenerator::subschema_for::<T>))
    }

    /// The last row is a list with keyset pages.
    #[must_use]
    pub fn paged(self) -> Self {
        self.last(|row| row.paged = true)
    }

    /// The last row answers `{data: T}` with this status.
    #[must_use]
    pub fn gives<T: JsonSchema>(self, status: u16) -> Self {
        self.last(|row| {
            row.gives.push((status, Some(SchemaGenerator::subschema_for::<T>)));
        })
    }

    /// The last row answers this status without a body.
    #[must_use]
    pub fn gives_nothing(self, status: u16) -> Self {
        self.last(|row| row.gives.push((status, None)))
    }

    /// The last row answers 200 with Server-Sent Events and does not end; `Last-Event-ID` resumes.
    #[must_use]
    pub fn streams(self) -> Self {
        self.last(|row| row.streams = true)
    }

    /// The last row answers the bytes of a file; `Range`, `If-Range` and `If-None-Match` are understood.
    #[must_use]
    pub fn downloads(self) -> Self {
        self.last(|row| row.downloads = true)
    }

    /// Whoever reads the last row's record with success is in the audit log; its id is the path's parameter.
    #[must_use]
    pub fn opens(self, action: &'static str, target: &'static str) -> Self {
        self.last(|row| row.opens = Some(Opens { action, target }))
    }

    /// The last row's rate limit.
    #[must_use]
    pub fn limit(self, limit: Limit) -> Self {
        self.last(|row| row.limit = limit)
    }

    /// The rows, for the documentation and the access test.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The router, each row behind its gate.
    pub fn router(self, app: &App) -> Router<App> {
        self.rows.into_iter().fold(Router::new(), |router, row| {
            let gate = Gate { app: app.clone(), access: row.access, limit: row.limit, opens: row.opens };
            let handler = match row.largest {
                Some(largest) => row.handler.layer(DefaultBodyLimit::max(largest)),
                None => row.handler,
            };
            router.route(&row.path, handler.layer(from_fn_with_state(gate, pass)))
        })
    }
}

/// What stands before a handler.
#[derive(Clone)]
struct Gate {
    app: App,
    access: Access,
    limit: Limit,
    opens: Option<Opens>,
}

/// Identifies, limits, authorises; then calls. The caller goes on as an extension.
async fn pass(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    if let Err(error) = admit(&gate, &mut request).await {
        return error.into_response();
    }
    let Some(opens) = gate.opens else { return next.run(request).await };
    let look = watch::Look::of(&request);
    let response = next.run(request).await;
    match look.noted(&gate.app, opens, response.status()).await {
        Ok(()) => response,
        Err(error) => ApiError::from(error).into_response(),
    }
}

async fn admit(gate: &Gate, request: &mut Request) -> Result<(), ApiError> {
    let mut origin = request.extensions().get::<Origin>().cloned().unwrap_or_default();
    let caller = match auth::authenticate(&gate.app, request.headers(), &origin).await {
        Err(ApiError::Error(Error::Unauthenticated(_))) if gate.access == Access::Public => None,
        other => other?,
    };
    origin.actor = caller.as_ref().map(|caller| caller.user);
    limit(gate, &origin).await?;
    match (gate.access, &caller) {
        (Access::Public, _) | (Access::Caller, Some(_)) => {}
        (Access::Can(permission), Some(caller)) if caller.can(permission) => {}
        (Access::Can(permission), Some(_)) => {
            let line = format!("{} {}", request.method(), request.uri().path());
            watch::refused(&gate.app, &origin, permission, line).await;
            return Err(Error::Forbidden(permission.into()).into());
        }
        (_, None) => return Err(Error::Unauthenticated("token_missing").into()),
    }
    request.extensions_mut().insert(origin);
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    Ok(())
}

async fn limit(gate: &Gate, origin: &Origin) -> Result<(), ApiError> {
    let http = &gate.app.platform.config.http;
    let address = origin.ip.map(|ip| ip.to_string()).unwrap_or_default();
    let (bucket, rate) = match (gate.limit, origin.actor) {
        (Limit::None, _) => return Ok(()),
        (Limit::Forms, _) => (format!("forms:{address}"), http.limit_forms),
        (Limit::Api, Some(user)) => (format!("user:{user}"), http.limit_api),
        (Limit::Api, None) => {
            let tenth = Rate { count: (http.limit_api.count / 10).max(1), ..http.limit_api };
            (format!("address:{address}"), tenth)
        }
    };
    gate.app.platform.limits.take(&bucket, rate).await?;
    Ok(())
}
