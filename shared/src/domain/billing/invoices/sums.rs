//! What an invoice comes to (BG-22, BG-23).

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;

use super::document::{Invoice, VatInEuro};
use crate::domain::billing::totals::{self, Taxed, Totals, VatTotal};
use crate::kernel::decimal::{EuroRate, Quantity, UnitPrice};
use crate::kernel::money::{Currency, Money};

/// What an invoice comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sums {
    /// All lines (BT-106).
    pub lines: Money,
    /// All reductions of the whole (BT-107).
    pub allowances: Money,
    /// Without VAT (BT-109).
    pub net: Money,
    /// The VAT of all rates (BT-110).
    pub vat: Money,
    /// With VAT (BT-112).
    pub gross: Money,
    /// Paid already (BT-113).
    pub paid: Money,
    /// Still to pay (BT-115).
    pub due: Money,
    /// By category and rate (BG-23).
    pub by_rate: Vec<VatTotal>,
}

impl Invoice {
    /// What it comes to; with the VAT it states, where it states it. None: more than fits.
    pub fn sums(&self) -> Option<Sums> {
        let Totals { net, vat, gross, by_rate } = self.computed()?;
        let by_rate = if self.stated_vat.is_empty() { by_rate } else { self.stated_vat.clone() };
        let stated = by_rate.iter().try_fold(self.money(0), |sum, rate| sum.checked_add(rate.vat))?;
        let gross = gross.checked_sub(vat)?.checked_add(stated)?;
        let add = |sum: Money, amount| sum.checked_add(self.money(amount));
        let lines = self.lines.iter().try_fold(self.money(0), |sum, line| add(sum, line.net))?;
        let allowances = self.allowances.iter().try_fold(self.money(0), |sum, allowance| add(sum, allowance.amount))?;
        let paid = self.money(self.payment.paid);
        let due = gross.checked_sub(paid)?;
        Some(Sums { lines, allowances, net, vat: stated, gross, paid, due, by_rate })
    }

    /// What lines and reductions come to, whatever is stated.
    pub fn computed(&self) -> Option<Totals> {
        let taxed = |amount, category, rate_bp| Taxed { net: self.money(amount), category, rate_bp };
        let lines = self.lines.iter().map(|line| taxed(line.net, line.vat_category, line.vat_rate_bp));
        let less = self.allowances.iter();
        let less = less.map(|off| Some(taxed(off.amount.checked_neg()?, off.vat_category, off.vat_rate_bp)));
        totals::of(self.currency, lines.chain(less.collect::<Option<Vec<_>>>()?))
    }

    /// Its VAT in euros at this rate, rounded half up. None for an invoice in euros, and for more than fits.
    pub fn vat_in_euro_at(&self, rate: EuroRate, rate_date: NaiveDate) -> Option<VatInEuro> {
        if self.currency == Currency::EUR {
            return None;
        }
        let vat = self.sums()?.vat.amount;
        let (from, to) = (10_i128.pow(self.currency.decimals()), 10_i128.pow(Currency::EUR.decimals()));
        let exact = i128::from(vat).checked_mul(i128::from(rate.0))?.checked_mul(to)?;
        let vat = half_up(exact, i128::from(EuroRate::ONE.0) * from)?;
        Some(VatInEuro { vat, rate, rate_date })
    }
}

/// So many at this price, in minor units, rounded half up (away from zero). None: more than fits.
pub fn line_net(quantity: Quantity, price: UnitPrice, currency: Currency) -> Option<i64> {
    let minor = 10_i128.pow(currency.decimals());
    let exact = i128::from(quantity.0).checked_mul(i128::from(price.0))?.checked_mul(minor)?;
    half_up(exact, i128::from(Quantity::ONE.0) * i128::from(UnitPrice::ONE.0))
}

/// What one costs when it is so many minor units; none: more than fits.
pub fn unit_price(price: Money) -> Option<UnitPrice> {
    let minor = 10_i64.pow(price.currency.decimals());
    price.amount.checked_mul(UnitPrice::ONE.0 / minor).map(UnitPrice)
}

fn half_up(exact: i128, by: i128) -> Option<i64> {
    i64::try_from(exact.abs().checked_add(by / 2)? / by * exact.signum()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(quantity: &str, price: &str, code: &str) -> Option<i64> {
        let currency = Currency::from_code(code).expect("a currency");
        line_net(Quantity::parse(quantity).expect("a quantity"), UnitPrice::parse(price).expect("a price"), currency)
    }

    #[test]
    fn a_line_is_rounded_half_up_once() {
        assert_eq!(net("20", "2.77", "EUR"), Some(5_540)); // not 55.46, as a public sample has it
        assert_eq!((net("1", "0.005", "EUR"), net("1", "0.004999", "EUR")), (Some(1), Some(0)));
        assert_eq!((net("-1", "0.005", "EUR"), net("0.3333", "3", "EUR")), (Some(-1), Some(100)));
        assert_eq!((net("1.5", "99", "JPY"), net("1", "0.0005", "KWD")), (Some(149), Some(1)));
        assert_eq!(net("900000000000000", "9000000000000", "EUR"), None);
    }

    #[test]
    fn a_price_in_minor_units_is_the_same_price() {
        for (amount, code) in [(1_250, "EUR"), (99, "JPY"), (1_234, "KWD")] {
            let money = Money::new(amount, Currency::from_code(code).expect("a currency"));
            let price = unit_price(money).expect("fits");
            assert_eq!(line_net(Quantity::ONE, price, money.currency), Some(amount), "{code}");
        }
        assert_eq!(unit_price(Money::new(i64::MAX, Currency::EUR)), None);
    }
}
