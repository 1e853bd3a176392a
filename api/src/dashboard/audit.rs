//! Who did what, newest first. Reading only: nothing here can be changed.

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use shared::domain::exports::ExportKind;
use shared::kernel::Error;
use shared::kernel::text;
use shared::platform::audit::{self, AuditFilter, Outcome, Row, Severity};
use sqlx::PgConnection;

use crate::dashboard::desk::Desk;
use crate::dashboard::exports;
use crate::dashboard::facts::Fact;
use crate::dashboard::filter::{Chip, with};
use crate::dashboard::forms::Select;
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Mark};
use crate::dashboard::pager::Pager;
use crate::dashboard::words::{key, listed, say, word};
use crate::dashboard::{mask, session};
use crate::error::ApiError;
use crate::extract::{Paging, Path, Query};

/// The list.
const LIST: &str = "/admin/audit";
/// Links that a page reads again.
const NEWEST: i64 = 10_000;

const SEVERITIES: [Severity; 4] = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
const OUTCOMES: [Outcome; 3] = [Outcome::Success, Outcome::Refused, Outcome::Error];

/// An entry as pages show it.
#[derive(Debug, Serialize)]
pub struct Line {
    id: i64,
    mark: Mark,
    occurred_at: DateTime<Utc>,
    words: String,
    who: String,
    target: String,
    href: Option<String>,
    /// The operation that did it to many.
    bulk: Option<String>,
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
            None => say!("nobody signed in"),
        };
        Ok(rows.iter().map(|row| Self::new(row, who(row))).collect())
    }

    fn new(row: &Row, who: String) -> Self {
        let (kind, id) = (row.target_type.as_deref().unwrap_or_default(), row.target_id.as_deref().unwrap_or_default());
        let href = match kind {
            "job" => Some(format!("/admin/jobs/{id}")),
            "bulk" => Some(format!("/admin/bulk/{id}")),
            "email" => Some(format!("/admin/emails/{id}")),
            "order" => Some(format!("/admin/orders/{id}")),
            "stripe_event" if !id.is_empty() => Some(format!("/admin/stripe-events/{id}")),
            "request" => Some(format!("/admin/requests/{id}")),
            "user" => Some(format!("/admin/users/{id}")),
            "role" | "group" => Some("/admin/roles".to_owned()),
            "erasure" => Some("/admin/erasures".to_owned()),
            "lane" | "kind" => Some("/admin/queues".to_owned()),
            "schedule" => Some("/admin/schedules".to_owned()),
            "error" => Some(format!("/admin/errors/{id}")),
            "invoice" => Some(format!("/admin/invoices/{id}")),
            "setting" => Some("/admin/settings".to_owned()),
            _ => None,
        };
        let reason = row.details["reason"].as_str().filter(|reason| !reason.is_empty());
        Self {
            id: row.id,
            mark: marks::severity(row.severity),
            occurred_at: row.occurred_at,
            words: words(&row.action),
            who,
            target: format!("{} {id}", kind.replace('_', " ")),
            bulk: href.clone().filter(|_| kind == "bulk"),
            href,
            from: row.ip.clone().unwrap_or_else(|| "–".into()),
            reason: reason.map(str::to_owned),
            details: told(&row.details),
        }
    }
}

/// `JOB_RETRIED` → `Job retried`; in French a sentence of its own.
fn words(action: &str) -> String {
    if let Some(french) = listed("actions", action) {
        return french.to_owned();
    }
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

/// `GET /admin/audit`
pub async fn list(desk: Desk, Query(given): Query<AuditFilter>, Paging(wanted): Paging) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let page = audit::list(&mut db, &given, wanted).await?;
    let (head, pending) = (audit::head(&mut db).await?, audit::pending(&mut db).await?);
    let pager = Pager::new(LIST, &query(&given), wanted, &page);
    let lines = Line::all(&mut db, page.rows).await?;
    drop(db);
    let narrowed = given != AuditFilter::default();
    let view = json!({
        "rows": lines,
        "pager": pager,
        "filter": fields(&given),
        "selects": selects(&given),
        "chips": chips(&given),
        "narrowed": narrowed,
        "export": exports::offer(&desk, ExportKind::AuditLog, &query(&given)),
        "head": head,
        "pending": pending,
    });
    desk.page("audit", Place::Audit, "Audit", &view).await
}

/// `GET /admin/audit/{id}`
pub async fn show(desk: Desk, Path(id): Path<i64>) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let row = audit::get(&mut db, id).await?;
    let (before, after) = (row.details.get("before").cloned(), row.details.get("after").cloned());
    let changes = changes(before.as_ref(), after.as_ref());
    let facts = facts(&row);
    let rest = serde_json::to_string_pretty(&masked(&row.details)).map_err(Error::internal)?;
    let line = Line::all(&mut db, vec![row]).await?.pop();
    drop(db);
    let view = json!({ "line": line, "facts": facts, "changes": changes, "details": rest });
    desk.page("audit_entry", Place::Audit, "Audit entry", &view).await
}

/// `GET /admin/audit/verification`
pub async fn verification(desk: Desk) -> Result<Response, ApiError> {
    let mut snapshot = desk.begin().await?;
    let verdict = audit::verify_newest(&mut snapshot, NEWEST).await?;
    snapshot.rollback().await?;
    desk.page("audit_chain", Place::Audit, "Audit chain", &json!({ "verdict": verdict })).await
}

fn facts(row: &Row) -> Vec<Fact> {
    let erased = || say!("erased");
    let mut facts = vec![
        Fact::at("When", row.occurred_at),
        Fact::code("Action", &row.action),
        Fact::text("Outcome", outcome(row.outcome)),
        Fact::text("Role then", row.actor_role.as_deref().unwrap_or("–")),
    ];
    if let Some(actor) = row.actor_id {
        facts.push(Fact::link("By account", actor, format!("{LIST}?actor={actor}")));
    }
    let traces = [(key("Address"), row.ip.clone()), (key("Agent"), row.user_agent.clone())];
    for (name, trace) in traces {
        if let Some(trace) = trace.or_else(|| row.erased.then(erased)) {
            facts.push(Fact::text(name, trace));
        }
    }
    if let (Some(kind), Some(id)) = (&row.target_type, &row.target_id) {
        facts.push(Fact::link("Everything about it", kind, with(LIST, &about(kind, id))));
    }
    facts.extend(row.request_id.map(|id| Fact::code("Request", id)));
    facts
        .push(Fact::text("Place in the chain", row.seq.map_or_else(|| say!("within a second"), |seq| seq.to_string())));
    facts
}

fn about(kind: &str, id: &str) -> String {
    query(&AuditFilter { target: Some(kind.into()), target_id: Some(id.into()), ..AuditFilter::default() })
}

/// What was one thing before and another after, by name.
fn changes(before: Option<&Value>, after: Option<&Value>) -> Vec<Value> {
    let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
    let (before, after) = (masked(before), masked(after));
    let (Value::Object(old), Value::Object(new)) = (&before, &after) else {
        return vec![json!({ "name": "value", "before": plain(&before), "after": plain(&after) })];
    };
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differ = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    let none = Value::Null;
    let change = |name: &String| {
        let (old, new) = (old.get(name).unwrap_or(&none), new.get(name).unwrap_or(&none));
        json!({ "name": name, "before": plain(old), "after": plain(new) })
    };
    differ.map(change).collect()
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn masked(value: &Value) -> Value {
    let mut value = value.clone();
    mask::hide(&mut value);
    value
}

fn query(filter: &AuditFilter) -> String {
    serde_urlencoded::to_string(filter).unwrap_or_default()
}

fn selects(given: &AuditFilter) -> Vec<Select> {
    let actions = audit::ACTIONS.iter().map(|action| (action.name.to_owned(), words(action.name)));
    let severities = SEVERITIES.map(|one| (one.name().to_owned(), marks::severity(one).word.to_owned()));
    let outcomes = OUTCOMES.map(|one| (one.name().to_owned(), outcome(one).to_owned()));
    vec![
        Select::new("action", "Every action", actions, given.action.as_deref()),
        Select::new("severity", "Every severity", severities, given.severity.map(Severity::name)),
        Select::new("outcome", "Every outcome", outcomes, given.outcome.map(Outcome::name)),
    ]
}

/// What came of an action.
fn outcome(outcome: Outcome) -> &'static str {
    word(match outcome {
        Outcome::Success => "Success",
        Outcome::Refused => "Refused",
        Outcome::Error => "Error",
    })
}

/// What the form's fields hold; nothing is a field too.
fn fields(given: &AuditFilter) -> Value {
    let AuditFilter { actor, target, target_id, since, until, .. } = given;
    json!({ "actor": actor, "target": target, "target_id": target_id, "since": since, "until": until })
}

fn chips(given: &AuditFilter) -> Vec<Chip> {
    let all = query(given);
    let pairs: Vec<(String, String)> = form_urlencoded::parse(all.as_bytes()).into_owned().collect();
    let without = |name: &str| {
        let rest = pairs.iter().filter(|(other, _)| other != name);
        let rest: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish();
        with(LIST, &rest)
    };
    let chip = |(name, value): &(String, String)| Chip {
        words: format!("{} {value}", name.replace('_', " ")),
        href: without(name),
    };
    pairs.iter().map(chip).collect()
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
