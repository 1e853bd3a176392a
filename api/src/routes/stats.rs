//! Figures for administrators, as a job counted them last.

use axum::extract::State;
use shared::reports::stats::{self, Report, Topic};

use crate::app::App;
use crate::error::Answer;
use crate::extract::{Path, data};
use crate::table::{Access, Table};

const READ: Access = Access::Can("stats.read");

/// All figures.
pub fn table() -> Table {
    Table::at("/api/v1/admin/stats", "stats")
        .get("", READ, overview)
        .says("Every topic: what is so now, and the last two months; each figure names the list that counts its rows")
        .gives::<Vec<Report>>(200)
        .get("/{topic}", READ, topic)
        .says("One topic in full: monthly, revenue, users, orders, audit or jobs")
        .gives::<Report>(200)
}

async fn overview(State(app): State<App>) -> Answer {
    data(&stats::overview(&mut *app.db().await?).await?)
}

async fn topic(State(app): State<App>, Path(topic): Path<Topic>) -> Answer {
    data(&stats::read(&mut *app.db().await?, topic).await?)
}
