//! The type of a setting: what it may be, and how it is read.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use sqlx::PgConnection;

use crate::kernel::Error;
use crate::kernel::Result;

/// A value as it is written in a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// On or off.
    Switch(bool),
    /// A whole number.
    Number(i64),
    /// A word.
    Word(&'static str),
}

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// On or off.
    Switch,
    /// From one number to another, both included.
    Range(i64, i64),
    /// One of these.
    OneOf(&'static [&'static str]),
}

/// What kind of value a setting takes, for those who show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number within bounds.
    Number,
    /// One of some words.
    Choice,
}

/// A setting without its type: what administrators see.
#[derive(Debug)]
pub struct Declared {
    /// Its name.
    pub key: &'static str,
    /// What it is when nobody has set it.
    pub default: Value,
    /// What it may be.
    pub bounds: Bounds,
    /// Whether everybody may read it.
    pub public: bool,
    /// What it does.
    pub doc: &'static str,
    /// The same in French.
    pub doc_fr: &'static str,
}

/// A setting whose value is a `T`.
#[derive(Debug)]
pub struct Setting<T>(pub(super) &'static Declared, PhantomData<T>);

impl<T: DeserializeOwned> Setting<T> {
    /// Over its declaration.
    pub(super) const fn of(declared: &'static Declared) -> Self {
        Self(declared, PhantomData)
    }

    /// The value in force.
    pub async fn get<V: From<T>>(&self, db: &mut PgConnection) -> Result<V> {
        let row =
            sqlx::query_scalar!("select value from settings where key = $1", self.0.key).fetch_optional(db).await?;
        let value = row.filter(|value| self.0.check(value).is_ok()).unwrap_or_else(|| self.0.default.json());
        let value: T = serde_json::from_value(value).map_err(Error::internal)?;
        Ok(value.into())
    }
}

impl Declared {
    /// Whether a value may be set; 422 on `value` when not.
    pub fn check(&self, value: &serde_json::Value) -> Result<()> {
        let wrong = |message: String| Err(Error::field("value", "range", message));
        match self.bounds {
            Bounds::Switch if !value.is_boolean() => wrong("should be true or false".into()),
            Bounds::Range(least, most) if !value.as_i64().is_some_and(|n| (least..=most).contains(&n)) => {
                wrong(format!("should be a whole number from {least} to {most}"))
            }
            Bounds::OneOf(words) if !value.as_str().is_some_and(|word| words.contains(&word)) => {
                wrong(format!("should be one of {}", words.join(", ")))
            }
            _ => Ok(()),
        }
    }

    /// What kind of value it takes.
    pub const fn kind(&self) -> Kind {
        match self.bounds {
            Bounds::Switch => Kind::Switch,
            Bounds::Range(..) => Kind::Number,
            Bounds::OneOf(_) => Kind::Choice,
        }
    }
}

impl Value {
    /// As in rows.
    pub fn json(self) -> serde_json::Value {
        match self {
            Self::Switch(on) => json!(on),
            Self::Number(n) => json!(n),
            Self::Word(word) => json!(word),
        }
    }
}
