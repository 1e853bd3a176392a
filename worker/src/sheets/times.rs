//! Days, moments and uuids as digits, without the detour through a formatter: there may be ten of them in a row, and a
//! million rows.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use shared::kernel::money::Money;
use uuid::Uuid;

/// `2026-11-22`.
pub fn day(out: &mut Vec<u8>, day: NaiveDate) {
    let year = day.year().clamp(0, 9999) as u32;
    two(out, year / 100);
    two(out, year % 100);
    out.push(b'-');
    two(out, day.month());
    out.push(b'-');
    two(out, day.day());
}

/// `2026-11-22T09:30:00Z`, with milliseconds where there are any.
pub fn moment(out: &mut Vec<u8>, at: DateTime<Utc>) {
    plain(out, at, b'T');
    let thousandths = at.timestamp_subsec_millis().min(999);
    if thousandths > 0 {
        out.extend([b'.', b'0' + (thousandths / 100) as u8]);
        two(out, thousandths % 100);
    }
    out.push(b'Z');
}

/// `2026-11-22 09:30:00`, as a spreadsheet reads it.
pub fn plain(out: &mut Vec<u8>, at: DateTime<Utc>, between: u8) {
    let at = at.naive_utc();
    day(out, at.date());
    out.push(between);
    two(out, at.hour());
    out.push(b':');
    two(out, at.minute());
    out.push(b':');
    two(out, at.second());
}

fn two(out: &mut Vec<u8>, number: u32) {
    out.extend([b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]);
}

/// With its hyphens.
pub fn id(out: &mut Vec<u8>, id: Uuid) {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    out.extend_from_slice(id.hyphenated().encode_lower(&mut text).as_bytes());
}

/// A whole number.
pub fn whole(out: &mut Vec<u8>, number: i64) {
    let mut digits = [0; 20];
    let (mut at, mut left) = (digits.len(), number.unsigned_abs());
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Days since 30 December 1899, from which spreadsheets count, the time of day as a fraction.
pub fn serial(at: DateTime<Utc>) -> f64 {
    let midnight = at.date_naive();
    days(midnight) as f64 + f64::from(at.num_seconds_from_midnight()) / 86_400.0
}

/// The same for a day.
pub fn days(day: NaiveDate) -> i64 {
    const FIRST: NaiveDate = NaiveDate::from_ymd_opt(1899, 12, 30).expect("a day");
    (day - FIRST).num_days()
}

/// An amount as a decimal number of the major unit, with this point: `-12.50`, `500`.
pub fn amount(out: &mut Vec<u8>, money: Money, point: u8) {
    let decimals = money.currency.decimals() as usize;
    if money.amount < 0 {
        out.push(b'-');
    }
    let mut digits = [b'0'; 24];
    let (mut at, mut left) = (digits.len(), money.amount.unsigned_abs());
    while left > 0 || digits.len() - at <= decimals {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    out.extend_from_slice(&digits[at..]);
    if decimals > 0 {
        out.insert(out.len() - decimals, point);
    }
}
