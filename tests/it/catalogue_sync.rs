//! The catalogue of products and its mirror at Stripe.

use std::collections::BTreeSet;
use std::time::Duration;

use harness::app::assert_enqueued;
use harness::stripe::FakeStripe;
use harness::{Client, Stage, TestApp};
use serde_json::{Value, json};

use crate::commands::{run, said};

/// What the fake takes for its key.
const KEY: &str = "sk_test_fake";
const PRODUCTS: &str = "/api/v1/admin/products";

struct Shop {
    app: TestApp,
    fake: FakeStripe,
    admin: Client,
}

fn settings(fake: &FakeStripe) -> [(&'static str, &str); 3] {
    [("STRIPE_SECRET_KEY", KEY), ("STRIPE_WEBHOOK_SECRET", "whsec_x"), ("STRIPE_API_BASE", &fake.url)]
}

fn euros(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

fn product(slug: &str) -> Value {
    json!({ "slug": slug, "name": "Relecture", "description": "Deux jours.", "unit_price": euros(1800), "vat_rate_bp": 2000 })
}

impl Shop {
    async fn open() -> Self {
        let fake = FakeStripe::start().await;
        let app = TestApp::with(&settings(&fake)).await;
        let admin = app.admin().await;
        Self { app, fake, admin }
    }

    /// A product, without its jobs having run.
    async fn make(&self, slug: &str) -> String {
        let made = self.admin.post(PRODUCTS, product(slug)).await.created();
        made["id"].as_str().expect("an id").to_owned()
    }

    /// A product that Stripe knows.
    async fn stock(&self, slug: &str) -> String {
        let id = self.make(slug).await;
        self.app.drain().await;
        id
    }

    async fn change(&self, id: &str, changes: Value) {
        self.admin.patch(&format!("{PRODUCTS}/{id}"), changes).await.ok();
    }

    async fn objects(&self, kind: &str) -> Vec<Value> {
        let all = self.fake.ask("objects").await["data"].as_array().expect("objects").clone();
        all.into_iter().filter(|object| object["object"] == kind).collect()
    }

    async fn at_stripe(&self, id: &str) -> Value {
        let found = self.objects("product").await.into_iter().find(|product| product["id"] == id);
        found.expect("a product at Stripe")
    }

    /// Amounts of the prices on sale.
    async fn on_sale(&self, id: &str) -> Vec<i64> {
        let prices = self.objects("price").await.into_iter();
        let on_sale = prices.filter(|price| price["product"] == id && price["active"] == true);
        on_sale.map(|price| price["unit_amount"].as_i64().expect("an amount")).collect()
    }

    /// Runs a comparison; its plan.
    async fn sync(&self, order: Value) -> Value {
        let reply = self.admin.post(&format!("{PRODUCTS}/sync"), order).await.status(202);
        let (path, id) = (reply.header("location").expect("a location").to_owned(), reply.data()["job_id"].clone());
        assert_eq!(path, format!("/api/v1/jobs/{}", id.as_str().expect("an id")));
        self.app.drain().await;
        let job = self.admin.get(&path).await.ok();
        assert_eq!(job["state"], "succeeded", "{job}");
        job["result"].clone()
    }

    async fn calls(&self) -> u64 {
        let counts = self.fake.ask("counts").await;
        counts["calls"].as_object().expect("calls").values().filter_map(Value::as_u64).sum()
    }

    /// The jobs that did not succeed.
    async fn failed(&self) -> Value {
        self.app.sql("select kind, state, last_error from jobs where state <> 'succeeded'").await
    }
}

fn steps(plan: &Value) -> Vec<(&str, String)> {
    let products = plan["products"].as_array().expect("products").iter();
    products.map(|entry| (entry["slug"].as_str().expect("a slug"), entry["steps"].to_string())).collect()
}

#[tokio::test]
async fn a_product_is_made_at_stripe_under_our_id_and_we_know_where() {
    let shop = Shop::open().await;
    let id = shop.make("relecture").await;
    assert_enqueued(&shop.app, "stripe.sync_product", json!({ "product_id": id, "version": 1 })).await;
    let job = shop.app.sql("select lane, priority, unique_key from jobs").await[0].clone();
    assert_eq!((&job["lane"], &job["priority"]), (&json!("stripe"), &json!(5)));
    assert_eq!(job["unique_key"], json!(format!("product:{id}:v1")));
    shop.app.drain().await;
    let there = shop.at_stripe(&id).await;
    assert_eq!((&there["name"], &there["description"]), (&json!("Relecture"), &json!("Deux jours.")));
    assert_eq!((&there["active"], shop.on_sale(&id).await), (&json!(true), vec![1800]));
    let price = shop.objects("price").await.remove(0);
    assert_eq!((&price["currency"], &price["metadata"]), (&json!("eur"), &json!({ "revision": "1" })));
    let row = shop.app.sql("select stripe_product_id p, stripe_price_id r, synced_version v from products").await;
    assert_eq!(row, json!([{ "p": id, "r": price["id"], "v": 1 }]));
}

#[tokio::test]
async fn a_new_name_and_a_description_taken_away_arrive() {
    let shop = Shop::open().await;
    let id = shop.stock("relecture").await;
    shop.change(&id, json!({ "name": "Relecture fine", "description": "Trois jours." })).await;
    shop.app.drain().await;
    let there = shop.at_stripe(&id).await;
    assert_eq!((&there["name"], &there["description"]), (&json!("Relecture fine"), &json!("Trois jours.")));
    assert_eq!(shop.objects("price").await.len(), 1, "the price is what it was");
    shop.change(&id, json!({})).await;
    let jobs = shop.app.sql("select count(*) from jobs where kind = 'stripe.sync_product'").await;
    assert_eq!(jobs[0]["count"], 2, "what changes nothing is not told");
    shop.app.execute("update products set description = '', version = 3").await;
    assert_eq!(shop.sync(json!({})).await["products"][0]["fields"], json!(["description"]));
    assert_eq!(shop.at_stripe(&id).await["description"], Value::Null);
}

#[tokio::test]
async fn another_price_is_a_new_one_and_the_old_one_goes() {
    let shop = Shop::open().await;
    let id = shop.stock("relecture").await;
    for (amount, currency) in [(2000, "EUR"), (2000, "USD"), (1800, "EUR")] {
        shop.change(&id, json!({ "unit_price": { "amount": amount, "currency": currency } })).await;
        shop.app.drain().await;
        assert_eq!(shop.on_sale(&id).await, [amount], "{currency}");
        let kept = shop.objects("price").await.into_iter().find(|price| price["active"] == true).expect("a price");
        assert_eq!(kept["currency"], currency.to_lowercase());
        assert_eq!(shop.app.sql("select stripe_price_id id from products").await[0]["id"], kept["id"]);
    }
    assert_eq!(shop.objects("price").await.len(), 4, "back to the first amount is a fourth price");
}

#[tokio::test]
async fn an_old_price_goes_though_somebody_made_it_the_default_and_a_strangers_price_stays() {
    let shop = Shop::open().await;
    let id = shop.stock("relecture").await;
    let old = shop.objects("price").await.remove(0);
    shop.fake.tell(&format!("objects/{id}"), json!({ "set": { "default_price": old["id"] } })).await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let form = [("product", &*id), ("currency", "eur"), ("unit_amount", "9900"), ("recurring[interval]", "month")];
    let made = http.post(format!("{}/v1/prices", shop.fake.url)).bearer_auth(KEY).form(&form).send().await;
    assert!(made.expect("an answer").status().is_success());
    shop.change(&id, json!({ "unit_price": euros(2000) })).await;
    shop.app.drain().await;
    assert_eq!(shop.failed().await, json!([]));
    assert_eq!(shop.on_sale(&id).await.into_iter().collect::<BTreeSet<_>>(), [2000, 9900].into());
    assert_ne!(shop.at_stripe(&id).await["default_price"], old["id"]);
}

#[tokio::test]
async fn an_archived_product_is_off_sale_and_comes_back_with_its_price_of_then() {
    let shop = Shop::open().await;
    let id = shop.stock("relecture").await;
    shop.admin.delete(&format!("{PRODUCTS}/{id}")).await.status(204);
    shop.app.drain().await;
    assert_eq!(shop.at_stripe(&id).await["active"], false);
    shop.change(&id, json!({ "unit_price": euros(2500) })).await;
    shop.change(&id, json!({ "is_active": true })).await;
    shop.app.drain().await;
    assert_eq!(shop.at_stripe(&id).await["active"], true);
    assert_eq!(shop.on_sale(&id).await, [2500]);
}

#[tokio::test]
async fn doing_it_again_is_the_same_and_what_is_old_does_nothing() {
    let shop = Shop::open().await;
    let id = shop.stock("relecture").await;
    shop.change(&id, json!({ "name": "Deux" })).await;
    shop.change(&id, json!({ "name": "Trois" })).await;
    let before = shop.calls().await;
    shop.app.drain().await;
    let after = shop.calls().await;
    assert_eq!(after - before, 2, "one update, one list: the version between is passed over");
    assert_eq!(shop.at_stripe(&id).await["name"], "Trois");
    // Another worker runs all of them once more, as after a lost lease.
    let again =
        "update jobs set state = 'blocked', finished_at = null, run_at = now() where kind = 'stripe.sync_product'";
    shop.app.execute(again).await;
    shop.app.drain().await;
    assert_eq!((shop.calls().await, shop.failed().await), (after, json!([])));
    // The same where the end was never stored.
    shop.app
        .execute("update products set stripe_product_id = null, stripe_price_id = null, synced_version = null")
        .await;
    shop.app.execute(again).await;
    shop.app.drain().await;
    assert_eq!((shop.objects("product").await.len(), shop.objects("price").await.len()), (1, 1));
    assert_eq!(shop.app.sql("select synced_version v from products").await, json!([{ "v": 3 }]));
    assert_eq!(shop.failed().await, json!([]));
}

#[tokio::test]
async fn answers_that_are_lost_leave_one_product_and_one_price() {
    for path in ["/v1/products", "/v1/prices"] {
        let shop = Shop::open().await;
        // As often as one run asks, so that only the next one hears.
        shop.fake.tell("faults", json!({ "method": "POST", "path": path, "how": "lost", "times": 3 })).await;
        let id = shop.stock("relecture").await;
        assert_eq!(shop.failed().await[0]["state"], "retrying", "{path}");
        assert_eq!(shop.app.sql("select synced_version v from products").await, json!([{ "v": null }]));
        shop.app.advance(Duration::from_mins(1)).await;
        shop.app.drain().await;
        assert_eq!(shop.failed().await, json!([]), "{path}");
        assert_eq!((shop.objects("product").await.len(), shop.on_sale(&id).await), (1, vec![1800]), "{path}");
    }
}

#[tokio::test]
async fn a_change_after_a_lost_answer_finds_what_was_made() {
    let shop = Shop::open().await;
    shop.fake.tell("faults", json!({ "method": "POST", "path": "/v1/products", "how": "lost", "times": 3 })).await;
    let id = shop.stock("relecture").await;
    shop.change(&id, json!({ "name": "Deux", "unit_price": euros(900) })).await;
    shop.app.drain().await;
    assert_eq!((shop.at_stripe(&id).await["name"].clone(), shop.on_sale(&id).await), (json!("Deux"), vec![900]));
    shop.app.advance(Duration::from_mins(1)).await;
    shop.app.drain().await;
    assert_eq!(shop.failed().await, json!([]));
    assert_eq!((shop.at_stripe(&id).await["name"].clone(), shop.on_sale(&id).await), (json!("Deux"), vec![900]));
}

#[tokio::test]
async fn a_dry_run_tells_and_changes_nothing() {
    let shop = Shop::open().await;
    let (known, archived) = (shop.stock("connu").await, shop.stock("ancien").await);
    shop.stock("pareil").await;
    // What changed while payments were off.
    shop.app
        .execute("update products set name = 'Autre', unit_price_cents = 5, version = 2 where slug = 'connu'")
        .await;
    shop.app.execute("update products set is_active = false, version = 2 where slug = 'ancien'").await;
    shop.app.execute("update products set position = 1, version = 2 where slug = 'pareil'").await;
    shop.make("nouveau").await;
    shop.app.execute("delete from jobs where state <> 'succeeded'").await;
    let objects = shop.fake.ask("objects").await;
    let plan = shop.sync(json!({ "dry_run": true })).await;
    let expected = [
        ("connu", r#"["update","new_price","old_price"]"#.to_owned()),
        ("ancien", r#"["archive"]"#.to_owned()),
        ("nouveau", r#"["create"]"#.to_owned()),
        ("pareil", r#"["link"]"#.to_owned()),
    ];
    assert_eq!(steps(&plan).into_iter().collect::<BTreeSet<_>>(), expected.into());
    assert_eq!((&plan["products"][0]["product"], &plan["products"][0]["fields"]), (&json!(known), &json!(["name"])));
    assert_eq!((&plan["counts"]["compared"], &plan["counts"]["nothing"]), (&json!(4), &json!(0)));
    assert_eq!(shop.fake.ask("objects").await, objects, "nothing was changed");
    assert_eq!(shop.app.sql("select count(*) from jobs where parent_id is not null").await[0]["count"], 0);

    let plan = shop.sync(json!({})).await;
    assert_eq!(steps(&plan).len(), 4);
    assert_eq!(shop.failed().await, json!([]));
    assert_eq!(
        (shop.on_sale(&known).await, shop.at_stripe(&archived).await["active"].clone()),
        (vec![5], json!(false))
    );
    let plan = shop.sync(json!({ "verbose": true })).await;
    assert_eq!(plan["counts"]["nothing"], 4, "{plan}");
    assert!(steps(&plan).iter().all(|(_, steps)| steps == "[]") && steps(&plan).len() == 4, "{plan}");
    let log =
        shop.app.sql("select target_type, details from audit_log where action = 'CATALOGUE_SYNCED' order by id").await;
    assert_eq!(log[0], json!({ "target_type": "job", "details": { "dry_run": true, "verbose": false } }));
}

#[tokio::test]
async fn what_people_changed_at_stripe_is_mended_at_the_same_version() {
    let shop = Shop::open().await;
    let (renamed, priceless, gone) = (shop.stock("a").await, shop.stock("b").await, shop.stock("c").await);
    shop.fake.tell(&format!("objects/{renamed}"), json!({ "set": { "name": "Autre", "active": false } })).await;
    let price = shop.objects("price").await.into_iter().find(|price| price["product"] == *priceless).expect("a price");
    let price = price["id"].as_str().expect("an id").to_owned();
    shop.fake.tell(&format!("objects/{price}"), json!({ "set": { "active": false } })).await;
    // As after a change of the account: it was there, and is not. (The fake cannot delete what has a price.)
    let away = shop.objects("price").await.into_iter().find(|price| price["product"] == *gone).expect("a price");
    let away = away["id"].as_str().expect("an id").to_owned();
    shop.fake.tell(&format!("objects/{away}"), json!({ "set": { "product": "prod_away", "active": false } })).await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let deleted = http.delete(format!("{}/v1/products/{gone}", shop.fake.url)).bearer_auth(KEY).send().await;
    assert!(deleted.expect("an answer").status().is_success());

    let plan = shop.sync(json!({})).await;
    let expected = [("a", r#"["update"]"#), ("b", r#"["new_price"]"#), ("c", r#"["create"]"#)];
    assert_eq!(steps(&plan), expected.map(|(slug, steps)| (slug, steps.to_owned())));
    assert_eq!(plan["products"][0]["fields"], json!(["name", "active"]));
    assert_eq!(shop.failed().await, json!([]));
    let there = shop.at_stripe(&renamed).await;
    assert_eq!((&there["name"], &there["active"]), (&json!("Relecture"), &json!(true)));
    assert_eq!((shop.on_sale(&priceless).await, shop.on_sale(&gone).await), (vec![1800], vec![1800]));
    let row = shop.app.sql("select stripe_price_id id, version, synced_version from products where slug = 'b'").await;
    assert_eq!((&row[0]["version"], &row[0]["synced_version"]), (&json!(1), &json!(1)));
    assert_ne!(row[0]["id"], *price, "the new price is known here");
    assert_eq!(shop.sync(json!({})).await["counts"]["nothing"], 3);
}

#[tokio::test]
async fn a_product_we_do_not_know_is_told_and_not_touched() {
    let shop = Shop::open().await;
    shop.stock("relecture").await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let form = [
        ("name", "Old \u{1b}[31mthing"),
        ("default_price_data[currency]", "eur"),
        ("default_price_data[unit_amount]", "5"),
    ];
    let made = http.post(format!("{}/v1/products", shop.fake.url)).bearer_auth(KEY).form(&form).send().await;
    let made: Value = made.expect("an answer").json().await.expect("a product");
    let before = shop.fake.ask("objects").await;
    let plan = shop.sync(json!({})).await;
    assert_eq!(plan["unknown"], json!([{ "id": made["id"], "name": "Old \u{1b}[31mthing", "priced": true }]));
    assert_eq!((&plan["counts"]["unknown"], &plan["counts"]["nothing"]), (&json!(1), &json!(1)));
    assert_eq!(shop.fake.ask("objects").await, before);
}

#[tokio::test]
async fn a_comparison_asks_once_for_each_hundred() {
    let shop = Shop::open().await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    for n in 0..120 {
        let form = [("name", format!("p{n}"))];
        http.post(format!("{}/v1/products", shop.fake.url)).bearer_auth(KEY).form(&form).send().await.expect("made");
    }
    let id = shop.stock("relecture").await;
    let before = shop.calls().await;
    let plan = shop.sync(json!({ "dry_run": true })).await;
    assert_eq!(shop.calls().await - before, 3, "two pages of products, one of prices");
    assert_eq!((&plan["counts"]["unknown"], &plan["counts"]["nothing"]), (&json!(120), &json!(1)), "{id}");
}

#[tokio::test]
async fn without_stripe_nothing_is_enqueued_and_a_comparison_is_refused() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    admin.post(PRODUCTS, product("relecture")).await.created();
    let refused = admin.post(&format!("{PRODUCTS}/sync"), json!({ "dry_run": true })).await.status(503);
    assert_eq!(refused.code(), "payments_off");
    assert_eq!(app.sql("select kind from jobs").await, json!([]));
    assert_eq!(app.sql("select action from audit_log where action = 'CATALOGUE_SYNCED'").await, json!([]));
}

#[tokio::test]
async fn a_comparison_says_what_it_takes() {
    let shop = Shop::open().await;
    let path = format!("{PRODUCTS}/sync");
    assert_eq!(shop.admin.post(&path, json!({ "dry_run": "yes" })).await.wrong_fields(), ["dry_run"]);
    assert_eq!(shop.admin.post(&path, json!({ "dryrun": true })).await.wrong_fields(), ["dryrun"]);
    shop.app.user("alice").await.post(&path, json!({})).await.status(403);
    let keyed = shop.admin.header("idempotency-key", "k");
    let first = keyed.post(&path, json!({})).await.status(202).data();
    assert_eq!(keyed.post(&path, json!({})).await.status(202).data(), first);
    shop.app.drain().await;
    assert_eq!(shop.app.sql("select count(*) from jobs").await[0]["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_the_plan_and_has_it_done() {
    let fake = FakeStripe::start().await;
    let stage = Stage::new(&settings(&fake)).await;
    sqlx::query(
        "insert into products (id, slug, name, unit_price_cents, currency, vat_rate, vat_category)
         values (gen_random_uuid(), 'relecture', 'Relecture', 1800, 'EUR', 20, 'S')",
    )
    .execute(&stage.platform.db)
    .await
    .expect("a product");
    let alone = run(&stage, "facteur", &["stripe", "sync", "--dry-run", "--wait", "1"]).await;
    assert_eq!(alone.status.code(), Some(69), "{}", said(&alone));
    assert!(said(&alone).contains("does a worker run?"), "{}", said(&alone));

    let _worker = stage.worker();
    let dry = run(&stage, "facteur", &["stripe", "sync", "--dry-run"]).await;
    assert!(dry.status.success(), "{}", said(&dry));
    assert_eq!(
        String::from_utf8_lossy(&dry.stdout),
        "PRODUCT    WHAT    DETAILS\nrelecture  create\n1 products compared, 1 differ: a dry run, nothing was changed\n"
    );
    let done = run(&stage, "facteur", &["stripe", "sync", "--json"]).await;
    let plan: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!((&plan["dry_run"], &plan["counts"]["create"]), (&json!(false), &json!(1)));
    let synced = "select count(*) from products where synced_version = 1 and stripe_price_id is not null";
    stage.until(Duration::from_secs(20), synced, 1).await;
    let again = run(&stage, "facteur", &["stripe", "sync", "--verbose"]).await;
    assert!(said(&again).contains("relecture  nothing"), "{}", said(&again));
    assert!(said(&again).contains("1 products compared, 0 differ\n"), "{}", said(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_without_stripe_is_told_so() {
    let stage = Stage::new(&[]).await;
    let off = run(&stage, "facteur", &["stripe", "sync"]).await;
    assert_eq!(off.status.code(), Some(78), "{}", said(&off));
    assert!(said(&off).contains("payments_off"), "{}", said(&off));
}
