//! Names, addresses, client secrets and keys, at TRACE: in no log, no error, no metric, no job and on no page about them.

use api::app::App;

use super::*;
use crate::dashboard;

/// What names the buyer; each occurs nowhere else. Digits alone would: a log has many.
const BUYER: [&str; 5] = ["Serindelle", "Maison Voltanaire", "7 rue Canarival", "Oiseaubourg", "CN-97531-Q"];
/// The beginning of the buyer's address: in front of an `@` in any spelling.
const ADDRESS: &str = "serindelle.canari";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_given_away_by_a_paid_and_refunded_order() {
    let mut branch = Branch::with(1, None, &[("LOG_LEVEL", "trace")]).await;
    let ports = [free_port(), free_port()].map(|port| port.to_string());
    let (api, door) = branch.stage.api_at(free_port(), &[("METRICS_PORT", &ports[0])]).await;
    (branch.apis[0], branch.doors[0]) = (api, door);
    branch.hook().await;
    branch.workers.push(branch.stage.start("facteur-worker", &["run"], &[("METRICS_PORT", &ports[1])]));
    branch.buyer = branch.person(ADDRESS, "user").await;
    rename(&branch).await;
    // Two calls that fail on their way are told in the log, with what Stripe said.
    for (path, how) in [("/v1/checkout/sessions", "lost"), ("/v1/refunds", "gateway")] {
        branch.fake.tell("faults", json!({ "method": "POST", "path": path, "how": how })).await;
    }
    let order = order(&branch).await;
    let opened = format!("/api/v1/orders/{order}/checkout");
    let opened = branch.asked(Method::POST, &opened, &branch.buyer, json!({}), 201).await;
    let session = text(&opened, "session_id");
    let act = json!({ "action": "card_declined", "email": format!("{ADDRESS}@example.org") });
    branch.fake.tell(&format!("sessions/{session}/act"), act).await;
    branch.act(&session).await;
    branch.news().await;
    branch.settled().await;
    let refund = format!("/api/v1/admin/orders/{order}/refunds");
    branch.asked(Method::POST, &refund, &branch.admin, json!({ "reason": "raté" }), 202).await;
    branch.settled().await;
    branch.news().await;
    branch.settled().await;
    assert_eq!(branch.count("orders where status = 'refunded'").await, 1);

    let mut secrets = secrets(&branch).await;
    secrets.push(text(&opened, "url"));
    let logged = branch.stage.logged();
    for word in ["TRACE", "Stripe answered", "a call to Stripe failed", "502", "POST /refunds", "sqlx::query"] {
        assert!(logged.contains(word), "the log is one at TRACE of all this: {word} is missing");
    }
    let mut shown = vec![("the log".to_owned(), logged)];
    for port in &ports {
        let metrics = branch.http.get(format!("http://127.0.0.1:{port}/metrics")).send().await.expect("metrics");
        let metrics = metrics.text().await.expect("text");
        assert!(metrics.contains("facteur_stripe_seconds"), "{metrics}");
        shown.push((format!("metrics of {port}"), metrics));
    }
    for table in ["jobs", "job_attempts", "error_groups", "outgoing_calls", "job_effects"] {
        shown.push((table.to_owned(), rows(&branch, table).await));
    }
    shown.extend(pages(&branch).await);
    let found: Vec<String> = shown.iter().flat_map(|(place, text)| given_away(place, text, &secrets)).collect();
    assert!(found.is_empty(), "{}\nlog: {}", found.join("\n"), branch.stage.log.display());
    // The search finds what is there.
    let users = rows(&branch, "customers").await;
    assert!(given_away("customers", &users, &secrets).len() >= BUYER.len(), "{users}");
}

/// The canaries of this text, each with what stands around it.
fn given_away(place: &str, text: &str, secrets: &[String]) -> Vec<String> {
    let lower = text.to_lowercase();
    let known = BUYER.iter().chain([&ADDRESS]).map(|name| (*name).to_owned()).chain(secrets.iter().cloned());
    let around = |canary: String| {
        let at = lower.find(&canary.to_lowercase())?;
        let cut: Vec<u8> = lower.bytes().skip(at.saturating_sub(150)).take(300 + canary.len()).collect();
        Some(format!("{place} gives {canary} away: …{}…", String::from_utf8_lossy(&cut)))
    };
    known.filter_map(around).collect()
}

/// Our keys, the tokens in use, and every client secret at Stripe.
async fn secrets(branch: &Branch) -> Vec<String> {
    let mut secrets = [KEY, SECRET, &branch.buyer, &branch.admin].map(str::to_owned).to_vec();
    let objects = branch.fake.ask("objects").await;
    for object in objects["data"].as_array().expect("objects") {
        secrets.extend(object["client_secret"].as_str().map(str::to_owned));
    }
    assert!(secrets.len() >= 5 && secrets.iter().all(|secret| secret.len() > 10), "{secrets:?}");
    secrets
}

async fn rename(branch: &Branch) {
    sqlx::query("update users set first_name = $1, last_name = 'Serin' where email = $2")
        .bind(BUYER[0])
        .bind(format!("{ADDRESS}@example.org"))
        .execute(&branch.stage.platform.db)
        .await
        .expect("a name");
}

async fn order(branch: &Branch) -> String {
    let [first, legal_name, address_line1, city, postal_code] = BUYER;
    let order = json!({
        "lines": [{ "product_id": branch.product, "quantity": 1 }],
        "note": format!("pour {first}"),
        "billing": { "legal_name": legal_name, "address_line1": address_line1, "city": city,
                     "address_line2": format!("chez {first}"), "postal_code": postal_code, "country_code": "FR" },
    });
    text(&branch.asked(Method::POST, "/api/v1/orders", &branch.buyer, order, 201).await, "id")
}

/// Every row of a table, as text.
async fn rows(branch: &Branch, table: &str) -> String {
    let query = format!("select coalesce(string_agg(x::text, e'\\n'), '') from {table} x");
    let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&branch.stage.platform.db).await;
    rows.expect("a readable table")
}

/// What an administrator sees of jobs, errors and events; what is about people shows people, and is not asked.
async fn pages(branch: &Branch) -> Vec<(String, String)> {
    let client = Client::new(App::new(branch.stage.platform.clone()).router());
    let browser = client.header("sec-fetch-site", "same-origin").header("origin", "http://api.test");
    let form = browser.get("/admin/login").await.status(200);
    let fields = [
        ("login", "chef@example.org"),
        ("password", PASSWORD),
        ("next", "/admin"),
        ("token", &dashboard::form_token(&form)),
    ];
    let guest = browser.header("cookie", &dashboard::cookies(&form)[0]);
    let entered = dashboard::post(&guest, "/admin/login", &fields).await.status(303);
    let chef = browser.header("cookie", &dashboard::cookies(&entered)[0]);
    let job = "select id from jobs where kind = 'stripe.create_refund'";
    let job: uuid::Uuid = sqlx::query_scalar(job).fetch_one(&branch.stage.platform.db).await.expect("the refund's job");
    let mut pages = Vec::new();
    for path in ["/admin".to_owned(), "/admin/jobs".into(), format!("/admin/jobs/{job}"), "/admin/errors".into()] {
        pages.push((path.clone(), chef.get(&path).await.status(200).text));
    }
    let api = client.token(&branch.admin);
    for path in ["jobs", "stripe-events", "errors", "alarms"] {
        let path = format!("/api/v1/admin/{path}");
        pages.push((path.clone(), api.get(&path).await.status(200).text));
    }
    assert!(pages[2].1.contains("stripe.create_refund"), "{}", pages[2].1);
    pages
}
