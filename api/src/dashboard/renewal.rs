//! Renewals: pages that open tabs fetch again by themselves. What several tabs of one browser ask for at the same news is
//! made once; who comes second waits for the first.
//!
//! Kept is a page by its address, everything the browser says of itself, and the news for whose sake it is fetched
//! (`x-renew`). So nobody sees what was made for somebody else, and no page is older than the news. What a person asks
//! for without the header is always made anew, and whatever changes something forgets all that is kept. Strangers find no
//! room here: only what the gate let through stays.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shared::kernel::secret;

use crate::dashboard::gate::Passed;
use crate::error;

/// A page serves this long: a session that has ended sees no page older than this.
const FRESH: Duration = Duration::from_secs(2);
/// Pages kept at most; beyond this each is made for itself.
const MOST: usize = 500;
/// No page of ours is larger.
const LARGEST: usize = 4 * 1024 * 1024;

/// The pages kept in this process.
#[derive(Clone, Default)]
pub struct Renewals(Arc<Mutex<Pages>>);

type Pages = HashMap<Vec<u8>, (Instant, Cell)>;

type Cell = Arc<tokio::sync::Mutex<Option<Kept>>>;

struct Kept {
    at: Instant,
    headers: HeaderMap,
    body: Bytes,
}

impl Renewals {
    fn held(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().expect("no code panics while holding this lock")
    }

    /// Where the page of this request is kept; none: it is no renewal, or there is no room.
    fn cell(&self, request: &Request) -> Option<(Vec<u8>, Cell)> {
        let headers = request.headers();
        let news = headers.get("x-renew").filter(|_| request.method() == Method::GET)?;
        let mut key = vec![request.uri().to_string().into_bytes(), news.as_bytes().to_vec()];
        for name in [COOKIE, ACCEPT_LANGUAGE] {
            key.extend(headers.get_all(name).iter().map(|value| value.as_bytes().to_vec()));
        }
        let key = secret::sha256(key.join(&b'\n'));
        let mut held = self.held();
        held.retain(|_, (at, _)| at.elapsed() < FRESH * 2);
        if held.len() >= MOST && !held.contains_key(&key) {
            return None;
        }
        let cell = held.entry(key.clone()).or_insert_with(|| (Instant::now(), Cell::default())).1.clone();
        Some((key, cell))
    }
}

/// Answers a renewal with what was made for another tab, or makes it.
pub async fn share(State(renewals): State<Renewals>, request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let response = next.run(request).await;
        renewals.held().clear();
        return response;
    }
    let Some((key, cell)) = renewals.cell(&request) else {
        return next.run(request).await;
    };
    let mut kept = cell.lock().await;
    if let Some(kept) = kept.as_ref().filter(|kept| kept.at.elapsed() < FRESH) {
        return (kept.headers.clone(), kept.body.clone()).into_response();
    }
    let at = Instant::now();
    let (parts, body) = next.run(request).await.into_parts();
    let ours = parts.extensions.get::<Passed>().is_some();
    let html = parts.headers.get(CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"text/html"));
    if !ours || parts.status != StatusCode::OK || !html || parts.headers.contains_key(SET_COOKIE) {
        renewals.held().remove(&key);
        return Response::from_parts(parts, body);
    }
    let Ok(body) = axum::body::to_bytes(body, LARGEST).await else {
        return error::plain(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side.");
    };
    *kept = Some(Kept { at, headers: parts.headers.clone(), body: body.clone() });
    Response::from_parts(parts, Body::from(body))
}
