//! Whatever order a payment's events come in, twice or late, between whichever of its steps: it ends the same.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// What happens at Stripe, step by step.
#[derive(Clone, Copy, Debug)]
enum Step {
    Act(&'static str),
    Advance(u64),
    Refund(Option<i64>),
    FailRefund,
    Dispute,
    Close(&'static str),
    WrongAmount,
}

/// A story and its end: the order, its payment.
const STORIES: &[(&[Step], &str, &str)] = &[
    (&[Step::Act("card")], "paid", "succeeded"),
    (&[Step::Act("card_3ds"), Step::Act("3ds_succeed")], "paid", "succeeded"),
    (&[Step::Act("card_3ds"), Step::Act("3ds_fail"), Step::Act("card")], "paid", "succeeded"),
    (&[Step::Act("card_declined"), Step::Act("card")], "paid", "succeeded"),
    (&[Step::Act("sepa_debit"), Step::Advance(345_600)], "paid", "succeeded"),
    (&[Step::Act("sepa_debit_fails"), Step::Advance(345_600)], "pending", "failed"),
    (&[Step::Act("card"), Step::WrongAmount], "pending", "review"),
    (&[Step::Advance(10_800)], "pending", "expired"),
    (&[Step::Act("card"), Step::Refund(Some(700))], "paid", "partially_refunded"),
    (&[Step::Act("card"), Step::Refund(Some(700)), Step::Refund(None)], "refunded", "refunded"),
    (&[Step::Act("card"), Step::Refund(None), Step::FailRefund], "paid", "succeeded"),
    (&[Step::Act("card"), Step::Dispute, Step::Close("won")], "paid", "succeeded"),
    (&[Step::Act("card"), Step::Dispute, Step::Close("lost")], "paid", "disputed"),
];

impl Shop {
    async fn step(&self, session: &str, step: Step) {
        let find = async |kind: &str| {
            let objects = self.fake.ask("objects").await;
            let all = objects["data"].as_array().expect("objects");
            let intent = all.iter().find(|object| object["id"] == session).expect("the page")["payment_intent"].clone();
            let mut found = all.iter().filter(|object| object["object"] == kind);
            found.rfind(|object| object["payment_intent"] == intent || object["id"] == intent).expect(kind).clone()
        };
        match step {
            Step::Act(action) => self.act(session, action).await,
            Step::Advance(seconds) => {
                self.fake.tell("advance", json!({ "seconds": seconds })).await;
            }
            Step::Refund(amount) => {
                let charge = text(&find("charge").await, "id");
                let mut form = vec![("charge", charge)];
                form.extend(amount.map(|amount| ("amount", amount.to_string())));
                let call = reqwest::Client::new().post(format!("{}/v1/refunds", self.fake.url)).bearer_auth(KEY);
                assert!(call.form(&form).send().await.expect("an answer").status().is_success());
            }
            Step::FailRefund => {
                let refund = text(&find("refund").await, "id");
                self.fake.tell(&format!("refunds/{refund}/fail"), json!({})).await;
            }
            Step::Dispute => {
                let charge = text(&find("charge").await, "id");
                self.fake.tell("disputes", json!({ "charge": charge })).await;
            }
            Step::Close(status) => {
                let dispute = text(&find("dispute").await, "id");
                self.fake.tell(&format!("disputes/{dispute}/close"), json!({ "status": status })).await;
            }
            Step::WrongAmount => {
                let intent = text(&find("payment_intent").await, "id");
                self.fake.tell(&format!("objects/{intent}"), json!({ "set": { "amount_received": 1 } })).await;
            }
        }
    }

    /// Plays a story. `seeds` says what comes when: after each step its events may come shuffled, twice, or not yet.
    async fn play(&self, (steps, status, payment): (&[Step], &str, &str), seeds: &[u64]) {
        // Another Stripe, whose clock is right, and that knows nobody yet.
        self.fake.tell("reset", json!({})).await;
        self.fake.tell("deliveries", json!({ "hold": true })).await;
        self.app.execute("update customers set stripe_customer_id = null; delete from outgoing_calls").await;
        let order = self.order(1).await;
        let session = self.checkout(&order).await;
        // Both happen at Stripe in one moment: nobody sees the right amount first.
        let quiet = matches!(steps.last(), Some(Step::WrongAmount));
        for (n, step) in steps.iter().enumerate() {
            self.step(&session, *step).await;
            let seed = seeds[n % seeds.len()];
            if !quiet && !seed.is_multiple_of(3) {
                self.fake
                    .tell(
                        "deliveries/release",
                        json!({ "seed": seed, "duplicates": seed % 2, "parallel": seed.is_multiple_of(5) }),
                    )
                    .await;
            }
            if seed % 4 == 1 {
                self.app.drain().await;
            }
            if seed % 4 == 2 {
                self.settle().await;
            }
        }
        self.fake.tell("deliveries/release", json!({ "seed": seeds[0], "duplicates": 1 })).await;
        self.settle().await;
        assert_eq!(self.status(&order).await, is(status, &[payment]), "{steps:?}");
        let again = self
            .app
            .sql("select subject, count(*) from emails group by 1, to_address, dedupe_key having count(*) > 1")
            .await;
        assert_eq!(again, json!([]));
    }
}

#[test]
fn every_order_of_events_ends_the_same() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let shop = runtime.block_on(Shop::open());
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(40);
    let mut runner =
        TestRunner::new(Config { cases, max_shrink_iters: 30, failure_persistence: None, ..Config::default() });
    let plays = (0..STORIES.len(), prop::collection::vec(any::<u64>(), 3));
    let played = runner.run(&plays, |(story, seeds)| {
        let play = std::panic::AssertUnwindSafe(|| runtime.block_on(shop.play(STORIES[story], &seeds)));
        std::panic::catch_unwind(play).map_err(|_| TestCaseError::fail(format!("{:?} {seeds:?}", STORIES[story])))
    });
    played.expect("the same end");
    runtime.block_on(async { drop(shop) });
}

#[tokio::test]
async fn yens_and_dinars_are_paid_to_the_last_unit() {
    for (currency, price, gross) in [("JPY", 500, 600), ("KWD", 1250, 1500), ("EUR", 333, 400)] {
        let shop = Shop::selling(price, currency).await;
        let (order, _) = shop.paid(1).await;
        let whole = shop.whole(&order).await;
        assert_eq!(whole["payments"][0]["amount"], json!({ "amount": gross, "currency": currency }));
        shop.refund(&order, json!({ "reason": "tout" })).await.status(202);
        shop.settle().await;
        shop.news().await;
        assert_eq!(shop.status(&order).await, is("refunded", &["refunded"]));
    }
}
