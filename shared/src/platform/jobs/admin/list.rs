//! Lists of jobs in their order, and how many there are.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{Connection, FromRow, PgConnection, Postgres, QueryBuilder, Transaction};
use uuid::Uuid;

use super::grammar::Question;
use super::{JobFilter, Sort, Term};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::kernel::page::{Page, PageRequest};
use crate::platform::jobs::health::COUNT_CAP;

/// A job in a list.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema, FromRow)]
pub struct JobRow {
    /// Its id.
    pub id: JobId,
    /// What it is.
    pub kind: String,
    /// Where it waits.
    pub lane: String,
    /// Where it stands.
    pub state: String,
    /// What an operator knows it by.
    pub key_argument: Option<String>,
    /// Whose work it is.
    pub tenant: Option<String>,
    /// Runs so far that count.
    pub attempt: i32,
    /// Runs that count.
    pub max_attempts: i32,
    /// The last failure.
    pub last_error: Option<String>,
    /// A stable word for it.
    pub error_code: Option<String>,
    /// Enqueued.
    pub created_at: DateTime<Utc>,
    /// Due.
    pub run_at: DateTime<Utc>,
    /// The last start.
    pub started_at: Option<DateTime<Utc>>,
    /// The end.
    pub finished_at: Option<DateTime<Utc>>,
    /// A running job that was asked to stop.
    pub cancel_requested: bool,
}

/// What a [`JobRow`] is made of.
const COLUMNS: &str =
    "id, kind, lane, state, key_argument, tenant, attempt, max_attempts, last_error, error_code, created_at,
    run_at, started_at, finished_at, cancel_requested_at is not null as cancel_requested";

/// So many of the first jobs are looked at first: what is frequent is among them.
pub const WINDOW: i64 = 5000;

/// Jobs that match, in the order the filter names. 422 for the cursor of a list in another order.
pub async fn list(db: &mut PgConnection, filter: &JobFilter, page: PageRequest) -> Result<Page<JobRow>> {
    let asked = Asked::new(filter, page)?;
    let rows = asked.rows(db, false).await?;
    Ok(asked.cut(rows))
}

/// The same, when it takes no longer than this. Otherwise, of a large ledger, what matches among the first [`WINDOW`]
/// jobs, and true.
pub async fn list_within(
    db: &mut PgConnection,
    filter: &JobFilter,
    page: PageRequest,
    bound: Duration,
) -> Result<(Page<JobRow>, bool)> {
    let asked = Asked::new(filter, page)?;
    let mut tx = bounded(db, bound).await?;
    match asked.rows(&mut tx, false).await {
        Err(error) if is_late(&error) => tx.rollback().await?,
        rows => return Ok((asked.cut(rows?), false)),
    }
    let near = is_large(db).await?;
    Ok((asked.cut(asked.rows(db, near).await?), near))
}

/// How many match, when counting takes no longer than this; none: the ledger is large and it would. It stops at `most`.
pub async fn count_within(db: &mut PgConnection, terms: &[Term], most: i64, bound: Duration) -> Result<Option<i64>> {
    let mut tx = bounded(db, bound).await?;
    match counted(&mut tx, terms, most).await {
        Err(error) if is_late(&error) => tx.rollback().await?,
        counted => return Ok(Some(counted?)),
    }
    if is_large(db).await? { Ok(None) } else { Ok(Some(counted(db, terms, most).await?)) }
}

/// Whether there are more than [`WINDOW`] jobs. What takes long with fewer is not the question's fault.
async fn is_large(db: &mut PgConnection) -> sqlx::Result<bool> {
    let seen = sqlx::query_scalar("select count(*) > $1 from (select from jobs limit $1 + 1) x").bind(WINDOW);
    seen.fetch_one(db).await
}

/// No statement in it takes longer than this.
async fn bounded(db: &mut PgConnection, bound: Duration) -> sqlx::Result<Transaction<'_, Postgres>> {
    let mut tx = db.begin().await?;
    let bound = sqlx::query("select set_config('statement_timeout', $1, true)").bind(bound.as_millis().to_string());
    bound.execute(&mut *tx).await?;
    Ok(tx)
}

/// 57014: query_canceled
fn is_late(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("57014"))
}

async fn counted(db: &mut PgConnection, terms: &[Term], most: i64) -> sqlx::Result<i64> {
    let mut q = QueryBuilder::new("select count(*) from (select from jobs where true");
    Question(terms).push(&mut q);
    q.push(" limit ").push_bind(most).push(") x");
    q.build_query_scalar().persistent(false).fetch_one(db).await
}

/// One page of a list that was asked for.
struct Asked {
    terms: Vec<Term>,
    sort: Sort,
    page: PageRequest,
}

impl Asked {
    fn new(filter: &JobFilter, page: PageRequest) -> Result<Self> {
        let (terms, sort) = (filter.terms()?, filter.sort.unwrap_or_default());
        if page.after.is_some() && !sort.made(page.mark) {
            return Err(Error::field("after", "cursor", "is of a list in another order"));
        }
        Ok(Self { terms, sort, page })
    }

    fn cut(&self, rows: Vec<JobRow>) -> Page<JobRow> {
        Page::cut_by(rows, self.page, |row: &JobRow| (row.id.0, self.sort.of(row)))
    }

    /// One more than the page holds; `near`: only among the first jobs.
    async fn rows(&self, db: &mut PgConnection, near: bool) -> sqlx::Result<Vec<JobRow>> {
        let question = Question(&self.terms);
        let Some(value) = self.sort.value() else {
            let (after, oldest) = (self.page.after, self.sort == Sort::Oldest);
            return first(db, &question, Walk { after, oldest, limit: self.page.limit + 1, near }).await;
        };
        let (beyond, way) = if self.sort.descends() { ("<", "desc") } else { (">", "asc") };
        let mut q = QueryBuilder::new(format!("select {COLUMNS} from ("));
        // The newest jobs that match, as far as counting goes.
        Walk { after: None, oldest: false, limit: COUNT_CAP, near }.ask(&mut q, "*", &question);
        q.push(") jobs");
        if let (Some(id), Some(mark)) = (self.page.after, self.page.mark) {
            q.push(format!(" where ({value}, id) {beyond} (")).push_bind(mark.value).push(", ").push_bind(id).push(")");
        }
        q.push(format!(" order by {value} {way}, id {way} limit ")).push_bind(self.page.limit + 1);
        q.build_query_as().persistent(false).fetch_all(db).await
    }
}

/// A walk along the ids.
#[derive(Clone, Copy)]
struct Walk {
    /// Beyond this one; none: from the end.
    after: Option<Uuid>,
    /// From the oldest on.
    oldest: bool,
    /// So many rows.
    limit: i64,
    /// Only among the first of all jobs.
    near: bool,
}

impl Walk {
    /// `id < $1`
    fn beyond(self, q: &mut QueryBuilder<Postgres>) {
        match self.after {
            Some(id) => q.push(if self.oldest { "id > " } else { "id < " }).push_bind(id),
            None => q.push("true"),
        };
    }

    /// The whole question, in order.
    fn ask(self, q: &mut QueryBuilder<Postgres>, columns: &str, question: &Question<'_>) {
        if self.near {
            q.push(format!("select {columns} from (select * from jobs where "));
            self.beyond(q);
            self.cut(q, WINDOW);
            q.push(") jobs where true");
            question.push(q);
            self.cut(q, self.limit);
        } else if question.looks_inside() {
            q.push("with hit as materialized (select id from jobs where ");
            self.beyond(q);
            question.push(q);
            q.push(format!(") select {columns} from jobs where id in (select id from hit"));
            self.cut(q, self.limit);
            q.push(") order by id").push(if self.oldest { "" } else { " desc" });
        } else {
            q.push(format!("select {columns} from jobs where "));
            self.beyond(q);
            question.push(q);
            self.cut(q, self.limit);
        }
    }

    async fn rows(self, db: &mut PgConnection, question: &Question<'_>) -> sqlx::Result<Vec<JobRow>> {
        let mut q = QueryBuilder::new("");
        self.ask(&mut q, COLUMNS, question);
        q.build_query_as().persistent(false).fetch_all(db).await
    }

    fn cut(self, q: &mut QueryBuilder<Postgres>, limit: i64) {
        q.push(if self.oldest { " order by id limit " } else { " order by id desc limit " }).push_bind(limit);
    }
}

/// The first rows of a walk that match. What is frequent is found among the first of all jobs; what is rare by an index,
/// and is put in order afterwards: a walk down the primary key would read the whole ledger for it.
async fn first(db: &mut PgConnection, question: &Question<'_>, walk: Walk) -> sqlx::Result<Vec<JobRow>> {
    if walk.near || !question.is_open() && !question.is_narrow() {
        let rows = Walk { near: true, ..walk }.rows(db, question).await?;
        if walk.near || rows.len() as i64 == walk.limit {
            return Ok(rows);
        }
    }
    walk.rows(db, question).await
}
