//! `account.anonymise`: forgets somebody, step by step, each in a transaction of its own that says how far it has come.
//!
//! A run that is cut off is taken up at its last page by the next one; a step done twice does nothing the second time.

use std::time::Duration;

use shared::flows::anonymise::{self, Went};
use shared::platform::files;
use shared::platform::jobs::kinds::Anonymise;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

impl Run for Anonymise {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        loop {
            if cx.cancel.is_cancelled() {
                return Err(Failure::Snooze(Duration::from_secs(1)));
            }
            cx.still_mine().await?;
            let mut tx = cx.begin().await?;
            match anonymise::go_on(&mut tx, self.erasure, cx.job.id).await? {
                Went::Done => return cx.complete_in(tx).await,
                Went::On { done, total } => {
                    tx.commit().await?;
                    cx.progress(done, total);
                }
                Went::Files(ids) => {
                    tx.commit().await?;
                    files::destroy(&cx.platform, &ids).await?;
                }
            }
        }
    }
}
