//! `facteur user …` for accounts that are there: found, looked at, given a role, suspended, signed out, forgotten.
//! Whoever sits at this terminal holds every right; one active administrator is left all the same.

use clap::{Args, Subcommand};
use shared::domain::identity::directory::{self, UserFilter};
use shared::domain::identity::erasures::{self, ErasureFilter};
use shared::domain::identity::permissions::{self, Authority};
use shared::domain::identity::users::{self, Status, User};
use shared::flows::{erasure_requested, user_managed};
use shared::kernel::Error;
use shared::kernel::ids::UserId;
use shared::kernel::page::{MAX_LIMIT, PageRequest};
use shared::platform::Platform;
use shared::platform::tx::Tx;

use super::exit::{DATA, Failure};
use super::text::{json, moment, plain, relative, short, table};
use super::{begin, say};

/// What can be done with an account.
#[derive(Subcommand)]
pub enum Command {
    /// List accounts, newest first (200 at most)
    #[command(after_help = "Example:\n  facteur user ls --role admin --json")]
    Ls(Ls),
    /// Show one account: what it may do and why, its sessions, its deletion
    Show {
        /// Its address or id
        who: String,
    },
    /// Give another role, in force at the next request
    Role {
        /// Its address or id
        who: String,
        /// The role's code
        role: String,
        /// Kept in the audit log
        #[arg(long)]
        reason: Option<String>,
    },
    /// Suspend an account: its sessions end at once, its owner is told why
    Suspend {
        /// Its address or id
        who: String,
        /// Its owner reads it
        #[arg(long)]
        reason: String,
    },
    /// Open a suspended account again
    Open {
        /// Its address or id
        who: String,
        /// Its owner reads it
        #[arg(long)]
        reason: String,
    },
    /// End all sessions of an account at once
    SignOut {
        /// Its address or id
        who: String,
    },
    /// Forget a person: an account, or the guests of an address without one
    ///
    /// Everything of theirs goes; issued invoices stay as long as the law says.
    Forget {
        /// The address, or the account's id
        who: String,
        /// Kept in the audit log
        #[arg(long)]
        reason: Option<String>,
        /// Without asking
        #[arg(long)]
        yes: bool,
    },
    /// Call a deletion off, within its grace
    Keep {
        /// The account's id or address
        who: String,
    },
    /// List erasures under way, with the days that are left by law
    Erasures {
        /// Those that are over too
        #[arg(long)]
        all: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// `user ls`.
#[derive(Args)]
pub struct Ls {
    /// Part of a name, of the address or of the user name
    #[arg(long)]
    q: Option<String>,
    /// With this role
    #[arg(long)]
    role: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Does it.
pub async fn run(platform: &Platform, command: Command) -> Result<(), Failure> {
    let by = Authority::operator();
    match command {
        Command::Ls(args) => list(platform, args).await,
        Command::Show { who } => show(platform, &who).await,
        Command::Erasures { all, json } => pending(platform, all, json).await,
        Command::Role { who, role, reason } => {
            let (mut tx, user) = find(platform, &who).await?;
            let user = user_managed::set_role(&mut tx, &by, user.id, &role, reason.as_deref()).await?;
            done(tx, &who, &format!("has the role {}", user.role)).await
        }
        Command::Suspend { who, reason } => {
            let (mut tx, user) = find(platform, &who).await?;
            user_managed::set_status(&mut tx, &by, user.id, Status::Suspended, &reason).await?;
            done(tx, &who, "is suspended").await
        }
        Command::Open { who, reason } => {
            let (mut tx, user) = find(platform, &who).await?;
            user_managed::set_status(&mut tx, &by, user.id, Status::Active, &reason).await?;
            done(tx, &who, "is open again").await
        }
        Command::SignOut { who } => {
            let (mut tx, user) = find(platform, &who).await?;
            let ended = user_managed::sign_out(&mut tx, &by, user.id, None).await?;
            done(tx, &who, &format!("is signed out of {ended} sessions")).await
        }
        Command::Forget { who, reason, yes } => forget(platform, &who, reason.as_deref(), yes).await,
        Command::Keep { who } => {
            let (mut tx, user) = find(platform, &who).await?;
            erasure_requested::call_off(&mut tx, &by, user.id).await?;
            done(tx, &who, "is kept").await
        }
    }
}

async fn done(tx: Tx, who: &str, what: &str) -> Result<(), Failure> {
    tx.commit().await?;
    say(format_args!("{who} {what}"));
    Ok(())
}

/// The account of this id or address.
async fn known(tx: &mut Tx, who: &str) -> Result<Option<User>, Failure> {
    Ok(match who.parse::<UserId>() {
        Ok(id) => users::find(tx, id).await?,
        Err(_) => users::find_by_email(tx, who).await?,
    })
}

async fn find(platform: &Platform, who: &str) -> Result<(Tx, User), Failure> {
    let mut tx = begin(platform).await?;
    let user = known(&mut tx, who).await?;
    Ok((tx, user.ok_or_else(|| Failure::new(DATA, format!("{who} has no account")))?))
}

async fn forget(platform: &Platform, who: &str, reason: Option<&str>, yes: bool) -> Result<(), Failure> {
    let mut tx = begin(platform).await?;
    let account = known(&mut tx, who).await?;
    if !yes && !super::text::confirmed(&format!("Forget {who} for good?"))? {
        return Ok(());
    }
    let by = Authority::operator();
    let erasure = match account {
        Some(user) => erasure_requested::of_user(&mut tx, &by, user.id, reason).await?,
        None => erasure_requested::of_guests(&mut tx, &by, who, reason).await?,
    };
    done(tx, who, &format!("will be forgotten by {}", erasure.due_by.date_naive())).await
}

async fn list(platform: &Platform, args: Ls) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let filter = UserFilter { q: args.q, role: args.role, ..UserFilter::default() };
    let page = directory::list(&mut db, &filter, PageRequest { limit: MAX_LIMIT, ..PageRequest::default() }).await?;
    if args.json {
        say(json(&page.rows)?);
        return Ok(());
    }
    let now = platform.clock.now();
    let line = |user: &User| {
        let name = format!("{} {}", user.first_name, user.last_name);
        let status = serde_json::to_value(user.status).ok().and_then(|word| word.as_str().map(str::to_owned));
        let made = relative(now, user.created_at);
        vec![
            user.id.to_string(),
            short(user.email.as_deref(), 60),
            name,
            user.role.clone(),
            status.unwrap_or_default(),
            made,
        ]
    };
    let head = ["ID", "E-MAIL", "NAME", "ROLE", "STATUS", "CREATED"];
    say(table(&head, &page.rows.iter().map(line).collect::<Vec<_>>()));
    Ok(())
}

async fn show(platform: &Platform, who: &str) -> Result<(), Failure> {
    let (mut tx, user) = find(platform, who).await?;
    let held = permissions::held(&mut tx, user.id).await?;
    let sessions = directory::sessions(&mut tx, user.id).await?;
    let erasure = erasures::of_user(&mut tx, user.id).await?;
    let now = platform.clock.now();
    let dash = || "-".to_owned();
    for (name, value) in [
        ("id", user.id.to_string()),
        ("e-mail", user.email.clone().unwrap_or_else(dash)),
        ("name", format!("{} {}", user.first_name, user.last_name)),
        ("role", user.role.clone()),
        ("status", format!("{:?}", user.status)),
        ("created", moment(now, user.created_at)),
        ("sessions", sessions.len().to_string()),
        (
            "deletion",
            erasure.map_or_else(dash, |one| format!("due by {}, {} days left", one.due_by.date_naive(), one.days_left)),
        ),
    ] {
        say(format_args!("{name:<10} {}", plain(&value)));
    }
    for one in held {
        say(format_args!("{:<10} {} ({} {})", "may", one.permission, one.source, plain(&one.name)));
    }
    Ok(())
}

async fn pending(platform: &Platform, all: bool, as_json: bool) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let filter = ErasureFilter { open: (!all).then_some(true), user_id: None };
    let page = erasures::list(&mut db, &filter, PageRequest { limit: MAX_LIMIT, ..PageRequest::default() }).await?;
    if as_json {
        say(json(&page.rows)?);
        return Ok(());
    }
    let line = |one: &erasures::Erasure| {
        let state = match (one.done_at, one.cancelled_at) {
            (Some(_), _) => "done",
            (_, Some(_)) => "called off",
            _ => "under way",
        };
        let (due, left) = (one.due_by.date_naive().to_string(), one.days_left.to_string());
        vec![one.id.to_string(), short(one.address.as_deref(), 60), state.to_owned(), due, left]
    };
    say(table(&["ID", "WHO", "STATE", "DUE BY", "DAYS LEFT"], &page.rows.iter().map(line).collect::<Vec<_>>()));
    Ok(())
}
