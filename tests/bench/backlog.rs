//! Does a long queue, or a long history, slow the worker down?

use std::time::Duration;

use shared::kernel::ids::JobId;
use sqlx::{Connection, Executor, PgConnection};

use crate::Options;
use crate::drain::{SLOTS, drain};
use crate::enqueue::{bulk, ok};
use crate::meter::Stores;
use crate::report::Report;
use crate::stage::Stage;

/// The rate is that of the first so many.
const FIRST: i32 = 10_000;

/// The first 10,000 of ever longer queues.
pub async fn waiting(stage: &Stage, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut lengths = vec![(10_000, "10,000"), (200_000, "200,000")];
    if options.full {
        lengths.push((1_000_000, "1,000,000"));
    }
    for (length, name) in lengths {
        stage.clear().await?;
        let ids = bulk(stage, &ok(), length).await?;
        settle(&mut PgConnection::connect(&stage.database).await?).await?;
        report.put(format!("the first 10,000 of {name} waiting"), "jobs/s", first(stage, &ids).await?);
    }
    Ok(())
}

/// Looks at single rows only, so that watching costs nothing: those somewhat behind the first 10,000, or the last ones.
async fn first(stage: &Stage, ids: &[JobId]) -> anyhow::Result<f64> {
    let watched: Vec<_> = ids.iter().take(FIRST as usize + 2000).rev().take(1000).map(|id| id.0).collect();
    let mut worker = stage.worker(SLOTS)?;
    for tenths in 0.. {
        tokio::time::sleep(Duration::from_millis(100)).await;
        // Counted: for an `exists` the planner would read the table from its beginning.
        let over = "select count(*) = cardinality($1) from jobs where id = any($1) and state = 'succeeded'";
        if sqlx::query_scalar(over).bind(&watched).fetch_one(&stage.platform.db).await? {
            break;
        }
        anyhow::ensure!(tenths < 1200, "{FIRST} jobs did not run within two minutes");
    }
    worker.kill().await?;
    let (done, seconds): (i64, f64) = sqlx::query_as(
        "select count(*), extract(epoch from max(finished_at) - min(started_at))::float8
         from (select started_at, finished_at from jobs where state = 'succeeded' order by finished_at limit $1) as f",
    )
    .bind(FIRST)
    .fetch_one(&stage.platform.db)
    .await?;
    anyhow::ensure!(done == i64::from(FIRST), "{done} jobs ran");
    Ok(f64::from(FIRST) / seconds)
}

/// A drain in an empty ledger, and in one that holds five million finished rows.
pub async fn finished(stage: &Stage, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut stores = Stores::new(&stage.platform.db).await?;
    for (rows, name) in [(0, "no"), (5_000_000, "5,000,000")] {
        stage.clear().await?;
        fill(stage, rows).await?;
        let ids = bulk(stage, &ok(), options.jobs).await?;
        let drained = drain(stage, &mut stores, &ids, 1).await?;
        report.put(format!("drain, {name} finished rows in the ledger"), "jobs/s", drained.rate);
        report.put(format!("CPU per 1,000 jobs: PostgreSQL, {name} finished rows"), "ms", drained.postgres_ms);
    }
    Ok(())
}

async fn fill(stage: &Stage, rows: i32) -> anyhow::Result<()> {
    let mut db = PgConnection::connect(&stage.database).await?; // without the product's time limits
    db.execute("set synchronous_commit = off").await?;
    let fill = "
        insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, fence, timeout_ms, payload, key_argument,
                          run_at, worker_id, enqueued_version, ran_version, created_at, started_at, finished_at)
        select (lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || substr(md5(n::text), 1, 15))::uuid,
               'debug.probe', 'default', 'succeeded', ms, 1, 3, 1, 60000,
               jsonb_build_object('mode', 'ok', 'note', repeat('x', 176)), 'ok', t, 'long ago', '0.1.0', '0.1.0', t, t, t
        from generate_series(1, $1) as n,
             lateral (select now() - interval '7 days' + n * interval '0.12 s' as t) as c,
             lateral (select (extract(epoch from t) * 1000)::bigint as ms) as m";
    sqlx::query(fill).bind(rows).execute(&mut db).await?;
    settle(&mut db).await
}

/// What autovacuum and the checkpointer would have done by the time that so many jobs have come together: otherwise they
/// do it while we measure, on the same CPUs.
async fn settle(db: &mut PgConnection) -> anyhow::Result<()> {
    db.execute("vacuum (analyze) jobs").await?;
    db.execute("checkpoint").await?;
    Ok(())
}
