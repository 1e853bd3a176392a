//! Alarms: what is wrong with the queue, and what was lately.

use axum::extract::State;
use shared::platform::jobs::alarms::{self, Alarm};

use crate::app::App;
use crate::error::Answer;
use crate::extract::data;
use crate::table::{Access, Table};

/// Everything about alarms.
pub fn table() -> Table {
    Table::at("/api/v1/admin/alarms", "alarms")
        .get("", Access::Can("jobs.read"), list)
        .says("Open alarms, then those of the last 30 days, newest first, 200 at most")
        .gives::<Vec<Alarm>>(200)
}

async fn list(State(app): State<App>) -> Answer {
    let mut db = app.db().await?;
    data(&alarms::list(&mut db).await?)
}
