//! `export.build`: writes an export part by part, joins the parts, and tells who asked for it.
//!
//! A part that is stored is never written again: a run that dies is followed by one that goes on after the last of them,
//! with a snapshot of its own. The row, the mail, the notification and the job's end are one transaction.

use serde_json::json;
use shared::domain::exports::{self, KEEP, Started};
use shared::flows::{export_ended, export_requested};
use shared::kernel::Result as HouseResult;
use shared::platform::files::{self, FileKind, NewFile, Written};
use shared::platform::jobs::kinds::BuildExport;
use shared::platform::tx::Tx;

use crate::cx::Cx;
use crate::exports::build::{Build, Stop};
use crate::exports::join;
use crate::failure::{Blame, Failure};
use crate::registry::Run;

impl Run for BuildExport {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let folder = export_requested::folder(self.export);
        let Some(started) = begin(&cx, &self).await? else {
            cx.platform.files.discard_parts(&folder).await;
            return Err(Failure::Cancel(Blame::new(
                "export_closed",
                "nobody wants it any more, or nobody may have it",
            )));
        };
        match make(&cx, started).await {
            Ok(()) => {
                cx.platform.files.discard_parts(&folder).await;
                Ok(())
            }
            Err(Stop::Failed(failure)) => Err(failure),
            Err(Stop::Unwanted) => {
                cx.still_mine().await?; // a later run has it otherwise, and its parts with it
                cx.platform.files.discard_parts(&folder).await;
                Err(Failure::Cancel(Blame::new("export_closed", "nobody wants it any more")))
            }
        }
    }

    async fn died(self, tx: &mut Tx, error: &str) -> HouseResult<()> {
        let store = tx.platform().files.clone();
        store.discard_parts(&export_requested::folder(self.export)).await;
        export_ended::failed(tx, self.export, error).await
    }
}

/// Takes it in hand, if who asked for it still may. None: it is closed.
async fn begin(cx: &Cx, job: &BuildExport) -> Result<Option<Started>, Failure> {
    let mut tx = cx.begin().await?;
    let Some(started) = exports::start(&mut tx, job.export, cx.job.fence).await? else { return Ok(None) };
    let export = &started.export;
    let lacking = export_requested::lacks(&mut tx, export.requested_by, export.kind, export.subject_user_id).await?;
    if let Some(right) = lacking {
        let why = format!("who asked for it is not allowed it any more ({right})");
        export_ended::failed(&mut tx, job.export, &why).await?;
        cx.log(&why);
        tx.commit().await?;
        return Ok(None);
    }
    tx.commit().await?;
    Ok(Some(started))
}

async fn make(cx: &Cx, started: Started) -> Result<(), Stop> {
    let export = started.export.clone();
    let kept = Build::resume(cx, started).await?.run().await?;
    let written = join::join(&cx.platform, &export, cx.job.fence, &kept).await?;
    cx.still_mine().await?;
    let mut tx = cx.begin().await?;
    let Written { sha256, size, .. } = written.clone();
    let file = NewFile {
        kind: FileKind::Export,
        name: &join::name(&export),
        content_type: export.format.content_type(),
        bytes: bytes::Bytes::new(),
        user: Some(export.requested_by),
        keep: Some(KEEP),
    };
    let file = files::put_written(&mut tx, file, written).await?;
    if !export_ended::ready(&mut tx, export.id, cx.job.fence, &file).await? {
        return Err(Stop::Unwanted);
    }
    cx.log(format_args!("{} rows, {size} bytes, sha256 {sha256}", kept.rows));
    cx.result(json!({ "rows": kept.rows, "bytes": size, "snapshots": export.snapshots }));
    cx.complete_in(tx).await?;
    Ok(())
}
