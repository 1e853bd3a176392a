//! Worker processes: who is alive, with what in hand.

use axum::extract::State;
use shared::platform::jobs::health::{self, WorkerView};

use crate::app::App;
use crate::error::Answer;
use crate::extract::data;
use crate::table::{Access, Table};

/// Everything about workers.
pub fn table() -> Table {
    Table::at("/api/v1/admin/workers", "workers")
        .get("", Access::Can("jobs.read"), list)
        .says("Workers alive, and those gone within the last hour")
        .gives::<Vec<WorkerView>>(200)
}

async fn list(State(app): State<App>) -> Answer {
    let mut db = app.db().await?;
    data(&health::workers(&mut db).await?)
}
