//! `debug.probe`: does what it is told, so that operators can watch the queue without touching business data.

use std::time::Duration;

use serde_json::json;
use shared::platform::jobs::kinds::{Probe, ProbeMode};

use crate::cx::Cx;
use crate::failure::{Blame, Failure};
use crate::registry::Run;

impl Run for Probe {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let told = || Blame::new("probe", "the probe was told to fail");
        let n = self.n.unwrap_or(1);
        let wait = match self.mode {
            ProbeMode::Fail => return Err(Failure::Retry(told())),
            ProbeMode::FailN if u64::from(cx.job.attempt.unsigned_abs()) <= n => return Err(Failure::Retry(told())),
            // A second run has a higher fence, whether or not the first one counted.
            ProbeMode::RetryAfter if cx.job.fence == 1 => {
                return Err(Failure::RetryAfter(Duration::from_secs(n), told()));
            }
            ProbeMode::Snooze if cx.job.fence == 1 => return Err(Failure::Snooze(Duration::from_secs(n))),
            ProbeMode::Cancel => return Err(Failure::Cancel(told())),
            ProbeMode::Dead => return Err(Failure::Dead(told())),
            ProbeMode::Ok | ProbeMode::FailN | ProbeMode::RetryAfter | ProbeMode::Snooze => return Ok(()),
            ProbeMode::Panic => panic!("the probe was told to panic"),
            ProbeMode::Abort => std::process::abort(),
            ProbeMode::Sleep => Duration::from_millis(n),
            ProbeMode::Hang => Duration::MAX,
        };
        cx.log(format_args!("waiting {} ms", wait.as_millis().min(u128::from(u64::MAX))));
        match cx.cancel.run_until_cancelled(count_down(&cx, wait)).await {
            Some(()) => Ok(()),
            None => Err(Failure::Cancel(Blame::new("cancelled", "asked to stop"))),
        }
    }
}

/// Waits, and tells how far it has come.
async fn count_down(cx: &Cx, wait: Duration) {
    const STEPS: u64 = 100;
    if wait < Duration::from_secs(1) || wait == Duration::MAX {
        return tokio::time::sleep(wait).await;
    }
    for step in 1..=STEPS {
        tokio::time::sleep(wait / STEPS as u32).await;
        cx.progress(step, STEPS);
    }
    cx.result(json!({ "waited_ms": wait.as_millis() as u64 }));
}
