//! Batches: jobs that belong together, how far they have come, and what runs when all are final.

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use shared::kernel::ids::{BatchId, JobId};
use shared::platform::jobs::admin::STATES;
use shared::platform::jobs::admin::batches::{self, BatchFilter, BatchView};

use crate::dashboard::desk::Desk;
use crate::dashboard::facts::Fact;
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Count, Mark};
use crate::dashboard::pager::Pager;
use crate::dashboard::session;
use crate::dashboard::words::{say, word};
use crate::error::ApiError;
use crate::extract::{Paging, Path};

/// A batch as pages show it.
#[derive(Serialize)]
struct Row<'a> {
    id: BatchId,
    name: &'a str,
    mark: Mark,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    counts: Vec<Tally>,
    callback_id: Option<JobId>,
}

/// Its jobs in one state.
#[derive(Serialize)]
struct Tally {
    mark: Mark,
    count: Count,
}

impl<'a> From<&'a BatchView> for Row<'a> {
    fn from(batch: &'a BatchView) -> Self {
        let tally = |state: &'static str| {
            let n = *batch.counts.get(state)?;
            let more = n > shared::platform::jobs::health::COUNT_CAP && batch.finished_at.is_none();
            let href = format!("/admin/jobs?state={state}&batch={}", batch.id);
            let count = Count { text: marks::capped(n - i64::from(more), more), href: Some(href) };
            Some(Tally { mark: marks::job(state), count })
        };
        Self {
            id: batch.id,
            name: &batch.name,
            mark: marks::batch(batch),
            created_at: batch.created_at,
            finished_at: batch.finished_at,
            counts: STATES.into_iter().filter_map(tally).collect(),
            callback_id: batch.callback_id,
        }
    }
}

/// `GET /admin/batches`
pub async fn list(desk: Desk, Paging(request): Paging) -> Result<Response, ApiError> {
    let page = batches::list(&mut *desk.db().await?, BatchFilter::default(), request).await?;
    let rows: Vec<Row<'_>> = page.rows.iter().map(Row::from).collect();
    let pager = Pager::new("/admin/batches", "", request, &page);
    desk.page("batches", Place::Batches, "Batches", &json!({ "rows": rows, "pager": pager })).await
}

/// `GET /admin/batches/{id}`
pub async fn show(desk: Desk, Path(id): Path<BatchId>) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let batch = batches::get(&mut db, id).await?;
    let creator = session::names(&mut db, batch.created_by.into_iter()).await?.into_values().next();
    drop(db);
    let facts: Vec<Fact> = [
        Some(Fact::link("Jobs", say!("all of them"), format!("/admin/jobs?batch={id}"))),
        Some(Fact::at("Opened", batch.created_at)),
        batch.sealed_at.map(|at| Fact::at("Sealed", at)),
        batch.finished_at.map(|at| Fact::at("Finished", at)),
        batch.callback_id.map(|job| Fact::link("When all are final", job, format!("/admin/jobs/{job}"))),
        creator.map(|name| Fact::text("Asked for by", name)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let why = match (batch.sealed_at, batch.finished_at) {
        (_, Some(_)) => word("All of its jobs are final. The counts are those of that moment."),
        (Some(_), None) => word("Nothing is added any more. It finishes when the last of its jobs is final."),
        (None, None) => word("Jobs may still be added; it cannot finish before it is sealed."),
    };
    let page = json!({ "batch": Row::from(&batch), "facts": facts, "why": why });
    desk.page("batch", Place::Batches, &batch.name, &page).await
}
