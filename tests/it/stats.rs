//! Figures: a truth made by hand, and each figure beside the list it leads to.

use harness::{Client, TestApp};
use serde_json::{Value, json};
use shared::platform::jobs::enqueue;
use shared::platform::jobs::kinds::RefreshStats;
use shared::platform::tx::Tx;
use shared::reports::stats;

const URL: &str = "/api/v1/admin/invoices";

async fn refresh(app: &TestApp) {
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    enqueue(&mut tx, &RefreshStats {}).await.expect("a job");
    tx.commit().await.expect("a commit");
    app.drain().await;
}

/// An invoice of this net amount, issued on this day; its id.
async fn invoice(app: &TestApp, admin: &Client, net: &str, vat: i32, day: &str) -> String {
    let address = json!({ "line1": "3 rue du Port", "postal_code": "29000", "city": "Quimper", "country": "FR" });
    let lines = json!([{ "name": "Relecture", "quantity": "1", "unit_price": net, "vat_rate_bp": vat }]);
    let buyer = json!({ "kind": "consumer", "name": "Anne", "email": "a@example.org", "address": address });
    let row = admin.post(URL, json!({ "document": { "buyer": buyer, "lines": lines } })).await.created();
    let id = row["id"].as_str().expect("an id").to_owned();
    admin.put(&format!("{URL}/{id}/status"), json!({ "status": "issued" })).await.ok();
    dated(app, &id, day).await;
    id
}

async fn dated(app: &TestApp, id: &str, day: &str) {
    // The database lets nothing of an issued invoice change, so its day is moved with its guard asleep.
    app.execute(&format!(
        "set session_replication_role = replica; update invoices set issue_date = {day} where id = '{id}';
         set session_replication_role = origin"
    ))
    .await;
}

/// `the first of this month in Paris, less so many months`, in SQL and as text.
async fn month(app: &TestApp, back: i32) -> (String, String) {
    let sql = format!("(date_trunc('month', now() at time zone 'Europe/Paris') - interval '{back} months')::date");
    let day: String = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select {sql}::text")))
        .fetch_one(&app.platform.db)
        .await
        .expect("a day");
    (sql, day)
}

fn figures(report: &Value) -> Vec<&Value> {
    report["figures"].as_array().into_iter().flatten().collect()
}

/// Every row of a list, page by page.
async fn rows(admin: &Client, list: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let mark = if list.contains('?') { '&' } else { '?' };
        let page = admin.get(&format!("{list}{mark}limit=2{after}")).await.status(200).json();
        all.extend(page["data"].as_array().cloned().unwrap_or_default());
        match page["page"]["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn revenue_is_what_the_books_say_month_by_month() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    assert_eq!(admin.get("/api/v1/admin/stats/revenue").await.ok()["as_of"], Value::Null);
    let (now, this) = month(&app, 0).await;
    let (then, third) = month(&app, 2).await;
    let (_, second) = month(&app, 1).await;
    invoice(&app, &admin, "100", 2000, &now).await; // 100 + 20
    let taken = invoice(&app, &admin, "80", 550, &then).await; // 80 + 4.40, and back within this month
    invoice(&app, &admin, "33.33", 2000, &format!("{now} - 32")).await; // 33.33 + 6.67, in the month before or the third
    admin.put(&format!("{URL}/{taken}/status"), json!({ "status": "credited", "reason": "parce que" })).await.ok();
    app.drain().await;
    let third_of =
        app.sql("select to_char(issue_date, 'YYYY-MM-01') as m from invoices where total_net_cents = 3333").await;
    refresh(&app).await;
    let report = admin.get("/api/v1/admin/stats/revenue").await.ok();
    let said: Vec<(String, String, i64)> = figures(&report)
        .into_iter()
        .map(|f| {
            (f["month"].to_string(), f["name"].as_str().unwrap_or_default().into(), f["value"].as_i64().unwrap_or(-1))
        })
        .collect();
    let mut truth = Vec::new();
    for day in [&third, &second, &this] {
        let mut sums = (0, 0);
        if day == &third {
            sums = (sums.0 + 8000, sums.1 + 440);
        }
        if third_of[0]["m"] == json!(day) {
            sums = (sums.0 + 3333, sums.1 + 667);
        }
        if day == &this {
            sums = (sums.0 + 10_000 - 8000, sums.1 + 2000 - 440);
        }
        for (name, value) in [("gross", sums.0 + sums.1), ("net", sums.0), ("vat", sums.1)] {
            truth.push((json!(day).to_string(), name.to_owned(), value));
        }
    }
    assert_eq!(said, truth);
    for figure in figures(&report) {
        assert_eq!((&figure["unit"], &figure["currency"]), (&json!("minor"), &json!("EUR")));
        let listed = rows(&admin, figure["list"].as_str().expect("a list")).await;
        let column = format!("total_{}", figure["name"].as_str().expect("a name"));
        let sum = listed.iter().map(|row| {
            let amount = row[&column]["amount"].as_i64().expect("an amount");
            if row["kind"] == "credit_note" { -amount } else { amount }
        });
        assert_eq!(sum.sum::<i64>(), figure["value"], "{figure}");
    }
}

#[tokio::test]
async fn each_figure_is_the_length_of_its_list() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let moderator = app.person("max", "moderator").await;
    let product = json!({ "slug": "texte", "name": "Le texte", "vat_rate_bp": 2000,
                          "unit_price": { "amount": 1800, "currency": "EUR" } });
    let product = admin.post("/api/v1/admin/products", product).await.created();
    let buyer = app.user("claire").await;
    for _ in 0..3 {
        let order = json!({ "lines": [{ "product_id": product["id"], "quantity": 2 }] });
        buyer.post("/api/v1/orders", order).await.created();
    }
    let (now, _) = month(&app, 0).await;
    invoice(&app, &admin, "100", 2000, &now).await;
    invoice(&app, &admin, "5", 2000, &format!("{now} - 40")).await;
    let buyer_of_draft = json!({ "kind": "consumer", "name": "Anne" }); // a draft counts nowhere
    admin.post(URL, json!({ "document": { "buyer": buyer_of_draft, "lines": [] } })).await;
    app.drain().await;
    // Not by its job, so that no job goes on between the count and the lists.
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    stats::refresh(&mut tx).await.expect("counted");
    tx.commit().await.expect("a commit");
    let mut compared = 0;
    for report in admin.get("/api/v1/admin/stats").await.ok().as_array().expect("reports") {
        let topic = report["topic"].as_str().expect("a topic");
        let whole = moderator.get(&format!("/api/v1/admin/stats/{topic}")).await.ok();
        assert!(whole["as_of"].is_string(), "{topic} was counted");
        for figure in figures(&whole).into_iter().filter(|figure| figure["unit"] == "count") {
            let list = figure["list"].as_str().expect("a list");
            assert_eq!(rows(&admin, list).await.len() as i64, figure["value"], "{figure}");
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared} figures");
    // Accounts that were never written down as activated count: entries go by their retention, people stay.
    let monthly = moderator.get("/api/v1/admin/stats/monthly").await.ok();
    let activated = figures(&monthly).into_iter().rev().find(|figure| figure["name"] == "activations");
    assert_eq!(activated.expect("a figure")["value"], 3, "{monthly}");
    let orders = moderator.get("/api/v1/admin/stats/orders").await.ok();
    assert_eq!(figures(&orders)[0]["value"], 3, "{orders}");
    moderator.get("/api/v1/admin/stats/nothing").await.status(404);
    buyer.get("/api/v1/admin/stats").await.status(403);
}
