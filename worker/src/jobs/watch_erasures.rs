//! `account.watch_erasures`: hourly, that nobody waits in vain to be forgotten.

use shared::flows::erasure_due;
use shared::platform::jobs::kinds::WatchErasures;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

impl Run for WatchErasures {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut tx = cx.begin().await?;
        let found = erasure_due::watch(&mut tx).await?;
        tx.commit().await?;
        cx.log(format_args!("{} taken up again, {} near their deadline", found.again, found.pressing));
        let mut after = None;
        loop {
            let mut tx = cx.begin().await?;
            after = erasure_due::late_news(&mut tx, after).await?;
            if after.is_none() {
                return cx.complete_in(tx).await;
            }
            tx.commit().await?;
        }
    }
}
