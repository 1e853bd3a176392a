//! Numbers without a gap (CGI, annexe II, art. 242 nonies A, I, 7°).
//!
//! A number is drawn in the transaction that issues. Its series is locked from then to the commit, so that issuers of one
//! series take turns; a rollback gives the number back. Draw late: others wait. A sequence would be quicker, and leave gaps.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Europe::Paris;
use sqlx::PgConnection;

use crate::kernel::Result;

/// The day that this moment is in Paris.
pub fn day_in_paris(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&Paris).date_naive()
}

/// A number and the day it was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// `F-2026-000001`
    pub number: String,
    /// In Paris, by the database's clock. Never before that of a smaller number of the series.
    pub date: NaiveDate,
}

/// Draws the next number of a series, by its code (`F`), for this year in Paris. Others who want one wait until this
/// transaction ends.
pub async fn draw(db: &mut PgConnection, code: &str) -> Result<Drawn> {
    // `returning` is computed once the row is ours, so that days grow with numbers; whoever waited past New Year's Eve
    // draws the last number of the old year, on its last day.
    let row = sqlx::query!(
        r#"insert into invoice_series (code, year, last_number)
           select $1, extract(year from clock_timestamp() at time zone 'Europe/Paris')::int, 1
           on conflict (code, year) do update set last_number = invoice_series.last_number + 1
           returning year, last_number,
                     least((clock_timestamp() at time zone 'Europe/Paris')::date, make_date(year, 12, 31)) as "day!""#,
        code
    )
    .fetch_one(db)
    .await?;
    Ok(Drawn { number: format!("{code}-{}-{:06}", row.year, row.last_number), date: row.day })
}

/// Today in Paris, by the database's clock.
pub async fn today(db: &mut PgConnection) -> Result<NaiveDate> {
    let day = sqlx::query_scalar!(r#"select (clock_timestamp() at time zone 'Europe/Paris')::date as "day!""#);
    Ok(day.fetch_one(db).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_in_paris() {
        let day = |at: &str| day_in_paris(at.parse().expect("a time")).to_string();
        assert_eq!(day("2026-12-31T22:59:59Z"), "2026-12-31");
        assert_eq!(day("2026-12-31T23:00:00Z"), "2027-01-01");
        assert_eq!(day("2026-06-30T22:00:00Z"), "2026-07-01");
    }
}
