//! An export is ready, or cannot be made: whoever asked for it hears of it, by a link that needs their account and never
//! by the data itself.

use serde_json::json;

use crate::domain::exports::{self, Export, ExportKind, ExportStatus};
use crate::domain::identity::users::{self, User};
use crate::flows::export_requested;
use crate::kernel::Result;
use crate::kernel::ids::{ErasureId, ExportId, FileId};
use crate::platform::audit::Severity;
use crate::platform::files::{self, File};
use crate::platform::mail::{self, NewMail, catalogue};
use crate::platform::notifications::{self, NewNotification};
use crate::platform::realtime::Topic;
use crate::platform::tx::{Signal, Tx};

/// What an export is called: French and English.
pub const fn title(kind: ExportKind) -> [&'static str; 2] {
    match kind {
        ExportKind::PersonalData => ["Données personnelles", "Personal data"],
        ExportKind::AuditLog => ["Journal d’audit", "Audit log"],
        ExportKind::Orders => ["Commandes", "Orders"],
        ExportKind::Invoices => ["Factures", "Invoices"],
        ExportKind::Users => ["Comptes", "Accounts"],
        ExportKind::Report => ["Statistiques", "Statistics"],
    }
}

/// Its file is stored: the row, the mail, the notification and the audit entry in one transaction. False: it is not
/// wanted any more, or a later run has it.
pub async fn ready(tx: &mut Tx, id: ExportId, run: i32, file: &File) -> Result<bool> {
    let placed = (file.id, file.expires_at);
    let Some(export) = exports::ready(tx, id, run, placed, (file.size, &file.sha256)).await? else { return Ok(false) };
    tx.origin.actor = Some(export.requested_by);
    let details = json!({
        "kind": export.kind, "format": export.format, "rows": export.rows_done, "sha256": file.sha256,
        "subject": export.subject_user_id, "snapshots": export.snapshots,
    });
    let (action, severity) = match export.kind {
        ExportKind::PersonalData => ("USER_DATA_EXPORTED", Severity::Medium),
        ExportKind::AuditLog => ("AUDIT_EXPORTED", Severity::High),
        _ => ("EXPORT_READY", Severity::Low),
    };
    export_requested::record(tx, action, severity, &export, details).await?;
    let user = users::get(tx, export.requested_by).await?;
    let title = title(export.kind)[usize::from(user.locale == "en")];
    let url = page(tx, &export);
    if let Some(to) = user.recipient() {
        let vars = json!({
            "first_name": user.first_name, "export_kind": title, "download_url": url, "size": file.size,
            "sha256": file.sha256, "expires_at": file.expires_at,
        });
        let mail = NewMail {
            template: &catalogue::EXPORT_READY,
            to,
            vars,
            dedupe_key: format!("export:{id}:ready:mail"),
            subject: Some(("export", id.0)),
            reply_to: None,
            attachments: Vec::new(),
        };
        mail::queue(tx, mail).await?;
    }
    let said = [
        ("Votre export est prêt", "Il reste disponible sept jours."),
        ("Your export is ready", "It stays for seven days."),
    ];
    tell(tx, &export, &user, "success", "ready", said).await?;
    Ok(true)
}

/// It could not be made: `why` is for the operator, and stays in the row. None of it if it is not open any more.
pub async fn failed(tx: &mut Tx, id: ExportId, why: &str) -> Result<()> {
    let Some(export) = exports::end(tx, id, ExportStatus::Failed, Some(why)).await? else { return Ok(()) };
    let user = users::get(tx, export.requested_by).await?;
    let said = [
        ("Votre export n’a pas pu être préparé", "Nos équipes sont prévenues. Vous pouvez le redemander."),
        ("Your export could not be made", "Our team has been told. You may ask for it again."),
    ];
    tell(tx, &export, &user, "error", "failed", said).await
}

/// Somebody was forgotten, and lists that were read before may hold them still: what is being made ends, and may be asked
/// for again; what is ready is taken away. Gives files to be destroyed, after which this is called again; none: it is done.
pub async fn outdated(tx: &mut Tx, erasure: ErasureId) -> Result<Vec<FileId>> {
    for id in exports::lists_being_made(tx).await? {
        failed(tx, id, "somebody was forgotten while it was read: it is to be asked for again").await?;
    }
    let lists = exports::files_of_lists(tx).await?;
    let lists = files::expire(tx, None, &lists).await?;
    if lists.is_empty() {
        for export in exports::withdraw_lists(tx).await? {
            let details = json!({ "kind": export.kind, "erasure": erasure });
            export_requested::record(tx, "EXPORT_REVOKED", Severity::Medium, &export, details).await?;
            tx.after_commit(Signal::Live(Topic::User(export.requested_by)));
        }
    }
    Ok(lists)
}

async fn tell(
    tx: &mut Tx,
    export: &Export,
    user: &User,
    kind: &str,
    event: &str,
    said: [(&str, &str); 2],
) -> Result<()> {
    let english = usize::from(user.locale == "en");
    let (title_said, message) = said[english];
    let title = format!("{title_said} : {}", title(export.kind)[english]);
    let title = if english == 1 { title.replace(" : ", ": ") } else { title };
    let notification = NewNotification {
        user: Some(user.id),
        kind,
        title: &title,
        message,
        action_url: Some(page(tx, export)),
        subject: Some(("export", export.id.0)),
        dedupe_key: Some(format!("export:{}:{event}", export.id)),
        by_email: false,
        ..NewNotification::default()
    };
    notifications::notify(tx, notification).await?;
    tx.after_commit(Signal::Live(Topic::User(user.id)));
    Ok(())
}

/// Where it is fetched: on the site what somebody asked for about themselves, in the dashboard everything else.
fn page(tx: &Tx, export: &Export) -> String {
    let config = &tx.platform().config;
    let own = export.kind == ExportKind::PersonalData && export.subject_user_id == Some(export.requested_by);
    if own {
        format!("{}/exports/{}", config.frontend_url(), export.id)
    } else {
        format!("{}/admin/exports", config.http.public_url)
    }
}
