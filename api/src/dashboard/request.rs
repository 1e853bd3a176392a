//! One request: the message as it was written, who wrote it, and the way to an answer.

use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use shared::domain::requests::{self, Request, RequestFilter};
use shared::kernel::ids::RequestId;
use shared::platform::audit;

use crate::dashboard::audit::Line;
use crate::dashboard::desk::Desk;
use crate::dashboard::facts::Fact;
use crate::dashboard::frame::Place;
use crate::dashboard::requests::{address, is_loud};
use crate::dashboard::words::{key, say};
use crate::dashboard::{filter, marks, session};
use crate::error::ApiError;
use crate::extract::Path;

/// Audit entries shown beside a request.
const ENTRIES: i64 = 20;

/// What a kind of request asks besides; the names are the form's.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Detail {
    name: String,
    value: String,
}

/// `GET /admin/requests/{id}`
pub async fn show(desk: Desk, Path(id): Path<RequestId>) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let request = requests::get(&mut db, id).await?;
    let entries = audit::about(&mut db, "request", &id.to_string(), ENTRIES).await?;
    let audit = Line::all(&mut db, entries).await?;
    let people = session::names(&mut db, request.assignee_id.into_iter().map(|user| user.0)).await?;
    drop(db);
    desk.opened("ADMIN_ACCESS", "request", id).await?;
    let view = json!({
        "id": id,
        "number": request.number,
        "title": request.title,
        "kind": marks::kind(request.kind),
        "alike": address(&RequestFilter { kind: Some(request.kind), ..RequestFilter::default() }),
        "mark": marks::request(request.status),
        "priority": marks::priority(request.priority),
        "loud": is_loud(request.priority),
        "body": request.body,
        "reply": reply(&request),
        "mails": desk.may_look().then(|| mails(&request.submitter_email)),
        "facts": facts(&request, people.into_values().next()),
        "details": details(&request.details),
        "audit": audit,
    });
    desk.page("request", Place::Requests, &format!("{} {}", request.number, request.title), &view).await
}

/// An answer begun in one's own mail program.
fn reply(request: &Request) -> String {
    let subject = format!("Re: {} [{}]", request.title, request.number);
    format!("mailto:{}?subject={}", encoded(&request.submitter_email).replace("%40", "@"), encoded(&subject))
}

/// As RFC 6068 wants it: a space is `%20`, for a plus means a plus.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// What we wrote to them.
fn mails(to: &str) -> String {
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("address", to).finish();
    filter::with("/admin/emails", &query)
}

fn facts(request: &Request, assignee: Option<String>) -> Vec<Fact> {
    let text = |name, value: &Option<String>| value.as_ref().map(|value| Fact::text(name, value));
    let mail = &request.submitter_email;
    let facts = [
        Some(Fact::text("From", &request.submitter_name)),
        Some(Fact::link("E-mail", mail, reply(request))),
        text(key("Phone"), &request.submitter_phone),
        Some(match request.submitter_id {
            Some(user) => Fact::code("Account", user),
            None => Fact::text("Account", say!("none, or not signed in")),
        }),
        Some(Fact::text("Language", &request.locale)),
        text(key("Category"), &request.category),
        Some(Fact::text("Priority", marks::priority(request.priority).word)),
        Some(Fact::text("Looked after by", assignee.unwrap_or_else(|| say!("nobody yet")))),
        Some(Fact::at("Received", request.created_at)),
        (request.updated_at != request.created_at).then(|| Fact::at("Changed", request.updated_at)),
        request.resolved_at.map(|at| Fact::at("Resolved", at)),
    ];
    facts.into_iter().flatten().collect()
}

fn details(details: &Value) -> Vec<Detail> {
    let pairs = details.as_object().into_iter().flatten();
    pairs.map(|(name, value)| Detail { name: name.replace('_', " "), value: said(value) }).collect()
}

fn said(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(said).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_keeps_every_character_of_its_subject() {
        assert_eq!(encoded("Re: 1 + 1 & é? [R-1]"), "Re%3A%201%20%2B%201%20%26%20%C3%A9%3F%20%5BR-1%5D");
        assert_eq!(mails("a+b@c.example"), "/admin/emails?address=a%2Bb%40c.example");
    }

    #[test]
    fn details_read_as_words() {
        let told = details(&json!({ "page_count": 320, "genre": "roman", "formats": ["epub", "pdf"] }));
        let told: Vec<_> = told.iter().map(|detail| (&*detail.name, &*detail.value)).collect();
        assert_eq!(told, [("formats", "epub, pdf"), ("genre", "roman"), ("page count", "320")]);
    }
}
