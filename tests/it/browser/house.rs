//! A house with one of everything, behind a real address: what pages show when there is something to show.

use harness::TestApp;
use serde_json::{Value, json};
use shared::kernel::ids::BatchId;
use shared::platform::jobs::schedule;
use shared::platform::tx::Tx;

use crate::payments::Shop;

/// Where a developer's mails would lie; one lies there.
const MAIL: &str = "From: Facteur <bonjour@facteur.example>\r\nTo: Camille <camille@example.org>\r\nSubject: Bonjour\r\n\
                    Date: Sun, 22 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBonjour !\r\n";

/// Opens it. Orders, invoices, mails, failures, batches, bulk operations, exports, people: each comes about as in life
/// where a call can bring it about, and is written into the database where only a running worker could.
pub async fn open() -> Shop {
    let folder = std::env::temp_dir().join(format!("facteur-mailbox-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("01900000-0000-7000-8000-00000000000a.eml"), MAIL).expect("a mail");
    let folder = folder.to_str().expect("a path");
    let mut shop = Shop::with(1800, "EUR", &[("APP_ENV", "development"), ("MAIL_FOLDER", folder)]).await;
    shop.app
        .execute(
            "update users set locale = 'en', first_name = case when role = 'admin' then 'Alice' else 'Claire' end,
                    last_name = case when role = 'admin' then 'Durand' else 'Martin' end",
        )
        .await;
    business(&shop).await;
    failures(&shop.app, &shop.admin()).await;
    engine(&shop.app).await;
    shop.app.leave_jobs();
    shop
}

/// What customers and administrators do.
async fn business(shop: &Shop) {
    let admin = shop.admin();
    shop.paid(2).await;
    shop.order(1).await;
    let form = json!({ "kind": "contact", "name": "Camille Martin", "email": "camille@example.org", "title": "Un devis",
                       "body": "Bonjour, 240 pages." });
    shop.app.anonymous().post("/api/v1/requests", form).await.created();
    let address = json!({ "line1": "3 rue du Port", "postal_code": "29000", "city": "Quimper", "country": "FR" });
    let lines = json!([{ "name": "Relecture", "quantity": "1", "unit_price": "480", "vat_rate_bp": 2000 }]);
    let buyer = json!({ "kind": "consumer", "name": "Hélène Martin", "email": null, "address": address });
    let draft = json!({ "document": { "buyer": buyer, "lines": lines } });
    admin.post("/api/v1/admin/invoices", draft).await.created();
    admin.post("/api/v1/admin/exports", json!({ "kind": "orders", "format": "csv" })).await.status(202);
    shop.app.drain().await;
}

/// Jobs and mails that fail, by the failures they have in life.
async fn failures(app: &TestApp, admin: &harness::Client) {
    for note in ["first", "second", "third"] {
        admin.post("/api/v1/admin/jobs/probe", json!({ "mode": "fail", "note": note })).await.status(202);
    }
    app.execute("update jobs set max_attempts = 1 where kind = 'debug.probe'").await;
    app.drain().await;
    let mail = app.sql("select id from emails where template = 'visitor-contact' limit 1").await;
    let mail = mail[0]["id"].as_str().expect("a mail").to_owned();
    let again = admin.post(&format!("/api/v1/admin/emails/{mail}/resend"), json!({})).await.status(202).data();
    let again = again["id"].as_str().expect("an id");
    app.execute(&format!("update emails set vars = vars - 'request_number' where id = '{again}'")).await;
    app.drain().await;
    let bulk = json!({ "action": "retry", "params": {}, "filter": { "filter": "state:dead kind:debug.probe" } });
    let bulk: Value = admin.post("/api/v1/admin/bulk", bulk).await.created();
    let start = format!("/api/v1/admin/bulk/{}/start", bulk["id"].as_str().expect("an id"));
    admin.post(&start, json!({ "reason": "the probe is mended", "per_second": 1 })).await.status(202);
}

/// What only running workers write: themselves, a run under way, a batch, the figures of an hour.
async fn engine(app: &TestApp) {
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    schedule::install(&mut tx).await.expect("the house's duties");
    tx.commit().await.expect("a commit");
    let batch = BatchId::new();
    app.execute(&format!(
        "insert into workers (id, host, pid, version, lanes, slots, running, rss_bytes, state, seen_at) values
           ('atelier-4711-9f3ac1', 'atelier', 4711, '0.1.0', '{{email,default,documents}}', 48, 1, 41000000, 'running', now() + interval '10 min'),
           ('atelier-4712-77b0e2', 'atelier', 4712, '0.0.9', '{{email}}', 16, 0, 39000000, 'draining', now()),
           ('grenier-99-c0ffee', 'grenier', 99, '0.1.0', '{{exports}}', 4, 0, null, 'lost', now() - interval '20 min');
         insert into batches (id, name, sealed_at) values ('{batch}', 'newsletter of November', now());
         insert into jobs (id, kind, lane, state, rank, attempt, fence, max_attempts, timeout_ms, payload, batch_id, worker_id, lease_until,
                           started_at, progress, log, key_argument, tenant)
         select gen_random_uuid(), 'export.build', 'exports', 'running', 0, 1, 1, 5, 60000, '{{\"export\": \"x\"}}', '{batch}',
                'atelier-4711-9f3ac1', now() + interval '1 h', now() - interval '40 s', '{{\"done\": 120, \"total\": 400}}',
                'reading the orders' || chr(10) || '120 of 400', 'orders', 'acme';
         insert into jobs (id, kind, lane, state, rank, max_attempts, timeout_ms, payload, run_at)
         select gen_random_uuid(), 'debug.probe', 'default', s, 0, 3, 1000, '{{\"mode\": \"ok\"}}', now() + interval '1 h'
         from unnest('{{scheduled,cancelled,blocked}}'::text[]) s;
         insert into job_stats (minute, lane, kind, succeeded, failed, dead)
         select date_trunc('minute', now()) - n * interval '1 min', 'email', 'email.send', 40 + (n * 7) % 23, (n * 5) % 4, 0
         from generate_series(0, 55) n on conflict do nothing;
         insert into email_suppressions (address, reason, evidence) values ('gone@example.org', 'bounce', '550 5.1.1 no such user')
         on conflict do nothing;
         insert into lanes (name, paused_at, pause_reason) values ('media', now(), 'the disk is full');"
    ))
    .await;
}

/// A browser in which its administrator is signed in, with its driver; none without a driver on this machine, which is said.
pub async fn visitor(shop: &Shop, script: bool) -> Option<(tokio::process::Child, fantoccini::Client)> {
    let Ok(driver) = std::env::var("CHROMEDRIVER") else {
        eprintln!("SKIPPED: no chromedriver on this machine, the dashboard was not seen in a browser");
        return None;
    };
    let (child, page) = super::browser(&driver, script, (1280, 900)).await;
    page.goto(&format!("{}/admin/login", shop.base())).await.expect("the sign-in page");
    super::sign_in(&page).await;
    super::hands::at(&page, "/admin").await;
    Some((child, page))
}
