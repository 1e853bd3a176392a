//! Reading what was counted, and where each figure leads.

use chrono::{DateTime, Datelike, Duration, Months, NaiveDate, SecondsFormat, TimeZone, Utc};
use chrono_tz::Europe::Paris;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{Figure, Kept, Report, Topic, Unit};
use crate::kernel::Result;
use crate::kernel::money::Currency;

/// The figures of a topic as they were counted last.
pub async fn read(db: &mut PgConnection, topic: Topic) -> Result<Report> {
    let rows = sqlx::query!(
        r#"select period, value as "value: Json<Vec<Kept>>", as_of from stat_snapshots where topic = $1 order by period"#,
        topic.name()
    );
    let rows = rows.fetch_all(db).await?;
    let as_of = rows.iter().map(|row| row.as_of).max();
    let figures = rows.into_iter().flat_map(|row| {
        let month = Some(row.period).filter(|day| day.year() > 1);
        let of = move |kept: Kept| figure(topic, month, row.as_of, kept);
        row.value.0.into_iter().map(of)
    });
    Ok(Report { topic, as_of, figures: figures.collect() })
}

/// What a first page shows: all that is so now, and the last two months of what goes by months.
pub async fn overview(db: &mut PgConnection) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    for topic in Topic::ALL {
        let mut report = read(db, topic).await?;
        let mut months: Vec<NaiveDate> = report.figures.iter().filter_map(|figure| figure.month).collect();
        months.dedup();
        let first = months.iter().rev().nth(1).or(months.first()).copied();
        report.figures.retain(|figure| figure.month >= first);
        reports.push(report);
    }
    Ok(reports)
}

fn figure(topic: Topic, month: Option<NaiveDate>, as_of: DateTime<Utc>, kept: Kept) -> Figure {
    let currency = kept.currency.as_deref().and_then(Currency::from_code);
    let list = match month {
        Some(month) => of_month(topic, &kept, month),
        None => of_now(topic, &kept.name, as_of),
    };
    let unit = if kept.currency.is_some() { Unit::Minor } else { Unit::Count };
    Figure { name: kept.name, month, value: kept.value, unit, currency, list }
}

fn of_month(topic: Topic, kept: &Kept, month: NaiveDate) -> Option<String> {
    let next = month.checked_add_months(Months::new(1))?;
    let last = next.pred_opt()?;
    let (from, until) = (instant(month)?, instant(next)?);
    let issued = format!("/api/v1/admin/invoices?issued=true&from={month}&to={last}");
    match (topic, &*kept.name) {
        (Topic::Revenue, _) => Some(format!("{issued}&currency={}", kept.currency.as_deref()?)),
        (Topic::Monthly, "orders") => Some(format!("/api/v1/admin/orders?placed_since={from}&placed_before={until}")),
        (Topic::Monthly, "activations") => {
            Some(format!("/api/v1/admin/users?activated_since={from}&activated_before={until}"))
        }
        (Topic::Monthly, "credit_notes") => Some(format!("{issued}&kind=credit_note")),
        (Topic::Monthly, "invoices") => Some(format!("{issued}&credit=false")),
        _ => None,
    }
}

fn of_now(topic: Topic, name: &str, as_of: DateTime<Utc>) -> Option<String> {
    let path = match topic {
        Topic::Users => "users",
        Topic::Orders => "orders",
        Topic::Jobs => "jobs",
        Topic::Audit => "audit",
        Topic::Monthly | Topic::Revenue => return None,
    };
    let Some((column, value)) = name.split_once(':') else { return Some(format!("/api/v1/admin/{path}")) };
    let window = match topic {
        Topic::Audit => format!("&since={}&until={}", text(as_of - Duration::days(30)), text(as_of)),
        _ => String::new(),
    };
    Some(format!("/api/v1/admin/{path}?{column}={value}{window}"))
}

/// The first moment of a day in Paris, as it stands in an address.
fn instant(day: NaiveDate) -> Option<String> {
    let midnight = Paris.from_local_datetime(&day.and_hms_opt(0, 0, 0)?).earliest()?;
    Some(text(midnight.with_timezone(&Utc)))
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
