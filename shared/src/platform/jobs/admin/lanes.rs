//! What administrators say to lanes: pause, resume, limits over all processes.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::patch;
use crate::platform::jobs::Lane;
use crate::platform::tx::Tx;

/// So many starts in so many seconds, over all processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Starts.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub count: i32,
    /// In so many seconds; 1 when absent.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 86_400))]
    pub seconds: i32,
}

const fn one() -> i32 {
    1
}

/// What holds a lane back on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Limits {
    /// Jobs of the lane that run at once; none: no limit.
    pub concurrency: Option<i32>,
    /// Starts per time; none: no limit.
    pub rate: Option<Rate>,
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let concurrency = self.concurrency.map(|n| format!("at most {n} at once"));
        let rate = self.rate.map(|Rate { count, seconds }| match (count, seconds) {
            (1, 1) => "1 start per second".into(),
            (n, 1) => format!("{n} starts per second"),
            (1, s) => format!("1 start per {s} s"),
            (n, s) => format!("{n} starts per {s} s"),
        });
        match (concurrency, rate) {
            (None, None) => f.write_str("no limit"),
            (Some(one), None) | (None, Some(one)) => f.write_str(&one),
            (Some(concurrency), Some(rate)) => write!(f, "{concurrency}, {rate}"),
        }
    }
}

/// A change of limits: what is absent stays, null takes the limit away.
#[derive(Clone, Copy, Debug, Default, Deserialize, schemars::JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
pub struct NewLimits {
    /// Jobs of the lane that run at once, over all processes.
    #[serde(deserialize_with = "patch::said")]
    #[schemars(range(min = 1, max = 100_000))]
    pub concurrency: Option<Option<i32>>,
    /// Starts per time, over all processes.
    #[serde(deserialize_with = "patch::said")]
    pub rate: Option<Option<Rate>>,
}

impl NewLimits {
    /// 422 for a limit out of range.
    pub fn checked(self) -> Result<Self> {
        let within = |path: &str, n: i32, most: i32| {
            let wrong = || Error::field(path, "range", format!("must be 1 to {most}"));
            if (1..=most).contains(&n) { Ok(()) } else { Err(wrong()) }
        };
        if let Some(Some(n)) = self.concurrency {
            within("concurrency", n, 100_000)?;
        }
        if let Some(Some(rate)) = self.rate {
            within("rate.count", rate.count, 1_000_000)?;
            within("rate.seconds", rate.seconds, 86_400)?;
        }
        Ok(self)
    }
}

/// Limits a lane on all workers, within a heartbeat. Returns the limits before and after.
pub async fn limit(tx: &mut Tx, lane: &str, new: NewLimits) -> Result<(Limits, Limits)> {
    known(lane)?;
    let new = new.checked()?;
    let actor = tx.origin.actor.map(|a| a.0);
    sqlx::query!("insert into lanes (name) values ($1) on conflict do nothing", lane).execute(&mut **tx).await?;
    let row = sqlx::query!(
        r#"select concurrency, rate, extract(epoch from coalesce(rate_window, '1 second'))::int as "seconds!"
           from lanes where name = $1 for update"#,
        lane
    )
    .fetch_one(&mut **tx)
    .await?;
    let before =
        Limits { concurrency: row.concurrency, rate: row.rate.map(|count| Rate { count, seconds: row.seconds }) };
    let after =
        Limits { concurrency: new.concurrency.unwrap_or(before.concurrency), rate: new.rate.unwrap_or(before.rate) };
    // A new rate begins with a full bucket: what an old, slower one had lent must not hold it back.
    sqlx::query!(
        "update lanes set concurrency = $2, rate = $3, rate_window = make_interval(secs => $4), changed_by = $5,
                rate_at = case when $6 then null else rate_at end
         where name = $1",
        lane,
        after.concurrency,
        after.rate.map(|rate| rate.count),
        after.rate.map(|rate| f64::from(rate.seconds)),
        actor,
        before.rate != after.rate
    )
    .execute(&mut **tx)
    .await?;
    Ok((before, after))
}

/// Stops a lane on all workers at once; what runs finishes.
pub async fn pause(tx: &mut Tx, lane: &str, until: Option<DateTime<Utc>>, reason: Option<&str>) -> Result<()> {
    known(lane)?;
    let actor = tx.origin.actor.map(|a| a.0);
    sqlx::query!(
        "insert into lanes (name, paused_at, paused_until, paused_by, pause_reason) values ($1, now(), $2, $3, $4)
         on conflict (name) do update set paused_at = now(), paused_until = $2, paused_by = $3, pause_reason = $4",
        lane,
        until,
        actor,
        reason
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Lets a lane run again; the sweeper tickets what waits within a second.
pub async fn resume(tx: &mut Tx, lane: &str) -> Result<()> {
    known(lane)?;
    sqlx::query!(
        "update lanes set paused_at = null, paused_until = null, paused_by = null, pause_reason = null where name = $1",
        lane
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn known(lane: &str) -> Result<()> {
    lane.parse::<Lane>().map(drop).map_err(|_| Error::NotFound("lane"))
}
