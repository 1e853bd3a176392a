//! What whoever manages orders does with them.

use super::*;

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
