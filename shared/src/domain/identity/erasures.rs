//! Who wants to be forgotten: asked when, due when, how far it has come, what the law kept. The proof that stays.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::domain::identity::users::Status;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{ErasureId, JobId, UserId};
use crate::kernel::page::{Page, PageRequest};

/// What was not erased, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kept {
    /// `invoices`, `invoice_drafts`.
    pub what: String,
    /// How many.
    pub count: i64,
    /// Until the end of this day; none: until it is issued.
    pub until: Option<chrono::NaiveDate>,
    /// The rule that says so.
    pub why: String,
}

/// An erasure.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Erasure {
    /// Its id.
    pub id: ErasureId,
    /// The account; none for guests.
    pub user_id: Option<UserId>,
    /// The address, until it is done.
    pub address: Option<String>,
    /// Who asked; none: at the command line.
    pub requested_by: Option<UserId>,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// The end of the grace: until then it can be called off.
    pub run_at: DateTime<Utc>,
    /// The legal deadline: a month after the request (GDPR, article 12(3)).
    pub due_by: DateTime<Utc>,
    /// Whole days until then, by the database's clock; negative: too late.
    pub days_left: i32,
    /// What is done of it.
    pub steps: Vec<String>,
    /// What was kept, until when, and why.
    pub kept: Vec<Kept>,
    /// The job that does it.
    pub job_id: Option<JobId>,
    /// When it was called off.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// When it was done.
    pub done_at: Option<DateTime<Utc>>,
    /// What the account was before.
    #[serde(skip)]
    pub former_status: Option<Status>,
    /// How far the step under way has read.
    #[serde(skip)]
    pub cursor: Option<uuid::Uuid>,
    /// Stripe's names of them.
    #[serde(skip)]
    pub traces: Vec<String>,
}

impl Erasure {
    /// Whether there is still something to do.
    pub fn is_open(&self) -> bool {
        self.done_at.is_none() && self.cancelled_at.is_none()
    }
}

/// Which erasures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ErasureFilter {
    /// Only those that are still to be done, or only those that are over.
    pub open: Option<bool>,
    /// Of this account.
    pub user_id: Option<UserId>,
}

/// A statement around the columns of an [`Erasure`].
macro_rules! erasure {
    ($db:expr, $head:tt $tail:tt $(, $argument:expr)* $(,)?) => {{
        let rows = sqlx::query!(
            $head + r#" id as "id: ErasureId", user_id as "user_id: UserId", address::text as address,
                        requested_by as "requested_by: UserId", requested_at, run_at, due_by,
                        floor(extract(epoch from due_by - now()) / 86400)::int as "days_left!", steps,
                        kept as "kept: Json<Vec<Kept>>", job_id as "job_id: JobId", cancelled_at, done_at,
                        former_status as "former_status: Status", cursor, traces "# + $tail,
            $($argument),*
        );
        let rows = rows.fetch_all($db).await.map_err(Error::from)?;
        rows.into_iter().map(|row| Erasure {
            id: row.id, user_id: row.user_id, address: row.address, requested_by: row.requested_by,
            requested_at: row.requested_at, run_at: row.run_at, due_by: row.due_by, days_left: row.days_left,
            steps: row.steps, kept: row.kept.0, job_id: row.job_id, cancelled_at: row.cancelled_at,
            done_at: row.done_at, former_status: row.former_status, cursor: row.cursor, traces: row.traces,
        }).collect::<Vec<_>>()
    }};
}

/// An erasure about to be written.
pub struct NewErasure<'a> {
    /// The account; none for guests.
    pub user: Option<UserId>,
    /// What is looked for.
    pub address: Option<&'a str>,
    /// What the account was before.
    pub former_status: Option<Status>,
    /// Who asks.
    pub by: Option<UserId>,
    /// Days during which it can be called off.
    pub grace: i32,
}

/// Writes an erasure. 409 `erasure_open` when one is under way.
pub async fn insert(db: &mut PgConnection, new: NewErasure<'_>) -> Result<Erasure> {
    let id = ErasureId::new();
    let written = sqlx::query!(
        "insert into erasures (id, user_id, address, former_status, requested_by, run_at, due_by)
         values ($1, $2, $3::text::citext, $4, $5, now() + make_interval(days => $6), now() + interval '1 month')",
        id.0,
        new.user.map(|user| user.0),
        new.address,
        new.former_status as Option<Status>,
        new.by.map(|by| by.0),
        new.grace
    );
    written.execute(&mut *db).await.map_err(|error| {
        let error = Error::from(error);
        if error.on_constraint("erasures_of_user") || error.on_constraint("erasures_of_address") {
            return Error::conflict("erasure_open", "an erasure is under way already");
        }
        error
    })?;
    get(db, id).await
}

/// One erasure, or 404.
pub async fn get(db: &mut PgConnection, id: ErasureId) -> Result<Erasure> {
    erasure!(db, "select" "from erasures where id = $1", id.0).pop().ok_or(Error::NotFound("erasure"))
}

/// One erasure, held until the transaction ends: nobody else goes on with it, or calls it off.
pub async fn lock(db: &mut PgConnection, id: ErasureId) -> Result<Erasure> {
    erasure!(db, "select" "from erasures where id = $1 for update", id.0).pop().ok_or(Error::NotFound("erasure"))
}

/// The one of an account that is under way.
pub async fn of_user(db: &mut PgConnection, user: UserId) -> Result<Option<Erasure>> {
    let open = erasure!(
        db,
        "select" "from erasures where user_id = $1 and done_at is null and cancelled_at is null",
        user.0
    );
    Ok(open.into_iter().next())
}

/// Erasures that match, newest first.
pub async fn list(db: &mut PgConnection, filter: &ErasureFilter, page: PageRequest) -> Result<Page<Erasure>> {
    let rows = erasure!(
        db,
        "select" "from erasures
         where ($1::bool is null or $1 = (done_at is null and cancelled_at is null))
           and ($2::uuid is null or user_id = $2) and ($3::uuid is null or id < $3)
         order by id desc limit $4",
        filter.open,
        filter.user_id.map(|user| user.0),
        page.after,
        page.limit + 1
    );
    Ok(Page::cut(rows, page, |row| row.id.0))
}

/// The job that does it.
pub async fn given_to(db: &mut PgConnection, id: ErasureId, job: JobId) -> Result<()> {
    sqlx::query!("update erasures set job_id = $2 where id = $1", id.0, job.0).execute(db).await?;
    Ok(())
}

/// It goes on from here; with a step, that one is done.
pub async fn went_on(
    db: &mut PgConnection,
    id: ErasureId,
    step: Option<&str>,
    cursor: Option<uuid::Uuid>,
) -> Result<()> {
    sqlx::query!(
        "update erasures set cursor = $3, steps = case when $2::text is null then steps else array_append(steps, $2) end
         where id = $1",
        id.0,
        step,
        cursor
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What has to be kept, and how Stripe names them.
pub async fn keeps(db: &mut PgConnection, id: ErasureId, kept: &[Kept], traces: &[String]) -> Result<()> {
    sqlx::query!("update erasures set kept = $2, traces = $3 where id = $1", id.0, Json(kept) as _, traces)
        .execute(db)
        .await?;
    Ok(())
}

/// It is done: what was looked for goes too.
pub async fn finish(db: &mut PgConnection, id: ErasureId) -> Result<()> {
    sqlx::query!("update erasures set done_at = now(), address = null, cursor = null where id = $1", id.0)
        .execute(db)
        .await?;
    Ok(())
}

/// It is called off.
pub async fn cancel(db: &mut PgConnection, id: ErasureId) -> Result<()> {
    sqlx::query!("update erasures set cancelled_at = now(), address = null where id = $1", id.0).execute(db).await?;
    Ok(())
}

/// Those to be done by now whose job has ended without having done it, or is gone.
pub async fn forgotten(db: &mut PgConnection) -> Result<Vec<Erasure>> {
    Ok(erasure!(
        db,
        "select" "from erasures
         where done_at is null and cancelled_at is null and run_at <= now()
           and not exists (select from jobs where jobs.id = job_id and state not in ('succeeded', 'dead', 'cancelled'))
         order by due_by limit 100"
    ))
}

/// Those to be done within so many days, or late.
pub async fn pressing(db: &mut PgConnection, days: i32) -> Result<Vec<Erasure>> {
    Ok(erasure!(
        db,
        "select" "from erasures
         where done_at is null and cancelled_at is null and due_by < now() + make_interval(days => $1)
         order by due_by limit 100",
        days
    ))
}

/// How Stripe names those who were erased in the last half year: its news of them may come late.
pub async fn traces(db: &mut PgConnection) -> Result<Vec<String>> {
    let traces = sqlx::query_scalar!(
        r#"select distinct unnest(traces) as "trace!" from erasures where done_at > now() - interval '180 days'"#
    );
    Ok(traces.fetch_all(db).await?)
}
