//! `bulk.run`: works off a bulk operation at its pace. Every step is a transaction; a worker that dies in between
//! leaves the rest to the next run.

use std::time::Duration;

use shared::platform::jobs::bulk::{self, Step};
use shared::platform::jobs::kinds::RunBulk;
use tokio::time::Instant;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

/// Jobs of one transaction.
const STEP: i64 = 500;
/// So long one run goes on; then it makes room for others.
const TURN: Duration = Duration::from_mins(1);

impl Run for RunBulk {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let begun = Instant::now();
        while begun.elapsed() < TURN && !cx.cancel.is_cancelled() {
            let since = Instant::now();
            let mut tx = cx.begin().await?;
            let step = bulk::step(&mut tx, self.operation, STEP).await?;
            tx.commit().await?;
            match step {
                Step::Over => return Ok(()),
                Step::More(handled, Some(per_second)) => {
                    // So many in a second: a step takes its share of it, whatever it took.
                    let share = Duration::from_secs_f64(handled as f64 / f64::from(per_second));
                    let rest = share.saturating_sub(since.elapsed());
                    if cx.cancel.run_until_cancelled(tokio::time::sleep(rest)).await.is_none() {
                        break;
                    }
                }
                Step::More(_, None) => {}
            }
        }
        Err(Failure::Snooze(Duration::from_millis(10)))
    }
}
