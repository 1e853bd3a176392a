//! What an administrator does with invoices: drafts, completes, issues, reminds, archives; and the picture of a page.

use harness::letters::subjects;
use harness::{Client, TestApp};
use serde_json::{Value, json};
use shared::kernel::config::House;
use shared::platform::jobs::enqueue;
use shared::platform::jobs::kinds::RemindInvoices;
use shared::platform::tx::Tx;

use super::{sample, text};
use crate::dashboard::{form_token, operator, post};
use crate::exports;

const URL: &str = "/api/v1/admin/invoices";

fn document(name: &str) -> Value {
    let address = json!({ "line1": "3 rue du Port", "postal_code": "29000", "city": "Quimper", "country": "FR" });
    let lines = json!([{ "name": "Relecture", "quantity": "1", "unit_price": "480", "vat_rate_bp": 2000 }]);
    json!({ "buyer": { "kind": "consumer", "name": name, "email": "helene@example.org", "address": address }, "lines": lines })
}

async fn draft(admin: &Client, document: Value) -> Value {
    admin.post(URL, json!({ "document": document })).await.created()
}

async fn set(admin: &Client, row: &Value, status: &str) -> harness::Reply {
    admin.put(&format!("{URL}/{}/status", text(row, "id")), json!({ "status": status, "reason": "parce que" })).await
}

/// An order of an account, not paid, with its invoice by transfer, issued.
async fn by_transfer(app: &TestApp, admin: &Client) -> (Client, Value, Value) {
    let product = json!({ "slug": "texte", "name": "Le texte", "vat_rate_bp": 2000,
                          "unit_price": { "amount": 1800, "currency": "EUR" } });
    let product = admin.post("/api/v1/admin/products", product).await.created();
    let buyer = app.person("claire", "user").await;
    let order = json!({ "lines": [{ "product_id": product["id"], "quantity": 2 }] });
    let order = buyer.post("/api/v1/orders", order).await.created();
    let row = admin.post(URL, json!({ "order_id": order["id"] })).await.created();
    assert_eq!(row["problems"], json!([]));
    (buyer, order, set(admin, &row, "issued").await.ok())
}

#[tokio::test]
async fn a_draft_says_what_it_lacks_until_it_is_complete() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut lacking = document("Hélène Martin");
    lacking["buyer"]["email"] = json!(null);
    let row = draft(&admin, lacking).await;
    assert_eq!(row["problems"][0]["path"], "buyer.electronic_address");
    let refused = set(&admin, &row, "issued").await.status(422).json();
    assert_eq!(refused["errors"][0]["path"], "buyer.electronic_address");
    let path = format!("{URL}/{}", text(&row, "id"));
    let whole = admin.put(&path, json!({ "document": document("Hélène Martin") })).await.ok();
    assert_eq!(whole["problems"], json!([]));
    let issued = set(&admin, &row, "issued").await.ok();
    assert!(issued["number"].as_str().is_some_and(|number| number.ends_with("-000001")), "{issued}");
    set(&admin, &row, "issued").await.status(409);
    admin.put(&path, json!({ "document": document("Quelqu’un d’autre") })).await.status(409);
    admin.delete(&path).await.status(409);
    let other = draft(&admin, document("Personne")).await;
    admin.delete(&format!("{URL}/{}", text(&other, "id"))).await.status(204);
    let wrong = admin.post(URL, json!({ "document": { "lines": [{ "quantity": 2.5 }] } })).await.status(422).json();
    assert!(wrong["errors"][0]["path"].as_str().is_some_and(|path| path.starts_with("document.")), "{wrong}");
    app.drain().await;
    set(&admin, &row, "paid").await.ok();
    set(&admin, &row, "paid").await.status(409);
    let nobody = app.person("paul", "user").await;
    nobody.get(URL).await.status(403);
    nobody.post(URL, json!({ "document": document("Paul") })).await.status(403);
}

#[tokio::test]
async fn what_cannot_be_a_draft_is_refused_by_its_field() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    let with = |change: fn(&mut Value)| {
        let mut document = document("Hélène Martin");
        change(&mut document);
        admin.post(URL, json!({ "document": document }))
    };
    let kind = with(|said| said["kind"] = json!("credit_note")).await;
    assert_eq!(kind.wrong_fields(), ["document.kind"]);
    let rate = with(|said| said["lines"][0]["vat_rate_bp"] = json!(2_000_000)).await;
    assert_eq!(rate.wrong_fields(), ["document.lines[0].vat_rate_bp"]);
    let least = with(|said| {
        said["allowances"] = json!([{ "amount": i64::MIN, "reason": "x", "vat_category": "S", "vat_rate_bp": 2000 }]);
    });
    assert_eq!(least.await.wrong_fields(), ["lines"]);
    // Lines that are counted wrong are a draft's problem, and no fault of ours.
    let twice = with(|said| {
        let mut line = said["lines"][0].clone();
        line["position"] = json!(1);
        said["lines"] = json!([line, line]);
    });
    assert_eq!(twice.await.created()["problems"][0]["path"], "lines[1].position");
    let (_, order, _) = by_transfer(&app, &admin).await;
    let again = admin.post(URL, json!({ "order_id": order["id"] })).await;
    assert_eq!(again.status(409).code(), "invoice_exists");
    let nowhere =
        json!({ "order_id": uuid::Uuid::now_v7(), "customer_id": order["customer_id"], "document": document("Paul") });
    admin.post(URL, nowhere).await.status(404);
    let row = draft(&admin, document("Paul")).await;
    let mut other = document("Paul");
    other["kind"] = json!("deposit");
    let path = format!("{URL}/{}", text(&row, "id"));
    assert_eq!(admin.put(&path, json!({ "document": other })).await.wrong_fields(), ["document.kind"]);
    app.leave_jobs();
}

#[tokio::test]
async fn an_unpaid_invoice_is_reminded_of_three_times() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let (_, _, row) = by_transfer(&app, &admin).await;
    app.drain().await;
    app.mails();
    let mut told = Vec::new();
    // The database lets nothing of an issued invoice change, so its time is moved with its guard asleep.
    for late in [1, 3, 4, 10, 15, 20, 60] {
        app.execute(&format!(
            "alter table invoices disable trigger user;
             update invoices set due_date = (now() at time zone 'Europe/Paris')::date - {late};
             alter table invoices enable trigger user;"
        ))
        .await;
        let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
        enqueue(&mut tx, &RemindInvoices {}).await.expect("a job");
        tx.commit().await.expect("a commit");
        app.drain().await;
        let mails = app.mails();
        assert!(mails.iter().all(|mail| mail.attachments.len() == 1 && mail.subject.contains(&text(&row, "number"))));
        told.push((late, mails.len()));
    }
    assert_eq!(told, [(1, 0), (3, 1), (4, 0), (10, 1), (15, 0), (20, 1), (60, 0)]);
    set(&admin, &row, "paid").await.ok();
}

#[tokio::test]
async fn a_quarter_is_a_zip_of_its_invoices() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    for name in ["Un", "Deux"] {
        let row = draft(&admin, document(name)).await;
        set(&admin, &row, "issued").await.ok();
    }
    app.drain().await;
    let today = chrono::Utc::now().with_timezone(&chrono_tz::Europe::Paris).date_naive();
    let quarter = format!("{}-Q{}", today.format("%Y"), (chrono::Datelike::month0(&today) / 3) + 1);
    let zip = admin.get(&format!("{URL}/archive?quarter={quarter}")).await.status(200);
    assert_eq!(zip.headers["content-type"], "application/zip");
    for n in 1..=2 {
        let name = format!("F-{}-00000{n}.pdf", today.format("%Y"));
        assert!(zip.bytes.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
    }
    let wanted = json!({ "kind": "invoices", "format": "zip", "columns": ["number", "total_gross"] });
    let export = exports::made(&app, &admin, wanted).await;
    let archive = exports::fetched(&admin, &export).await;
    if let Some(files) = exports::lists::unpacked(&archive.bytes) {
        let rows = files["invoices.csv"].as_str().expect("a list");
        assert_eq!(rows.matches("576.00").count(), 2, "{rows}");
        for n in 1..=2 {
            let page = files[format!("files/F-{}-00000{n}.pdf", today.format("%Y"))].as_str();
            assert!(page.is_some_and(|page| page.starts_with("%PDF-1.7")), "the pages lie beside the list: {files}");
        }
    }
    assert_eq!(
        admin.get(&format!("{URL}/archive?quarter=2026")).await.status(422).json()["errors"][0]["path"],
        "quarter"
    );
    app.leave_jobs();
}

#[tokio::test]
async fn an_order_has_a_summary_that_follows_it() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let (buyer, order, _) = by_transfer(&app, &admin).await;
    let path = format!("/api/v1/orders/{}/summary", text(&order, "id"));
    let waits = buyer.get(&path).await.status(202);
    assert_eq!(waits.headers["retry-after"], "2");
    app.drain().await;
    let first = buyer.get(&path).await.status(200);
    assert!(first.bytes.starts_with(b"%PDF-"), "a PDF");
    let again = buyer.header("if-none-match", first.headers["etag"].to_str().expect("text"));
    again.get(&path).await.status(304);
    app.anonymous().get(&path).await.status(404);
    app.person("paul", "user").await.get(&path).await.status(404);
    let title = json!({ "title": "Un autre titre" });
    admin.patch(&format!("/api/v1/admin/orders/{}", text(&order, "id")), title).await.ok();
    buyer.get(&path).await.status(202);
    app.drain().await;
    admin.get(&format!("/api/v1/admin/orders/{}/summary", text(&order, "id"))).await.status(200);
    let kept = app.sql("select count(*)::int as files from files where kind = 'document'").await;
    assert_eq!(kept, json!([{ "files": 1 }]), "what was drawn before is gone");
    assert!(subjects(&app.mails()).iter().any(|subject| subject.contains("facture")), "the invoice was mailed");
}

#[test]
fn a_page_looks_as_it_was_approved() {
    let number = Some("F-2026-000042".to_owned());
    let invoice = shared::domain::billing::invoices::Invoice { number, ..sample() };
    let drawn = worker::pdf::invoice(&House::sample(), &invoice).expect("it is drawn");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/invoices/approved.png");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(path, &drawn.png).expect("the picture is written");
    }
    let (approved, now) = (pixels(&std::fs::read(path).expect("the approved picture")), pixels(&drawn.png));
    assert_eq!(approved.len(), now.len(), "another size");
    let differ = approved.iter().zip(&now).filter(|(one, other)| one.abs_diff(**other) > 24).count();
    assert!(differ * 1000 < now.len(), "{differ} of {} values differ: look at it, then INSTA_UPDATE=always", now.len());
}

fn pixels(png: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    reader.next_frame(&mut pixels).expect("pixels");
    pixels
}

#[tokio::test]
async fn the_dashboard_shows_an_invoice_and_does_what_is_asked() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let row = draft(&admin, document("Hélène Martin")).await;
    let chef = operator(&app, "chef").await;
    let path = format!("/admin/invoices/{}", text(&row, "id"));
    let page = chef.get(&path).await.status(200);
    assert!(page.text.contains("Issue it") && page.text.contains("No finding."), "{}", page.text);
    let token = form_token(&page);
    post(&chef, &format!("{path}/issue"), &[("token", &token)]).await.status(303);
    app.drain().await;
    let page = chef.get(&path).await.status(200);
    for part in ["page.png", "rsm:CrossIndustryInvoice", "Take it back", "Being drawn", "Stored"] {
        assert_eq!(page.text.contains(part), part != "Being drawn", "{part} in {}", page.text);
    }
    assert!(chef.get(&format!("{path}/page.png")).await.status(200).bytes.starts_with(b"\x89PNG"));
    assert_eq!(chef.get(&format!("{path}/pdf")).await.status(200).headers["content-type"], "application/pdf");
    post(&chef, &format!("{path}/send"), &[("token", &token)]).await.status(303); // nobody is known: it says so
    let without = post(&chef, &format!("{path}/credit"), &[("token", &token)]).await.status(303);
    assert_eq!(without.headers["location"], path.as_str(), "no reason, no credit note");
    let taken = post(&chef, &format!("{path}/credit"), &[("token", &token), ("reason", "erreur")]).await.status(303);
    assert_ne!(taken.headers["location"], path.as_str(), "to the credit note");
    app.drain().await;
    let list = chef.get("/admin/invoices?kind=credit_note").await.status(200);
    assert!(list.text.contains("A-20") && !list.text.contains(">F-20"), "{}", list.text);
    app.anonymous().get(&path).await.status(303);
}
