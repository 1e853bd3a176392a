//! Exports: who asked for what, how far it has come, how long its file stays; a form to ask for one.

use axum::http::{HeaderMap, Method};
use axum::response::Response;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::domain::exports::{self, Export, ExportFilter, ExportFormat, ExportKind, ExportStatus, Scope};
use shared::domain::identity::users;
use shared::flows::export_requested::{self, Dropped};
use shared::kernel::Error;
use shared::kernel::ids::ExportId;

use crate::dashboard::EXPORT;
use crate::dashboard::desk::Desk;
use crate::dashboard::facts::size;
use crate::dashboard::filter::{Chip, with};
use crate::dashboard::forms::{Select, Sent};
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Mark, capped};
use crate::dashboard::note::What;
use crate::dashboard::pager::{Empty, Pager};
use crate::dashboard::words::{say, word};
use crate::error::{Answer, ApiError};
use crate::exports::{Wish, typed};
use crate::extract::{Paging, Path, Query};
use crate::routes::exports::send;

/// The list.
pub const LIST: &str = "/admin/exports";

/// The law gives a month for somebody's personal data (GDPR, article 12).
const TERM: i64 = 30;

#[derive(Serialize)]
struct Row {
    id: ExportId,
    kind: &'static str,
    format: &'static str,
    scope: String,
    by: String,
    mark: Mark,
    rows: String,
    percent: Option<i64>,
    size: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    downloads: i32,
    created_at: DateTime<Utc>,
    job: String,
    error: Option<String>,
    term: Option<String>,
    fetch: bool,
    open: bool,
    ready: bool,
}

impl Row {
    fn of(export: &Export, by: String, mine: bool, now: DateTime<Utc>) -> Self {
        let (ready, open) = (export.status == ExportStatus::Ready, is_open(export.status));
        let total = export.rows_total.filter(|total| *total > 0);
        Self {
            id: export.id,
            kind: marks::export_kind(export.kind),
            format: export.format.name(),
            scope: scope(export),
            by,
            mark: marks::export(export.status),
            rows: capped(export.rows_done, false),
            percent: total.filter(|_| open).map(|total| (export.rows_done * 100 / total).min(100)),
            size: export.size.map(|bytes| size(bytes as u64)),
            expires_at: export.expires_at.filter(|_| ready),
            downloads: export.downloads,
            created_at: export.created_at,
            job: format!("/admin/jobs/{}", export.job_id),
            error: export.error.clone(),
            term: term(export, now),
            fetch: ready && mine,
            open,
            ready,
        }
    }
}

const fn is_open(status: ExportStatus) -> bool {
    matches!(status, ExportStatus::Requested | ExportStatus::Running)
}

/// What narrows it, as one reads it: `status=paid`.
fn scope(export: &Export) -> String {
    let filters = export.filters.as_object().into_iter().flatten();
    let said = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let words: Vec<_> = filters.map(|(name, value)| format!("{name}={}", said(value))).collect();
    if words.is_empty() { say!("all") } else { words.join(", ") }
}

/// Days that the law leaves for somebody's data that is not ready.
fn term(export: &Export, now: DateTime<Utc>) -> Option<String> {
    let waits = is_open(export.status) || export.status == ExportStatus::Failed;
    let left = (export.created_at + Duration::days(TERM) - now).num_days();
    (waits && export.kind == ExportKind::PersonalData).then(|| say!("{left} days left by law", left = left))
}

fn query(filter: &ExportFilter) -> String {
    serde_urlencoded::to_string(filter).unwrap_or_default()
}

fn chips(given: &ExportFilter) -> Vec<Chip> {
    let chip = |words: Option<&str>, rest: ExportFilter| {
        words.map(|words| Chip { words: words.to_lowercase(), href: with(LIST, &query(&rest)) })
    };
    let kind = chip(given.kind.map(marks::export_kind), ExportFilter { kind: None, ..given.clone() });
    let status =
        chip(given.status.map(|status| marks::export(status).word), ExportFilter { status: None, ..given.clone() });
    [kind, status].into_iter().flatten().collect()
}

fn kinds() -> impl Iterator<Item = (String, String)> {
    ExportKind::ALL.into_iter().map(|kind| (kind.name().to_owned(), marks::export_kind(kind).to_owned()))
}

fn selects(given: &ExportFilter) -> Vec<Select> {
    let statuses = ExportStatus::ALL.map(|status| (status.name().to_owned(), marks::export(status).word.to_owned()));
    vec![
        Select::new("kind", "Every kind", kinds(), given.kind.map(ExportKind::name)),
        Select::new("status", "Every status", statuses, given.status.map(ExportStatus::name)),
    ]
}

/// `GET /admin/exports`
pub async fn list(desk: Desk, Query(given): Query<ExportFilter>, Paging(wanted): Paging) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let page = exports::list(&mut db, Scope::All, &given, wanted).await?;
    let (now, mut rows) = (desk.app.platform.clock.now(), Vec::new());
    for export in &page.rows {
        let by = users::find(&mut db, export.requested_by).await?.and_then(|user| user.email).unwrap_or_default();
        rows.push(Row::of(export, by, export.requested_by == desk.me.user, now));
    }
    drop(db);
    let narrowed = given != ExportFilter::default();
    let empty = Empty {
        icon: "exports",
        title: word(if narrowed { "No export matches." } else { "No exports yet." }).into(),
        text: word(if narrowed { "Others may be hidden by the filters." } else { "Ask for one above." }),
        href: narrowed.then(|| LIST.to_owned()),
        action: word("Clear them"),
    };
    let asked: Vec<_> = kinds().filter(|(kind, _)| kind != ExportKind::PersonalData.name()).collect();
    let formats = ExportFormat::ALL.map(ExportFormat::name);
    let view = json!({
        "selects": selects(&given), "chips": chips(&given), "rows": rows, "empty": empty,
        "kinds": asked, "formats": formats, "pager": Pager::new(LIST, &query(&given), wanted, &page),
    });
    desk.page("exports", Place::Exports, "Exports", &view).await
}

/// What the form says.
#[derive(Deserialize)]
pub struct Asked {
    kind: ExportKind,
    format: ExportFormat,
    filters: Option<String>,
    columns: Option<String>,
    excel: Option<String>,
}

impl From<Asked> for Wish {
    fn from(asked: Asked) -> Self {
        let filters = form_urlencoded::parse(asked.filters.as_deref().unwrap_or_default().trim().as_bytes());
        let filters = filters.into_owned().map(|(name, value)| (name, typed(value))).collect();
        let columns = asked.columns.unwrap_or_default();
        let columns = columns.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        Self {
            kind: asked.kind,
            format: asked.format,
            filters: Some(Value::Object(filters)),
            columns: Some(columns.collect()),
            excel: Some(asked.excel.is_some()),
            locale: None,
            subject_user_id: None,
            password: None,
        }
    }
}

/// What a list offers to whoever may export: itself, as it is narrowed.
pub fn offer(desk: &Desk, kind: ExportKind, query: &str) -> Option<Value> {
    let formats = [ExportFormat::Csv, ExportFormat::Json, ExportFormat::Xlsx].map(ExportFormat::name);
    desk.me.permissions.can(EXPORT).then(|| json!({ "kind": kind.name(), "filters": query, "formats": formats }))
}

/// `POST /admin/exports`
pub async fn ask(desk: Desk, Sent(asked): Sent<Asked>) -> Answer {
    let mut tx = desk.begin().await?;
    let locale = users::get(&mut tx, desk.me.user).await?.locale;
    let wanted = match Wish::from(asked).checked(&locale) {
        Ok(wanted) => wanted,
        Err(Error::Invalid(_)) => return desk.go(LIST, What::ExportInvalid).await,
        Err(error) => return Err(error.into()),
    };
    match export_requested::request(&mut tx, desk.me.user, wanted).await {
        Ok(_) => {}
        Err(Error::Conflict { .. }) => return desk.go(LIST, What::ExportOpen).await,
        Err(error) => return Err(error.into()),
    }
    tx.commit().await?;
    desk.go(LIST, What::ExportAsked).await
}

/// `POST /admin/exports/{id}/drop`
pub async fn remove(desk: Desk, Path(id): Path<ExportId>) -> Answer {
    let mut tx = desk.begin().await?;
    let dropped = match export_requested::drop(&mut tx, Scope::All, id).await {
        Ok(dropped) => dropped,
        Err(Error::Conflict { .. }) => return desk.go(LIST, What::ExportGone).await,
        Err(error) => return Err(error.into()),
    };
    tx.commit().await?;
    if matches!(dropped, Dropped::Revoked) {
        return desk.go(LIST, What::ExportRevoked).await;
    }
    desk.app.platform.files.discard_parts(&export_requested::folder(id)).await;
    desk.go(LIST, What::ExportCancelled).await
}

/// `GET /admin/exports/{id}/file`: one's own.
pub async fn file(desk: Desk, Path(id): Path<ExportId>, method: Method, headers: HeaderMap) -> Answer {
    let mut db = desk.db().await?;
    let export = exports::get(&mut db, Scope::Mine(desk.me.user), id).await?;
    let file = export_requested::file(&mut db, &export).await?.ok_or(Error::NotFound("export"))?;
    send(&desk.app, db, &export, file, &method, &headers).await
}
