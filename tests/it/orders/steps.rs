//! From step to step: by hand, by a payment, by time.

use shared::domain::billing::orders::Mover;

use super::*;

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
        assert_eq!(pieces(&app).await, 100 - n, "and holds its piece");
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
    assert_eq!(pieces(&app).await, 1);
    place(&app.anonymous(), wish(&[(&book, 1)])).await.created();
    app.drain().await;
    app.mails();
    assert_eq!(mark(&app, late, true).await, Ok(true));
    assert_eq!(pieces(&app).await, 0);
    let warning = app.only_mail_to("admin@facteur.example").await;
    assert!(warning.text.contains("le stock ne suffit plus") && warning.text.contains("Le livre"), "{}", warning.text);
}
