//! What Stripe told us, for administrators: reading it, having it handled again, and in development making some up.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::domain::billing::received::{self, EventFilter, EventStatus, StripeEvent};
use shared::flows::stripe_compared::{self, Compared};
use shared::flows::stripe_replayed;
use shared::kernel::Error;
use shared::kernel::config::Env;
use shared::platform::tx::Origin;
use validator::Validate;

use crate::app::App;
use crate::error::Answer;
use crate::extract::{Nothing, Paging, Path, Post, Query, data, listed};
use crate::table::{Access, Table};

const READ: Access = Access::Can("jobs.read");
const MANAGE: Access = Access::Can("stripe_events.manage");

/// What came.
pub fn table() -> Table {
    Table::at("/api/v1/admin/stripe-events", "payments")
        .get("", READ, list)
        .says("Stripe's events that match, newest first, and what became of them")
        .queries::<EventFilter>()
        .paged()
        .gives::<StripeEvent>(200)
        .get("/compare", READ, compare)
        .says("Stripe's own list of events since then, beside ours: what no webhook brought and no sweep found yet")
        .queries::<Since>()
        .gives::<Compared>(200)
        .post("/compare", MANAGE, take)
        .says("The same, and what is missing is taken in and handled")
        .takes::<Since>()
        .gives::<Compared>(202)
        .get("/{id}", READ, show)
        .says("One event, by Stripe's name of it")
        .gives::<StripeEvent>(200)
        .post("/{id}/replay", MANAGE, replay)
        .says("Have an event handled again: Stripe is asked what its object is now")
        .gives::<Replayed>(202)
        .post("/replay", MANAGE, replay_all)
        .says("Have a range, a type or all events of a status handled again, oldest first, 5,000 at most; dry_run only counts")
        .takes::<Range>()
        .gives::<Replayed>(202)
}

/// Made up.
pub fn development() -> Table {
    Table::at("/api/v1/admin/dev/stripe-events", "payments")
        .post("", MANAGE, simulate)
        .says("In development: as if Stripe had told us of this object")
        .takes::<Simulation>()
        .gives::<StripeEvent>(201)
}

async fn list(State(app): State<App>, Query(filter): Query<EventFilter>, Paging(page): Paging) -> Answer {
    listed(&received::list(&mut *app.db().await?, &filter, page).await?)
}

async fn show(State(app): State<App>, Path(id): Path<String>) -> Answer {
    data(&received::find(&mut *app.db().await?, &id).await?)
}

/// Since when.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Since {
    /// At most 30 days ago; a day ago when absent.
    since: Option<DateTime<Utc>>,
}

impl Since {
    fn begin(&self, app: &App) -> DateTime<Utc> {
        self.since.unwrap_or_else(|| app.platform.clock.now() - TimeDelta::days(1))
    }
}

async fn compare(State(app): State<App>, Query(since): Query<Since>) -> Answer {
    data(&stripe_compared::compare(&app.platform, &Origin::default(), since.begin(&app), false).await?)
}

async fn take(State(app): State<App>, post: Post<Since>) -> Answer {
    let tx = post.begin().await?;
    let compared = stripe_compared::compare(&app.platform, &post.origin, post.body.begin(&app), true).await?;
    post.accepted(tx, None, &compared).await
}

/// How many events are handled again.
#[derive(Debug, Serialize, JsonSchema)]
struct Replayed {
    /// So many.
    events: usize,
}

async fn replay(State(app): State<App>, Path(id): Path<String>, post: Post<Nothing>) -> Answer {
    let event = received::find(&mut *app.db().await?, &id).await?;
    let mut tx = post.begin().await?;
    stripe_replayed::one(&mut tx, &event).await?;
    let location = format!("/api/v1/admin/stripe-events/{id}");
    post.accepted(tx, Some(location), &Replayed { events: 1 }).await
}

/// Which events. At least one of them narrows.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Range {
    /// Of this type.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// What became of them.
    status: Option<EventStatus>,
    /// About this object: `pi_…`
    object_id: Option<String>,
    /// Received since then.
    since: Option<DateTime<Utc>>,
    /// Received before then.
    until: Option<DateTime<Utc>>,
    /// Only count them.
    dry_run: bool,
}

async fn replay_all(post: Post<Range>) -> Answer {
    let Range { kind, status, object_id, since, until, dry_run } = &post.body;
    let filter =
        EventFilter { kind: kind.clone(), status: *status, object_id: object_id.clone(), since: *since, until: *until };
    let narrows = kind.is_some() || status.is_some() || object_id.is_some() || since.is_some() || until.is_some();
    if !narrows {
        return Err(Error::field("", "required", "name a type, a status, an object or a time").into());
    }
    let mut tx = post.begin().await?;
    let events = stripe_replayed::all(&mut tx, &filter, !dry_run).await?;
    post.accepted(tx, None, &Replayed { events }).await
}

/// An event that never happened.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Simulation {
    /// `checkout.session.completed` …
    #[serde(rename = "type")]
    #[validate(length(min = 1, max = 100))]
    kind: String,
    /// What it is about: `cs_…`, `pi_…`
    #[validate(length(min = 1, max = 255))]
    object_id: String,
}

async fn simulate(State(app): State<App>, post: Post<Simulation>) -> Answer {
    if app.platform.config.env == Env::Production {
        return Err(Error::NotFound("page").into());
    }
    let mut tx = post.begin().await?;
    let event = stripe_replayed::simulate(&mut tx, &post.body.kind, &post.body.object_id).await?;
    post.created(tx, &event).await
}
