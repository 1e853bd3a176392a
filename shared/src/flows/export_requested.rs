//! Somebody wants an export: it is written down with the job that makes it. Whether they may is asked here, and once more
//! when it is made: rights end while it waits.

use serde_json::json;
use sqlx::PgConnection;

use crate::domain::exports::{self, Export, ExportKind, ExportStatus, NewExport, Scope};
use crate::domain::identity::permissions::{self, Authority, Permissions};
use crate::domain::identity::users::{self, Status};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{ExportId, FileId, UserId};
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::files;
use crate::platform::jobs::kinds::BuildExport;
use crate::platform::jobs::{self, enqueue};
use crate::platform::realtime::Topic;
use crate::platform::tx::{Signal, Tx};

/// To export what is not one's own.
pub const RUN: &str = "exports.run";
/// To export the audit log, besides; somebody else's data too, where their entries stand.
pub const READ_AUDIT: &str = "audit.read";
/// To export somebody else's data, besides: all of an account is in it, its sessions and mails included.
pub const MANAGE_USERS: &str = "users.manage";

/// The right that this person lacks for this export; none: they may. One's own personal data needs an active account
/// alone; nobody exports the data of somebody who may do more than they.
pub async fn lacks(
    db: &mut PgConnection,
    who: UserId,
    kind: ExportKind,
    subject: Option<UserId>,
) -> Result<Option<&'static str>> {
    let user = users::find(db, who).await?.filter(|user| user.status == Status::Active);
    let Some(user) = user else { return Ok(Some(RUN)) };
    if kind == ExportKind::PersonalData && subject == Some(who) {
        return Ok(None);
    }
    let by = Authority { user: Some(who), permissions: permissions::of_user(db, user.id).await? };
    let needed: &[&'static str] = match kind {
        ExportKind::PersonalData => &[RUN, MANAGE_USERS, READ_AUDIT],
        ExportKind::AuditLog => &[RUN, READ_AUDIT],
        _ => &[RUN],
    };
    if let Some(right) = needed.iter().find(|right| !by.permissions.can(right)) {
        return Ok(Some(right));
    }
    let theirs = match subject {
        Some(subject) => permissions::of_user(db, subject).await?,
        None => Permissions::default(),
    };
    Ok(by.over(&theirs).is_err().then_some("permission_not_held"))
}

/// The file of an export, for who asked for it or has its address: while it is there, and they are still allowed it.
pub async fn file(db: &mut PgConnection, export: &Export) -> Result<Option<FileId>> {
    let Some(file) = export.file_id.filter(|_| export.status == ExportStatus::Ready) else { return Ok(None) };
    let lacking = lacks(db, export.requested_by, export.kind, export.subject_user_id).await?;
    Ok(lacking.is_none().then_some(file))
}

/// Writes the wish and its job. 403 without the right, 404 for the data of nobody, 409 `export_open` while this person's
/// last one of this kind is being made.
pub async fn request(tx: &mut Tx, who: UserId, mut new: NewExport) -> Result<Export> {
    if let Some(right) = lacks(tx, who, new.kind, new.subject).await? {
        return Err(Error::Forbidden(right.into()));
    }
    if let Some(subject) = new.subject {
        let subject = users::get(tx, subject).await?.id;
        new.filters = json!({ "user_id": subject });
    }
    exports::close_orphans(tx, Some(who)).await?;
    let id = ExportId::new();
    let job = enqueue(tx, &BuildExport { export: id, by: who }).await?;
    let open =
        || Error::conflict("export_open", "an export of this kind is being made for you: wait for it, or cancel it");
    let export = exports::insert(tx, id, who, job, &new).await?.ok_or_else(open)?;
    // Their names alone: a value may name a person, and no entry is changed when somebody is forgotten.
    let filters: Vec<_> = new.filters.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    let details = json!({
        "kind": new.kind, "format": new.format, "filters": filters, "columns": new.columns, "subject": new.subject,
    });
    record(tx, "EXPORT_REQUESTED", Severity::Medium, &export, details).await?;
    tx.after_commit(Signal::Live(Topic::User(who)));
    Ok(export)
}

/// What became of an export that somebody does not want (any more).
pub enum Dropped {
    /// It was not ready: it ends, and its parts go.
    Cancelled,
    /// Its file was taken away.
    Revoked,
}

/// Cancels an export that is open, or takes the file of a finished one away. 409 when it has ended without a file.
/// After the commit its parts are deleted by whoever called, or swept away later.
pub async fn drop(tx: &mut Tx, scope: Scope, id: ExportId) -> Result<Dropped> {
    let export = exports::get(tx, scope, id).await?;
    tx.after_commit(Signal::Live(Topic::User(export.requested_by)));
    if exports::end(tx, id, ExportStatus::Cancelled, None).await?.is_none() {
        let file = exports::revoke(tx, id).await?;
        files::delete(tx, file).await?;
        record(tx, "EXPORT_REVOKED", Severity::Medium, &export, json!({ "kind": export.kind })).await?;
        return Ok(Dropped::Revoked);
    }
    match jobs::admin::cancel(tx, export.job_id).await {
        Ok(_) | Err(Error::Conflict { .. } | Error::NotFound(_)) => {}
        Err(error) => return Err(error),
    }
    record(tx, "EXPORT_CANCELLED", Severity::Low, &export, json!({ "kind": export.kind })).await?;
    Ok(Dropped::Cancelled)
}

/// Under which the parts of an export are stored.
pub fn folder(id: ExportId) -> String {
    id.to_string()
}

/// Writes down what was done about an export.
pub async fn record(
    tx: &mut Tx,
    action: &str,
    severity: Severity,
    export: &Export,
    details: serde_json::Value,
) -> Result<()> {
    audit::record(tx, Entry { action, severity, target: "export", id: export.id.to_string(), details }).await
}
