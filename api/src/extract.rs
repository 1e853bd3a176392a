//! What handlers take and give, in our shape: bodies that name their wrong fields, keyset pages, `{data: …}`.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{ETAG, IF_NONE_MATCH, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::kernel::Error;
use shared::kernel::error::FieldError;
use shared::kernel::page::{self, Page, PageRequest};
use shared::kernel::secret;
use shared::platform::Platform;
use shared::platform::idempotency::{self, Key, Stored};
use shared::platform::tx::{Origin, Tx};
use validator::Validate;

use crate::app::App;
use crate::error::{Answer, ApiError};

/// A request that changes something: its validated body, who asked, and the `Idempotency-Key`.
///
/// `begin` opens the transaction and answers a repeated key at once; `created`, `accepted`, `ok` and `done` keep the
/// answer under the key and commit, all in that one transaction.
pub struct Post<T> {
    /// The body.
    pub body: T,
    /// Who asked.
    pub origin: Origin,
    key: Option<Key>,
    platform: Platform,
}

/// A body that must be empty or `{}`.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl<T> FromRequest<App> for Post<T>
where
    T: DeserializeOwned + Validate + JsonSchema,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let origin = request.extensions().get::<Origin>().cloned().unwrap_or_default();
        let line = format!("{} {}\n", request.method(), request.uri().path());
        let key = idempotency_key(request.headers())?;
        let json = is_json(request.headers());
        let bytes = Bytes::from_request(request, app).await.map_err(too_large)?;
        if !json && !bytes.is_empty() {
            return Err(Error::field("", "content_type", "send application/json").into());
        }
        let key = key.map(|key| Key {
            scope: origin.actor.map_or_else(|| "anonymous".into(), |user| user.to_string()),
            key,
            request: secret::keyed(
                app.platform.config.auth.jwt_secret.expose_secret().as_bytes(),
                &[line.as_bytes(), &bytes].concat(),
            ),
        });
        let body = if bytes.is_empty() { parse(b"{}")? } else { parse(&bytes)? };
        Ok(Self { body, origin, key, platform: app.platform.clone() })
    }
}

impl<T> Post<T> {
    /// Opens the transaction. A key that was answered before answers the same, here and now.
    pub async fn begin(&self) -> Result<Tx, ApiError> {
        self.begin_restoring(|_| ()).await
    }

    /// The same where the answer holds a secret: it is kept without, and `restore` puts it back into a repeated one.
    pub async fn begin_restoring(&self, restore: impl FnOnce(&mut Value)) -> Result<Tx, ApiError> {
        let mut tx = Tx::begin_for(&self.platform, self.origin.clone()).await?;
        let Some(key) = &self.key else { return Ok(tx) };
        match idempotency::reserve(&mut tx, key).await {
            Ok(None) => Ok(tx),
            Ok(Some(mut stored)) => {
                tx.rollback().await?; // the key's lock ends here
                if let Some(body) = &mut stored.body {
                    restore(body);
                }
                let mut response = respond(stored);
                response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
                Err(ApiError::Replay(Box::new(response)))
            }
            Err(error) => {
                tx.rollback().await?;
                Err(error.into())
            }
        }
    }

    /// 201 `{data}`, committed.
    pub async fn created(self, tx: Tx, data: &impl Serialize) -> Answer {
        self.finish(tx, StatusCode::CREATED, None, Some(envelope(data)?), |_| ()).await
    }

    /// 201 `{data}`, committed; what `restore` adds is given away and not kept.
    pub async fn created_restoring(self, tx: Tx, data: &impl Serialize, restore: impl FnOnce(&mut Value)) -> Answer {
        self.finish(tx, StatusCode::CREATED, None, Some(envelope(data)?), restore).await
    }

    /// 200 `{data}`, committed.
    pub async fn ok(self, tx: Tx, data: &impl Serialize) -> Answer {
        self.finish(tx, StatusCode::OK, None, Some(envelope(data)?), |_| ()).await
    }

    /// 202 `{data}` with `Location`, committed: a job will do it.
    pub async fn accepted(self, tx: Tx, location: Option<String>, data: &impl Serialize) -> Answer {
        self.finish(tx, StatusCode::ACCEPTED, location, Some(envelope(data)?), |_| ()).await
    }

    /// 204, committed.
    pub async fn done(self, tx: Tx) -> Answer {
        self.finish(tx, StatusCode::NO_CONTENT, None, None, |_| ()).await
    }

    async fn finish(
        self,
        mut tx: Tx,
        status: StatusCode,
        location: Option<String>,
        body: Option<Value>,
        restore: impl FnOnce(&mut Value),
    ) -> Answer {
        let mut answer = Stored { status: status.as_u16(), body, location };
        if let Some(key) = &self.key {
            idempotency::keep(&mut tx, key, &answer).await?;
        }
        tx.commit().await?;
        if let Some(body) = &mut answer.body {
            restore(body);
        }
        Ok(respond(answer))
    }
}

fn respond(answer: Stored) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = match answer.body {
        Some(body) => (status, axum::Json(body)).into_response(),
        None => status.into_response(),
    };
    if let Some(location) = answer.location.and_then(|l| HeaderValue::from_str(&l).ok()) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn envelope(data: &impl Serialize) -> Result<Value, Error> {
    Ok(json!({ "data": serde_json::to_value(data).map_err(anyhow::Error::from)? }))
}

/// 200 `{data}`.
pub fn data(value: &impl Serialize) -> Answer {
    Ok(axum::Json(envelope(value)?).into_response())
}

/// 200 `{data}` with this `ETag`; 304 when the caller has it already.
pub fn unless_known(headers: &HeaderMap, tag: &str, value: &impl Serialize) -> Answer {
    let mut response = if knows(headers, tag) { StatusCode::NOT_MODIFIED.into_response() } else { data(value)? };
    response.headers_mut().insert(ETAG, HeaderValue::from_str(tag).map_err(anyhow::Error::from)?);
    Ok(response)
}

/// Whether the caller has what this `ETag` names already.
pub fn knows(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let known = known.flat_map(|line| line.split(',')).map(str::trim);
    known.map(|known| known.strip_prefix("W/").unwrap_or(known)).any(|known| known == tag || known == "*")
}

/// 200 `{data: [...], page: {next}}`.
pub fn listed<T: Serialize>(page: &Page<T>) -> Answer {
    Ok(axum::Json(json!({ "data": page.rows, "page": { "next": page.next } })).into_response())
}

/// `?limit` and `?after`.
pub struct Paging(pub PageRequest);

impl<S: Sync> FromRequestParts<S> for Paging {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut request = PageRequest::default();
        let query = parts.uri.query().unwrap_or_default();
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        for (name, value) in pairs {
            match name.as_str() {
                "limit" => {
                    request.limit =
                        value.parse().ok().filter(|n| (1..=page::MAX_LIMIT).contains(n)).ok_or_else(|| {
                            Error::field("limit", "range", format!("should be 1 to {}", page::MAX_LIMIT))
                        })?;
                }
                "after" if !value.is_empty() => {
                    let cursor = page::decode(&value);
                    let (id, mark) =
                        cursor.ok_or_else(|| Error::field("after", "cursor", "is not a cursor of ours"))?;
                    (request.after, request.mark) = (Some(id), mark);
                }
                _ => {}
            }
        }
        Ok(Self(request))
    }
}

/// Query parameters; `limit` and `after` are [`Paging`]'s, anything unknown is refused by the type.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(parts.uri.query().unwrap_or_default())
            .map_err(|_| Error::field("", "query", "is no query string"))?;
        let kept: Vec<_> = pairs
            .iter()
            .filter(|(name, value)| !matches!(name.as_str(), "limit" | "after") && !value.is_empty())
            .collect();
        let text = serde_urlencoded::to_string(&kept).map_err(anyhow::Error::from)?;
        let parsed = serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(form_urlencoded::parse(
            text.as_bytes(),
        )));
        parsed
            .map(Self)
            .map_err(|e| Error::Invalid(vec![field_error(&e.path().to_string(), &e.inner().to_string())]).into())
    }
}

/// A path parameter; one that does not parse names no row: 404.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value)).map_err(|_| Error::NotFound("row").into())
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = value.to_str().ok().filter(|k| (1..=255).contains(&k.len()));
    let refused = || Error::field("Idempotency-Key", "length", "should be 1 to 255 visible ASCII characters");
    Ok(Some(key.ok_or_else(refused)?.to_owned()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let media = headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/json")
}

fn too_large(rejection: axum::extract::rejection::BytesRejection) -> ApiError {
    let status = rejection.status();
    ApiError::Replay(Box::new(crate::error::plain(status, "body", "the body is too large or was cut off")))
}

/// Reads and validates a body; the error names every missing, unknown or wrong field.
pub fn parse<T: DeserializeOwned + Validate + JsonSchema>(bytes: &[u8]) -> Result<T, ApiError> {
    let body: T = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(bytes)).map_err(|e| {
        let mut fields = compare_with_schema::<T>(bytes);
        let first = field_error(&e.path().to_string(), &e.inner().to_string());
        if !fields.iter().any(|field| field.path == first.path) {
            fields.push(first);
        }
        Error::Invalid(fields)
    })?;
    body.validate().map_err(Error::from)?;
    Ok(body)
}

/// serde stops at the first wrong field; the schema knows them all (first level).
fn compare_with_schema<T: JsonSchema>(bytes: &[u8]) -> Vec<FieldError> {
    let Ok(Value::Object(body)) = serde_json::from_slice(bytes) else {
        return Vec::new();
    };
    let schema = schemars::schema_for!(T).to_value();
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let missing = required.iter().filter_map(Value::as_str).filter(|name| !body.contains_key(*name));
    let missing = missing.map(|name| FieldError::new(name, "required", "is missing"));
    let known = schema["properties"].as_object();
    let unknown = body.keys().filter(|name| known.is_none_or(|known| !known.contains_key(*name)));
    missing.chain(unknown.map(|name| FieldError::new(name, "unknown_field", "is not known"))).collect()
}

fn field_error(path: &str, message: &str) -> FieldError {
    let path = if path == "." { "" } else { path };
    let named = message.split('`').nth(1).unwrap_or_default();
    if message.starts_with("missing field") {
        let path = if path.is_empty() { named.to_owned() } else { format!("{path}.{named}") };
        return FieldError::new(path, "required", "is missing");
    }
    if message.starts_with("unknown field") {
        return FieldError::new(if path.is_empty() { named } else { path }, "unknown_field", "is not known");
    }
    let code = if message.starts_with("unknown variant") { "choice" } else { "type" };
    FieldError::new(path, code, message.split(" at line ").next().unwrap_or(message))
}
