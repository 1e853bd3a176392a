//! What people write to the house: contact, free sample, complaint. Owns `requests`.
//!
//! Who is told of a new one stands in `flows/request_submitted.rs`.

mod words;

pub use words::{Priority, RequestKind, RequestStatus};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::PgConnection;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{RequestId, UserId};
use crate::kernel::page::{Page, PageRequest};
use crate::platform::mail;

/// A request about to be written.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// What it is.
    pub kind: RequestKind,
    /// The account, when somebody signed in writes.
    pub submitter: Option<UserId>,
    /// Who writes.
    pub name: String,
    /// Where answers go.
    pub email: String,
    /// Where to call.
    pub phone: Option<String>,
    /// One line.
    pub title: String,
    /// The message.
    pub body: String,
    /// hr, it, facilities …
    pub category: Option<String>,
    /// `fr` or `en`.
    pub locale: String,
    /// What this kind asks besides: genre, page count …
    pub details: Map<String, Value>,
}

/// A request.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// What people call it: `R-2026-000123`.
    pub number: String,
    /// What it is.
    pub kind: RequestKind,
    /// Where it stands.
    pub status: RequestStatus,
    /// How urgent.
    pub priority: Priority,
    /// The account, when somebody signed in wrote.
    pub submitter_id: Option<UserId>,
    /// Who wrote.
    pub submitter_name: String,
    /// Where answers go.
    pub submitter_email: String,
    /// Where to call.
    pub submitter_phone: Option<String>,
    /// One line.
    pub title: String,
    /// The message.
    pub body: String,
    /// hr, it, facilities …
    pub category: Option<String>,
    /// What this kind asks besides.
    pub details: Value,
    /// `fr` or `en`.
    pub locale: String,
    /// Who looks after it.
    pub assignee_id: Option<UserId>,
    /// Received.
    pub created_at: DateTime<Utc>,
    /// Last changed.
    pub updated_at: DateTime<Utc>,
    /// Resolved.
    pub resolved_at: Option<DateTime<Utc>>,
}

/// Which requests. Everything is optional and narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RequestFilter {
    /// What they are.
    pub kind: Option<RequestKind>,
    /// Where they stand.
    pub status: Option<RequestStatus>,
    /// How urgent.
    pub priority: Option<Priority>,
}

/// Writes a request. Its number comes from a sequence: it grows, and a rollback leaves a gap.
pub async fn insert(db: &mut PgConnection, new: NewRequest) -> Result<Request> {
    let id = RequestId::new();
    sqlx::query!(
        "
        insert into requests (id, number, kind, submitter_id, submitter_name, submitter_email, submitter_phone, title, body,
                              category, priority, locale, details)
        select $1, 'R-' || to_char(now() at time zone 'UTC', 'YYYY') || '-' || lpad(n, greatest(6, length(n)), '0'),
               $2, $3, $4, $5::text::citext, $6, $7, $8, $9, $10, $11, $12
        from (select nextval('request_numbers')::text as n) as sequence
        ",
        id.0,
        new.kind.name(),
        new.submitter.map(|user| user.0),
        new.name,
        new.email,
        new.phone,
        new.title,
        new.body,
        new.category,
        Priority::of(new.kind).name(),
        new.locale,
        Value::Object(new.details)
    )
    .execute(&mut *db)
    .await?;
    get(db, id).await
}

/// One request.
pub async fn get(db: &mut PgConnection, id: RequestId) -> Result<Request> {
    sqlx::query_as!(
        Request,
        r#"
        select id as "id: RequestId", number, kind as "kind: RequestKind", status as "status: RequestStatus",
               priority as "priority: Priority", submitter_id as "submitter_id: UserId", submitter_name,
               submitter_email::text as "submitter_email!", submitter_phone, title, body, category, details, locale,
               assignee_id as "assignee_id: UserId", created_at, updated_at, resolved_at
        from requests where id = $1
        "#,
        id.0
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound("request"))
}

/// Requests that match, newest first.
pub async fn list(db: &mut PgConnection, filter: &RequestFilter, page: PageRequest) -> Result<Page<Request>> {
    let rows = sqlx::query_as!(
        Request,
        r#"
        select id as "id: RequestId", number, kind as "kind: RequestKind", status as "status: RequestStatus",
               priority as "priority: Priority", submitter_id as "submitter_id: UserId", submitter_name,
               submitter_email::text as "submitter_email!", submitter_phone, title, body, category, details, locale,
               assignee_id as "assignee_id: UserId", created_at, updated_at, resolved_at
        from requests
        where ($1::text is null or kind = $1) and ($2::text is null or status = $2)
          and ($3::text is null or priority = $3) and ($4::uuid is null or id < $4)
        order by id desc limit $5
        "#,
        filter.kind.map(RequestKind::name),
        filter.status.map(RequestStatus::name),
        filter.priority.map(Priority::name),
        page.after,
        page.limit + 1
    )
    .fetch_all(db)
    .await?;
    Ok(Page::cut(rows, page, |row| row.id.0))
}

/// What somebody has written: the ids, the addresses and names they gave.
pub async fn traces(
    db: &mut PgConnection,
    user: Option<UserId>,
    address: Option<&str>,
) -> Result<Vec<(RequestId, [String; 2])>> {
    let rows = sqlx::query!(
        r#"select id as "id: RequestId", submitter_email::text as "email!", submitter_name as name from requests
           where submitter_id = $1 or (submitter_email = $2::text::citext and submitter_id is null)"#,
        user.map(|user| user.0),
        address
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.id, [row.email, row.name])).collect())
}

/// Empties requests: that there was one, of which kind and when, stays.
pub async fn forget(db: &mut PgConnection, requests: &[RequestId]) -> Result<()> {
    let ids: Vec<_> = requests.iter().map(|request| request.0).collect();
    sqlx::query!(
        "update requests set submitter_name = '', submitter_email = $2::text::citext, submitter_phone = null, title = '',
                             body = '', category = null, details = '{}', updated_at = now()
         where id = any($1)",
        &ids,
        mail::NOBODY
    )
    .execute(db)
    .await?;
    Ok(())
}
