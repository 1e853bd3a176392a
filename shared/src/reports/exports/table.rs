//! Tables, their columns, and cells that know what they are.

use std::fmt::Write;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::money::{Currency, Money};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Words.
    Text,
    /// A uuid.
    Id,
    /// A bigint.
    Integer,
    /// A decimal number, as text.
    Number,
    /// Minor units, of the currency that this expression gives.
    Money(&'static str),
    /// A day.
    Date,
    /// A moment.
    Time,
    /// Yes or no.
    Bool,
    /// JSON, as text.
    Json,
}

/// A column.
#[derive(Debug)]
pub struct Column {
    /// As programs know it.
    pub name: &'static str,
    /// What it holds.
    pub of: Type,
    /// Its expression.
    pub sql: &'static str,
    /// Its heading in French.
    pub fr: &'static str,
    /// And in English.
    pub en: &'static str,
}

/// A column, in one line.
pub const fn column(name: &'static str, of: Type, sql: &'static str, fr: &'static str, en: &'static str) -> Column {
    Column { name, of, sql, fr, en }
}

/// By what a table is read in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A uuid.
    Id,
    /// A bigint.
    Integer,
    /// Text, in the order of its bytes.
    Text,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// As programs know it.
    pub name: &'static str,
    /// For people: French and English, at most 31 characters (a sheet's name has no more).
    pub title: [&'static str; 2],
    /// Where its rows come from, `where` included.
    pub from: &'static str,
    /// The expression by which it is read in order: unique, never null.
    pub key: &'static str,
    /// Its type.
    pub by: Key,
    /// Its columns.
    pub columns: &'static [Column],
}

/// Some columns of a table, and the statements that read them.
#[derive(Debug)]
pub struct Selection {
    /// The table.
    pub table: &'static Table,
    /// The columns, in the order wanted.
    pub columns: Vec<&'static Column>,
    /// Counts its rows.
    pub(super) count: String,
    /// Reads a page of them.
    pub(super) select: String,
}

/// A value with its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'r> {
    /// Nothing.
    Empty,
    /// Words.
    Text(&'r str),
    /// A uuid.
    Id(Uuid),
    /// A whole number.
    Integer(i64),
    /// A decimal number, as PostgreSQL writes it: `20.00`.
    Number(&'r str),
    /// An amount.
    Money(Money),
    /// A day.
    Date(NaiveDate),
    /// A moment.
    Time(DateTime<Utc>),
    /// Yes or no.
    Bool(bool),
    /// JSON.
    Json(&'r str),
}

impl Table {
    /// The columns of these names in this order; all of them when none is named. 422 names what is not there.
    pub fn select(&'static self, names: &[String]) -> Result<Selection> {
        let mut columns: Vec<&Column> = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let found = self.columns.iter().find(|column| column.name == name);
            let unknown = || {
                let all: Vec<_> = self.columns.iter().map(|column| column.name).collect();
                let text = format!("there is no column `{name}`; the columns are {}", all.join(", "));
                Error::field(&format!("columns[{place}]"), "choice", text)
            };
            columns.push(found.ok_or_else(unknown)?);
        }
        if columns.is_empty() {
            columns = self.columns.iter().collect();
        }
        let Self { from, key, .. } = self;
        let mut select = format!("select {key}");
        for column in &columns {
            let _ = write!(select, ", {}", column.sql);
            if let Type::Money(currency) = column.of {
                let _ = write!(select, ", {currency}");
            }
        }
        let (ordered, after) = match self.by {
            Key::Id => (format!("({key})"), "$2::text::uuid"),
            Key::Integer => (format!("({key})"), "$2::text::bigint"),
            Key::Text => (format!("({key}) collate \"C\""), "$2::text"),
        };
        let _ = write!(select, " from {from} and {ordered} > {after} order by {ordered} limit $3");
        Ok(Selection { table: self, columns, count: format!("select count(*) from {from}"), select })
    }
}

impl Selection {
    /// Before the first key.
    pub fn start(&self) -> String {
        match self.table.by {
            Key::Id => Uuid::nil().to_string(),
            Key::Integer => i64::MIN.to_string(),
            Key::Text => String::new(),
        }
    }

    /// The key of a row.
    pub fn key(&self, row: &PgRow) -> Result<String> {
        Ok(match self.table.by {
            Key::Id => row.try_get_unchecked::<Uuid, _>(0)?.to_string(),
            Key::Integer => row.try_get_unchecked::<i64, _>(0)?.to_string(),
            Key::Text => row.try_get_unchecked::<String, _>(0)?,
        })
    }

    /// Hands over the cells of a row, first to last.
    pub fn read<'r>(&self, row: &'r PgRow, mut take: impl FnMut(Cell<'r>)) -> Result<()> {
        let mut at = 0;
        for column in &self.columns {
            at += 1;
            let cell = match column.of {
                Type::Text => row.try_get_unchecked::<Option<&str>, _>(at)?.map(Cell::Text),
                Type::Number => row.try_get_unchecked::<Option<&str>, _>(at)?.map(Cell::Number),
                Type::Json => row.try_get_unchecked::<Option<&str>, _>(at)?.map(Cell::Json),
                Type::Id => row.try_get_unchecked::<Option<Uuid>, _>(at)?.map(Cell::Id),
                Type::Integer => row.try_get_unchecked::<Option<i64>, _>(at)?.map(Cell::Integer),
                Type::Date => row.try_get_unchecked::<Option<NaiveDate>, _>(at)?.map(Cell::Date),
                Type::Time => row.try_get_unchecked::<Option<DateTime<Utc>>, _>(at)?.map(Cell::Time),
                Type::Bool => row.try_get_unchecked::<Option<bool>, _>(at)?.map(Cell::Bool),
                Type::Money(_) => {
                    let minor = row.try_get_unchecked::<Option<i64>, _>(at)?;
                    at += 1;
                    money(minor, row.try_get_unchecked::<Option<&str>, _>(at)?)?
                }
            };
            take(cell.unwrap_or(Cell::Empty));
        }
        Ok(())
    }
}

fn money<'r>(minor: Option<i64>, currency: Option<&str>) -> Result<Option<Cell<'r>>> {
    let (Some(minor), Some(code)) = (minor, currency) else { return Ok(None) };
    if code == Currency::EUR.code() {
        return Ok(Some(Cell::Money(Money::new(minor, Currency::EUR)))); // nearly always, and a list is long to look through
    }
    let currency = Currency::from_code(code).ok_or_else(|| Error::internal(format_args!("{code} is no currency")))?;
    Ok(Some(Cell::Money(Money::new(minor, currency))))
}
