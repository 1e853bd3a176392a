//! `facteur exports`: lists and figures as files, asked for on somebody's behalf.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value};
use shared::domain::exports::{self, Export, ExportFilter, ExportFormat, ExportKind, Scope};
use shared::domain::identity::users;
use shared::flows::export_requested::{self, Dropped};
use shared::kernel::Error;
use shared::kernel::ids::ExportId;
use shared::platform::Platform;

use super::exit::{DATA, Failure, USAGE};
use super::pages::Slice;
use super::text::{json, moment, plain, relative};
use super::{begin, open, say};
use crate::exports::{Wish, typed};

/// What can be done with exports.
#[derive(Subcommand)]
pub enum Command {
    /// List exports, newest first
    Ls(Slice),
    /// Ask for an export on behalf of somebody, whose rights count and who alone fetches it
    #[command(after_help = "\
Examples:
  facteur exports run orders --as ada@example.org --format xlsx --filter status=paid
  facteur exports run personal_data --as ada@example.org --of bob@example.org --format zip")]
    Run(Run),
    /// Show one export
    Show {
        /// Its id
        id: ExportId,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Cancel an export while it is made, or take its file away
    Cancel {
        /// Its id
        id: ExportId,
    },
}

/// `exports run`.
#[derive(Args)]
pub struct Run {
    /// Of what
    kind: Kind,
    /// The address of who asks
    #[arg(long = "as", value_name = "EMAIL")]
    by: String,
    /// As which kind of file
    #[arg(long, default_value = "csv")]
    format: Format,
    /// Narrows as the list of the same rows does; may be said more than once
    #[arg(long = "filter", value_name = "NAME=VALUE")]
    filters: Vec<String>,
    /// Which columns, with commas between
    #[arg(long, value_delimiter = ',')]
    columns: Vec<String>,
    /// CSV as a French Excel reads it
    #[arg(long)]
    excel: bool,
    /// The address of the person whose data it is
    #[arg(long, value_name = "EMAIL")]
    of: Option<String>,
}

/// The kinds, as one types them.
#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Kind {
    PersonalData,
    AuditLog,
    Orders,
    Invoices,
    Users,
    Report,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    Json,
    Xlsx,
    Zip,
}

/// Does it.
pub async fn run(command: Command) -> Result<(), Failure> {
    let platform = open().await?;
    match command {
        Command::Ls(slice) => list(&platform, &slice).await,
        Command::Run(args) => ask(&platform, args).await,
        Command::Show { id, json } => show(&platform, id, json).await,
        Command::Cancel { id } => cancel(&platform, id).await,
    }
}

async fn list(platform: &Platform, slice: &Slice) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let page = exports::list(&mut db, Scope::All, &ExportFilter::default(), slice.request()?).await?;
    let now = platform.clock.now();
    let line = |export: &Export| {
        vec![
            export.id.to_string(),
            export.kind.name().to_owned(),
            export.format.name().to_owned(),
            export.status.name().to_owned(),
            rows(export),
            relative(now, export.created_at),
        ]
    };
    slice.print(&page, "no export", &["ID", "KIND", "FORMAT", "STATUS", "ROWS", "ASKED FOR"], line)
}

async fn ask(platform: &Platform, args: Run) -> Result<(), Failure> {
    let mut tx = begin(platform).await?;
    let unknown = |email: &str| Failure::new(DATA, format!("nobody has the address {email}"));
    let by = users::find_by_email(&mut tx, &args.by).await?.ok_or_else(|| unknown(&args.by))?;
    let subject = match &args.of {
        Some(email) => Some(users::find_by_email(&mut tx, email).await?.ok_or_else(|| unknown(email))?.id),
        None => None,
    };
    let mut filters = Map::new();
    for filter in &args.filters {
        let wrong = || Failure::new(USAGE, format!("--filter {filter}: say NAME=VALUE"));
        let (name, value) = filter.split_once('=').ok_or_else(wrong)?;
        filters.insert(name.to_owned(), typed(value.to_owned()));
    }
    let wish = Wish {
        kind: args.kind.into(),
        format: args.format.into(),
        filters: Some(Value::Object(filters)),
        columns: Some(args.columns),
        excel: Some(args.excel),
        locale: None,
        subject_user_id: subject,
        password: None,
    };
    let export = export_requested::request(&mut tx, by.id, wish.checked(&by.locale)?).await?;
    tx.commit().await?;
    say(format_args!("{} is being made: facteur exports show {}", export.kind.name(), export.id));
    Ok(())
}

async fn show(platform: &Platform, id: ExportId, as_json: bool) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let export = exports::get(&mut db, Scope::All, id).await?;
    if as_json {
        say(json(&export)?);
        return Ok(());
    }
    let now = platform.clock.now();
    let time = |time: Option<DateTime<Utc>>| time.map(|time| moment(now, time));
    let facts = [
        ("id", Some(export.id.to_string())),
        ("kind", Some(export.kind.name().to_owned())),
        ("format", Some(export.format.name().to_owned())),
        ("status", Some(export.status.name().to_owned())),
        ("rows", Some(rows(&export))),
        ("filters", Some(export.filters.to_string())),
        ("by", Some(export.requested_by.to_string())),
        ("of", export.subject_user_id.map(|user| user.to_string())),
        ("job", Some(export.job_id.to_string())),
        ("asked for", time(Some(export.created_at))),
        ("ended", time(export.finished_at)),
        ("bytes", export.size.map(|size| size.to_string())),
        ("sha256", export.sha256.clone()),
        ("fetched", (export.downloads > 0).then(|| format!("{} times", export.downloads))),
        ("expires", time(export.expires_at)),
        ("error", export.error.clone()),
    ];
    for (name, value) in facts.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        say(format_args!("{name:<10} {}", plain(&value)));
    }
    Ok(())
}

async fn cancel(platform: &Platform, id: ExportId) -> Result<(), Failure> {
    let mut tx = begin(platform).await?;
    let dropped = export_requested::drop(&mut tx, Scope::All, id).await?;
    tx.commit().await?;
    match dropped {
        Dropped::Cancelled => {
            platform.files.discard_parts(&export_requested::folder(id)).await;
            say("cancelled");
        }
        Dropped::Revoked => say("its file is gone"),
    }
    Ok(())
}

/// `12000 of 1000000`
fn rows(export: &Export) -> String {
    match export.rows_total {
        Some(total) if total != export.rows_done => format!("{} of {total}", export.rows_done),
        _ => export.rows_done.to_string(),
    }
}

impl From<Kind> for ExportKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::PersonalData => Self::PersonalData,
            Kind::AuditLog => Self::AuditLog,
            Kind::Orders => Self::Orders,
            Kind::Invoices => Self::Invoices,
            Kind::Users => Self::Users,
            Kind::Report => Self::Report,
        }
    }
}

impl From<Format> for ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::Json => Self::Json,
            Format::Xlsx => Self::Xlsx,
            Format::Zip => Self::Zip,
        }
    }
}
