//! A PATCH tells null, which empties, from absent, which leaves.

use serde::{Deserialize, Deserializer};

/// For a field of type `Option<Option<T>>` with a default: Some(None) is null, None is absent.
pub fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}
