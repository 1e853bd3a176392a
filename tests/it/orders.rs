//! Orders: placed once and paid for once, by guests and by people with an account, without ever selling a piece twice.

use std::time::Duration;

use harness::letters::{subjects, token};
use harness::{Client, Reply, TestApp};
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::domain::billing::orders::{self, Mover, OrderStatus, Scope};
use shared::domain::billing::totals::{self, Taxed, VatCategory};
use shared::flows::order_status;
use shared::kernel::ids::OrderId;
use shared::kernel::money::{Currency, Money};
use shared::platform::tx::Tx;

const DAY: Duration = Duration::from_secs(24 * 3600 + 60);

/// A product; gives its id.
async fn product(app: &TestApp, slug: &str, price: i64, stock: Option<i32>) -> String {
    product_in(app, slug, json!({ "amount": price, "currency": "EUR" }), 2000, stock).await
}

async fn product_in(app: &TestApp, slug: &str, price: Value, rate: i32, stock: Option<i32>) -> String {
    let id = uuid::Uuid::now_v7();
    let category = if rate > 0 { "S" } else { "E" };
    let stock = stock.map_or("null".to_owned(), |stock| stock.to_string());
    app.execute(&format!(
        "insert into products (id, slug, name, unit_price_cents, currency, vat_rate, vat_category, stock_quantity)
         values ('{id}', '{slug}', 'Le {slug}', {}, {}, {rate} / 100.0, '{category}', {stock})",
        price["amount"],
        price["currency"].to_string().replace('"', "'")
    ))
    .await;
    id.to_string()
}

fn lines(wanted: &[(&str, i64)]) -> Value {
    wanted.iter().map(|(id, n)| json!({ "product_id": id, "quantity": n })).collect()
}

/// A guest's order.
fn wish(wanted: &[(&str, i64)]) -> Value {
    let guest = json!({ "email": "helene@example.org", "first_name": "Hélène", "last_name": "Martin", "locale": "fr" });
    json!({ "lines": lines(wanted), "guest": guest })
}

/// The same of somebody signed in, who is answered at once.
fn mine(wanted: &[(&str, i64)]) -> Value {
    json!({ "lines": lines(wanted) })
}

async fn place(client: &Client, body: Value) -> Reply {
    client.post("/api/v1/orders", body).await
}

fn id(order: &Value) -> OrderId {
    order["id"].as_str().expect("an id").parse().expect("a uuid")
}

fn admin_path(order: &Value) -> String {
    format!("/api/v1/admin/orders/{}", id(order))
}

async fn stock(app: &TestApp) -> Value {
    app.sql("select stock_quantity from products order by slug limit 1").await[0]["stock_quantity"].clone()
}

async fn user_id(client: &Client) -> Value {
    client.get("/api/v1/me").await.ok()["id"].clone()
}

fn addressed(app: &TestApp) -> Vec<String> {
    let mut all = subjects(&app.mails());
    all.sort();
    all
}

// Placing.

#[tokio::test]
async fn a_guest_orders_and_gets_a_receipt_and_an_account_to_activate() {
    let app = TestApp::new().await;
    let (text, book) = (product(&app, "texte", 1800, None).await, product(&app, "livre", 2370, Some(5)).await);
    let order = place(&app.anonymous(), wish(&[(&text, 3), (&book, 2)])).await.created();
    let number = order["number"].as_str().expect("a number").to_owned();
    assert!(number.starts_with("C-20") && number.ends_with("-000001"), "{number}");
    assert_eq!((&order["status"], &order["title"]), (&json!("pending"), &json!("Le texte")));
    assert_eq!(order["total_gross"], json!({ "amount": 12_168, "currency": "EUR" }));
    assert_eq!(order["vat"][0]["vat"]["amount"], 2028);
    assert_eq!(stock(&app).await, 3);
    app.drain().await;
    let mails = app.mails();
    let receipt = mails.iter().find(|mail| mail.subject.contains("enregistrée")).expect("a receipt");
    assert!(receipt.text.contains(&number) && receipt.text.contains("121,68\u{a0}€"), "{}", receipt.text);
    assert!(!receipt.text.contains(order["token"].as_str().expect("a token")), "the token goes to who ordered");
    let notice = mails.iter().find(|mail| mail.to.0 == "admin@facteur.example").expect("a notice");
    assert!(notice.text.contains("3 × Le texte") && notice.text.contains("Hélène Martin"), "{}", notice.text);
    assert_eq!(mails.len(), 3, "{:?}", subjects(&mails));
    let link = mails.iter().find(|mail| mail.text.contains("activation?token=")).expect("an activation mail");
    let activated = app.anonymous().post("/api/v1/auth/activate", json!({ "token": token(link) })).await.ok();
    assert_eq!(
        (&activated["user"]["email"], &activated["user"]["status"]),
        (&json!("helene@example.org"), &json!("active"))
    );
    app.drain().await;
    let job = app.sql("select state, subject_id from jobs where kind = 'order.expire'").await;
    assert_eq!(job, json!([{ "state": "scheduled", "subject_id": order["id"] }]));
    let log = app.sql("select action from audit_log where target_type = 'order'").await;
    assert_eq!(log, json!([{ "action": "ORDER_CREATED" }]));
}

#[tokio::test]
async fn whether_an_address_has_an_account_shows_nowhere() {
    let app = TestApp::new().await;
    let text = product(&app, "texte", 1800, None).await;
    let holder = app.user("helene").await;
    let billing = json!({ "legal_name": "Maison Martin", "city": "Nantes" });
    place(&holder, json!({ "lines": lines(&[(&text, 1)]), "billing": billing })).await.created();
    app.drain().await;
    app.mails();

    let mut known = wish(&[(&text, 1)]);
    known["billing"] = json!({ "legal_name": "Quelqu’un d’autre", "city": "Ailleurs" });
    let mut unknown = known.clone();
    unknown["guest"]["email"] = json!("nobody@example.org");
    let began = std::time::Instant::now();
    let (a, b) = (place(&app.anonymous(), known).await.created(), place(&app.anonymous(), unknown).await.created());
    assert!(
        began.elapsed() >= Duration::from_millis(800),
        "both answers leave at the same moment after their question"
    );
    let shape = |order: &Value| {
        let mut order = order.clone();
        for own in ["id", "number", "customer_id", "token", "placed_at", "expires_at"] {
            assert!(order[own].is_string(), "{own}");
            order[own] = Value::Null;
        }
        order["lines"][0]["id"] = Value::Null;
        order
    };
    assert_eq!(shape(&a), shape(&b));
    assert_eq!(holder.get("/api/v1/orders").await.status(200).json()["data"].as_array().map(Vec::len), Some(1));
    let customers = app.sql("select legal_name, city from customers where user_id is not null order by id").await;
    assert_eq!(customers[0], json!({ "legal_name": "Maison Martin", "city": "Nantes" }), "a stranger changes nothing");
    app.drain().await;
    let subjects = addressed(&app);
    let to_holder: Vec<_> = subjects.iter().filter(|s| s.starts_with("helene")).collect();
    assert_eq!(to_holder.len(), 1, "the receipt, and no activation: {subjects:?}");
    assert_eq!(app.sql("select count(*) from users").await[0]["count"], 2);
}

#[tokio::test]
async fn while_nobody_may_register_a_guest_orders_without_an_account() {
    let app = TestApp::new().await;
    let text = product(&app, "texte", 1800, None).await;
    app.execute("insert into settings (key, value) values ('auth.registration', 'false')").await;
    place(&app.anonymous(), wish(&[(&text, 1)])).await.created();
    assert_eq!(app.sql("select count(*) from users").await[0]["count"], 0);
    assert_eq!(app.only_mail_to("helene@example.org").await.to.0, "helene@example.org");
}

#[tokio::test]
async fn an_account_that_ordered_outlives_its_activation() {
    let app = TestApp::new().await;
    let text = product(&app, "texte", 1800, None).await;
    place(&app.anonymous(), wish(&[(&text, 1)])).await.created();
    app.drain().await;
    app.execute("insert into users (id, email, role, status) values (gen_random_uuid(), 'other@example.org', 'user', 'pending_activation')").await;
    app.advance(Duration::from_secs(31 * 24 * 3600)).await;
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    shared::domain::identity::purge(&mut tx).await.expect("a purge");
    tx.commit().await.expect("a commit");
    assert_eq!(app.sql("select email from users").await, json!([{ "email": "helene@example.org" }]));
    app.drain().await;
}

#[tokio::test]
async fn somebody_signed_in_sees_their_own_orders_and_no_others() {
    let app = TestApp::new().await;
    let text = product(&app, "texte", 1800, None).await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let body = json!({ "lines": lines(&[(&text, 2)]), "title": " Mon roman ", "description": "Deux\nlignes", "note": "Merci" });
    let order = place(&alice, body).await.created();
    assert_eq!(
        (&order["title"], &order["client_note"], &order["token"]),
        (&json!("Mon roman"), &json!("Merci"), &Value::Null)
    );
    let own = format!("/api/v1/orders/{}", id(&order));
    assert_eq!(alice.get(&own).await.ok(), order);
    assert_eq!(alice.get("/api/v1/orders?status=pending").await.status(200).json()["data"][0]["id"], order["id"]);
    assert_eq!(alice.get("/api/v1/orders?status=paid").await.status(200).json()["data"], json!([]));
    bob.get(&own).await.status(404);
    bob.post(&format!("{own}/cancel"), json!({})).await.status(404);
    app.anonymous().get(&own).await.status(401);
    assert_eq!(bob.get("/api/v1/orders").await.status(200).json()["data"], json!([]));
    let told = app.sql("select user_id, template, type from notifications order by audience").await;
    assert_eq!(told[0]["template"], "admin-order");
    assert_eq!(told[1], json!({ "user_id": user_id(&alice).await, "template": "user-order", "type": "order" }));
    app.drain().await;
}

#[tokio::test]
async fn the_invoice_goes_where_the_last_one_went_unless_told() {
    let app = TestApp::new().await;
    let text = product(&app, "texte", 1800, None).await;
    let alice = app.user("alice").await;
    let order = |billing: Value| {
        let mut body = mine(&[(&text, 1)]);
        if !billing.is_null() {
            body["billing"] = billing;
        }
        place(&alice, body)
    };
    let customer = || app.sql("select legal_name, city, country_code, vat_number from customers");
    order(Value::Null).await.created();
    let named = json!([{ "legal_name": "alice Test", "city": "", "country_code": "FR", "vat_number": null }]);
    assert_eq!(customer().await, named);
    order(json!({ "legal_name": " SARL ", "city": "Bern", "country_code": "CH", "vat_number": "CHE 123" }))
        .await
        .created();
    let company = json!([{ "legal_name": "SARL", "city": "Bern", "country_code": "CH", "vat_number": "CHE 123" }]);
    assert_eq!(customer().await, company);
    order(Value::Null).await.created();
    assert_eq!(customer().await, company);
    for (bad, field) in [
        (json!({ "country_code": "fr" }), "billing.country_code"),
        (json!({ "legal_name": "a\nb" }), "billing"),
        (json!({ "vat_number": "<b>" }), "billing"),
        (json!({ "city": "x".repeat(101) }), "billing.city"),
    ] {
        assert_eq!(order(bad).await.wrong_fields(), [field]);
    }
    app.drain().await;
}

#[tokio::test]
async fn a_bad_order_names_what_is_wrong_and_leaves_nothing() {
    let app = TestApp::new().await;
    let (text, book) = (product(&app, "texte", 1800, None).await, product(&app, "livre", 2370, Some(5)).await);
    let yen = product_in(&app, "yen", json!({ "amount": 500, "currency": "JPY" }), 2000, None).await;
    let dear = product(&app, "dear", i64::MAX / 10, None).await;
    app.execute("update products set is_active = false where slug = 'livre'").await;
    let none = uuid::Uuid::now_v7().to_string();
    let (visitor, alice) = (app.anonymous(), app.user("alice").await);
    for (wanted, field) in [
        (vec![], "lines"),
        (vec![(&*text, 0)], "lines[0].quantity"),
        (vec![(&*text, -1)], "lines[0].quantity"),
        (vec![(&*text, 10_001)], "lines[0].quantity"),
        (vec![(&*text, 1), (&*text, 1)], "lines[1].product_id"),
        (vec![(&*book, 1)], "lines[0].product_id"),
        (vec![(&*none, 1)], "lines[0].product_id"),
        (vec![("x", 1)], "lines[0].product_id"),
        (vec![(&*dear, 11)], "lines[0].quantity"),
        (vec![(&*dear, 10)], "lines"),
    ] {
        assert_eq!(place(&alice, mine(&wanted)).await.wrong_fields(), [field], "{wanted:?}");
    }
    let mixed = place(&alice, mine(&[(&text, 1), (&yen, 1)])).await.wrong_fields();
    assert!(mixed == ["lines[0].product_id"] || mixed == ["lines[1].product_id"], "{mixed:?}");
    let many: Vec<_> = (0..51).map(|_| (&*text, 1)).collect();
    assert_eq!(place(&alice, mine(&many)).await.wrong_fields(), ["lines"]);
    let mut half = mine(&[(&text, 1)]);
    half["lines"][0]["quantity"] = json!(1.5);
    assert_eq!(place(&alice, half).await.wrong_fields(), ["lines[0].quantity"]);
    assert_eq!(place(&visitor, mine(&[(&text, 1)])).await.wrong_fields(), ["guest"]);
    assert_eq!(place(&alice, wish(&[(&text, 1)])).await.wrong_fields(), ["guest"]);
    let mut bad = wish(&[(&text, 1)]);
    bad["guest"]["email"] = json!("a@example.org\r\nBcc: b@example.org");
    let mut wrong = place(&visitor, bad).await.wrong_fields();
    wrong.dedup();
    assert_eq!(wrong, ["guest.email"]);
    for (field, value) in [("title", json!("a\nb")), ("note", json!(" ")), ("colour", json!("red"))] {
        let mut bad = mine(&[(&text, 1)]);
        bad[field] = value;
        assert_eq!(place(&alice, bad).await.wrong_fields(), [field]);
    }
    let left = app.sql(
        "select (select count(*) from orders) o, (select count(*) from customers) c, (select count(*) from jobs) j",
    );
    assert_eq!(left.await[0], json!({ "o": 0, "c": 0, "j": 0 }));
}

#[tokio::test]
async fn a_repeated_key_gives_the_token_again_and_only_its_hash_is_kept() {
    let app = TestApp::new().await;
    let text = product(&app, "texte", 1800, Some(5)).await;
    let client = app.anonymous().header("idempotency-key", "3f0c");
    let first = place(&client, wish(&[(&text, 1)])).await.created();
    let again = place(&client, wish(&[(&text, 1)])).await.status(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.data(), first);
    assert_eq!(stock(&app).await, 4);
    let secret = first["token"].as_str().expect("a token").to_owned();
    assert_eq!(secret.len(), 64);
    let kept = app.sql("select (select string_agg(k::text, '') from idempotency_keys k) || (select string_agg(o::text, '') from orders o)
        || (select string_agg(j::text, '') from jobs j) || (select string_agg(e::text, '') from emails e)
        || (select string_agg(a::text, '') from audit_log a) as all").await;
    let kept = kept[0]["all"].as_str().expect("rows");
    assert!(kept.contains(&id(&first).to_string()) && !kept.contains(&secret), "{kept}");

    let mut db = app.platform.db.acquire().await.expect("a connection");
    let other = place(&app.anonymous(), wish(&[(&text, 1)])).await.created();
    let opened =
        orders::get(&mut db, &Scope::Token(secret.clone()), id(&first)).await.expect("the token opens its order");
    assert_eq!(opened.id, id(&first));
    assert!(orders::get(&mut db, &Scope::Token(secret.clone()), id(&other)).await.is_err(), "and no other");
    for wrong in ["", "x", &secret[1..], &secret.to_uppercase()] {
        assert!(orders::get(&mut db, &Scope::Token(wrong.into()), id(&first)).await.is_err(), "{wrong}");
    }
    app.drain().await;
}

#[tokio::test]
async fn a_line_stays_as_it_was_ordered() {
    let app = TestApp::new().await;
    let text = product(&app, "texte", 1800, None).await;
    let alice = app.user("alice").await;
    let order = place(&alice, mine(&[(&text, 2)])).await.created();
    app.execute(
        "update products set name = 'Autre', unit_price_cents = 1, vat_rate = 5.5, currency = 'JPY', is_active = false",
    )
    .await;
    assert_eq!(alice.get(&format!("/api/v1/orders/{}", id(&order))).await.ok(), order);
    app.drain().await;
}

#[tokio::test]
async fn orders_are_limited_per_address() {
    let app = TestApp::with(&[("RATE_LIMIT_FORMS", "1/1h")]).await;
    let text = product(&app, "texte", 1800, None).await;
    place(&app.anonymous(), wish(&[(&text, 1)])).await.created();
    place(&app.anonymous(), wish(&[(&text, 1)])).await.status(429);
    app.drain().await;
}

// Money.

#[tokio::test]
async fn vat_is_computed_once_per_rate_in_every_currency() {
    let app = TestApp::new().await;
    for (currency, price, net, vat) in [("EUR", 33, 99, 20), ("JPY", 33, 99, 20), ("KWD", 1_234, 3_702, 740)] {
        let price = json!({ "amount": price, "currency": currency });
        let slug = currency.to_lowercase();
        let mut wanted = Vec::new();
        for n in 0..3 {
            wanted.push(product_in(&app, &format!("{slug}-{n}"), price.clone(), 2000, None).await);
        }
        let free =
            product_in(&app, &format!("{slug}-free"), json!({ "amount": 7, "currency": currency }), 0, None).await;
        let wanted: Vec<_> = wanted.iter().chain([&free]).map(|id| (&**id, 1)).collect();
        let order = place(&app.anonymous(), wish(&wanted)).await.created();
        let money = |amount: i64| json!({ "amount": amount, "currency": currency });
        assert_eq!(order["total_net"], money(net + 7));
        assert_eq!((&order["total_vat"], &order["total_gross"]), (&money(vat), &money(net + 7 + vat)));
        let rates = json!([
            { "vat_category": "S", "vat_rate_bp": 2000, "net": money(net), "vat": money(vat) },
            { "vat_category": "E", "vat_rate_bp": 0, "net": money(7), "vat": money(0) },
        ]);
        assert_eq!(order["vat"], rates);
    }
    app.drain().await;
    let receipts = app.mails().into_iter().filter(|mail| mail.subject.contains("enregistrée")).map(|mail| mail.text);
    let receipts = receipts.collect::<String>();
    for said in ["1,26\u{a0}€", "126\u{a0}¥", "4,449\u{a0}KWD"] {
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
            // vat - 1/2 <= base * rate < vat + 1/2, in twenty-thousandths
            let (exact, vat) = (2 * base * i128::from(rate.vat_rate_bp), 20_000 * i128::from(rate.vat.amount));
            prop_assert!(vat - 10_000 <= exact && exact < vat + 10_000, "{rate:?}");
        }
        let seen: Vec<i32> = totals.by_rate.iter().map(|rate| rate.vat_rate_bp).collect();
        let mut once = seen.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), seen.len(), "a rate stands once");
    }
}

// Stock.

#[tokio::test]
async fn fifty_want_the_last_ten_pieces_and_ten_get_them() {
    let app = TestApp::new().await;
    let (book, text) = (product(&app, "livre", 2370, Some(10)).await, product(&app, "texte", 1800, Some(1000)).await);
    let mut crowd = tokio::task::JoinSet::new();
    for n in 0..50 {
        // Half of them name the products the other way round: nobody waits for each other in a circle.
        let wanted = if n % 2 == 0 { [(&*book, 1), (&*text, 2)] } else { [(&*text, 2), (&*book, 1)] };
        let mut body = wish(&wanted);
        body["guest"]["email"] = json!(format!("guest-{n}@example.org"));
        let client = app.anonymous();
        crowd.spawn(async move { place(&client, body).await });
    }
    let replies = crowd.join_all().await;
    let (placed, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 201);
    assert_eq!(placed.len(), 10);
    refused.into_iter().for_each(|reply| assert_eq!(reply.status(409).code(), "out_of_stock"));
    let left = app.sql("select slug, stock_quantity from products order by slug").await;
    assert_eq!(left, json!([{ "slug": "livre", "stock_quantity": 0 }, { "slug": "texte", "stock_quantity": 980 }]));
    let kept = app.sql("select (select count(*) from orders) o, (select count(*) from customers) c, (select sum(reserved)::int from order_lines) r");
    assert_eq!(kept.await[0], json!({ "o": 10, "c": 10, "r": 30 }), "who got nothing leaves nothing");
    app.drain().await;
}

#[tokio::test]
async fn pieces_go_back_once_when_an_order_is_cancelled_or_expires() {
    let app = TestApp::new().await;
    let book = product(&app, "livre", 2370, Some(10)).await;
    let (alice, admin) = (app.user("alice").await, app.admin().await);
    let order = || place(&alice, mine(&[(&book, 3)]));
    let (first, second, third) = (order().await.created(), order().await.created(), order().await.created());
    assert_eq!(stock(&app).await, 1);
    assert_eq!(order().await.status(409).code(), "out_of_stock");

    let cancel = format!("/api/v1/orders/{}/cancel", id(&first));
    let (a, b) = tokio::join!(alice.post(&cancel, json!({})), alice.post(&cancel, json!({})));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "one click counts");
    assert_eq!(stock(&app).await, 4);
    admin.delete(&admin_path(&second)).await.status(204);
    assert_eq!(admin.delete(&admin_path(&second)).await.status(409).code(), "order_status");
    assert_eq!(stock(&app).await, 7);
    app.drain().await;

    app.advance(DAY).await;
    app.drain().await;
    assert_eq!(stock(&app).await, 10);
    let states = app.sql("select status, version from orders order by id").await;
    let expected = json!([
        { "status": "cancelled", "version": 2 }, { "status": "cancelled", "version": 2 }, { "status": "expired", "version": 2 },
    ]);
    assert_eq!(states, expected);
    let told = app.sql("select dedupe_key k from notifications where dedupe_key !~ 'created' order by k").await;
    let told: Vec<_> =
        told.as_array().expect("rows").iter().map(|row| row["k"].as_str().expect("a key").to_owned()).collect();
    let mut expected = vec![
        format!("order:{}:cancelled", id(&first)),
        format!("order:{}:cancelled:admin", id(&first)),
        format!("order:{}:cancelled", id(&second)),
        format!("order:{}:cancelled:admin", id(&second)),
        format!("order:{}:expired", id(&third)),
    ];
    expected.sort();
    assert_eq!(told, expected);
    let jobs = app.sql("select distinct state from jobs where kind = 'order.expire'").await;
    assert_eq!(jobs, json!([{ "state": "succeeded" }]));
}

#[tokio::test]
async fn a_product_that_became_limited_or_unlimited_meanwhile_keeps_a_true_stock() {
    let app = TestApp::new().await;
    let book = product(&app, "livre", 2370, None).await;
    let admin = app.admin().await;
    let free = place(&app.anonymous(), wish(&[(&book, 3)])).await.created();
    app.execute("update products set stock_quantity = 5").await;
    admin.delete(&admin_path(&free)).await.status(204);
    assert_eq!(stock(&app).await, 5, "nothing was taken, nothing goes back");
    let held = place(&app.anonymous(), wish(&[(&book, 3)])).await.created();
    app.execute("update products set stock_quantity = null").await;
    admin.delete(&admin_path(&held)).await.status(204);
    assert_eq!(stock(&app).await, Value::Null);
    app.drain().await;
}

#[tokio::test]
async fn a_guest_hears_by_mail_that_the_order_expired() {
    let app = TestApp::new().await;
    let text = product(&app, "texte", 1800, None).await;
    let mut body = wish(&[(&text, 1)]);
    body["guest"]["locale"] = json!("en");
    place(&app.anonymous(), body).await.created();
    app.drain().await;
    app.mails();
    app.advance(DAY).await;
    let mail = app.only_mail_to("helene@example.org").await;
    assert!(mail.subject.starts_with("Your order C-") && mail.subject.ends_with(": expired"), "{}", mail.subject);
    assert!(!mail.text.contains("http://www.test/orders/"), "a guest has no page to go to: {}", mail.text);
}

#[tokio::test]
async fn an_order_with_more_time_does_not_expire_by_the_first_job() {
    let app = TestApp::new().await;
    let text = product(&app, "texte", 1800, None).await;
    place(&app.anonymous(), wish(&[(&text, 1)])).await.created();
    app.drain().await;
    app.execute("update orders set expires_at = expires_at + interval '1 hour'").await;
    app.advance(DAY).await;
    app.drain().await;
    assert_eq!(app.sql("select status from orders").await, json!([{ "status": "pending" }]));
}

// Moving on.

/// Brings the one order of the test into a status, whatever it was.
async fn force(app: &TestApp, status: OrderStatus, assignee: Option<&Value>) {
    let assignee = assignee.map_or("null".into(), |id| id.to_string().replace('"', "'"));
    let paid = if status.is_paid() || status == OrderStatus::Refunded { "now()" } else { "null" };
    app.execute(&format!("update orders set status = '{}', paid_at = {paid}, assignee_id = {assignee}", status.name()))
        .await;
}

#[tokio::test]
async fn by_hand_an_order_takes_the_steps_there_are_and_no_other() {
    let app = TestApp::new().await;
    let text = product(&app, "texte", 1800, None).await;
    let (admin, noe) = (app.admin().await, app.person("noe", "corrector").await);
    let noe = user_id(&noe).await;
    let order = place(&app.anonymous(), wish(&[(&text, 1)])).await.created();
    let path = format!("{}/status", admin_path(&order));
    let mut taken = Vec::new();
    for from in OrderStatus::ALL.into_iter().filter(|from| *from != OrderStatus::Cart) {
        for to in OrderStatus::ALL {
            force(&app, from, Some(&noe)).await;
            let before = app.sql("select version from orders").await[0]["version"].clone();
            let reply = admin.put(&path, json!({ "status": to, "reason": "parce que" })).await;
            let after = app.sql("select status, version from orders").await[0].clone();
            if reply.status == 200 {
                assert_eq!((&reply.data()["status"], &after["status"]), (&json!(to), &json!(to)));
                assert_eq!(after["version"], json!(before.as_i64().expect("a version") + 1));
                taken.push((from.name(), to.name()));
            } else {
                assert_eq!(reply.status, 409, "{from:?} to {to:?}: {}", reply.text);
                let code = match from.mover(to) {
                    Some(Mover::Refund) => "refund_needed",
                    Some(Mover::Payment) => "payment_needed",
                    Some(Mover::Project) => "project_needed",
                    _ => "order_status",
                };
                assert_eq!(reply.code(), code, "{from:?} to {to:?}");
                assert_eq!(after, json!({ "status": from, "version": before }));
            }
        }
    }
    let steps = [
        ("pending", "cancelled"),
        ("paid", "in_progress"),
        ("paid", "completed"),
        ("paid", "cancelled"),
        ("in_progress", "suspended"),
        ("delivered", "completed"),
        ("suspended", "in_progress"),
    ];
    assert_eq!(taken, steps);
    let log = app
        .sql("select action, severity, count(*) n from audit_log where target_type = 'order' group by 1, 2 order by 1")
        .await;
    assert_eq!(
        log,
        json!([
            { "action": "ORDER_CREATED", "severity": "low", "n": 1 },
            { "action": "ORDER_DELETED", "severity": "high", "n": 2 },
            { "action": "ORDER_STATUS_CHANGED", "severity": "medium", "n": 5 },
        ])
    );
    app.drain().await;
}

/// The whole machine, as it is written in the model: nothing is missing and nothing is more.
#[test]
fn the_machine_is_the_one_that_was_agreed() {
    use Mover::{Anybody, Manager, ManagerWithReason, ManagerWithRefund, Payment, Project, Refund, Time};
    let mut all = Vec::new();
    for from in OrderStatus::ALL {
        all.extend(OrderStatus::ALL.iter().filter_map(|to| Some((from.name(), to.name(), from.mover(*to)?))));
    }
    let agreed = [
        ("pending", "paid", Payment),
        ("pending", "cancelled", Anybody),
        ("pending", "expired", Time),
        ("paid", "in_progress", Manager),
        ("paid", "completed", Manager),
        ("paid", "cancelled", ManagerWithRefund),
        ("paid", "refunded", Refund),
        ("in_progress", "delivered", Project),
        ("in_progress", "suspended", ManagerWithReason),
        ("in_progress", "refunded", Refund),
        ("delivered", "in_progress", Project),
        ("delivered", "completed", Manager),
        ("delivered", "refunded", Refund),
        ("completed", "refunded", Refund),
        ("suspended", "in_progress", Manager),
        ("suspended", "refunded", Refund),
        ("expired", "paid", Payment),
    ];
    assert_eq!(all, agreed);
}

#[tokio::test]
async fn a_step_needs_what_it_needs() {
    let app = TestApp::new().await;
    let text = product(&app, "texte", 1800, None).await;
    let (admin, noe) = (app.admin().await, app.person("noe", "corrector").await);
    let noe = user_id(&noe).await;
    let order = place(&app.anonymous(), wish(&[(&text, 1)])).await.created();
    let path = format!("{}/status", admin_path(&order));
    force(&app, OrderStatus::Paid, None).await;
    assert_eq!(admin.put(&path, json!({ "status": "in_progress" })).await.status(409).code(), "assignee_needed");
    force(&app, OrderStatus::InProgress, Some(&noe)).await;
    assert_eq!(admin.put(&path, json!({ "status": "suspended" })).await.wrong_fields(), ["reason"]);
    assert_eq!(admin.put(&path, json!({ "status": "lost" })).await.wrong_fields(), ["status"]);
    assert_eq!(admin.put(&path, json!({})).await.wrong_fields(), ["status"]);
    force(&app, OrderStatus::InProgress, Some(&noe)).await;
    assert_eq!(admin.delete(&admin_path(&order)).await.status(409).code(), "refund_needed");
    admin
        .put(&format!("/api/v1/admin/orders/{}/status", OrderId::new()), json!({ "status": "paid" }))
        .await
        .status(404);
    app.drain().await;
}

async fn mark(app: &TestApp, order: OrderId, paid: bool) -> Result<bool, String> {
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let done = match paid {
        true => order_status::mark_paid(&mut tx, order).await,
        false => order_status::mark_refunded(&mut tx, order).await,
    };
    tx.commit().await.expect("a commit");
    done.map_err(|error| error.to_string())
}

#[tokio::test]
async fn an_order_is_paid_once_and_refunded_once() {
    let app = TestApp::new().await;
    let text = product(&app, "texte", 1800, None).await;
    let order = id(&place(&app.anonymous(), wish(&[(&text, 1)])).await.created());
    assert!(mark(&app, order, false).await.is_err(), "nothing was paid");
    let (a, b, c, d) = tokio::join!(
        mark(&app, order, true),
        mark(&app, order, true),
        mark(&app, order, true),
        mark(&app, order, true)
    );
    assert_eq!([a, b, c, d].into_iter().filter(|done| *done == Ok(true)).count(), 1);
    assert_eq!(
        app.sql("select status, version, paid_at is not null paid from orders").await,
        json!([{ "status": "paid", "version": 2, "paid": true }])
    );
    for status in [OrderStatus::InProgress, OrderStatus::Delivered, OrderStatus::Suspended, OrderStatus::Completed] {
        force(&app, status, None).await;
        assert_eq!(mark(&app, order, true).await, Ok(false), "{status:?}");
        assert_eq!(mark(&app, order, false).await, Ok(true), "{status:?}");
        assert_eq!(mark(&app, order, false).await, Ok(false), "{status:?}");
        assert_eq!(mark(&app, order, true).await, Ok(false), "{status:?}");
    }
    for status in [OrderStatus::Cancelled, OrderStatus::Expired, OrderStatus::Pending] {
        force(&app, status, None).await;
        assert!(mark(&app, order, false).await.is_err(), "{status:?}");
    }
    force(&app, OrderStatus::Cancelled, None).await;
    assert!(mark(&app, order, true).await.is_err(), "its money must go back");
    assert!(mark(&app, OrderId::new(), true).await.is_err());
    app.drain().await;
    app.advance(DAY).await;
    app.drain().await;
    assert_eq!(app.sql("select status from orders").await, json!([{ "status": "cancelled" }]));
}

#[tokio::test]
async fn a_payment_and_the_expiry_at_the_same_moment_end_in_one_of_the_two() {
    let app = TestApp::new().await;
    let (book, alice) = (product(&app, "livre", 2370, Some(100)).await, app.user("alice").await);
    for n in 1..=10 {
        let order = id(&place(&alice, mine(&[(&book, 1)])).await.created());
        app.execute("update orders set expires_at = now() where status = 'pending'").await;
        let expire = async {
            let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
            shared::flows::order_expired::expire(&mut tx, order).await.expect("an answer");
            tx.commit().await.expect("a commit");
        };
        let (paid, ()) = tokio::join!(mark(&app, order, true), expire);
        assert_eq!(paid, Ok(true), "late or not, it is paid");
        assert_eq!(stock(&app).await, 100 - n, "and holds its piece");
    }
    app.drain().await;
}

#[tokio::test]
async fn who_pays_late_gets_the_pieces_that_are_left_and_the_administrators_hear_what_is_gone() {
    let app = TestApp::new().await;
    let book = product(&app, "livre", 2370, Some(1)).await;
    let late = id(&place(&app.anonymous(), wish(&[(&book, 1)])).await.created());
    app.advance(DAY).await;
    app.drain().await;
    assert_eq!(stock(&app).await, 1);
    place(&app.anonymous(), wish(&[(&book, 1)])).await.created();
    app.drain().await;
    app.mails();
    assert_eq!(mark(&app, late, true).await, Ok(true));
    assert_eq!(stock(&app).await, 0);
    let warning = app.only_mail_to("admin@facteur.example").await;
    assert!(warning.text.contains("le stock ne suffit plus") && warning.text.contains("Le livre"), "{}", warning.text);
}

// Keeping.

#[tokio::test]
async fn work_is_given_to_somebody_who_may_do_it() {
    let app = TestApp::new().await;
    let text = product(&app, "texte", 1800, None).await;
    let (admin, alice) = (app.admin().await, app.user("alice").await);
    let (noe, ines) = (app.person("noe", "corrector").await, app.person("ines", "corrector").await);
    let (noe, ines) = (user_id(&noe).await, user_id(&ines).await);
    let order = place(&alice, mine(&[(&text, 1)])).await.created();
    let path = admin_path(&order);
    let give = |to: Value| admin.patch(&path, json!({ "assignee_id": to }));
    for nobody in [user_id(&alice).await, json!(uuid::Uuid::now_v7())] {
        assert_eq!(give(nobody).await.wrong_fields(), ["assignee_id"]);
    }
    app.execute("update users set status = 'suspended' where email = 'ines@example.org'").await;
    assert_eq!(give(ines.clone()).await.wrong_fields(), ["assignee_id"]);
    app.execute("update users set status = 'active' where email = 'ines@example.org'").await;

    let unpaid = give(noe.clone()).await.ok();
    assert_eq!((&unpaid["status"], &unpaid["assignee_id"]), (&json!("pending"), &noe));
    assert_eq!(give(Value::Null).await.ok()["assignee_id"], Value::Null);
    assert_eq!(mark(&app, id(&order), true).await, Ok(true));
    let begun = give(noe.clone()).await.ok();
    assert_eq!((&begun["status"], &begun["assignee_id"]), (&json!("in_progress"), &noe));
    assert_eq!(give(noe.clone()).await.ok()["version"], begun["version"], "the same again is no change");
    assert_eq!(give(ines.clone()).await.ok()["status"], "in_progress");
    assert_eq!(give(Value::Null).await.status(409).code(), "assignee_needed");
    force(&app, OrderStatus::Completed, Some(&ines)).await;
    assert_eq!(give(noe.clone()).await.status(409).code(), "order_status");

    let told = app.sql("select user_id, title from notifications where user_id is not null order by id").await;
    let told: Vec<(Value, Value)> =
        told.as_array().expect("rows").iter().map(|row| (row["user_id"].clone(), row["title"].clone())).collect();
    let number = order["number"].as_str().expect("a number");
    let (alice, work) = (user_id(&alice).await, json!(format!("La commande {number} vous est confiée")));
    let says = |word: &str| json!(format!("Votre commande {number} : {word}"));
    assert_eq!(
        told,
        [
            (alice.clone(), says("enregistrée")),
            (noe.clone(), work.clone()),
            (alice, says("en cours")),
            (noe, work.clone()),
            (ines, work),
        ]
    );
    app.drain().await;
}

#[tokio::test]
async fn orders_are_kept_by_whoever_manages_them() {
    let app = TestApp::new().await;
    let text = product(&app, "texte", 1800, None).await;
    let (admin, alice) = (app.admin().await, app.user("alice").await);
    for n in 0..3 {
        place(&alice, json!({ "lines": lines(&[(&text, 1)]), "title": format!("N° {n}") })).await.created();
    }
    app.drain().await;
    alice.get("/api/v1/admin/orders").await.status(403);
    let page = admin.get("/api/v1/admin/orders?status=pending&priority=normal&limit=2").await.status(200).json();
    assert_eq!((&page["data"][0]["title"], &page["data"][1]["title"]), (&json!("N° 2"), &json!("N° 1")));
    let next = format!("/api/v1/admin/orders?limit=2&after={}", page["page"]["next"].as_str().expect("a next page"));
    let last = admin.get(&next).await.status(200).json();
    assert_eq!((&last["data"][0]["title"], &last["page"]["next"]), (&json!("N° 0"), &Value::Null));
    let order = page["data"][0].clone();
    let number = format!("/api/v1/admin/orders?number={}", order["number"].as_str().expect("a number"));
    assert_eq!(admin.get(&number).await.status(200).json()["data"], json!([order]));
    assert_eq!(admin.get("/api/v1/admin/orders?status=lost").await.wrong_fields(), ["status"]);

    let whole = admin.get(&admin_path(&order)).await.ok();
    assert_eq!(
        (&whole["customer"]["email"], &whole["lines"][0]["name"]),
        (&json!("alice@example.org"), &json!("Le texte"))
    );
    assert_eq!(whole["jobs"][0]["kind"], "order.expire");

    let change = json!({ "title": "Autre", "due_at": "2027-01-15T12:00:00Z", "priority": "urgent" });
    let changed = admin.patch(&admin_path(&order), change).await.ok();
    assert_eq!(
        (&changed["due_at"], &changed["priority"], &changed["version"]),
        (&json!("2027-01-15T12:00:00Z"), &json!("urgent"), &json!(2))
    );
    let emptied = admin.patch(&admin_path(&order), json!({ "due_at": null })).await.ok();
    assert_eq!((&emptied["due_at"], &emptied["title"]), (&Value::Null, &json!("Autre")));
    assert_eq!(admin.patch(&admin_path(&order), json!({})).await.ok()["version"], 3, "nothing was said");
    for (bad, field) in [
        (json!({ "title": "" }), "title"),
        (json!({ "due_at": "demain" }), "due_at"),
        (json!({ "status": "paid" }), "status"),
        (json!({ "priority": "soon" }), "priority"),
    ] {
        assert_eq!(admin.patch(&admin_path(&order), bad).await.wrong_fields(), [field]);
    }
    let log = app.sql("select details from audit_log where action = 'ORDER_UPDATED' order by id").await;
    assert_eq!(log[0]["details"]["fields"], json!(["title", "due_at", "priority"]));
}
