//! `maintenance.purge_expired`: deletes what has passed its term, batch by batch, hourly.

use shared::domain::billing::received;
use shared::domain::{exports, identity};
use shared::platform::{files, idempotency, jobs, mail, notifications, stripe};

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;
use shared::platform::jobs::kinds::PurgeExpired;

impl Run for PurgeExpired {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        loop {
            if cx.cancel.is_cancelled() {
                return Err(Failure::Snooze(std::time::Duration::from_mins(1)));
            }
            let mut tx = cx.begin().await?;
            let purged = identity::purge(&mut tx).await?
                + idempotency::purge(&mut tx).await?
                + stripe::purge(&mut tx).await?
                + received::purge(&mut tx).await?
                + jobs::retention::purge(&mut tx, &cx.platform.config.worker).await?
                + mail::abandon(&mut tx).await?
                + mail::purge(&mut tx).await?
                + exports::close_orphans(&mut tx, None).await?
                + exports::expire(&mut tx).await?
                + exports::purge(&mut tx).await?
                + files::purge(&mut tx).await?
                + notifications::purge(&mut tx).await?;
            tx.commit().await?;
            cx.log(format_args!("{purged} rows"));
            if purged == 0 {
                return Ok(());
            }
        }
    }
}
