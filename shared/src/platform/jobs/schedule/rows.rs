//! Schedules in an administrator's hands: the list, a change, a run beside the ticks.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use validator::Validate;

use super::{Plan, Words, tick_key};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::platform::jobs::{NewJob, enqueue_new};
use crate::platform::tx::Tx;

/// Coming runs that are shown.
const SHOWN: usize = 5;
/// Past ticks that are.
const PAST: usize = 10;
/// No job is kept longer.
const YEARS: Duration = Duration::days(3660);

/// What becomes of ticks that nobody was there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Missed {
    /// One late run for all of them.
    Once,
    /// A tick more than a minute late is dropped.
    Skip,
    /// Each is made up for, the newest hundred at most.
    All,
}

/// What becomes of a tick while the job of the one before is not final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Overlap {
    /// It is left out.
    Skip,
    /// It makes its job all the same.
    Allow,
}

/// A schedule as administrators see it.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct ScheduleView {
    /// Its name.
    pub name: String,
    /// When: minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// Where these hours are those of the clock.
    pub zone: String,
    /// The expression in plain words; none when it makes no sense.
    pub words: Option<Words>,
    /// What it enqueues.
    pub kind: String,
    /// With which arguments.
    pub payload: Value,
    /// False: it does not tick.
    pub enabled: bool,
    /// What becomes of ticks that nobody was there for.
    pub missed: Missed,
    /// What becomes of a tick while the job of the one before is not final.
    pub overlap: Overlap,
    /// The next five ticks; none when it does not tick.
    pub next: Vec<DateTime<Utc>>,
    /// The last ten ticks by the present expression, oldest first, from the first of them on whose job is still kept.
    pub past: Vec<Tick>,
    /// The last tick that made a job.
    pub last_run_at: Option<DateTime<Utc>>,
    /// That job.
    pub last_job: Option<LastJob>,
    /// The last tick that was left out because the job before was not final.
    pub skipped_at: Option<DateTime<Utc>>,
    /// Why it cannot tick; none when all is well.
    pub problem: Option<String>,
}

/// What a schedule made last.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct LastJob {
    /// Its id.
    pub id: JobId,
    /// Where it stands; none when it was deleted since.
    pub state: Option<String>,
}

/// A tick, and what became of it.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Tick {
    /// When.
    pub at: DateTime<Utc>,
    /// Its job; none: the tick was left out, nobody was there for it, or the job was deleted.
    pub job: Option<JobId>,
    /// Where that stands.
    pub state: Option<String>,
}

struct Row {
    name: String,
    cron: String,
    zone: String,
    kind: String,
    payload: Value,
    enabled: bool,
    missed: Missed,
    overlap: Overlap,
    last_run_at: Option<DateTime<Utc>>,
    last_job_id: Option<JobId>,
    last_state: Option<String>,
    skipped_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
}

/// All schedules, by name.
pub async fn list(db: &mut PgConnection) -> Result<Vec<ScheduleView>> {
    views(db, None).await
}

/// One schedule.
pub async fn view(db: &mut PgConnection, name: &str) -> Result<ScheduleView> {
    views(db, Some(name)).await?.pop().ok_or(Error::NotFound("schedule"))
}

async fn views(db: &mut PgConnection, name: Option<&str>) -> Result<Vec<ScheduleView>> {
    let mut views: Vec<_> = rows(db, name).await?.into_iter().map(ScheduleView::from).collect();
    let ticks =
        || views.iter().flat_map(|view| view.past.iter().map(|tick| (&view.kind, tick_key(&view.name, tick.at))));
    let (kinds, keys): (Vec<String>, Vec<String>) = ticks().map(|(kind, key)| (kind.clone(), key)).unzip();
    let jobs = sqlx::query!(
        r#"select j.unique_key as "key!", j.id as "id: JobId", j.state from unnest($1::text[], $2::text[]) t (kind, key)
           join jobs j on j.kind = t.kind and j.unique_key = t.key and j.unique_key is not null"#,
        &kinds,
        &keys
    )
    .fetch_all(db)
    .await?;
    let mut jobs: HashMap<String, _> = jobs.into_iter().map(|job| (job.key, (job.id, job.state))).collect();
    for view in &mut views {
        for tick in &mut view.past {
            let (job, state) = jobs.remove(&tick_key(&view.name, tick.at)).unzip();
            (tick.job, tick.state) = (job, state);
        }
        let first = view.past.iter().position(|tick| tick.job.is_some()).unwrap_or(view.past.len());
        view.past.drain(..first);
    }
    Ok(views)
}

async fn rows(db: &mut PgConnection, name: Option<&str>) -> Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select s.name, cron, zone, s.kind, s.payload, enabled, missed as "missed: Missed", overlap as "overlap: Overlap",
                  last_run_at, last_job_id as "last_job_id: JobId", j.state as "last_state?", skipped_at, now() as "now!"
           from schedules s left join jobs j on j.id = s.last_job_id
           where $1::text is null or s.name = $1 order by s.name"#,
        name
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

impl From<Row> for ScheduleView {
    fn from(row: Row) -> Self {
        let (plan, job) = (Plan::read(&row.cron, &row.zone), NewJob::named_kind(&row.kind, &row.payload));
        let problem = match (&plan, &job) {
            (Err(error), _) | (_, Err(error)) => Some(said(error)),
            (Ok(_), Ok(_)) => None,
        };
        let ticks = row.enabled && problem.is_none();
        Self {
            words: plan.as_ref().ok().map(Plan::words),
            past: plan.as_ref().map_or_else(|_| Vec::new(), |plan| past(plan, row.now)),
            next: plan.ok().filter(|_| ticks).map_or_else(Vec::new, |plan| plan.upcoming(row.now, SHOWN)),
            name: row.name,
            cron: row.cron,
            zone: row.zone,
            kind: row.kind,
            payload: row.payload,
            enabled: row.enabled,
            missed: row.missed,
            overlap: row.overlap,
            last_run_at: row.last_run_at,
            last_job: row.last_job_id.map(|id| LastJob { id, state: row.last_state }),
            skipped_at: row.skipped_at,
            problem,
        }
    }
}

fn past(plan: &Plan, now: DateTime<Utc>) -> Vec<Tick> {
    let ticks = plan.newest(now - YEARS, now, PAST);
    ticks.into_iter().map(|at| Tick { at, job: None, state: None }).collect()
}

/// An error of a row, for people.
fn said(error: &Error) -> String {
    match error {
        Error::Invalid(fields) => {
            fields.iter().map(|field| format!("{}: {}", field.path, field.message)).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

/// What changes; absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Validate, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// Whether it ticks. What passed while it did not is not made up for.
    pub enabled: Option<bool>,
    /// Five fields (`30 2 * * 1-5`) or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    #[validate(length(max = 100))]
    pub cron: Option<String>,
    /// `Europe/Paris`.
    #[validate(length(max = 60))]
    pub zone: Option<String>,
    /// What becomes of ticks that nobody was there for.
    pub missed: Option<Missed>,
    /// What becomes of a tick while the job of the one before is not final.
    pub overlap: Option<Overlap>,
}

/// What a change did, for the audit log: nothing but what differs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Changed {
    /// As it was.
    pub before: Map<String, Value>,
    /// As it is.
    pub after: Map<String, Value>,
}

/// Changes a schedule. 422 names the fields that make no sense; what does not differ is not written.
pub async fn change(tx: &mut Tx, name: &str, change: &Change) -> Result<Changed> {
    sqlx::query!("select 1 as one from schedules where name = $1 for update", name).fetch_optional(&mut **tx).await?;
    let old = view(tx, name).await?;
    let new = Change {
        enabled: Some(change.enabled.unwrap_or(old.enabled)),
        cron: Some(change.cron.as_deref().unwrap_or(&old.cron).trim().to_owned()),
        zone: Some(change.zone.as_deref().unwrap_or(&old.zone).trim().to_owned()),
        missed: Some(change.missed.unwrap_or(old.missed)),
        overlap: Some(change.overlap.unwrap_or(old.overlap)),
    };
    let changed = Changed::between(&old, &new);
    if changed.after.is_empty() {
        return Ok(changed);
    }
    let stays_off = new.enabled == Some(false) && change.cron.is_none() && change.zone.is_none();
    // A schedule whose row is broken must still let itself be switched off.
    let next = match Plan::read(new.cron.as_deref().unwrap_or_default(), new.zone.as_deref().unwrap_or_default()) {
        Ok(plan) => plan.next(now(tx).await?).filter(|_| new.enabled == Some(true)),
        Err(_) if stays_off => None,
        Err(error) => return Err(error),
    };
    // Other changes leave the time of the next tick alone: it may be due this very moment.
    let moves = ["enabled", "cron", "zone"].iter().any(|field| changed.after.contains_key(*field));
    sqlx::query!(
        "update schedules set enabled = $2, cron = $3, zone = $4, missed = $5, overlap = $6, changed_by = $7,
                next_run_at = case when $8 then $9 else next_run_at end
         where name = $1",
        name,
        new.enabled,
        new.cron,
        new.zone,
        new.missed as Option<Missed>,
        new.overlap as Option<Overlap>,
        tx.origin.actor.map(|actor| actor.0),
        moves,
        next
    )
    .execute(&mut **tx)
    .await?;
    Ok(changed)
}

impl Changed {
    fn between(old: &ScheduleView, new: &Change) -> Self {
        let before = json!({ "enabled": old.enabled, "cron": old.cron, "zone": old.zone, "missed": old.missed,
                             "overlap": old.overlap });
        let after = json!(new);
        let fields = |from: &Value, other: &Value| -> Map<String, Value> {
            let all = from.as_object().into_iter().flatten();
            all.filter(|(name, value)| other[name.as_str()] != **value)
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        };
        Self { before: fields(&before, &after), after: fields(&after, &before) }
    }
}

async fn now(tx: &mut Tx) -> Result<DateTime<Utc>> {
    Ok(sqlx::query_scalar!(r#"select now() as "now!""#).fetch_one(&mut **tx).await?)
}

/// Enqueues the schedule's job now, beside its ticks: neither the next one nor the record of the last changes.
pub async fn run_now(tx: &mut Tx, name: &str) -> Result<JobId> {
    let schedule = view(tx, name).await?;
    let job = NewJob::named_kind(&schedule.kind, &schedule.payload)
        .map_err(|error| Error::conflict("schedule_invalid", format!("the schedule cannot run: {}", said(&error))))?;
    let unique_key = Some(format!("schedule:{name}:run:{}", job.id));
    enqueue_new(tx, NewJob { unique_key, ..job }).await
}
