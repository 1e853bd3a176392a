//! Addresses that get no mail: why, since when, what was not sent to them; adding one, letting go of one.

use axum::response::Response;
use chrono::Duration;
use serde::Deserialize;
use serde_json::json;
use shared::domain::identity::fields;
use shared::kernel::Error;
use shared::platform::mail::suppression;

use crate::acts::mails;
use crate::dashboard::desk::Desk;
use crate::dashboard::filter::with;
use crate::dashboard::forms::{self, Sent};
use crate::dashboard::frame::Place;
use crate::dashboard::marks::Mark;
use crate::dashboard::note::{Note, What};
use crate::error::{Answer, ApiError};
use crate::extract::Query;

/// The list.
const LIST: &str = "/admin/suppressions";
/// Rows on the page: who looks for an address names a part of it.
const MOST: i64 = 200;

/// Which.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Containing {
    address: Option<String>,
}

/// `GET /admin/suppressions`
pub async fn list(desk: Desk, Query(given): Query<Containing>) -> Result<Response, ApiError> {
    let rows = suppression::list(&mut *desk.db().await?, given.address.as_deref(), MOST).await?;
    let full = rows.len() as i64 == MOST;
    let rows: Vec<_> = rows
        .iter()
        .map(|row| json!({ "row": row, "mark": mark(&row.reason), "mails": mails_to(&row.address) }))
        .collect();
    let narrowed = given.address.is_some();
    let page = json!({
        "rows": rows, "full": full, "address": given.address, "narrowed": narrowed, "may_act": desk.may_act(),
    });
    desk.page("suppressions", Place::Emails, "Suppressed addresses", &page).await
}

/// The mails to an address.
fn mails_to(address: &str) -> String {
    with("/admin/emails", &serde_urlencoded::to_string([("address", address)]).unwrap_or_default())
}

fn mark(reason: &str) -> Mark {
    match reason {
        "bounce" => Mark::new("dead", "dead", "Bounced"),
        "complaint" => Mark::new("dead", "alert", "Complained"),
        _ => Mark::new("paused", "paused", "By hand"),
    }
}

/// An address that is to get no mail.
#[derive(Deserialize)]
pub struct New {
    address: Option<String>,
    evidence: Option<String>,
    days: Option<i64>,
}

/// `POST /admin/suppressions`
pub async fn add(desk: Desk, Sent(form): Sent<New>) -> Answer {
    let address = form.address.as_deref().map(str::trim).filter(|address| fields::address(address).is_ok());
    let (Some(address), Some(why)) = (address, forms::line(form.evidence.as_deref())) else {
        return desk.go(LIST, What::AddressRefused).await;
    };
    let days = form.days.filter(|days| (1..=3_650).contains(days));
    let until = days.map(|days| desk.app.platform.clock.now() + Duration::days(days));
    let mut tx = desk.begin().await?;
    match mails::suppress(&mut tx, address, &why, until).await {
        Err(Error::Conflict { .. }) => return desk.go(LIST, What::AddressRefused).await,
        done => done?,
    }
    tx.commit().await?;
    desk.go(LIST, What::Suppressed).await
}

/// An address that may get mail again.
#[derive(Deserialize)]
pub struct Gone {
    address: String,
    send: Option<String>,
}

/// `POST /admin/suppressions/release`
pub async fn release(desk: Desk, Sent(form): Sent<Gone>) -> Answer {
    let mut tx = desk.begin().await?;
    let sent = mails::release(&mut tx, &form.address, form.send.is_some()).await?;
    tx.commit().await?;
    desk.go(LIST, Note { what: What::Unsuppressed, n: sent, m: 0 }).await
}
