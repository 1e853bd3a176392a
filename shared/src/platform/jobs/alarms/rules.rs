//! The rules, asked of the live states and of the figures of the last hour: nothing here reads a finished job.
//!
//! Each holds for a while by itself (30 s without a worker, so many seconds of waiting, five minutes of figures), so
//! that a deploy or a hiccup is no alarm.

use serde::Serialize;
use sqlx::PgConnection;

use crate::kernel::Result;
use crate::kernel::config::Alarms;
use crate::platform::jobs::Lane;

/// Work that waits this long, in seconds, for workers that are not there.
const ABANDONED: f64 = 30.0;
/// Fewer runs in five minutes make no rate.
const ENOUGH: i64 = 20;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, sqlx::Type, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Rule {
    /// A lane has due work and no worker alive serves it; subject `all`: no worker is alive at all.
    NoWorker,
    /// A lane's oldest due job is older than `ALARM_OLDEST_SECONDS`.
    OldestAge,
    /// More than `ALARM_FAILURE_PERCENT` of a kind's runs of the last five minutes failed.
    FailureRate,
    /// More than `ALARM_DEAD` jobs of a kind died in the last hour.
    DeadCount,
    /// An error that was resolved is back.
    Regression,
}

impl Rule {
    /// As in rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoWorker => "no_worker",
            Self::OldestAge => "oldest_age",
            Self::FailureRate => "failure_rate",
            Self::DeadCount => "dead_count",
            Self::Regression => "regression",
        }
    }
}

/// A rule that holds.
pub(super) struct Finding {
    pub(super) rule: Rule,
    pub(super) subject: String,
    pub(super) message: String,
    pub(super) value: Option<f64>,
}

impl Finding {
    fn new(rule: Rule, subject: &str, value: f64, message: String) -> Self {
        Self { rule, subject: subject.to_owned(), message, value: Some(value) }
    }
}

/// Everything that holds now, but regressions: those are told when they happen.
pub(super) async fn findings(db: &mut PgConnection, limits: &Alarms) -> Result<Vec<Finding>> {
    let mut findings = lanes(db, limits).await?;
    findings.extend(figures(db, limits).await?);
    Ok(findings)
}

/// Paused lanes wait on purpose. A worker counts as there until 30 s after its last heartbeat.
async fn lanes(db: &mut PgConnection, limits: &Alarms) -> Result<Vec<Finding>> {
    let lanes = sqlx::query!(
        r#"
        select l.name as "name!",
          (select extract(epoch from now() - run_at)::float8 from jobs where state = 'queued' and lane = l.name
           order by rank, id limit 1) as "oldest?",
          exists (select from workers w where l.name = any(w.lanes)
                  and w.seen_at > now() - interval '30 seconds') as "served!"
        from unnest($1::text[]) as l (name)
        where not exists (select from lanes p where p.name = l.name and p.paused_at is not null
                          and coalesce(p.paused_until, 'infinity') > now())
        "#,
        &Lane::ALL.map(|lane| lane.name().to_owned())
    )
    .fetch_all(&mut *db)
    .await?;
    let (alive, forgotten) = abandoned(db).await?;
    let mut findings = Vec::new();
    let oldest = lanes.iter().filter_map(|lane| lane.oldest).chain(forgotten).fold(0.0, f64::max);
    if !alive && oldest > ABANDONED {
        let text = "No worker is alive while jobs are due.".to_owned();
        findings.push(Finding::new(Rule::NoWorker, "all", oldest, text));
    }
    for lane in &lanes {
        let (name, oldest) = (&*lane.name, lane.oldest.unwrap_or_default());
        if alive && !lane.served && oldest > ABANDONED {
            let text = format!("Queue {name} has due jobs and no worker.");
            findings.push(Finding::new(Rule::NoWorker, name, oldest, text));
        }
        if oldest > limits.oldest.as_secs_f64() {
            let text = format!("Queue {name} is late: its oldest job has waited {} min.", oldest as i64 / 60);
            findings.push(Finding::new(Rule::OldestAge, name, oldest, text));
        }
    }
    Ok(findings)
}

/// Whether a worker is alive; and for how many seconds work has been due that only a sweeper can bring into its lane.
pub async fn abandoned(db: &mut PgConnection) -> Result<(bool, Option<f64>)> {
    let row = sqlx::query!(
        r#"
        select exists (select from workers where seen_at > now() - interval '30 seconds') as "alive!",
          (select extract(epoch from now() - min(due))::float8 from (
             (select lane, run_at as due from jobs where state in ('scheduled', 'retrying') and run_at <= now()
              order by run_at limit 1000)
             union all
             (select lane, lease_until from jobs where state = 'running' and lease_until < now()
              order by lease_until limit 1000)) as d
           where lane not in (select name from lanes where paused_at is not null
                              and coalesce(paused_until, 'infinity') > now())) as "oldest?"
        "#
    )
    .fetch_one(db)
    .await?;
    Ok((row.alive, row.oldest))
}

async fn figures(db: &mut PgConnection, limits: &Alarms) -> Result<Vec<Finding>> {
    let kinds = sqlx::query!(
        r#"
        select kind, coalesce(sum(succeeded + failed + dead) filter (where fresh), 0) as "runs!",
               coalesce(sum(failed + dead) filter (where fresh), 0) as "failures!", sum(dead) as "dead!"
        from (select *, minute > now() - interval '5 minutes' as fresh from job_stats
              where minute > now() - interval '1 hour') as s
        group by kind order by kind
        "#
    )
    .fetch_all(db)
    .await?;
    let mut findings = Vec::new();
    for row in kinds {
        let (kind, runs, failures) = (&*row.kind, row.runs, row.failures);
        let percent = failures as f64 * 100.0 / runs.max(1) as f64;
        if runs >= ENOUGH && percent > f64::from(limits.failure_percent) {
            let text = format!("{failures} of {runs} runs of {kind} failed in the last five minutes ({percent:.0} %).");
            findings.push(Finding::new(Rule::FailureRate, kind, percent, text));
        }
        if row.dead > limits.dead {
            let text = format!("{} jobs of {kind} died in the last hour.", row.dead);
            findings.push(Finding::new(Rule::DeadCount, kind, row.dead as f64, text));
        }
    }
    Ok(findings)
}
