//! Requests: what people write to the house, newest first.

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use shared::domain::requests::{self, Priority, Request, RequestFilter, RequestKind, RequestStatus};
use shared::kernel::ids::RequestId;

use crate::dashboard::desk::Desk;
use crate::dashboard::filter::{Chip, with};
use crate::dashboard::forms::Select;
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Mark};
use crate::dashboard::pager::{Empty, Pager};
use crate::dashboard::words::{say, word};
use crate::error::ApiError;
use crate::extract::{Paging, Query};

/// The list.
pub const LIST: &str = "/admin/requests";

const KINDS: [RequestKind; 3] = [RequestKind::Contact, RequestKind::FreeSample, RequestKind::Complaint];
const STATUSES: [RequestStatus; 4] =
    [RequestStatus::Open, RequestStatus::InProgress, RequestStatus::Resolved, RequestStatus::Closed];
const PRIORITIES: [Priority; 4] = [Priority::Urgent, Priority::High, Priority::Normal, Priority::Low];

#[derive(Serialize)]
struct Row<'a> {
    id: RequestId,
    number: &'a str,
    kind: &'static str,
    title: &'a str,
    name: &'a str,
    email: &'a str,
    mark: Mark,
    priority: Mark,
    loud: bool,
    created_at: DateTime<Utc>,
}

impl<'a> From<&'a Request> for Row<'a> {
    fn from(request: &'a Request) -> Self {
        Self {
            id: request.id,
            number: &request.number,
            kind: marks::kind(request.kind),
            title: &request.title,
            name: &request.submitter_name,
            email: &request.submitter_email,
            mark: marks::request(request.status),
            priority: marks::priority(request.priority),
            loud: is_loud(request.priority),
            created_at: request.created_at,
        }
    }
}

/// Whether a priority is worth a tint.
pub const fn is_loud(priority: Priority) -> bool {
    matches!(priority, Priority::High | Priority::Urgent)
}

/// The list with this filter.
pub fn address(filter: &RequestFilter) -> String {
    with(LIST, &query(filter))
}

fn query(filter: &RequestFilter) -> String {
    serde_urlencoded::to_string(filter).unwrap_or_default()
}

fn chips(given: &RequestFilter) -> Vec<Chip> {
    let chip = |words: Option<String>, rest: RequestFilter| words.map(|words| Chip { words, href: address(&rest) });
    let kind = given.kind.map(|kind| marks::kind(kind).to_lowercase());
    let status = given.status.map(|status| marks::request(status).word.to_lowercase());
    let priority =
        given.priority.map(|priority| say!("{word} priority", word = marks::priority(priority).word.to_lowercase()));
    [
        chip(kind, RequestFilter { kind: None, ..given.clone() }),
        chip(status, RequestFilter { status: None, ..given.clone() }),
        chip(priority, RequestFilter { priority: None, ..given.clone() }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn selects(given: &RequestFilter) -> Vec<Select> {
    let kinds = KINDS.map(|kind| (kind.name().to_owned(), marks::kind(kind).to_owned()));
    let statuses = STATUSES.map(|status| (status.name().to_owned(), marks::request(status).word.to_owned()));
    let priorities = PRIORITIES.map(|priority| (priority.name().to_owned(), marks::priority(priority).word.to_owned()));
    vec![
        Select::new("kind", "Every kind", kinds, given.kind.map(RequestKind::name)),
        Select::new("status", "Every status", statuses, given.status.map(RequestStatus::name)),
        Select::new("priority", "Every priority", priorities, given.priority.map(Priority::name)),
    ]
}

/// `GET /admin/requests`
pub async fn list(
    desk: Desk,
    Query(given): Query<RequestFilter>,
    Paging(wanted): Paging,
) -> Result<Response, ApiError> {
    let page = requests::list(&mut *desk.db().await?, &given, wanted).await?;
    let narrowed = given != RequestFilter::default();
    let empty = Empty {
        icon: "requests",
        title: word(if narrowed { "No request matches." } else { "No requests yet." }).into(),
        text: word(if narrowed {
            "Others may be hidden by the filters."
        } else {
            "What people send with the forms of the site appears here."
        }),
        href: narrowed.then(|| LIST.to_owned()),
        action: word("Clear them"),
    };
    let view = json!({
        "selects": selects(&given),
        "chips": chips(&given),
        "rows": page.rows.iter().map(Row::from).collect::<Vec<_>>(),
        "empty": empty,
        "pager": Pager::new(LIST, &query(&given), wanted, &page),
    });
    desk.page("requests", Place::Requests, "Requests", &view).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_lets_go_of_its_own_filter_only() {
        let kind = Some(RequestKind::FreeSample);
        let chips = chips(&RequestFilter { kind, status: Some(RequestStatus::Open), priority: None });
        let told: Vec<_> = chips.iter().map(|chip| (&*chip.words, &*chip.href)).collect();
        let list = |query| format!("{LIST}?{query}");
        assert_eq!(told, [("free sample", &*list("status=open")), ("open", &*list("kind=free_sample"))]);
    }
}
