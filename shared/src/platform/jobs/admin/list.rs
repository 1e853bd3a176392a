//! Lists of jobs, newest first, and how many there are.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::grammar::Question;
use super::{JobFilter, Term};
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::kernel::page::{Page, PageRequest};

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

/// So many of the newest jobs are looked at first: what is frequent is among them.
const WINDOW: i64 = 5000;

/// Jobs that match, newest first.
pub async fn list(db: &mut PgConnection, filter: &JobFilter, page: PageRequest) -> Result<Page<JobRow>> {
    let rows = newest(db, COLUMNS, &filter.terms()?, page.after, page.limit + 1).await?;
    Ok(Page::cut(rows, page, |row: &JobRow| row.id.0))
}

/// How many match; counting stops at `most`.
pub async fn count(db: &mut PgConnection, terms: &[Term], most: i64) -> Result<i64> {
    let mut q = QueryBuilder::new("select count(*) from (select from jobs where true");
    Question(terms).push(&mut q);
    q.push(" limit ").push_bind(most).push(") x");
    Ok(q.build_query_scalar().persistent(false).fetch_one(db).await?)
}

/// The newest rows that match. What is frequent is found among the newest jobs; what is rare by an index, and is put in
/// order afterwards: a walk down the primary key would read the whole ledger for it.
async fn newest<R: for<'r> FromRow<'r, PgRow> + Send + Unpin>(
    db: &mut PgConnection,
    columns: &str,
    terms: &[Term],
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<R>> {
    let question = Question(terms);
    if !question.is_open() && !question.is_narrow() {
        let mut q = QueryBuilder::new(format!("select {columns} from (select * from jobs where "));
        before(&mut q, after);
        q.push(" order by id desc limit ").push_bind(WINDOW).push(") jobs where true");
        question.push(&mut q);
        q.push(" order by id desc limit ").push_bind(limit);
        let rows = q.build_query_as().persistent(false).fetch_all(&mut *db).await?;
        if rows.len() as i64 == limit {
            return Ok(rows);
        }
    }
    let mut q = QueryBuilder::<Postgres>::new("");
    if question.looks_inside() {
        q.push("with hit as materialized (select id from jobs where ");
        before(&mut q, after);
        question.push(&mut q);
        q.push(format!(") select {columns} from jobs where id in (select id from hit order by id desc limit "));
        q.push_bind(limit).push(") order by id desc");
    } else {
        q.push(format!("select {columns} from jobs where "));
        before(&mut q, after);
        question.push(&mut q);
        q.push(" order by id desc limit ").push_bind(limit);
    }
    Ok(q.build_query_as().persistent(false).fetch_all(db).await?)
}

fn before(q: &mut QueryBuilder<Postgres>, after: Option<Uuid>) {
    match after {
        Some(id) => q.push("id < ").push_bind(id),
        None => q.push("true"),
    };
}
