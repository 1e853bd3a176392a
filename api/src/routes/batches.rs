//! Batches: jobs that belong together, and how far they have come.

use axum::extract::State;
use shared::kernel::ids::BatchId;
use shared::platform::jobs::admin::batches::{self, BatchFilter, BatchView};

use crate::app::App;
use crate::error::Answer;
use crate::extract::{Paging, Path, Query, data, listed};
use crate::table::{Access, Table};

/// Everything about batches. Their jobs are `GET /api/v1/admin/jobs?batch=`.
pub fn table() -> Table {
    Table::at("/api/v1/admin/batches", "batches")
        .get("", Access::Can("jobs.read"), list)
        .says("Batches, newest first")
        .queries::<BatchFilter>()
        .paged()
        .gives::<BatchView>(200)
        .get("/{id}", Access::Can("jobs.read"), show)
        .says("One batch with its jobs counted by state, and its callback")
        .gives::<BatchView>(200)
}

async fn list(State(app): State<App>, Query(filter): Query<BatchFilter>, Paging(page): Paging) -> Answer {
    let mut db = app.db().await?;
    listed(&batches::list(&mut db, filter, page).await?)
}

async fn show(State(app): State<App>, Path(id): Path<BatchId>) -> Answer {
    let mut db = app.db().await?;
    data(&batches::get(&mut db, id).await?)
}
