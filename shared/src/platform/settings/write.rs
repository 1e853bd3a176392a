//! Settings in an administrator's hands: the list and a change.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

use super::value::{Bounds, Declared, Kind};
use super::{ALL, find};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::platform::tx::Tx;

/// A setting as administrators see it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Known {
    /// Its name.
    pub key: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// The same in French.
    pub doc_fr: &'static str,
    /// What kind of value it takes.
    pub kind: Kind,
    /// The value in force.
    pub value: Value,
    /// What it is when nobody has set it.
    pub default: Value,
    /// The least number.
    pub min: Option<i64>,
    /// The greatest.
    pub max: Option<i64>,
    /// The words it may be.
    pub choices: Vec<&'static str>,
    /// Whether everybody may read it.
    pub public: bool,
    /// Grows with every change; 0: nobody has set it.
    pub version: i32,
    /// The last change.
    pub updated_at: Option<DateTime<Utc>>,
}

struct Row {
    key: String,
    value: Value,
    version: i32,
    updated_at: DateTime<Utc>,
}

impl Known {
    fn of(declared: &'static Declared, row: Option<&Row>) -> Self {
        let (min, max) = match declared.bounds {
            Bounds::Range(min, max) => (Some(min), Some(max)),
            Bounds::Switch | Bounds::OneOf(_) => (None, None),
        };
        let choices = if let Bounds::OneOf(words) = declared.bounds { words.to_vec() } else { Vec::new() };
        let set = row.map(|row| row.value.clone()).filter(|value| declared.check(value).is_ok());
        Self {
            key: declared.key,
            doc: declared.doc,
            doc_fr: declared.doc_fr,
            kind: declared.kind(),
            value: set.unwrap_or_else(|| declared.default.json()),
            default: declared.default.json(),
            min,
            max,
            choices,
            public: declared.public,
            version: row.map_or(0, |row| row.version),
            updated_at: row.map(|row| row.updated_at),
        }
    }
}

/// Every setting, by name.
pub async fn all(db: &mut PgConnection) -> Result<Vec<Known>> {
    let rows = sqlx::query_as!(Row, "select key, value, version, updated_at from settings").fetch_all(db).await?;
    Ok(ALL.into_iter().map(|one| Known::of(one, rows.iter().find(|row| row.key == one.key))).collect())
}

/// What everybody may read, by name.
pub async fn public(db: &mut PgConnection) -> Result<BTreeMap<&'static str, Value>> {
    Ok(all(db).await?.into_iter().filter(|one| one.public).map(|one| (one.key, one.value)).collect())
}

/// Changes one setting on behalf of the transaction's actor; none: back to the default. Returns it before and after.
/// 404 for a name that is not declared, 422 for a value out of bounds, 409 when `seen` is not the version in force.
pub async fn set(tx: &mut Tx, key: &str, value: Option<&Value>, seen: Option<i32>) -> Result<(Known, Known)> {
    let declared = find(key).ok_or(Error::NotFound("setting"))?;
    value.map_or(Ok(()), |value| declared.check(value))?;
    // A first change has no row to hold: the name is held.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('setting ' || $1, 0))", key)
        .fetch_one(&mut **tx)
        .await?;
    let row = sqlx::query_as!(Row, "select key, value, version, updated_at from settings where key = $1", key);
    let before = Known::of(declared, row.fetch_optional(&mut **tx).await?.as_ref());
    if seen.is_some_and(|seen| seen != before.version) {
        return Err(Error::conflict("setting_changed", "somebody else has changed this setting meanwhile"));
    }
    let written = sqlx::query_as!(
        Row,
        "insert into settings (key, value, is_public, updated_by) values ($1, $2, $3, $4)
         on conflict (key) do update set value = excluded.value, is_public = excluded.is_public,
             updated_by = excluded.updated_by, updated_at = now(), version = settings.version + 1
         returning key, value, version, updated_at",
        key,
        value.cloned().unwrap_or_else(|| declared.default.json()),
        declared.public,
        tx.origin.actor.map(|actor| actor.0)
    );
    let after = Known::of(declared, Some(&written.fetch_one(&mut **tx).await?));
    Ok((before, after))
}
