//! Placing: by guests and by people with an account.

use shared::domain::billing::orders::{self, Scope};

use super::*;

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
    assert_eq!(pieces(&app).await, 3);
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
    assert_eq!(pieces(&app).await, 4);
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
