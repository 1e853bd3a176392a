//! Money: whole minor units and their currency, never a fraction and never a float. 12.34 € is 1234, ¥500 is 500,
//! 1.234 KWD is 1234.
//!
//! Sums are checked: two currencies do not add up, and an amount that does not fit is nobody's amount.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sqlx::Postgres;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgTypeInfo, PgValueRef};

use crate::kernel::decimal;
use crate::kernel::text;

/// ISO 4217, list one of 2026, by the number of decimals; without funds, metals and test codes, which nobody pays with.
const DECIMALS: [(u32, &str); 3] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP \
         CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES \
         KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK \
         NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB \
         TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
];

/// Signs that people know better than the code. A dollar is whose? So it has none.
const SIGNS: [(&str, &str); 3] = [("EUR", "€"), ("GBP", "£"), ("JPY", "¥")];

/// A currency people pay with, by its ISO 4217 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: &'static str,
    decimals: u32,
}

impl Currency {
    /// The euro.
    pub const EUR: Self = Self { code: "EUR", decimals: 2 };

    /// The currency of this code, in capitals; none when there is no such.
    pub fn from_code(code: &str) -> Option<Self> {
        DECIMALS.into_iter().find_map(|(decimals, codes)| {
            codes.split(' ').find(|known| *known == code).map(|code| Self { code, decimals })
        })
    }

    /// Three capitals.
    pub const fn code(self) -> &'static str {
        self.code
    }

    /// How many digits of an amount stand behind the point: 0, 2 or 3.
    pub const fn decimals(self) -> u32 {
        self.decimals
    }

    /// The smallest amount that is paid, in minor units: ten thousandths of a dinar, for Stripe charges no other and
    /// EN 16931 writes two decimals; of other currencies one unit.
    pub const fn step(self) -> i64 {
        if self.decimals == 3 { 10 } else { 1 }
    }

    fn sign(self) -> &'static str {
        SIGNS.into_iter().find(|(code, _)| *code == self.code).map_or(self.code, |(_, sign)| sign)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_code(&code).ok_or_else(|| D::Error::custom("is not an ISO 4217 code like EUR"))
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217.", "examples": ["EUR"] })
    }
}

impl sqlx::Type<Postgres> for Currency {
    fn type_info() -> PgTypeInfo {
        <str as sqlx::Type<Postgres>>::type_info()
    }

    fn compatible(ty: &PgTypeInfo) -> bool {
        <str as sqlx::Type<Postgres>>::compatible(ty)
    }
}

impl sqlx::Decode<'_, Postgres> for Currency {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let code = <&str as sqlx::Decode<Postgres>>::decode(value)?;
        Self::from_code(code).ok_or_else(|| format!("{code} is not a currency").into())
    }
}

/// An amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// In minor units: cents of a euro, whole yens, thousandths of a dinar.
    pub amount: i64,
    /// Of what.
    pub currency: Currency,
}

impl Money {
    /// So many minor units.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// The sum; none for two currencies or out of range.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let amount = self.amount.checked_add(other.amount).filter(|_| self.currency == other.currency)?;
        Some(Self { amount, ..self })
    }

    /// The difference; none for two currencies or out of range.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let amount = self.amount.checked_sub(other.amount).filter(|_| self.currency == other.currency)?;
        Some(Self { amount, ..self })
    }

    /// So many times as much; none when out of range.
    #[must_use]
    pub fn checked_mul(self, times: i64) -> Option<Self> {
        Some(Self { amount: self.amount.checked_mul(times)?, ..self })
    }

    /// Reads a decimal number: `1234.5`, `-0.25`. None for anything else: more decimals than the currency has, spaces,
    /// groups, exponents.
    pub fn parse(number: &str, currency: Currency) -> Option<Self> {
        Some(Self { amount: decimal::read(number, currency.decimals)?, currency })
    }

    /// The number alone, as machines write it: `1234.50`, `-0.25`, `500`.
    pub fn number(self) -> String {
        let (negative, whole, rest) = self.parts();
        format!("{}{whole}{}{rest}", if negative { "-" } else { "" }, if rest.is_empty() { "" } else { "." })
    }

    /// As people read it: `1 234,50 €` in French, `€1,234.50` and `KWD 1,234.500` in English (`en`).
    pub fn said(self, locale: &str) -> String {
        let (negative, whole, rest) = self.parts();
        let (minus, sign) = (if negative { "−" } else { "" }, self.currency.sign());
        if locale == "en" {
            let space = if sign.len() == 3 && sign.is_ascii() { "\u{a0}" } else { "" };
            let point = if rest.is_empty() { "" } else { "." };
            return format!("{minus}{sign}{space}{}{point}{rest}", text::grouped(&whole, ','));
        }
        let point = if rest.is_empty() { "" } else { "," };
        format!("{minus}{}{point}{rest}\u{a0}{sign}", text::grouped(&whole, '\u{202f}'))
    }

    /// Whether it is negative, the digits before the point, those behind it.
    fn parts(self) -> (bool, String, String) {
        let decimals = self.currency.decimals as usize;
        let digits = format!("{:0width$}", self.amount.unsigned_abs(), width = decimals + 1);
        let (whole, rest) = digits.split_at(digits.len() - decimals);
        (self.amount < 0, whole.to_owned(), rest.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: i64, code: &str) -> Money {
        Money::new(amount, Currency::from_code(code).expect("a currency"))
    }

    #[test]
    fn people_read_it_in_their_language() {
        for (amount, code, fr, en) in [
            (123_450, "EUR", "1\u{202f}234,50\u{a0}€", "€1,234.50"),
            (5, "EUR", "0,05\u{a0}€", "€0.05"),
            (-123_450, "GBP", "−1\u{202f}234,50\u{a0}£", "−£1,234.50"),
            (1_234_567, "JPY", "1\u{202f}234\u{202f}567\u{a0}¥", "¥1,234,567"),
            (1_234_500, "KWD", "1\u{202f}234,500\u{a0}KWD", "KWD\u{a0}1,234.500"),
            (7, "KWD", "0,007\u{a0}KWD", "KWD\u{a0}0.007"),
            (99_900, "USD", "999,00\u{a0}USD", "USD\u{a0}999.00"),
        ] {
            assert_eq!((money(amount, code).said("fr"), money(amount, code).said("en")), (fr.into(), en.into()));
        }
    }

    #[test]
    fn a_number_comes_back_as_it_was() {
        for code in ["EUR", "JPY", "KWD"] {
            for amount in [0, 1, -1, 9, 10, 999, 1_000, -123_456_789, i64::MAX, i64::MIN] {
                let one = money(amount, code);
                assert_eq!(Money::parse(&one.number(), one.currency), Some(one), "{}", one.number());
            }
        }
    }

    #[test]
    fn only_a_decimal_number_of_that_currency_is_read() {
        let read = |text, code| Money::parse(text, Currency::from_code(code).expect("a currency")).map(|m| m.amount);
        assert_eq!((read("12", "EUR"), read("12.5", "EUR"), read("0.05", "EUR")), (Some(1200), Some(1250), Some(5)));
        assert_eq!((read("12", "JPY"), read("1.234", "KWD"), read("-3", "KWD")), (Some(12), Some(1234), Some(-3000)));
        for (text, code) in [
            ("", "EUR"),
            (".5", "EUR"),
            ("5.", "EUR"),
            ("1,50", "EUR"),
            ("1.505", "EUR"),
            ("1.5", "JPY"),
            ("1.", "JPY"),
            ("1e3", "EUR"),
            ("+1", "EUR"),
            ("--1", "EUR"),
            ("1 000", "EUR"),
            ("1.2.3", "KWD"),
            ("٣", "EUR"),
            ("92233720368547758.08", "EUR"),
        ] {
            assert_eq!(read(text, code), None, "{text:?} {code}");
        }
    }

    #[test]
    fn two_currencies_do_not_add_up_and_nothing_overflows() {
        let (euro, yen) = (money(i64::MAX, "EUR"), money(1, "JPY"));
        assert_eq!((euro.checked_add(yen), euro.checked_sub(yen)), (None, None));
        assert_eq!((euro.checked_add(money(1, "EUR")), euro.checked_mul(2)), (None, None));
        assert_eq!(money(2, "EUR").checked_mul(3).and_then(|m| m.checked_sub(money(1, "EUR"))), Some(money(5, "EUR")));
    }

    #[test]
    fn json_is_an_integer_and_a_known_code() {
        let text = serde_json::to_string(&money(1234, "KWD")).expect("JSON");
        assert_eq!(text, r#"{"amount":1234,"currency":"KWD"}"#);
        assert_eq!(serde_json::from_str::<Money>(&text).expect("money"), money(1234, "KWD"));
        for bad in [
            r#"{"amount":1.5,"currency":"EUR"}"#,
            r#"{"amount":"1","currency":"EUR"}"#,
            r#"{"amount":1,"currency":"eur"}"#,
            r#"{"amount":1,"currency":"XXX"}"#,
            r#"{"amount":1,"currency":""}"#,
            r#"{"amount":1}"#,
        ] {
            assert!(serde_json::from_str::<Money>(bad).is_err(), "{bad}");
        }
        for (_, codes) in DECIMALS {
            assert!(codes.split(' ').all(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())));
        }
    }
}
