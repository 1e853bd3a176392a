//! Parts become one file: copied one after the other, into a ZIP where the file is one, hashed on the way. One piece is in
//! memory at a time.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use shared::domain::exports::{Checkpoint, Export, ExportFormat, ExportKind};
use shared::flows::export_requested::folder;
use shared::kernel::Result;
use shared::platform::Platform;
use shared::platform::files::archive::{Archive, Deflated, Outlet};
use shared::platform::files::{self, Upload, Written};
use shared::reports::exports::files as kept_files;
use uuid::Uuid;

use crate::exports::pack;
use crate::sheets::workbook;

/// Where the whole is written.
struct Whole(Upload);

impl Outlet for Whole {
    async fn take(&mut self, piece: Bytes) -> Result<bool> {
        self.0.write(piece).await?;
        Ok(true)
    }
}

/// Joins them. What went wrong leaves nothing behind but the parts.
pub async fn join(platform: &Platform, export: &Export, run: i32, kept: &Checkpoint) -> Result<Written> {
    let upload = platform.files.begin(&format!("{}/whole-{run}", folder(export.id))).await?;
    let mut whole = Whole(upload);
    let filled = match export.format {
        ExportFormat::Csv | ExportFormat::Json => plain(platform, &mut whole, kept).await,
        ExportFormat::Xlsx | ExportFormat::Zip => zipped(platform, &mut whole, export, kept).await,
    };
    if let Err(error) = filled {
        whole.0.abort().await;
        return Err(error);
    }
    Ok(whole.0.finish().await?)
}

async fn plain(platform: &Platform, to: &mut Whole, kept: &Checkpoint) -> Result<()> {
    for part in kept.parts() {
        let mut chunks = platform.files.part(&part.name).await?;
        while let Some(chunk) = chunks.try_next().await? {
            to.0.write(chunk).await?;
        }
    }
    Ok(())
}

async fn zipped(platform: &Platform, to: &mut Whole, export: &Export, kept: &Checkpoint) -> Result<()> {
    let mut archive = Archive::new(to);
    entries(platform, &mut archive, export, kept).await?;
    if export.format == ExportFormat::Xlsx {
        let titles: Vec<_> = kept.entries.iter().map(|entry| entry.title.clone()).collect();
        for (name, content) in workbook::around(&titles) {
            archive.add_bytes(name, export.created_at, content.as_bytes())?;
        }
    } else {
        beside(platform, &mut archive, export).await?;
    }
    archive.finish().await
}

async fn entries(platform: &Platform, to: &mut Archive<&mut Whole>, export: &Export, kept: &Checkpoint) -> Result<()> {
    let when: DateTime<Utc> = export.created_at;
    for entry in &kept.entries {
        let parts: Vec<String> = entry.parts.iter().map(|part| part.name.clone()).collect();
        let (crc, size) = pack::together(&entry.parts);
        to.add_deflated(&platform.files, &entry.name, when, &parts, Deflated { crc, size }).await?;
    }
    Ok(())
}

/// The files that belong to what was exported.
async fn beside(platform: &Platform, to: &mut Archive<&mut Whole>, export: &Export) -> Result<()> {
    let mut after = Uuid::nil();
    loop {
        let mut db = platform.db.acquire().await?;
        let ids = match export.kind {
            ExportKind::Invoices => kept_files::of_invoices(&mut db, &export.filters, after).await?,
            ExportKind::PersonalData => kept_files::of_person(&mut db, &export.filters, after).await?,
            _ => return Ok(()),
        };
        let Some(last) = ids.last() else { return Ok(()) };
        after = last.0;
        let found = files::find_many(&mut db, &ids).await?;
        drop(db);
        for file in found {
            to.add(&platform.files, "files/", &file.name, &file).await?;
        }
    }
}

/// A name for the file: `orders-2026-11-22.csv`.
pub fn name(export: &Export) -> String {
    format!(
        "{}-{}.{}",
        export.kind.name().replace('_', "-"),
        export.created_at.format("%Y-%m-%d"),
        export.format.name()
    )
}
