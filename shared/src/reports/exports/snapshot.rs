//! The database as it was at one moment, read page by page.
//!
//! A transaction of repeatable read sees one moment however long it reads, and meanwhile keeps vacuum from forgetting what
//! came after: so it is ended as soon as the last row is read, and before the parts are joined.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Postgres, Transaction};

use super::Selection;
use crate::kernel::Result;
use crate::platform::Platform;

/// Rows on their way.
pub type Rows<'s> = BoxStream<'s, sqlx::Result<PgRow>>;

/// A statement that waits for a slow store takes longer than other statements may; PostgreSQL plans each page for its
/// own filters, so that those which are absent cost nothing.
const SETTINGS: &str = "set local statement_timeout = '5min'; set local idle_in_transaction_session_timeout = '2min';
    set local plan_cache_mode = force_custom_plan; set local timezone = 'UTC'; set local datestyle = 'ISO'";

/// One moment. Dropped: it is over.
pub struct Snapshot(Transaction<'static, Postgres>);

impl Snapshot {
    /// Now.
    pub async fn take(platform: &Platform) -> Result<Self> {
        let mut tx = platform.db.begin_with("begin isolation level repeatable read, read only").await?;
        sqlx::raw_sql(SETTINGS).execute(&mut *tx).await?;
        Ok(Self(tx))
    }

    /// How many rows there are.
    pub async fn count(&mut self, of: &Selection, filters: &Value) -> Result<i64> {
        let count = sqlx::query_scalar(AssertSqlSafe(of.count.clone())).bind(filters);
        Ok(count.fetch_one(&mut *self.0).await?)
    }

    /// The rows after this key, in order, at most so many.
    pub fn page<'s>(&'s mut self, of: &Selection, filters: &'s Value, after: String, limit: i64) -> Rows<'s> {
        let select = sqlx::query(AssertSqlSafe(of.select.clone())).bind(filters).bind(after).bind(limit);
        select.fetch(&mut *self.0).boxed()
    }

    /// Ends it at once.
    pub async fn end(self) -> Result<()> {
        Ok(self.0.rollback().await?)
    }
}
