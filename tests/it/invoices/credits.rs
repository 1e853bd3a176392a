//! Parts of an invoice that are taken back, whatever their amounts: to the cent, rate by rate.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use shared::domain::billing::invoices::credit::{self, Part};
use shared::domain::billing::invoices::document::{Kind, Line};
use shared::domain::billing::invoices::{Invoice, checks};
use shared::domain::billing::totals::VatCategory;
use shared::kernel::config::House;
use shared::kernel::decimal::{Quantity, UnitPrice};

use super::rules::day;
use super::sample;

/// An issued, prepaid invoice with these nets and rates.
fn invoice(lines: &[(i64, i32)]) -> Invoice {
    let mut invoice = sample();
    let one = |(n, (net, vat_rate_bp)): (usize, &(i64, i32))| Line {
        position: n as u32 + 1,
        quantity: Quantity::ONE,
        unit_price: UnitPrice(net * 10_000),
        net: *net,
        vat_category: VatCategory::Standard,
        vat_rate_bp: *vat_rate_bp,
        allowance: None,
        ..invoice.lines[0].clone()
    };
    invoice.lines = lines.iter().enumerate().map(one).collect();
    invoice.payment.paid = invoice.sums().expect("a sum").gross.amount;
    invoice.number = Some("F-2026-000001".into());
    invoice
}

fn back(invoice: &Invoice, earlier: i64, amount: i64) -> Option<Invoice> {
    let at: DateTime<Utc> = "2026-12-01T10:00:00Z".parse().expect("a time");
    credit::of(&House::sample(), invoice, &Part { earlier, amount, refunded_at: Some(at) }, day("2026-12-01"))
}

fn by_rate(invoice: &Invoice) -> Vec<(i32, i64, i64)> {
    invoice.sums().expect("a sum").by_rate.iter().map(|r| (r.vat_rate_bp, r.net.amount, r.vat.amount)).collect()
}

proptest! {
    #[test]
    fn parts_add_up_to_the_invoice_rate_by_rate(
        lines in prop::collection::vec((1_i64..200_000, prop::sample::select(vec![210, 550, 1000, 2000])), 1..6),
        cuts in prop::collection::vec(0.0_f64..1.0, 0..12),
    ) {
        let invoice = invoice(&lines);
        let gross = invoice.payment.paid;
        let mut ends: Vec<i64> = cuts.iter().map(|cut| (cut * gross as f64) as i64).filter(|end| *end > 0).collect();
        ends.push(gross);
        ends.sort_unstable();
        ends.dedup();
        let (mut earlier, mut sum) = (0, std::collections::BTreeMap::<i32, (i64, i64)>::new());
        for end in ends {
            let part = back(&invoice, earlier, end - earlier).expect("a part");
            let sums = part.sums().expect("a sum");
            prop_assert_eq!((sums.gross.amount, sums.due.amount), (end - earlier, 0));
            prop_assert_eq!(checks::problems(&part), vec![]);
            for (rate, net, vat) in by_rate(&part) {
                prop_assert!(net >= 0 && vat >= 0, "{rate}: {net} {vat}");
                let all = sum.entry(rate).or_default();
                *all = (all.0 + net, all.1 + vat);
            }
            earlier = end;
        }
        let sum: Vec<_> = sum.into_iter().map(|(rate, (net, vat))| (rate, net, vat)).collect();
        prop_assert_eq!(sum, by_rate(&invoice));
        prop_assert_eq!(back(&invoice, gross, 1), None);
    }
}

#[test]
fn the_whole_is_the_invoice_mirrored_and_names_it() {
    let invoice = invoice(&[(10_000, 2000), (333, 550)]);
    let credit = back(&invoice, 0, invoice.payment.paid).expect("a credit note");
    assert_eq!((credit.kind, &credit.lines, credit.stated_vat.len()), (Kind::CreditNote, &invoice.lines, 0));
    assert_eq!(credit.sums().map(|s| s.by_rate), invoice.sums().map(|s| s.by_rate));
    assert_eq!((credit.preceding[0].number.as_str(), credit.preceding[0].date), ("F-2026-000001", invoice.issue_date));
    assert_eq!((credit.billing_frame.as_str(), credit.due_date), ("S2", Some(day("2026-12-01"))));
    assert_eq!(checks::problems(&credit), []);
}

#[test]
fn an_unpaid_invoice_is_taken_back_without_money() {
    let mut invoice = invoice(&[(10_000, 2000)]);
    invoice.billing_frame = "S1".into();
    (invoice.payment.paid, invoice.payment.paid_at) = (0, None);
    let part = Part { earlier: 0, amount: 12_000, refunded_at: None };
    let credit = credit::of(&House::sample(), &invoice, &part, day("2026-12-01")).expect("a credit note");
    assert_eq!((credit.billing_frame.as_str(), credit.payment.paid, credit.due_date), ("S1", 0, None));
    assert!(credit.terms.as_deref().is_some_and(|terms| terms.contains("F-2026-000001")), "{:?}", credit.terms);
    assert_eq!(checks::problems(&credit), []);
    assert_eq!(back(&Invoice { number: None, ..invoice }, 0, 1), None);
}
