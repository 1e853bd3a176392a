//! What an order comes to, in every currency.

use proptest::prelude::*;
use shared::domain::billing::totals::{self, Taxed, VatCategory};
use shared::kernel::money::{Currency, Money};

use super::*;

#[tokio::test]
async fn vat_is_computed_once_per_rate_in_every_currency() {
    let app = TestApp::new().await;
    // A dinar is charged by tens of its thousandths.
    let cases = [("EUR", 33, 7, 99, 20), ("JPY", 33, 7, 99, 20), ("KWD", 1_230, 70, 3_690, 740)];
    for (currency, price, untaxed, net, vat) in cases {
        let price = json!({ "amount": price, "currency": currency });
        let slug = currency.to_lowercase();
        let mut wanted = Vec::new();
        for n in 0..3 {
            wanted.push(product_in(&app, &format!("{slug}-{n}"), price.clone(), 2000, None).await);
        }
        let free =
            product_in(&app, &format!("{slug}-free"), json!({ "amount": untaxed, "currency": currency }), 0, None)
                .await;
        let wanted: Vec<_> = wanted.iter().chain([&free]).map(|id| (&**id, 1)).collect();
        let order = place(&app.anonymous(), wish(&wanted)).await.created();
        let money = |amount: i64| json!({ "amount": amount, "currency": currency });
        assert_eq!(order["total_net"], money(net + untaxed));
        assert_eq!((&order["total_vat"], &order["total_gross"]), (&money(vat), &money(net + untaxed + vat)));
        let rates = json!([
            { "vat_category": "S", "vat_rate_bp": 2000, "net": money(net), "vat": money(vat) },
            { "vat_category": "E", "vat_rate_bp": 0, "net": money(untaxed), "vat": money(0) },
        ]);
        assert_eq!(order["vat"], rates);
    }
    app.drain().await;
    let receipts = app.mails().into_iter().filter(|mail| mail.subject.contains("enregistrée")).map(|mail| mail.text);
    let receipts = receipts.collect::<String>();
    for said in ["1,26\u{a0}€", "126\u{a0}¥", "4,500\u{a0}KWD"] {
        assert!(receipts.contains(said), "{said} in {receipts}");
    }
}

proptest! {
    /// Against sums made another way: exact fractions, line by line, and a rounding that is only compared.
    #[test]
    fn totals_add_up(
        lines in proptest::collection::vec((0_i64..10_000_000_000, 1_i64..10_000, 0_usize..4), 0..50),
        currency in proptest::sample::select(vec!["EUR", "JPY", "KWD"]),
    ) {
        let currency = Currency::from_code(currency).expect("a currency");
        let rates = [0, 550, 1000, 2000];
        let taxed = |&(price, n, rate): &(i64, i64, usize)| Taxed {
            net: Money::new(price, currency).checked_mul(n).expect("it fits"),
            category: if rate == 0 { VatCategory::Exempt } else { VatCategory::Standard },
            rate_bp: rates[rate],
        };
        let totals = totals::of(currency, lines.iter().map(taxed)).expect("it fits");
        let net: i128 = lines.iter().map(|&(price, n, _)| i128::from(price) * i128::from(n)).sum();
        prop_assert_eq!(i128::from(totals.net.amount), net);
        prop_assert_eq!(totals.gross.amount, totals.net.amount + totals.vat.amount);
        prop_assert_eq!(totals.by_rate.iter().map(|rate| rate.vat.amount).sum::<i64>(), totals.vat.amount);
        prop_assert_eq!(totals.by_rate.iter().map(|rate| rate.net.amount).sum::<i64>(), totals.net.amount);
        for rate in &totals.by_rate {
            let n = rates.iter().position(|bp| *bp == rate.vat_rate_bp).expect("a rate of ours");
            let base: i128 = lines.iter().filter(|line| line.2 == n).map(|&(p, q, _)| i128::from(p) * i128::from(q)).sum();
            prop_assert_eq!(i128::from(rate.net.amount), base);
            // vat - step/2 <= base * rate < vat + step/2, in twenty-thousandths
            let (exact, vat) = (2 * base * i128::from(rate.vat_rate_bp), 20_000 * i128::from(rate.vat.amount));
            let half = 10_000 * i128::from(currency.step());
            prop_assert!(vat - half <= exact && exact < vat + half, "{rate:?}");
            prop_assert_eq!(rate.vat.amount % currency.step(), 0);
        }
        let seen: Vec<i32> = totals.by_rate.iter().map(|rate| rate.vat_rate_bp).collect();
        let mut once = seen.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), seen.len(), "a rate stands once");
    }
}
