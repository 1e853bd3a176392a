//! Decimal numbers that are not amounts of money: whole numbers with a fixed number of decimals, text in JSON.
//!
//! A float would not come back as it was typed; `"2.5"` does.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Declares a decimal number of so many decimals.
macro_rules! decimals {
    ($($(#[$doc:meta])* $name:ident($decimals:literal)),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub i64);

        impl $name {
            /// Digits behind the point.
            pub const DECIMALS: u32 = $decimals;
            /// How much of it is one.
            pub const ONE: Self = Self(10_i64.pow($decimals));

            /// Reads `12`, `12.5` or `-0.25`. None for anything else, and for more decimals than it has.
            pub fn parse(text: &str) -> Option<Self> {
                read(text, $decimals).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&written(self.0, $decimals))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| {
                    D::Error::custom(concat!("is not a decimal number in quotes with at most ", $decimals, " decimals"))
                })
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "pattern": concat!("^-?[0-9]+(\\.[0-9]{1,", $decimals, "})?$"),
                    "description": concat!("A decimal number with at most ", $decimals, " decimals."),
                    "examples": ["12.5"],
                })
            }
        }
    )+};
}

decimals! {
    /// How many: ten-thousandths of a unit (BT-129; France allows four decimals).
    Quantity(4),
    /// What one costs, net: millionths of the currency's *major* unit (BT-146; France allows six decimals).
    UnitPrice(6),
    /// What a unit of a foreign currency is worth in euros: millionths.
    EuroRate(6),
}

/// `12.5` as a whole number with so many decimals: 12500 with three. None for spaces, groups, exponents, a plus, and more
/// decimals than that.
pub(super) fn read(text: &str, decimals: u32) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, rest) = match digits.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (digits, ""),
    };
    let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !numeric(whole) || !numeric(rest) {
        return None;
    }
    let zeros = "0".repeat((decimals as usize).checked_sub(rest.len())?);
    format!("{sign}{whole}{rest}{zeros}").parse().ok()
}

/// Without needless zeros behind the point: `2.5`, `3`.
fn written(number: i64, decimals: u32) -> String {
    let width = decimals as usize;
    let digits = format!("{:0length$}", number.unsigned_abs(), length = width + 1);
    let (whole, rest) = digits.split_at(digits.len() - width);
    let rest = rest.trim_end_matches('0');
    format!("{}{whole}{}{rest}", if number < 0 { "-" } else { "" }, if rest.is_empty() { "" } else { "." })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_back_as_it_was() {
        for number in [0, 1, -1, 9_999, 10_000, 25_000, -123_456_789, i64::MAX, i64::MIN] {
            assert_eq!(Quantity::parse(&Quantity(number).to_string()), Some(Quantity(number)));
            assert_eq!(UnitPrice::parse(&UnitPrice(number).to_string()), Some(UnitPrice(number)));
        }
        assert_eq!((Quantity(25_000).to_string(), Quantity::ONE.to_string()), ("2.5".into(), "1".into()));
        assert_eq!((UnitPrice(-1).to_string(), UnitPrice(49_900_000).to_string()), ("-0.000001".into(), "49.9".into()));
    }

    #[test]
    fn only_a_decimal_number_that_fits_is_read() {
        assert_eq!((Quantity::parse("2.5"), Quantity::parse("0.0001")), (Some(Quantity(25_000)), Some(Quantity(1))));
        for bad in ["", ".5", "5.", "1,5", "1.00001", "1e3", "+1", "--1", "1 000", "٣", "922337203685477.5808"] {
            assert_eq!(Quantity::parse(bad), None, "{bad:?}");
        }
        let json = serde_json::to_string(&Quantity(25_000)).expect("JSON");
        assert_eq!((json.as_str(), serde_json::from_str::<Quantity>(&json).ok()), ("\"2.5\"", Some(Quantity(25_000))));
        for bad in ["2.5", "\"2.50000\"", "null", "2"] {
            assert!(serde_json::from_str::<Quantity>(bad).is_err(), "{bad}");
        }
    }
}
