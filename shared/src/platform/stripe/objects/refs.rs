//! An id that may come as the whole object, and what we wrote onto an object ourselves.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer};

/// The id of another object, whether it came alone or within the expanded object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ref(String);

impl Deref for Ref {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Ref {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Expandable {
            Id(String),
            Object { id: String },
        }
        let (Expandable::Id(id) | Expandable::Object { id }) = Expandable::deserialize(deserializer)?;
        Ok(Self(id))
    }
}

/// What we wrote onto an object, and what people wrote there in Stripe's dashboard: printed without its values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(deserializer)?.unwrap_or_default()))
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
