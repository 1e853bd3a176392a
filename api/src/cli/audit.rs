//! `facteur audit`: the log, and whether it is whole.

use chrono::{DateTime, Utc};
use clap::Subcommand;
use shared::kernel::Error;
use shared::platform::Platform;
use shared::platform::audit::{self, Anchor, AuditFilter, Outcome, Row, Severity};
use shared::platform::tx::Tx;
use uuid::Uuid;

use super::exit::{DATA, Failure};
use super::pages::Slice;
use super::text::{json, short};
use super::{begin, open, say};

/// What can be done with the log.
#[derive(Subcommand)]
pub enum Command {
    /// List entries, newest first
    #[command(after_help = "\
Examples:
  facteur audit ls --severity high --since 2026-11-01T00:00:00Z
  facteur audit ls --target invoice --id 01890a5d-ac96-774b-bcce-b302099a8057 --json")]
    Ls(Which),
    /// Read the whole log and its chain again; exit code 65 when something was changed
    ///
    /// Names every row that was changed, with the group of its columns (what, who, where, why), and rows and links that
    /// are missing, were inserted or moved. Entries may be written meanwhile. The last line is the end of the chain:
    /// note it outside this database, and --head proves later that nothing before it was exchanged.
    #[command(after_help = "\
Examples:
  facteur audit verify
  facteur audit verify --head 1204:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    Verify {
        /// A head that was noted earlier, SEQ:HASH
        #[arg(long, value_parser = anchor)]
        head: Option<Anchor>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Have entries deleted that their retention lets go; prints the job's id
    Purge {
        /// Only what was written before
        #[arg(long)]
        before: Option<DateTime<Utc>>,
        /// Kept in the log
        #[arg(long)]
        reason: Option<String>,
    },
}

/// Which entries.
#[derive(clap::Args)]
pub struct Which {
    /// By this account
    #[arg(long)]
    actor: Option<Uuid>,
    /// This action, for example LOGIN_FAILED
    #[arg(long)]
    action: Option<String>,
    /// low, medium, high or critical
    #[arg(long, value_parser = word::<Severity>)]
    severity: Option<Severity>,
    /// success, refused or error
    #[arg(long, value_parser = word::<Outcome>)]
    outcome: Option<Outcome>,
    /// To this kind of thing, for example job
    #[arg(long)]
    target: Option<String>,
    /// To this one
    #[arg(long)]
    id: Option<String>,
    /// Since then
    #[arg(long)]
    since: Option<DateTime<Utc>>,
    /// Before then
    #[arg(long)]
    until: Option<DateTime<Utc>>,
    #[command(flatten)]
    slice: Slice,
}

/// Does it.
pub async fn run(command: Command) -> Result<(), Failure> {
    let platform = open().await?;
    match command {
        Command::Ls(which) => list(&platform, which).await,
        Command::Verify { head, json } => verify(&platform, head.as_ref(), json).await,
        Command::Purge { before, reason } => {
            let mut tx = begin(&platform).await?;
            let job = audit::order_purge(&mut tx, before, reason.as_deref()).await?;
            tx.commit().await?;
            platform.tickets.flush(std::time::Duration::from_secs(2)).await;
            say(job);
            Ok(())
        }
    }
}

async fn list(platform: &Platform, which: Which) -> Result<(), Failure> {
    let Which { actor, action, severity, outcome, target, id, since, until, slice } = which;
    let filter = AuditFilter { actor, action, severity, outcome, target, target_id: id, since, until };
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let page = audit::list(&mut db, &filter, slice.request()?).await?;
    let line = |row: &Row| {
        let who = row.actor_email.clone().or_else(|| row.actor_id.map(|id| id.to_string()));
        vec![
            row.id.to_string(),
            row.occurred_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            row.severity.name().to_owned(),
            row.outcome.name().to_owned(),
            row.action.clone(),
            short(who.as_deref(), 50),
            short(row.target_type.as_deref(), 20),
            short(row.target_id.as_deref(), 60),
        ]
    };
    let head = ["ENTRY", "WHEN (UTC)", "SEVERITY", "OUTCOME", "ACTION", "BY", "TARGET", "ID"];
    slice.print(&page, "no entry matches", &head, line)
}

async fn verify(platform: &Platform, head: Option<&Anchor>, as_json: bool) -> Result<(), Failure> {
    let mut snapshot = Tx::begin(platform).await?;
    let verdict = audit::verify(&mut snapshot, head).await?;
    snapshot.rollback().await?;
    if as_json {
        say(json(&verdict)?);
    } else {
        for finding in &verdict.findings {
            say(&finding.said);
        }
        say(format_args!(
            "{} links, {} entries, {} gone by retention, {} without traces of a person, {} not in the chain yet",
            verdict.links, verdict.entries, verdict.purged, verdict.erased, verdict.pending
        ));
        say(format_args!("head {}:{}", verdict.head.seq, verdict.head.hash));
    }
    if verdict.intact { Ok(()) } else { Err(Failure::new(DATA, "the audit log is not as it was written")) }
}

fn word<T: serde::de::DeserializeOwned>(name: &str) -> Result<T, String> {
    serde_json::from_value(name.into()).map_err(|error| error.to_string())
}

fn anchor(text: &str) -> Result<Anchor, String> {
    let parts = text.split_once(':').and_then(|(seq, hash)| Some((seq.parse().ok()?, hash.to_lowercase())));
    let (seq, hash) = parts.ok_or("a head is SEQ:HASH, as `facteur audit verify` prints it")?;
    Ok(Anchor { seq, hash })
}
