//! Exports: what somebody wants as a file, from the wish to its expiry. Owns `exports`.
//!
//! A row is a wish (what, of which rows, which columns, in which format), its progress, and at the end the file. The job
//! `export.build` makes it part by part; [`Checkpoint`] says which parts are stored, so that a later run goes on after
//! the last one. What is read stands in `reports/exports`; who may have it, the flows decide.

mod checkpoint;
mod forget;
mod life;
mod words;

pub use checkpoint::{Checkpoint, Entry, Part};
pub use forget::{files_about, files_of_lists, forget, lists_being_made, unname, withdraw_lists};
pub use life::{Started, close_orphans, downloaded, end, expire, insert, keep, purge, ready, revoke, start};
pub use words::{ExportFormat, ExportKind, ExportStatus};

use std::time::Duration;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{ExportId, FileId, JobId, UserId};
use crate::kernel::page::{Page, PageRequest};

/// The file stays for so long.
pub const KEEP: Duration = Duration::from_hours(7 * 24);

/// An export.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Export {
    /// Its id.
    pub id: ExportId,
    /// Of what.
    pub kind: ExportKind,
    /// As which kind of file.
    pub format: ExportFormat,
    /// Of which rows, as their list is filtered.
    pub filters: Value,
    /// Which columns of its first table; none: all.
    pub columns: Vec<String>,
    /// CSV as a French Excel reads it: UTF-8 with BOM, semicolons, decimal commas.
    pub excel: bool,
    /// The language of headings: `fr` or `en`.
    pub locale: String,
    /// Who asked for it, and alone may fetch it.
    pub requested_by: UserId,
    /// Whose personal data it holds.
    pub subject_user_id: Option<UserId>,
    /// Where it stands.
    pub status: ExportStatus,
    /// The job that makes it.
    pub job_id: JobId,
    /// Rows written so far.
    pub rows_done: i64,
    /// Rows there were when it began; unknown before.
    pub rows_total: Option<i64>,
    /// How many times it began to read. Each time it sees the database as it was at that moment: more than one says that
    /// it was interrupted, and that its parts may show different moments.
    pub snapshots: i32,
    /// Why there is none.
    pub error: Option<String>,
    /// The file, while it is there.
    #[serde(skip)]
    pub file_id: Option<FileId>,
    /// Of the file, in bytes.
    pub size: Option<i64>,
    /// Of the file, 64 hexadecimal digits.
    pub sha256: Option<String>,
    /// How often it was fetched.
    pub downloads: i32,
    /// Asked for.
    pub created_at: DateTime<Utc>,
    /// The first run began.
    pub started_at: Option<DateTime<Utc>>,
    /// Ready, failed or cancelled.
    pub finished_at: Option<DateTime<Utc>>,
    /// After it the file is gone.
    pub expires_at: Option<DateTime<Utc>>,
}

/// An export about to be asked for.
#[derive(Clone, Debug)]
pub struct NewExport {
    /// Of what.
    pub kind: ExportKind,
    /// As which kind of file.
    pub format: ExportFormat,
    /// Of which rows; checked by whoever took them.
    pub filters: Value,
    /// Which columns of its first table; none: all.
    pub columns: Vec<String>,
    /// CSV as a French Excel reads it.
    pub excel: bool,
    /// The language of headings.
    pub locale: String,
    /// Whose personal data.
    pub subject: Option<UserId>,
}

/// Whose exports may be seen. Somebody else's is not found.
#[derive(Clone, Copy, Debug)]
pub enum Scope {
    /// Those that this person asked for.
    Mine(UserId),
    /// All.
    All,
}

/// Which exports. Everything is optional and narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExportFilter {
    /// Of what.
    pub kind: Option<ExportKind>,
    /// Where they stand.
    pub status: Option<ExportStatus>,
}

/// A statement around the columns of an [`Export`]. One that is past its term is told as expired, swept or not.
macro_rules! export {
    ($head:tt $tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            crate::domain::exports::Export,
            $head + r#" id as "id: _", kind as "kind: _", format as "format: _", filters, columns, excel, locale,
                        requested_by as "requested_by: _", subject_user_id as "subject_user_id: _",
                        case when status = 'ready' and expires_at <= now() then 'expired' else status end as "status!: _",
                        job_id as "job_id: _", rows_done, rows_total, snapshots, error, file_id as "file_id: _", size,
                        sha256, downloads, created_at, started_at, finished_at, expires_at "# + $tail,
            $($argument),*
        )
    };
}
pub(super) use export;

/// One export within the scope, or 404.
pub async fn get(db: &mut PgConnection, scope: Scope, id: ExportId) -> Result<Export> {
    let row =
        export!("select" "from exports where id = $1 and ($2::uuid is null or requested_by = $2)", id.0, scope.user());
    row.fetch_optional(db).await?.ok_or(Error::NotFound("export"))
}

/// Exports within the scope that match, newest first.
pub async fn list(
    db: &mut PgConnection,
    scope: Scope,
    filter: &ExportFilter,
    page: PageRequest,
) -> Result<Page<Export>> {
    let rows = export!(
        "select" "from exports
         where ($1::uuid is null or requested_by = $1) and ($2::text is null or kind = $2)
           and ($3::text is null or case when status = 'ready' and expires_at <= now() then 'expired' else status end = $3)
           and ($4::uuid is null or id < $4)
         order by id desc limit $5",
        scope.user(),
        filter.kind.map(ExportKind::name),
        filter.status.map(ExportStatus::name),
        page.after,
        page.limit + 1
    );
    Ok(Page::cut(rows.fetch_all(db).await?, page, |row| row.id.0))
}

impl Scope {
    fn user(self) -> Option<uuid::Uuid> {
        match self {
            Self::Mine(user) => Some(user.0),
            Self::All => None,
        }
    }
}
