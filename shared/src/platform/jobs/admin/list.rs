//! Lists of jobs in their order, and how many there are.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{Connection, FromRow, PgConnection, Postgres, QueryBuilder};
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

/// So many of the newest jobs are looked at first: what is frequent is among them.
const WINDOW: i64 = 5000;

/// Jobs that match, in the order the filter names. 422 for the cursor of a list in another order.
pub async fn list(db: &mut PgConnection, filter: &JobFilter, page: PageRequest) -> Result<Page<JobRow>> {
    let (terms, sort) = (filter.terms()?, filter.sort.unwrap_or_default());
    let rows = match sort.value() {
        None => {
            let walk = Walk { after: page.after, oldest: sort == Sort::Oldest, limit: page.limit + 1 };
            first(db, COLUMNS, &terms, walk).await?
        }
        Some(value) => ordered(db, &terms, sort, value, page).await?,
    };
    Ok(Page::cut_by(rows, page, |row: &JobRow| (row.id.0, sort.of(row))))
}

/// The newest jobs that match, as far as counting goes, in another order than theirs.
async fn ordered(
    db: &mut PgConnection,
    terms: &[Term],
    sort: Sort,
    value: &str,
    page: PageRequest,
) -> Result<Vec<JobRow>> {
    let (beyond, way) = if sort.descends() { ("<", "desc") } else { (">", "asc") };
    let mut q = QueryBuilder::new(format!("select {COLUMNS} from ("));
    Walk { after: None, oldest: false, limit: COUNT_CAP }.ask(&mut q, "*", &Question(terms));
    q.push(") jobs");
    if let Some(id) = page.after {
        let mark = page.mark.ok_or_else(|| Error::field("after", "cursor", "is of a list in another order"))?;
        q.push(format!(" where ({value}, id) {beyond} (")).push_bind(mark).push(", ").push_bind(id).push(")");
    }
    q.push(format!(" order by {value} {way}, id {way} limit ")).push_bind(page.limit + 1);
    Ok(q.build_query_as().persistent(false).fetch_all(db).await?)
}

/// How many match; counting stops at `most`.
pub async fn count(db: &mut PgConnection, terms: &[Term], most: i64) -> Result<i64> {
    Ok(counted(db, terms, most).await?)
}

/// The same, when counting takes no longer than this; none: it would.
pub async fn count_within(db: &mut PgConnection, terms: &[Term], most: i64, bound: Duration) -> Result<Option<i64>> {
    let mut tx = db.begin().await?;
    let bound = sqlx::query("select set_config('statement_timeout', $1, true)").bind(bound.as_millis().to_string());
    bound.execute(&mut *tx).await?;
    match counted(&mut tx, terms, most).await {
        // 57014: query_canceled
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("57014") => Ok(None),
        counted => Ok(Some(counted?)),
    }
}

async fn counted(db: &mut PgConnection, terms: &[Term], most: i64) -> sqlx::Result<i64> {
    let mut q = QueryBuilder::new("select count(*) from (select from jobs where true");
    Question(terms).push(&mut q);
    q.push(" limit ").push_bind(most).push(") x");
    q.build_query_scalar().persistent(false).fetch_one(db).await
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
        if question.looks_inside() {
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

    fn cut(self, q: &mut QueryBuilder<Postgres>, limit: i64) {
        q.push(if self.oldest { " order by id limit " } else { " order by id desc limit " }).push_bind(limit);
    }
}

/// The first rows of a walk that match. What is frequent is found among the first of all jobs; what is rare by an index,
/// and is put in order afterwards: a walk down the primary key would read the whole ledger for it.
async fn first<R: for<'r> FromRow<'r, PgRow> + Send + Unpin>(
    db: &mut PgConnection,
    columns: &str,
    terms: &[Term],
    walk: Walk,
) -> Result<Vec<R>> {
    let question = Question(terms);
    if !question.is_open() && !question.is_narrow() {
        let mut q = QueryBuilder::new(format!("select {columns} from (select * from jobs where "));
        walk.beyond(&mut q);
        walk.cut(&mut q, WINDOW);
        q.push(") jobs where true");
        question.push(&mut q);
        walk.cut(&mut q, walk.limit);
        let rows = q.build_query_as().persistent(false).fetch_all(&mut *db).await?;
        if rows.len() as i64 == walk.limit {
            return Ok(rows);
        }
    }
    let mut q = QueryBuilder::new("");
    walk.ask(&mut q, columns, &question);
    Ok(q.build_query_as().persistent(false).fetch_all(db).await?)
}
