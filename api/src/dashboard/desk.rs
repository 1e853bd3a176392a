//! What a handler has at hand: who asks, the services, and the frame its page is put into.

use std::fmt::Display;

use axum::extract::FromRequestParts;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use cookie::Cookie;
use serde::Serialize;
use shared::domain::identity::sessions::Identity;
use shared::kernel::Error;
use shared::platform::audit;
use shared::platform::tx::{Origin, Tx};
use sqlx::Postgres;
use sqlx::pool::PoolConnection;

use crate::app::App;
use crate::dashboard::frame::{self, Frame, Place};
use crate::dashboard::note::Note;
use crate::dashboard::pulse::{Alarm, Pulse};
use crate::dashboard::words::say;
use crate::dashboard::{MANAGE, READ};
use crate::error::{Answer, ApiError};

/// One request of somebody who is signed in and allowed it. Made by the gate.
#[derive(Clone)]
pub struct Desk {
    /// The services.
    pub app: App,
    /// Who asks.
    pub me: Identity,
    /// The queue's health.
    pub pulse: Pulse,
    /// What audit entries say of the request.
    pub origin: Origin,
    /// What was asked for.
    pub uri: Uri,
    /// The page to come back to.
    pub here: String,
    /// What is shown answers a form: at its address there is another page, or none.
    pub answers_form: bool,
    /// What the form before this page did.
    pub note: Option<Note>,
}

impl Desk {
    /// A connection for reading.
    pub async fn db(&self) -> Result<PoolConnection<Postgres>, ApiError> {
        self.app.db().await
    }

    /// A transaction on behalf of who asks.
    pub async fn begin(&self) -> Result<Tx, ApiError> {
        Ok(Tx::begin_for(&self.app.platform, self.origin.clone()).await?)
    }

    /// Whether buttons that change something are shown at all.
    pub fn may_act(&self) -> bool {
        self.me.permissions.can(MANAGE)
    }

    /// Whether pages about jobs and mails are theirs to see.
    pub fn may_look(&self) -> bool {
        self.me.permissions.can(READ)
    }

    /// The page `templates/admin/<name>.hbs` in its frame.
    pub async fn page(&self, name: &str, place: Place, title: &str, page: &impl Serialize) -> Answer {
        let (alarms, dead) = if self.may_look() { self.health().await } else { (Vec::new(), (0, false)) };
        let frame = Frame::around(self, place, title, alarms, dead);
        let html = frame::render(&self.app, name, &frame, page)?;
        let mut response = Html(html).into_response();
        if self.note.is_some() {
            set_cookie(&mut response, &Note::spent(&self.app));
        }
        Ok(response)
    }

    /// What the frame says of the queue: its alarms, and how many jobs are dead.
    async fn health(&self) -> (Vec<Alarm>, (i64, bool)) {
        // An unknown state must not look like a calm one.
        let unread = Alarm::new(say!("The state of the queue could not be read."), "/admin", "Try again", "alert");
        match self.pulse.read(&self.app.platform).await {
            Ok(health) => (health.alarms(), health.total(|lane| lane.dead)),
            Err(_) => (vec![unread], (0, false)),
        }
    }

    /// Records that whoever asks has opened a record.
    pub async fn opened(&self, action: &str, target: &str, id: impl Display) -> Result<(), ApiError> {
        Ok(audit::opened(&self.app.platform, &self.origin, action, target, &id.to_string()).await?)
    }

    /// 303 to a page that says what was done.
    pub async fn go(&self, to: &str, note: impl Into<Note>) -> Answer {
        self.pulse.forget().await;
        let mut response = see_other(to)?;
        set_cookie(&mut response, &note.into().cookie(&self.app, self.me.session));
        Ok(response)
    }
}

impl<S: Sync> FromRequestParts<S> for Desk {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let desk = parts.extensions.get::<Self>().cloned();
        desk.ok_or_else(|| Error::internal("a page of the dashboard stands outside its gate").into())
    }
}

/// 303.
pub fn see_other(to: &str) -> Answer {
    let location = HeaderValue::from_str(to).map_err(Error::internal)?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response())
}

/// Adds a cookie beside those already set.
pub fn set_cookie(response: &mut Response, cookie: &Cookie<'_>) {
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}
