//! `audit.purge`: deletes audit entries that their retention lets go, batch by batch, monthly or when asked.

use std::time::Duration;

use shared::platform::audit;
use shared::platform::jobs::kinds::PurgeAudit;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

impl Run for PurgeAudit {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut rows = 0;
        loop {
            if cx.cancel.is_cancelled() {
                return Err(Failure::Snooze(Duration::from_mins(1)));
            }
            let mut tx = cx.begin().await?;
            tx.origin.actor = self.requested_by;
            let purged = audit::purge(&mut tx, self.before).await?;
            rows += purged.rows;
            cx.log(format_args!("{rows} entries"));
            if !purged.more {
                cx.result(serde_json::json!({ "rows": rows }));
                return cx.complete_in(tx).await;
            }
            tx.commit().await?;
        }
    }
}
