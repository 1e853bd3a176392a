//! The catalogue: what everybody sees, what its keepers may change, and what contradicts itself.

use harness::{Client, Reply, TestApp};
use serde_json::{Value, json};

fn product() -> Value {
    json!({
        "slug": "relecture", "name": "Relecture", "unit_price": { "amount": 1800, "currency": "EUR" }, "vat_rate_bp": 2000,
        "category": "textes",
    })
}

fn with(changes: Value) -> Value {
    let mut product = product();
    for (name, value) in changes.as_object().expect("an object") {
        product[name] = value.clone();
    }
    product
}

async fn create(admin: &Client, changes: Value) -> Reply {
    admin.post("/api/v1/admin/products", with(changes)).await
}

fn path(product: &Value) -> String {
    format!("/api/v1/admin/products/{}", product["id"].as_str().expect("an id"))
}

async fn slugs(client: &Client, path: &str) -> Vec<String> {
    let page = client.get(path).await.status(200).json();
    let rows = page["data"].as_array().expect("rows").clone();
    rows.iter().map(|row| row["slug"].as_str().expect("a slug").to_owned()).collect()
}

#[tokio::test]
async fn a_product_is_seen_by_everybody_until_it_is_archived() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({})).await.created();
    assert_eq!((&made["version"], &made["is_active"], &made["vat_category"]), (&json!(1), &json!(true), &json!("S")));
    let page = app.anonymous().get("/api/v1/products").await.status(200).json();
    let seen = &page["data"][0];
    assert_eq!(seen["unit_price"], json!({ "amount": 1800, "currency": "EUR" }));
    assert_eq!((&seen["is_available"], &seen["stock_quantity"]), (&json!(true), &Value::Null), "how many is not told");
    admin.delete(&path(&made)).await.status(204);
    admin.delete(&path(&made)).await.status(204);
    assert!(slugs(&app.anonymous(), "/api/v1/products").await.is_empty());
    assert_eq!(slugs(&admin, "/api/v1/admin/products?is_active=false").await, ["relecture"]);
    let back = admin.patch(&path(&made), json!({ "is_active": true })).await.ok();
    assert_eq!(back["version"], 3, "archived once, brought back once");
}

#[tokio::test]
async fn every_change_counts_and_is_written_down_and_no_change_is_not() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "stock_quantity": 3 })).await.created();
    let dearer = json!({ "unit_price": { "amount": 2000, "currency": "EUR" } });
    assert_eq!(admin.patch(&path(&made), dearer.clone()).await.ok()["version"], 2);
    assert_eq!(admin.patch(&path(&made), dearer).await.ok()["version"], 2, "the same price again");
    assert_eq!(admin.patch(&path(&made), json!({})).await.ok()["version"], 2);
    let free = admin.patch(&path(&made), json!({ "stock_quantity": null, "category": null })).await.ok();
    assert_eq!((&free["stock_quantity"], &free["category"], &free["version"]), (&Value::Null, &Value::Null, &json!(3)));
    let said = admin.patch(&path(&made), json!({ "description": "Deux lectures." })).await.ok();
    let silent = admin.patch(&path(&made), json!({ "description": "" })).await.ok();
    assert_eq!((&said["description"], &silent["description"]), (&json!("Deux lectures."), &json!("")));
    let log = app.sql("select details from audit_log where action = 'PRODUCT_CHANGED' order by id").await;
    assert_eq!(log.as_array().map(Vec::len), Some(5), "made, dearer, unlimited, described, not any more: {log}");
    assert_eq!(log[1]["details"]["before"]["unit_price"]["amount"], 1800);
    assert_eq!(log[1]["details"]["after"]["unit_price"]["amount"], 2000);
}

#[tokio::test]
async fn what_contradicts_itself_is_refused_by_its_field() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({})).await.created();
    let amount = |amount: Value| json!({ "unit_price": { "amount": amount, "currency": "EUR" } });
    for (changes, field) in [
        (json!({}), "slug"),
        (json!({ "slug": "Deux Mots" }), "slug"),
        (json!({ "slug": "a--b" }), "slug"),
        (json!({ "slug": "" }), "slug"),
        (json!({ "slug": "b", "name": " " }), "name"),
        (json!({ "slug": "b", "name": "a\nb" }), "name"),
        (json!({ "slug": "b", "vat_rate_bp": 0 }), "vat_rate_bp"),
        (json!({ "slug": "b", "vat_rate_bp": 10_001 }), "vat_rate_bp"),
        (json!({ "slug": "b", "vat_category": "E" }), "vat_rate_bp"),
        (json!({ "slug": "b", "vat_category": "X" }), "vat_category"),
        (json!({ "slug": "b", "vat_category": "K", "vat_rate_bp": 0 }), "vat_category"),
        (json!({ "slug": "b", "stock_quantity": -1 }), "stock_quantity"),
        (json!({ "slug": "b", "category": "" }), "category"),
        (json!({ "slug": "b", "unit_price": { "amount": 1, "currency": "XXX" } }), "unit_price.currency"),
        (json!({ "slug": "b", "unit_price": { "amount": 1, "currency": "ISK" } }), "unit_price.currency"),
        (json!({ "slug": "b", "unit_price": { "amount": 1 } }), "unit_price.currency"),
        (json!({ "slug": "b", "colour": "red" }), "colour"),
    ] {
        let mut wrong = create(&admin, changes.clone()).await.wrong_fields();
        wrong.dedup();
        assert_eq!(wrong, [field], "{changes}");
    }
    for bad in [json!(0), json!(-5), json!(10_000_000_001_i64), json!(18.5), json!("18")] {
        let wrong = create(&admin, with(amount(bad.clone()))).await.wrong_fields();
        assert_eq!(wrong, ["unit_price.amount"], "{bad}");
        assert_eq!(admin.patch(&path(&made), amount(bad)).await.wrong_fields(), ["unit_price.amount"]);
    }
    assert_eq!(admin.patch(&path(&made), json!({ "vat_category": "AE" })).await.wrong_fields(), ["vat_rate_bp"]);
    let owed = json!({ "vat_category": "AE", "vat_rate_bp": 0 });
    assert_eq!(admin.patch(&path(&made), owed).await.ok()["vat_category"], "AE");
    admin.patch(&format!("/api/v1/admin/products/{}", uuid::Uuid::now_v7()), json!({})).await.status(404);
    assert_eq!(app.sql("select count(*) from products").await[0]["count"], 1);
}

#[tokio::test]
async fn the_catalogue_has_an_order_of_its_own_and_pages() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for (slug, position, category) in [("c", 3, "x"), ("a", 1, "x"), ("d", 3, "y"), ("b", 2, "x")] {
        create(&admin, json!({ "slug": slug, "position": position, "category": category })).await.created();
    }
    let visitor = app.anonymous();
    assert_eq!(slugs(&visitor, "/api/v1/products").await, ["a", "b", "c", "d"]);
    assert_eq!(slugs(&visitor, "/api/v1/products?category=x").await, ["a", "b", "c"]);
    let (mut path, mut seen) = ("/api/v1/products?limit=1".to_owned(), Vec::new());
    loop {
        let page = visitor.get(&path).await.status(200).json();
        seen.push(page["data"][0]["slug"].clone());
        let Some(next) = page["page"]["next"].as_str() else { break };
        path = format!("/api/v1/products?limit=1&after={next}");
    }
    assert_eq!(seen, ["a", "b", "c", "d"]);
    assert_eq!(visitor.get("/api/v1/products?is_active=false").await.wrong_fields(), ["is_active"]);
}

#[tokio::test]
async fn prices_of_every_currency_come_back_as_they_were() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for (slug, amount, currency) in [("yen", 500, "JPY"), ("dinar", 1_230, "KWD"), ("euro", 1, "EUR")] {
        let price = json!({ "amount": amount, "currency": currency });
        let made = create(&admin, json!({ "slug": slug, "unit_price": price })).await.created();
        assert_eq!(made["unit_price"], price);
    }
    let odd = json!({ "slug": "odd-dinar", "unit_price": { "amount": 1_234, "currency": "KWD" } });
    assert_eq!(create(&admin, odd).await.wrong_fields(), ["unit_price.amount"]);
    let rates = app.sql("select distinct vat_rate::text as rate from products").await;
    assert_eq!(rates, json!([{ "rate": "20.00" }]));
    let odd = create(&admin, json!({ "slug": "odd", "vat_rate_bp": 555 })).await.created();
    assert_eq!(odd["vat_rate_bp"], 555);
}
