//! Who did what, newest first. Reading only: nothing here can be changed.

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::kernel::text;
use shared::platform::audit::{self, Row};
use sqlx::PgConnection;

use crate::dashboard::desk::Desk;
use crate::dashboard::frame::Place;
use crate::dashboard::{mask, session};
use crate::error::ApiError;
use crate::extract::Query;

/// Entries on a page.
const PAGE: usize = 50;

/// An entry as pages show it.
#[derive(Debug, Serialize)]
pub struct Line {
    occurred_at: DateTime<Utc>,
    words: String,
    who: String,
    target: String,
    href: Option<String>,
    from: String,
    reason: Option<String>,
    details: String,
}

impl Line {
    /// Entries with the names of who acted.
    pub async fn all(db: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<Self>, ApiError> {
        let names = session::names(db, rows.iter().filter_map(|row| row.actor_id)).await?;
        let who = |row: &Row| match row.actor_id {
            Some(id) => names.get(&id).cloned().unwrap_or_else(|| id.to_string()),
            None => "nobody signed in".into(),
        };
        Ok(rows.iter().map(|row| Self::new(row, who(row))).collect())
    }

    fn new(row: &Row, who: String) -> Self {
        let (kind, id) = (row.target_type.as_deref().unwrap_or_default(), row.target_id.as_deref().unwrap_or_default());
        let href = match kind {
            "job" => Some(format!("/admin/jobs/{id}")),
            "bulk" => Some(format!("/admin/bulk/{id}")),
            "email" => Some(format!("/admin/emails/{id}")),
            "request" => Some(format!("/admin/requests/{id}")),
            "lane" | "kind" => Some("/admin/queues".to_owned()),
            "schedule" => Some("/admin/schedules".to_owned()),
            "error" => Some(format!("/admin/errors/{id}")),
            _ => None,
        };
        let reason = row.details["reason"].as_str().filter(|reason| !reason.is_empty());
        Self {
            occurred_at: row.occurred_at,
            words: words(&row.action),
            who,
            target: format!("{} {id}", kind.replace('_', " ")),
            href,
            from: row.ip.map_or("–".into(), |network| network.ip().to_string()),
            reason: reason.map(str::to_owned),
            details: told(&row.details),
        }
    }
}

/// `JOB_RETRIED` → `Job retried`
fn words(action: &str) -> String {
    let lower = action.replace('_', " ").to_lowercase();
    let mut letters = lower.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `{"reason": "late", "skipped": 2}` → `reason: late · skipped: 2`
fn told(details: &Value) -> String {
    let mut details = details.clone();
    mask::hide(&mut details);
    let said = |(name, value): (&String, &Value)| match value {
        Value::Null => None,
        Value::String(text) => Some(format!("{name}: {text}")),
        other => Some(format!("{name}: {other}")),
    };
    let parts: Vec<String> = details.as_object().into_iter().flatten().filter_map(said).collect();
    text::cut(&parts.join(" · "), 400).into_owned()
}

/// Which page.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct From {
    before: Option<i64>,
}

/// `GET /admin/audit`
pub async fn list(desk: Desk, Query(from): Query<From>) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let mut rows = audit::recent(&mut db, from.before, PAGE as i64 + 1).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let next = rows.last().filter(|_| more).map(|row| format!("/admin/audit?before={}", row.id));
    let lines = Line::all(&mut db, rows).await?;
    drop(db);
    let first = from.before.map(|_| "/admin/audit");
    let said = format!("{} on this page, newest first", lines.len());
    let pager = (first.is_some() || next.is_some()).then(|| json!({ "said": said, "first": first, "next": next }));
    desk.page("audit", Place::Audit, "Audit", &json!({ "rows": lines, "pager": pager })).await
}

#[cfg(test)]
mod tests {
    #[test]
    fn actions_read_as_sentences() {
        assert_eq!(super::words("JOBS_RETRIED"), "Jobs retried");
        let details = serde_json::json!({ "reason": "late", "skipped": 2, "until": null });
        assert_eq!(super::told(&details), "reason: late · skipped: 2");
    }
}
