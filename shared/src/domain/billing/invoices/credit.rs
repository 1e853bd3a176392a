//! Credit notes: an invoice taken back, or part of it, to the cent.

use chrono::{DateTime, NaiveDate, Utc};

use super::document::{Invoice, Kind, Line, Locale, Means, Payment, Preceding, Unit};
use super::{numbering, sums};
use crate::domain::billing::totals::VatTotal;
use crate::kernel::config::{House, WordingKey};
use crate::kernel::decimal::Quantity;
use crate::kernel::money::Money;

/// What is taken back.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// What was taken back before, with VAT, in minor units.
    pub earlier: i64,
    /// What is taken back now, with VAT, in minor units.
    pub amount: i64,
    /// When the money went back; none: it had not come.
    pub refunded_at: Option<DateTime<Utc>>,
}

/// The credit note of a part of an issued invoice, without a number, and not checked. None: that is more than is left of
/// it, or it has no number.
pub fn of(house: &House, invoice: &Invoice, part: &Part, today: NaiveDate) -> Option<Invoice> {
    let sums = invoice.sums()?;
    let shares = shares(&sums.by_rate, part.earlier, part.amount)?;
    let number = invoice.number.clone()?;
    let whole = part.earlier == 0 && part.amount == sums.gross.amount;
    let (lines, allowances, stated_vat) = if whole {
        (invoice.lines.clone(), invoice.allowances.clone(), invoice.stated_vat.clone())
    } else {
        (parts(invoice, &number, &shares)?, Vec::new(), shares)
    };
    let frame = invoice.billing_frame.chars().next()?;
    let (paid, key) = if part.refunded_at.is_some() { ('2', WordingKey::Refunded) } else { ('1', WordingKey::Offset) };
    let terms = house.wording(key, invoice.locale.name(), today).replace("{number}", &number);
    let mut credit = Invoice {
        number: None,
        kind: Kind::CreditNote,
        issue_date: today,
        due_date: part.refunded_at.map(numbering::day_in_paris),
        delivery_date: None,
        period: None,
        billing_frame: format!("{frame}{paid}"),
        preceding: vec![Preceding { number, date: invoice.issue_date }],
        lines,
        allowances,
        stated_vat,
        vat_in_euro: None,
        payment: payment(invoice, part),
        terms: Some(terms),
        ..invoice.clone()
    };
    let rate = invoice.vat_in_euro.as_ref();
    credit.vat_in_euro = rate.and_then(|said| credit.vat_in_euro_at(said.rate, said.rate_date));
    Some(credit)
}

/// Money goes back by Stripe, never by transfer.
fn payment(invoice: &Invoice, part: &Part) -> Payment {
    let own = invoice.payment.clone();
    match part.refunded_at {
        None => Payment { paid: 0, paid_at: None, ..own },
        Some(at) => {
            let by_transfer = own.means == Means::Transfer;
            let own = if by_transfer { Payment { means: Means::Card, iban: None, bic: None, ..own } } else { own };
            Payment { paid: part.amount, paid_at: Some(at), ..own }
        }
    }
}

/// A line for each rate: which of the goods or hours were taken back, nobody says when money is refunded.
fn parts(invoice: &Invoice, number: &str, shares: &[VatTotal]) -> Option<Vec<Line>> {
    let name = match invoice.locale {
        Locale::Fr => format!("Remboursement partiel de la facture {number}"),
        Locale::En => format!("Partial refund of invoice {number}"),
    };
    let lines = shares.iter().enumerate().map(|(n, share)| {
        Some(Line {
            position: n as u32 + 1,
            name: name.clone(),
            detail: None,
            quantity: Quantity::ONE,
            unit: Unit::default(),
            unit_price: sums::unit_price(share.net)?,
            allowance: None,
            net: share.net.amount,
            vat_category: share.vat_category,
            vat_rate_bp: share.vat_rate_bp,
            exemption: invoice.exemption_of(share.vat_category).cloned(),
        })
    });
    lines.collect()
}

/// What every rate has of an amount with VAT, when so much was taken before it. Together they are the amount, none is
/// negative, and all parts of a whole are the whole, rate by rate, net and VAT. None: that is more than the whole.
///
/// Each part is the difference of two sums that were each rounded once, so that errors do not add up from part to part.
pub fn shares(whole: &[VatTotal], earlier: i64, amount: i64) -> Option<Vec<VatTotal>> {
    let until = earlier.checked_add(amount).filter(|_| earlier >= 0 && amount > 0)?;
    let (before, after) = (taken(whole, earlier)?, taken(whole, until)?);
    let shares = whole.iter().zip(before.into_iter().zip(after)).map(|(rate, (before, after))| {
        let part = |(after, before): (i64, i64)| Money::new(after - before, rate.net.currency);
        VatTotal { net: part((after.0, before.0)), vat: part((after.1, before.1)), ..*rate }
    });
    Some(shares.filter(|share| share.net.amount != 0 || share.vat.amount != 0).collect())
}

/// Net and VAT of each rate in the first so many minor units of a whole. Every step halves what is left between one rate
/// and the others; rounded so, no share shrinks when the amount grows.
fn taken(whole: &[VatTotal], amount: i64) -> Option<Vec<(i64, i64)>> {
    let gross = |rate: &VatTotal| rate.net.amount.checked_add(rate.vat.amount).filter(|_| rate.vat.amount >= 0);
    let mut rest = whole.iter().try_fold(0_i64, |sum, rate| sum.checked_add(gross(rate)?))?;
    let mut amount = Some(amount).filter(|amount| (0..=rest).contains(amount))?;
    let mut all = Vec::with_capacity(whole.len());
    for rate in whole {
        let own = gross(rate).filter(|own| *own >= 0 && rate.net.amount >= 0)?;
        let share = proportion(amount, own, rest);
        let vat = proportion(share, rate.vat.amount, own);
        all.push((share - vat, vat));
        (rest, amount) = (rest - own, amount - share);
    }
    Some(all)
}

/// `amount × part ÷ whole`, rounded half up; nothing of nothing. `part` is at most `whole`, so it fits.
fn proportion(amount: i64, part: i64, whole: i64) -> i64 {
    if whole == 0 {
        return 0;
    }
    let (exact, whole) = (i128::from(amount) * i128::from(part), i128::from(whole));
    ((exact + whole / 2) / whole) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::billing::totals::VatCategory;
    use crate::kernel::money::Currency;

    fn rate(rate_bp: i32, net: i64, vat: i64) -> VatTotal {
        let money = |amount| Money::new(amount, Currency::EUR);
        let vat_category = if rate_bp > 0 { VatCategory::Standard } else { VatCategory::Exempt };
        VatTotal { vat_category, vat_rate_bp: rate_bp, net: money(net), vat: money(vat) }
    }

    fn flat(shares: &[VatTotal]) -> Vec<(i32, i64, i64)> {
        shares.iter().map(|share| (share.vat_rate_bp, share.net.amount, share.vat.amount)).collect()
    }

    #[test]
    fn a_part_has_the_vat_of_its_invoice() {
        let whole = [rate(2000, 10_000, 2_000), rate(550, 10_000, 550)];
        let half = shares(&whole, 0, 11_275).expect("a half");
        assert_eq!(flat(&half), [(2000, 5_000, 1_000), (550, 5_000, 275)]);
        assert_eq!(flat(&shares(&whole, 11_275, 11_275).expect("the rest")), [(2000, 5_000, 1_000), (550, 5_000, 275)]);
        // 0.03 € at 20 % cannot be net plus a fifth of it; it is 0.02 € and 0.01 €, and the rest makes up for it.
        assert_eq!(flat(&shares(&[rate(2000, 100, 20)], 0, 3).expect("a part")), [(2000, 2, 1)]);
        assert_eq!(flat(&shares(&[rate(2000, 100, 20)], 3, 117).expect("the rest")), [(2000, 98, 19)]);
    }

    #[test]
    fn nothing_is_taken_back_that_is_not_there() {
        let whole = [rate(2000, 100, 20)];
        for (earlier, amount) in [(0, 121), (120, 1), (0, 0), (0, -1), (-1, 1), (i64::MAX, 1)] {
            assert_eq!(shares(&whole, earlier, amount), None, "{earlier} {amount}");
        }
        assert_eq!(shares(&[rate(2000, -100, -20)], 0, 1), None);
        assert_eq!(shares(&[], 0, 1), None);
    }
}
