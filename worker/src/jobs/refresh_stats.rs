//! `stats.refresh`: counts anew what the statistics show, every ten minutes.

use shared::platform::jobs::kinds::RefreshStats;
use shared::reports::stats;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

impl Run for RefreshStats {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut tx = cx.begin().await?;
        let rows = stats::refresh(&mut tx).await?;
        cx.log(format_args!("{rows} snapshots"));
        cx.complete_in(tx).await
    }
}
