//! Pieces: never sold twice, and back when nobody pays.

use super::*;

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
    assert_eq!(pieces(&app).await, 1);
    assert_eq!(order().await.status(409).code(), "out_of_stock");

    let cancel = format!("/api/v1/orders/{}/cancel", id(&first));
    let (a, b) = tokio::join!(alice.post(&cancel, json!({})), alice.post(&cancel, json!({})));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "one click counts");
    assert_eq!(pieces(&app).await, 4);
    admin.delete(&admin_path(&second)).await.status(204);
    assert_eq!(admin.delete(&admin_path(&second)).await.status(409).code(), "order_status");
    assert_eq!(pieces(&app).await, 7);
    app.drain().await;

    app.advance(DAY).await;
    app.drain().await;
    assert_eq!(pieces(&app).await, 10);
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
    assert_eq!(pieces(&app).await, 5, "nothing was taken, nothing goes back");
    let held = place(&app.anonymous(), wish(&[(&book, 3)])).await.created();
    app.execute("update products set stock_quantity = null").await;
    admin.delete(&admin_path(&held)).await.status(204);
    assert_eq!(pieces(&app).await, Value::Null);
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
