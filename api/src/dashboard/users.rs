//! People with an account, newest first.

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use shared::domain::exports::ExportKind;
use shared::domain::identity::directory::{self, UserFilter};
use shared::domain::identity::roles::{self, Role};
use shared::domain::identity::users::{Status, User};

use crate::dashboard::desk::Desk;
use crate::dashboard::exports;
use crate::dashboard::filter::{Chip, with};
use crate::dashboard::forms::Select;
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Mark};
use crate::dashboard::pager::{Empty, Pager};
use crate::dashboard::session;
use crate::dashboard::words::word;
use crate::error::ApiError;
use crate::extract::{Paging, Query};

/// The list.
pub const LIST: &str = "/admin/users";

const STATUSES: [Status; 5] =
    [Status::Active, Status::PendingActivation, Status::Suspended, Status::DeletionPending, Status::Anonymised];

#[derive(Serialize)]
struct Row {
    href: String,
    name: String,
    email: String,
    role: String,
    mark: Mark,
    created_at: DateTime<Utc>,
}

impl Row {
    fn new(user: &User, roles: &[Role]) -> Self {
        Self {
            href: format!("{LIST}/{}", user.id),
            name: session::full(user),
            email: user.email.clone().unwrap_or_default(),
            role: label(&user.role, roles),
            mark: marks::user(user.status),
            created_at: user.created_at,
        }
    }
}

/// What people call a role.
pub fn label(code: &str, roles: &[Role]) -> String {
    roles.iter().find(|role| role.code == code).map_or_else(|| code.to_owned(), |role| role.label.clone())
}

fn query(filter: &UserFilter) -> String {
    serde_urlencoded::to_string(filter).unwrap_or_default()
}

fn chips(given: &UserFilter, roles: &[Role]) -> Vec<Chip> {
    let chip =
        |words: Option<String>, rest: UserFilter| words.map(|words| Chip { words, href: with(LIST, &query(&rest)) });
    [
        chip(given.q.clone(), UserFilter { q: None, ..given.clone() }),
        chip(given.role.as_deref().map(|role| label(role, roles)), UserFilter { role: None, ..given.clone() }),
        chip(
            given.status.map(|status| marks::user(status).word.to_lowercase()),
            UserFilter { status: None, ..given.clone() },
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn selects(given: &UserFilter, roles: &[Role]) -> Vec<Select> {
    let status = |status: Status| serde_json::to_value(status).ok().and_then(|word| word.as_str().map(str::to_owned));
    let statuses = STATUSES.into_iter().filter_map(|one| Some((status(one)?, marks::user(one).word.to_owned())));
    let codes = roles.iter().map(|role| (role.code.clone(), role.label.clone()));
    vec![
        Select::new("role", "Every role", codes, given.role.as_deref()),
        Select::new("status", "Every status", statuses, given.status.and_then(status).as_deref()),
    ]
}

/// `GET /admin/users`
pub async fn list(desk: Desk, Query(given): Query<UserFilter>, Paging(wanted): Paging) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let page = directory::list(&mut db, &given, wanted).await?;
    let roles = roles::list(&mut db).await?;
    drop(db);
    let narrowed = given != UserFilter::default();
    let empty = Empty {
        icon: "users",
        title: word("Nobody matches.").into(),
        text: word("Others may be hidden by the filters."),
        href: narrowed.then(|| LIST.to_owned()),
        action: word("Clear them"),
    };
    let view = json!({
        "q": given.q,
        "selects": selects(&given, &roles),
        "chips": chips(&given, &roles),
        "rows": page.rows.iter().map(|user| Row::new(user, &roles)).collect::<Vec<_>>(),
        "export": exports::offer(&desk, ExportKind::Users, &query(&given)),
        "empty": empty,
        "pager": Pager::new(LIST, &query(&given), wanted, &page),
    });
    desk.page("users", Place::Users, "Users", &view).await
}
