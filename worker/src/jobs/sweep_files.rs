//! `maintenance.sweep_files`: deletes the bytes that no row of `files` names, nightly.

use std::time::Duration;

use shared::platform::files;
use shared::platform::jobs::kinds::SweepFiles;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

impl Run for SweepFiles {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let swept = files::sweep(&cx.platform, || !cx.cancel.is_cancelled()).await?;
        cx.log(format_args!("{} without a row ({} bytes), {} half written", swept.blobs, swept.bytes, swept.halves));
        if cx.cancel.is_cancelled() { Err(Failure::Snooze(Duration::from_mins(1))) } else { Ok(()) }
    }
}
