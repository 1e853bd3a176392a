//! Kinds as administrators see them: policy, what became of them in the last hour, and a fuse for each.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::platform::jobs::{Retry, kinds};
use crate::platform::tx::Tx;

/// One kind, now.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct KindView {
    /// `noun.verb`.
    pub kind: &'static str,
    /// Where its jobs wait when nothing else is said.
    pub lane: &'static str,
    /// When a failed run is tried again, in words.
    pub policy: String,
    /// A run's bound, in seconds.
    pub timeout_seconds: u64,
    /// `closed` lets jobs through; `hold`: nobody claims them; `dead`: waiting ones go to the dead letters.
    pub fuse: String,
    /// It closes by itself then.
    pub fuse_until: Option<DateTime<Utc>>,
    /// Why it blew.
    pub fuse_reason: Option<String>,
    /// Runs of the last hour that succeeded.
    pub succeeded: i64,
    /// Runs of the last hour that failed and are tried again.
    pub failed: i64,
    /// Jobs of the last hour that died.
    pub dead: i64,
    /// What a run of the last hour took, on average.
    pub run_ms: Option<f64>,
}

/// What a blown fuse does with jobs of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fuse {
    /// Nobody claims them; they wait.
    Hold,
    /// Waiting ones go to the dead letters.
    Dead,
}

impl Fuse {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Dead => "dead",
        }
    }
}

/// Every kind, as the catalogue lists them.
pub async fn list(db: &mut PgConnection) -> Result<Vec<KindView>> {
    let names: Vec<String> = kinds::ALL.iter().map(|kind| kind.name.to_owned()).collect();
    let rows = sqlx::query!(
        r#"
        select coalesce(f.fuse, 'closed') as "fuse!", f.fuse_until, f.reason,
               coalesce(s.succeeded, 0) as "succeeded!", coalesce(s.failed, 0) as "failed!", coalesce(s.dead, 0) as "dead!",
               s.run_ms
        from unnest($1::text[]) with ordinality as k (kind, n)
        left join job_kinds f on f.kind = k.kind and f.fuse <> 'closed' and coalesce(f.fuse_until, 'infinity') > now()
        left join (select kind, sum(succeeded) as succeeded, sum(failed) as failed, sum(dead) as dead,
                          (sum(run_ms) / nullif(sum(succeeded + failed + dead), 0))::float8 as run_ms
                   from job_stats where minute > now() - interval '1 hour' group by kind) s on s.kind = k.kind
        order by k.n
        "#,
        &names
    )
    .fetch_all(db)
    .await?;
    let views = kinds::ALL.iter().zip(rows).map(|(kind, row)| KindView {
        kind: kind.name,
        lane: kind.lane.name(),
        policy: words(&kind.retry),
        timeout_seconds: kind.timeout.as_secs(),
        fuse: row.fuse,
        fuse_until: row.fuse_until,
        fuse_reason: row.reason,
        succeeded: row.succeeded,
        failed: row.failed,
        dead: row.dead,
        run_ms: row.run_ms,
    });
    Ok(views.collect())
}

/// Blows the fuse of a kind.
pub async fn fuse(tx: &mut Tx, kind: &str, fuse: Fuse, until: Option<DateTime<Utc>>, reason: &str) -> Result<()> {
    known(kind)?;
    let actor = tx.origin.actor.map(|a| a.0);
    sqlx::query!(
        "insert into job_kinds (kind, fuse, fuse_until, reason, changed_by) values ($1, $2, $3, $4, $5)
         on conflict (kind) do update set fuse = $2, fuse_until = $3, reason = $4, changed_by = $5",
        kind,
        fuse.name(),
        until,
        reason,
        actor
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Closes the fuse of a kind: its jobs run again.
pub async fn clear(tx: &mut Tx, kind: &str) -> Result<()> {
    known(kind)?;
    let actor = tx.origin.actor.map(|a| a.0);
    sqlx::query!(
        "update job_kinds set fuse = 'closed', fuse_until = null, reason = null, changed_by = $2 where kind = $1",
        kind,
        actor
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn known(kind: &str) -> Result<()> {
    kinds::find(kind).filter(|found| found.name == kind).map(drop).ok_or(Error::NotFound("kind"))
}

/// `15 attempts; again within 15 s, ×2 each time, 1 h at most; for 72 h at least`
fn words(retry: &Retry) -> String {
    let [base, cap, patience] = [retry.base, retry.cap, retry.patience].map(|wait| span(wait.as_secs()));
    let long = if retry.patience.is_zero() { String::new() } else { format!("; for {patience} at least") };
    format!("{} attempts; again within {base}, ×{} each time, {cap} at most{long}", retry.max_attempts, retry.factor)
}

/// `72 h`, `5 min`, `30 s`: a time of a policy in its largest whole unit.
#[must_use]
pub fn span(seconds: u64) -> String {
    match seconds {
        s if s >= 3_600 && s.is_multiple_of(3_600) => format!("{} h", s / 3_600),
        s if s >= 60 && s.is_multiple_of(60) => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reads_as_a_sentence() {
        assert_eq!(words(&Retry::MAIL), "15 attempts; again within 15 s, ×2 each time, 1 h at most; for 72 h at least");
        assert_eq!(words(&Retry::SWEEP), "3 attempts; again within 30 s, ×2 each time, 5 min at most");
    }
}
