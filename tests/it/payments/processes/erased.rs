//! After an erasure a canary that was put into every text of a person is nowhere: tables, payloads, mails, Redis, files,
//! logs at TRACE. The invoices stand.

use harness::env;
use harness::relay::Mood;

use super::*;

/// What names the person; each occurs nowhere else. Digits alone would: a log has many.
const CANARIES: [&str; 16] = [
    "Rossignelle",
    "Canarisson",
    "canarisette",
    "chardonneret.canari",
    "+33 (0)1 97 53 1",
    "Maison Passereau",
    "9 rue Canarivole",
    "chez Fauvettine",
    "Moineauville",
    "CN-86420-Q",
    "Bergeronnade",
    "Roitelette",
    "Mesangerie",
    "FR-CANARI-UA",
    "FR83404833048",
    "40483304800022",
];
const ADDRESS: &str = "chardonneret.canari";

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_in_every_text_of_a_person_is_nowhere_afterwards() {
    let mut branch = Branch::with(1, None, &[("LOG_LEVEL", "trace")]).await;
    branch.add_worker();
    branch.buyer = branch.person(ADDRESS, "user").await;
    branch.stage.relay.be(Mood::Greylist); // so that there are errors to be kept
    plant(&branch).await;
    let order = buy(&branch).await;
    as_a_guest(&branch).await;
    branch.settled().await;
    exported(&branch).await;
    let invoice: String = sqlx::query_scalar("select id::text from invoices where status = 'paid'")
        .fetch_one(&branch.stage.platform.db)
        .await
        .expect("the invoice");
    let pdf = format!("/api/v1/admin/invoices/{invoice}/pdf");
    let before = download(&branch, &pdf).await;
    let seen = sightings(&branch, &[]).await;
    for place in [
        "users.",
        "requests.",
        "customers.",
        "orders.",
        "emails.",
        "notifications.",
        "audit_log.",
        "sessions.",
        "stripe_events.",
        "exports.filters",
        "customers.vat_number",
        "customers.company_number",
    ] {
        assert!(seen.iter().any(|one| one.starts_with(place)), "the search finds what is there: {place} {seen:?}");
    }

    let me = json!({ "password": PASSWORD });
    let asked = branch.asked(Method::DELETE, "/api/v1/me", &branch.buyer, me, 202).await;
    let done = "select count(*) from erasures where done_at is not null";
    branch.stage.until(seconds(60), done, 1).await;
    branch.settled().await;
    branch.news().await; // Stripe tells once more who it was
    branch.settled().await;
    branch.stage.until(seconds(60), "select count(*) from emails where status in ('queued', 'sending')", 0).await;

    let found = sightings(&branch, &["invoices", "invoice_lines"]).await;
    assert!(found.is_empty(), "{}\nlog: {}", found.join("\n"), branch.stage.log.display());
    only_invoices_are_stored(&branch).await;
    let logged = branch.stage.logged();
    assert!(logged.contains("TRACE") && logged.contains("sqlx::query"), "the log is one at TRACE");
    let told: Vec<_> =
        CANARIES.iter().filter(|canary| logged.to_lowercase().contains(&canary.to_lowercase())).collect();
    assert!(told.is_empty(), "the log says {told:?}: {}", branch.stage.log.display());
    assert!(branch.stage.relay.arrived().iter().any(|mail| mail.source.contains("L123-22")), "the farewell went out");
    stripe_forgot(&branch).await;
    // The invoice stands, for who manages them and for nobody else.
    assert_eq!(download(&branch, &pdf).await, before);
    let proof = format!("/api/v1/admin/erasures/{}", text(&asked, "id"));
    let kept = branch.asked(Method::GET, &proof, &branch.admin, Value::Null, 200).await["kept"].clone();
    assert_eq!((&kept[0]["what"], &kept[0]["count"]), (&json!("invoices"), &json!(1)), "{kept}");
    for (path, status) in [(format!("/api/v1/orders/{order}/invoices"), 404), ("/api/v1/invoices".to_owned(), 401)] {
        let answer = branch.call(Method::GET, &path, &branch.buyer, &Value::Null).send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{path}");
    }
}

/// Every text that somebody signed in can write.
async fn plant(branch: &Branch) {
    let me =
        json!({ "first_name": CANARIES[0], "last_name": CANARIES[1], "username": CANARIES[2], "phone": CANARIES[4] });
    let login = json!({ "login": format!("{ADDRESS}@example.org"), "password": PASSWORD });
    branch.asked(Method::PATCH, "/api/v1/me", &branch.buyer, me, 200).await;
    let answer = branch.call(Method::POST, "/api/v1/auth/login", "", &login).header("user-agent", CANARIES[13]);
    assert!(answer.send().await.expect("an answer").status().is_success());
    let request = json!({
        "kind": "free_sample", "name": format!("{} {}", CANARIES[0], CANARIES[1]), "email": format!("{ADDRESS}@example.org"),
        "phone": CANARIES[4], "title": format!("Un {}", CANARIES[10]), "body": format!("Bonjour,\n{}.", CANARIES[11]),
        "category": CANARIES[12], "details": { "genre": CANARIES[12] },
    });
    let keyed =
        branch.call(Method::POST, "/api/v1/requests", &branch.buyer, &request).header("idempotency-key", "oiseau");
    assert_eq!(keyed.send().await.expect("an answer").status(), 201);
}

/// An order with every text there is, paid at the fake Stripe, invoiced, with a summary; and one that waits for its money.
async fn buy(branch: &Branch) -> String {
    let wish = json!({
        "lines": [{ "product_id": branch.product, "quantity": 1 }],
        "title": format!("Pour {}", CANARIES[10]), "description": format!("De {}", CANARIES[11]), "note": CANARIES[12],
        "billing": { "legal_name": CANARIES[5], "address_line1": CANARIES[6], "address_line2": CANARIES[7],
                     "city": CANARIES[8], "postal_code": CANARIES[9], "country_code": "FR",
                     "vat_number": CANARIES[14], "company_number": CANARIES[15] },
    });
    let order = text(&branch.asked(Method::POST, "/api/v1/orders", &branch.buyer, wish.clone(), 201).await, "id");
    let session = branch.checkout(&order).await;
    let act = json!({ "action": "card", "email": format!("{ADDRESS}@example.org") });
    branch.fake.tell(&format!("sessions/{session}/act"), act).await;
    branch.news().await;
    branch.settled().await;
    let summary = format!("/api/v1/orders/{order}/summary");
    let _ = branch.call(Method::GET, &summary, &branch.buyer, &Value::Null).send().await.expect("an answer");
    branch.asked(Method::POST, "/api/v1/orders", &branch.buyer, wish, 201).await;
    branch
        .stage
        .until(seconds(60), "select count(*) from invoices where status = 'paid' and pdf_status = 'ready'", 1)
        .await;
    branch.stage.until(seconds(60), "select count(*) from files where kind = 'document'", 1).await;
    order
}

/// The same address without signing in: a customer and a request of their own.
async fn as_a_guest(branch: &Branch) {
    let address = format!("{ADDRESS}@example.org");
    let guest = json!({ "email": address, "first_name": CANARIES[0], "last_name": CANARIES[1], "locale": "fr" });
    let wish =
        json!({ "lines": [{ "product_id": branch.product, "quantity": 1 }], "guest": guest, "note": CANARIES[12] });
    branch.asked(Method::POST, "/api/v1/orders", "", wish, 201).await;
    let request = json!({ "kind": "contact", "name": CANARIES[0], "email": address, "title": CANARIES[10], "body": CANARIES[11] });
    branch.asked(Method::POST, "/api/v1/requests", "", request, 201).await;
}

/// Lists that an administrator exported while the person stood in them: one is of nobody else.
async fn exported(branch: &Branch) {
    for kind in ["users", "orders", "invoices", "audit_log"] {
        let filters = if kind == "users" { json!({ "q": ADDRESS }) } else { json!({}) };
        let wish = json!({ "kind": kind, "format": "csv", "filters": filters });
        branch.asked(Method::POST, "/api/v1/admin/exports", &branch.admin, wish, 202).await;
    }
    branch.stage.until(seconds(60), "select count(*) from exports where status = 'ready'", 4).await;
}

async fn download(branch: &Branch, path: &str) -> bytes::Bytes {
    let answer = branch.call(Method::GET, path, &branch.admin, &Value::Null).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.bytes().await.expect("bytes")
}

/// `table.column says canary` for every column of every table but these, and for every key and value in Redis.
async fn sightings(branch: &Branch, but: &[&str]) -> Vec<String> {
    let columns: Vec<(String, String, String)> = sqlx::query_as(
        "select c.table_name::text, c.column_name::text, c.data_type::text from information_schema.columns c
         join information_schema.tables t using (table_schema, table_name)
         where table_schema = 'public' and t.table_type = 'BASE TABLE' and c.table_name not like '\\_sqlx%'",
    )
    .fetch_all(&branch.stage.platform.db)
    .await
    .expect("the schema");
    let mut found = Vec::new();
    for (table, column, kind) in columns.into_iter().filter(|(table, ..)| !but.contains(&table.as_str())) {
        let shown =
            if kind == "bytea" { format!("encode(\"{column}\", 'escape')") } else { format!("\"{column}\"::text") };
        let all = format!("select coalesce(string_agg({shown}, e'\\n'), '') from {table}");
        let all: String =
            sqlx::query_scalar(sqlx::AssertSqlSafe(all)).fetch_one(&branch.stage.platform.db).await.expect("a column");
        found.extend(said(&all).map(|canary| format!("{table}.{column} says {canary}")));
    }
    for (key, value) in in_redis(branch).await {
        found.extend(said(&format!("{key} {value}")).map(|canary| format!("Redis: {key} says {canary}")));
    }
    found
}

fn said(text: &str) -> impl Iterator<Item = &'static str> {
    let text = text.to_lowercase();
    CANARIES.into_iter().filter(move |canary| text.contains(&canary.to_lowercase()))
}

/// Every key of this test's namespace with what it holds, whatever its type.
async fn in_redis(branch: &Branch) -> Vec<(String, String)> {
    let url = env::lookup(&branch.stage.env, "REDIS_URL").expect("a Redis");
    let namespace = env::lookup(&branch.stage.env, "NAMESPACE").expect("a namespace");
    let client = redis::Client::open(url).expect("an address");
    let mut db = client.get_multiplexed_async_connection().await.expect("a connection");
    let pattern = format!("*{namespace}*");
    let keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query_async(&mut db).await.expect("keys");
    assert!(!keys.is_empty(), "the processes use Redis");
    let mut all = Vec::new();
    for key in keys {
        let dumped: Option<Vec<u8>> = redis::cmd("DUMP").arg(&key).query_async(&mut db).await.expect("a value");
        all.push((key, String::from_utf8_lossy(&dumped.unwrap_or_default()).into_owned()));
    }
    all
}

/// PDFs are compressed: nothing but the files of invoices may be stored at all.
async fn only_invoices_are_stored(branch: &Branch) {
    let kept: Vec<String> = sqlx::query_scalar("select sha256 from files where kind = 'invoice'")
        .fetch_all(&branch.stage.platform.db)
        .await
        .expect("the files");
    assert_eq!(branch.count("files where kind <> 'invoice'").await, 0);
    let mut stored = 0;
    let mut open = vec![env::files(&env::lookup(&branch.stage.env, "DATABASE_URL").expect("a database"))];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.to_string_lossy().replace('/', "");
            assert!(kept.iter().any(|sha256| name.ends_with(sha256.as_str())), "{} is no invoice", path.display());
            stored += 1;
        }
    }
    assert!(stored > 0, "the invoice's files are there");
}

async fn stripe_forgot(branch: &Branch) {
    let objects = branch.fake.ask("objects").await;
    let objects = objects["data"].as_array().expect("objects");
    assert!(!objects.is_empty());
    assert!(objects.iter().all(|one| one["object"] != "customer"), "the customer is gone at Stripe");
}
