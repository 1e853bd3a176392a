//! `facteur jobs show`: everything about one job.

use chrono::{DateTime, Utc};
use shared::kernel::Error;
use shared::kernel::ids::JobId;
use shared::platform::Platform;
use shared::platform::jobs::admin::{self, Attempt, Effect, JobView};

use super::exit::Failure;
use super::say;
use super::text::{json, moment, plain, short, table};

/// Prints it.
pub async fn job(platform: &Platform, id: JobId, as_json: bool) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let job = admin::get(&mut db, id).await?;
    if as_json {
        say(json(&job)?);
        return Ok(());
    }
    let now = platform.clock.now();
    for (name, value) in facts(&job, now) {
        say(format_args!("{name:<10} {}", plain(&value)));
    }
    if !job.effects.is_empty() {
        say("");
        let line = |effect: &Effect| {
            vec![
                effect.name.clone(),
                moment(now, effect.begun_at),
                effect.done_at.map_or_else(|| "nobody knows".into(), |time| moment(now, time)),
                short(Some(&effect.worker_id), 40),
                short(effect.reply.as_deref(), 200),
            ]
        };
        let head = ["EFFECT", "BEGUN", "DONE", "WORKER", "REPLY"];
        say(table(&head, &job.effects.iter().map(line).collect::<Vec<_>>()));
    }
    if !job.attempts.is_empty() {
        say("");
        let line = |run: &Attempt| {
            let took = run.finished_at.map(|end| format!("{} ms", (end - run.started_at).num_milliseconds()));
            vec![
                run.attempt.to_string(),
                run.outcome.clone(),
                moment(now, run.started_at),
                took.unwrap_or_else(|| "-".into()),
                short(run.worker_id.as_deref(), 40),
                short(run.error.as_deref(), 200),
            ]
        };
        let head = ["ATTEMPT", "OUTCOME", "STARTED", "TOOK", "WORKER", "ERROR"];
        say(table(&head, &job.attempts.iter().map(line).collect::<Vec<_>>()));
    }
    for log in job.log.iter().filter(|log| !log.trim().is_empty()) {
        say(if job.row.state == "running" { "\nIts log so far:" } else { "\nIts log:" });
        log.lines().for_each(|line| say(format_args!("  {}", plain(line))));
    }
    Ok(())
}

/// What is known about a job; only what there is.
fn facts(job: &JobView, now: DateTime<Utc>) -> Vec<(&'static str, String)> {
    let row = &job.row;
    let stop = if row.cancel_requested { ", asked to stop" } else { "" };
    let subject = job.subject_type.as_ref().zip(job.subject_id).map(|(kind, id)| format!("{kind} {id}"));
    let children = (!job.children.is_empty()).then(|| format!("{} jobs", job.children.len()));
    let key = job.concurrency_key.as_ref().zip(job.concurrency_limit);
    let similar = |fingerprint: &String| format!("{fingerprint} ({} similar: facteur errors show)", job.similar);
    let facts = [
        ("id", Some(row.id.to_string())),
        ("kind", Some(row.kind.clone())),
        ("state", Some(format!("{}{stop}", row.state))),
        ("lane", Some(row.lane.clone())),
        ("attempt", Some(format!("{} of {}", row.attempt, row.max_attempts))),
        ("about", row.key_argument.clone()),
        ("subject", subject),
        ("payload", Some(job.payload.to_string())),
        ("unique", job.unique_key.clone()),
        ("tenant", row.tenant.clone()),
        ("key", key.map(|(key, limit)| format!("{key}, at most {limit} at once"))),
        ("batch", job.batch_id.map(|id| id.to_string())),
        ("enqueued", Some(moment(now, row.created_at))),
        ("due", row.finished_at.is_none().then(|| moment(now, row.run_at))),
        ("deadline", job.deadline_at.map(|time| moment(now, time))),
        ("started", row.started_at.map(|time| moment(now, time))),
        ("finished", row.finished_at.map(|time| moment(now, time))),
        ("worker", job.worker_id.clone()),
        ("parent", job.parent_id.map(|id| id.to_string())),
        ("children", children),
        ("progress", job.progress.as_ref().map(ToString::to_string)),
        ("result", job.result.as_ref().map(ToString::to_string)),
        ("error", row.last_error.clone()),
        ("code", row.error_code.clone()),
        ("group", job.fingerprint.as_ref().map(similar)),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
