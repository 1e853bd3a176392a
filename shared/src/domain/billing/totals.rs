//! What lines come to: net sums, and VAT once per category and rate, as EN 16931 wants (BT-116, BT-117, BT-110).
//!
//! VAT is never rounded per line: a hundred small lines would add up to another tax than the sum of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::money::{Currency, Money};

/// Why there is VAT or none (UNCL 5305). The code is the word in rows and in JSON.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type, JsonSchema, Default,
)]
#[sqlx(type_name = "text")]
pub enum VatCategory {
    /// At a rate.
    #[default]
    #[serde(rename = "S")]
    #[sqlx(rename = "S")]
    Standard,
    /// At 0 %.
    #[serde(rename = "Z")]
    #[sqlx(rename = "Z")]
    Zero,
    /// Exempt.
    #[serde(rename = "E")]
    #[sqlx(rename = "E")]
    Exempt,
    /// The buyer owes it.
    #[serde(rename = "AE")]
    #[sqlx(rename = "AE")]
    ReverseCharge,
    /// Goods to a business elsewhere in the European Union.
    #[serde(rename = "K")]
    #[sqlx(rename = "K")]
    IntraCommunity,
    /// Goods that leave the European Union.
    #[serde(rename = "G")]
    #[sqlx(rename = "G")]
    Export,
    /// Outside its scope.
    #[serde(rename = "O")]
    #[sqlx(rename = "O")]
    OutOfScope,
}

impl VatCategory {
    /// As in rows.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Standard => "S",
            Self::Zero => "Z",
            Self::Exempt => "E",
            Self::ReverseCharge => "AE",
            Self::IntraCommunity => "K",
            Self::Export => "G",
            Self::OutOfScope => "O",
        }
    }

    /// Whether it is at a rate, be it 0 %: all others say why there is no VAT.
    pub const fn is_taxed(self) -> bool {
        matches!(self, Self::Standard | Self::Zero)
    }

    /// Whether this rate, in hundredths of a percent, goes with it: more than none for `S`, none for all others.
    pub const fn allows(self, rate_bp: i32) -> bool {
        match self {
            Self::Standard => rate_bp > 0 && rate_bp <= 10_000,
            _ => rate_bp == 0,
        }
    }
}

/// A line, as far as sums are concerned.
#[derive(Clone, Copy, Debug)]
pub struct Taxed {
    /// Price times quantity, net.
    pub net: Money,
    /// Why there is VAT or none.
    pub category: VatCategory,
    /// In hundredths of a percent: 2000 is 20 %.
    pub rate_bp: i32,
}

/// The VAT of one category and rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VatTotal {
    /// Why there is VAT or none.
    pub vat_category: VatCategory,
    /// In hundredths of a percent: 2000 is 20 %.
    pub vat_rate_bp: i32,
    /// What it is computed on.
    pub net: Money,
    /// Rounded half up.
    pub vat: Money,
}

/// What lines come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Without VAT.
    pub net: Money,
    /// The sum of the VAT of all rates.
    pub vat: Money,
    /// To pay.
    pub gross: Money,
    /// By category and rate.
    pub by_rate: Vec<VatTotal>,
}

/// Adds lines up. None: a line in another currency, or more than fits.
pub fn of(currency: Currency, lines: impl IntoIterator<Item = Taxed>) -> Option<Totals> {
    let zero = Money::new(0, currency);
    let mut nets: BTreeMap<(VatCategory, i32), Money> = BTreeMap::new();
    for line in lines {
        let sum = nets.entry((line.category, line.rate_bp)).or_insert(zero);
        *sum = sum.checked_add(line.net)?;
    }
    let (mut net, mut vat, mut by_rate) = (zero, zero, Vec::with_capacity(nets.len()));
    for ((vat_category, vat_rate_bp), base) in nets {
        let tax = Money::new(share(base, vat_rate_bp)?, currency);
        (net, vat) = (net.checked_add(base)?, vat.checked_add(tax)?);
        by_rate.push(VatTotal { vat_category, vat_rate_bp, net: base, vat: tax });
    }
    Some(Totals { net, vat, gross: net.checked_add(vat)?, by_rate })
}

/// So many hundredths of a percent of an amount, rounded half up (away from zero, so that a credit mirrors its debit) to
/// what can be paid.
fn share(base: Money, rate_bp: i32) -> Option<i64> {
    let (exact, step) = (i128::from(base.amount) * i128::from(rate_bp), i128::from(base.currency.step()));
    i64::try_from((exact.abs() + 5_000 * step) / (10_000 * step) * step * exact.signum()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(amount: i64, rate_bp: i32) -> Taxed {
        let category = if rate_bp > 0 { VatCategory::Standard } else { VatCategory::Exempt };
        Taxed { net: Money::new(amount, Currency::EUR), category, rate_bp }
    }

    #[test]
    fn vat_is_rounded_once_per_rate_and_not_per_line() {
        // 3 × 0.33 € at 20 %: 0.066 € each. By line it would be 0.21 €.
        let totals = of(Currency::EUR, [line(33, 2000), line(33, 2000), line(33, 2000)]).expect("totals");
        assert_eq!((totals.net.amount, totals.vat.amount, totals.gross.amount), (99, 20, 119));
        // Two rates are two roundings: 0.125 € and 0.0275 €, half up.
        let totals = of(Currency::EUR, [line(50, 2500), line(50, 550), line(1000, 0)]).expect("totals");
        assert_eq!(totals.by_rate.iter().map(|rate| rate.vat.amount).collect::<Vec<_>>(), [3, 13, 0]);
        assert_eq!((totals.net.amount, totals.vat.amount), (1100, 16));
    }

    #[test]
    fn a_half_goes_up_and_a_credit_mirrors_its_debit() {
        for (amount, rate_bp, vat) in [(25, 2000, 5), (5, 1000, 1), (4, 1000, 0), (-5, 1000, -1), (-4, 1000, 0)] {
            assert_eq!(share(Money::new(amount, Currency::EUR), rate_bp), Some(vat), "{amount} at {rate_bp}");
        }
        let dinars = Currency::from_code("KWD").expect("dinars");
        for (amount, vat) in [(1_220, 240), (1_230, 250), (-1_230, -250), (20, 0), (30, 10)] {
            assert_eq!(share(Money::new(amount, dinars), 2000), Some(vat), "{amount} thousandths of a dinar");
        }
    }

    #[test]
    fn what_does_not_fit_or_mixes_currencies_is_no_total() {
        assert_eq!(of(Currency::EUR, [line(i64::MAX, 2000)]), None);
        assert_eq!(of(Currency::EUR, [line(i64::MAX, 0), line(1, 0)]), None);
        let yen = Currency::from_code("JPY").expect("yen");
        assert_eq!(of(yen, [line(1, 0)]), None);
        assert_eq!(of(yen, []).map(|totals| totals.gross), Some(Money::new(0, yen)));
    }

    #[test]
    fn a_rate_goes_with_its_category() {
        let allowed = |category: VatCategory| [0, 1, 2000, 10_000, 10_001, -1].map(|rate| category.allows(rate));
        assert_eq!(allowed(VatCategory::Standard), [false, true, true, true, false, false]);
        for none in [VatCategory::Zero, VatCategory::Exempt, VatCategory::ReverseCharge, VatCategory::OutOfScope] {
            assert_eq!(allowed(none), [true, false, false, false, false, false]);
        }
    }
}
