//! What is paid is invoiced, what is given back is credited: numbered, drawn, mailed, once.

use harness::judges;

use super::*;

const INVOICES: &str = "/api/v1/admin/invoices";

impl Shop {
    /// The invoices and credit notes of an order, oldest first.
    async fn invoices(&self, order: &Value) -> Vec<Value> {
        let path = format!("{INVOICES}?order_id={}", text(order, "id"));
        let mut rows = self.admin().get(&path).await.status(200).json()["data"].as_array().expect("rows").clone();
        rows.reverse();
        rows
    }

    async fn pdf(&self, invoice: &Value) -> Vec<u8> {
        self.admin().get(&format!("{INVOICES}/{}/pdf", text(invoice, "id"))).await.status(200).bytes.to_vec()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_order_is_invoiced_and_the_file_is_in_the_mail() {
    let shop = Shop::open().await;
    let (order, session) = shop.paid(2).await;
    let rows = shop.invoices(&order).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    let (invoice, year) = (&rows[0], chrono::Utc::now().format("%Y"));
    assert_eq!((&invoice["status"], &invoice["pdf_status"]), (&json!("paid"), &json!("ready")), "{invoice}");
    assert_eq!(text(invoice, "number"), format!("F-{year}-000001"));
    assert_eq!((&invoice["total_gross"]["amount"], &invoice["due"]["amount"]), (&json!(4320), &json!(0)));
    let pdf = shop.pdf(invoice).await;
    let mails = shop.app.mails();
    let mail = mails.iter().find(|mail| mail.subject.contains(&text(invoice, "number"))).expect("its mail");
    assert_eq!(mail.attachments.len(), 1);
    assert_eq!(mail.attachments[0].bytes, pdf, "the file that is stored is the file that is sent");
    if judges::here() {
        let verdict = judges::judge(&pdf);
        verdict.assert_clean();
        assert!(
            verdict.xml.contains(">S2<") && verdict.xml.contains(">0.00</ram:DuePayableAmount>"),
            "{}",
            verdict.xml
        );
    }
    // Told again, asked again: still one.
    shop.news().await;
    shop.reconcile().await;
    assert_eq!(shop.invoices(&order).await.len(), 1);
    let standing = shop.buyer().get(&format!("/api/v1/checkout-sessions/{session}")).await.ok();
    assert_eq!(standing["invoice_status"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refund_has_one_credit_note() {
    let shop = Shop::open().await;
    let (order, _) = shop.paid(2).await;
    shop.give_back(&order, json!({ "amount": 1_000, "reason": "geste" })).await;
    let rows = shop.invoices(&order).await;
    assert_eq!(rows.len(), 2, "{rows:?}");
    let (invoice, part) = (&rows[0], &rows[1]);
    assert_eq!((&part["kind"], &part["credit_of_id"]), (&json!("credit_note"), &invoice["id"]));
    assert_eq!((&part["total_gross"]["amount"], &invoice["status"]), (&json!(1_000), &json!("paid")));
    shop.give_back(&order, json!({ "reason": "annulation" })).await;
    shop.reconcile().await;
    let rows = shop.invoices(&order).await;
    assert_eq!(rows.len(), 3, "{rows:?}");
    let back: i64 = rows[1..].iter().filter_map(|row| row["total_gross"]["amount"].as_i64()).sum();
    assert_eq!((back, &rows[0]["status"]), (4_320, &json!("credited")));
    let mails = shop.subjects();
    assert_eq!(mails.iter().filter(|subject| subject.contains("avoir")).count(), 2, "{mails:?}");
    if judges::here() {
        for row in &rows {
            judges::judge(&shop.pdf(row).await).assert_clean();
        }
    }
}

#[tokio::test]
async fn an_invoice_is_seen_by_who_bought_and_by_nobody_else() {
    let shop = Shop::open().await;
    let (order, _) = shop.paid(1).await;
    let own = shop.buyer().get("/api/v1/invoices").await.status(200).json()["data"][0].clone();
    let path = format!("/api/v1/invoices/{}", text(&own, "id"));
    let whole = shop.buyer().get(&path).await.ok();
    assert_eq!(whole["document"]["order_ref"], order["number"]);
    let signed = text(&whole, "pdf_url");
    let signed = signed.split_once("/api/").map(|(_, rest)| format!("/api/{rest}")).expect("a path");
    let pdf = shop.app.anonymous().get(&signed).await.status(200).bytes.to_vec();
    assert!(pdf.starts_with(b"%PDF-1.7"));
    assert_eq!(shop.buyer().get(&format!("{path}/pdf")).await.status(200).bytes, pdf);
    let stranger = shop.app.person("paul", "user").await;
    for path in [path.clone(), format!("{path}/pdf")] {
        stranger.get(&path).await.status(404);
        shop.app.anonymous().get(&path).await.status(404);
    }
    assert_eq!(stranger.get("/api/v1/invoices").await.status(200).json()["data"], json!([]));
    shop.app.anonymous().get(&signed.replace("signature=", "signature=0")).await.status(404);
}

#[tokio::test]
async fn the_same_revision_gives_the_same_bytes_and_a_new_one_keeps_the_old() {
    let shop = Shop::open().await;
    let (order, _) = shop.paid(1).await;
    let invoice = shop.invoices(&order).await.remove(0);
    let (path, first) = (format!("{INVOICES}/{}", text(&invoice, "id")), shop.pdf(&invoice).await);
    shop.admin().post(&format!("{path}/render"), json!({})).await.status(202);
    shop.settle().await;
    let whole = shop.admin().get(&path).await.ok();
    assert_eq!((&whole["revision"], &whole["pdf_status"]), (&json!(2), &json!("ready")));
    assert_eq!(shop.pdf(&invoice).await, first, "the same row is the same file");
    assert_eq!(whole["former_files"][0]["revision"], 1);
    assert_eq!(whole["former_files"][0]["pdf_file_id"], invoice["pdf_file_id"]);
    let sent = shop.admin().post(&format!("{path}/send"), json!({})).await.status(202).json();
    shop.settle().await;
    assert!(sent["data"]["email_id"].is_string(), "{sent}");
    let mails = shop.subjects().into_iter().filter(|subject| subject.contains(&text(&invoice, "number"))).count();
    assert_eq!(mails, 3, "when it was issued, with its new revision, and because somebody asked");
}

#[tokio::test]
async fn a_guest_finds_the_invoice_with_the_token_of_the_order() {
    let shop = Shop::open().await;
    let guest = json!({ "email": "helene@example.org", "first_name": "Hélène", "last_name": "Martin" });
    let order = json!({ "lines": [{ "product_id": shop.product, "quantity": 1 }], "guest": guest });
    let order = shop.app.anonymous().post("/api/v1/orders", order).await.created();
    let with_token = shop.app.anonymous().header("order-token", &text(&order, "token"));
    let path = format!("/api/v1/orders/{}", text(&order, "id"));
    let session = text(&with_token.post(&format!("{path}/checkout"), json!({})).await.created(), "session_id");
    shop.act(&session, "card").await;
    shop.news().await;
    let rows = with_token.get(&format!("{path}/invoices")).await.ok();
    let invoice = format!("/api/v1/invoices/{}", text(&rows[0], "id"));
    assert!(with_token.get(&format!("{invoice}/pdf")).await.status(200).bytes.starts_with(b"%PDF-"));
    assert_eq!(with_token.get(&invoice).await.ok()["document"]["buyer"]["name"], "Hélène Martin");
    let other = shop.app.anonymous().header("order-token", "somebody-elses");
    for path in [format!("{path}/invoices"), invoice.clone(), format!("{invoice}/pdf")] {
        other.get(&path).await.status(404);
        shop.app.anonymous().get(&path).await.status(404);
    }
}

#[tokio::test]
async fn an_invoice_to_be_paid_by_transfer_is_paid_by_card_all_the_same() {
    let shop = Shop::open().await;
    let pay = async |order: &Value| {
        let session = shop.checkout(order).await;
        shop.act(&session, "card").await;
        shop.news().await;
        assert_eq!(shop.status(order).await.0, "paid");
    };
    let (order, drafted) = (shop.order(1).await, shop.order(1).await);
    let row = shop.admin().post(INVOICES, json!({ "order_id": order["id"] })).await.created();
    let issue = json!({ "status": "issued" });
    shop.admin().put(&format!("{INVOICES}/{}/status", text(&row, "id")), issue).await.ok();
    pay(&order).await;
    let rows = shop.invoices(&order).await;
    assert_eq!((rows.len(), &rows[0]["status"]), (1, &json!("paid")), "{rows:?}");
    shop.give_back(&order, json!({ "amount": 1_000, "reason": "geste" })).await;
    let rows = shop.invoices(&order).await;
    let credit = rows.get(1).expect("a credit note");
    assert_eq!((&credit["credit_of_id"], &credit["total_gross"]["amount"]), (&rows[0]["id"], &json!(1_000)));
    let means = &credit["document"]["payment"];
    assert_eq!((&means["means"], &means["iban"]), (&json!("card"), &json!(null)), "it went back to the card");
    if judges::here() {
        judges::judge(&shop.pdf(credit).await).assert_clean();
    }
    // Nobody issues a draft unasked; somebody is told of it.
    shop.admin().post(INVOICES, json!({ "order_id": drafted["id"] })).await.created();
    shop.subjects();
    pay(&drafted).await;
    assert_eq!(shop.invoices(&drafted).await.len(), 1);
    let mails = shop.subjects();
    assert!(mails.iter().any(|subject| subject.contains("other invoice")), "{mails:?}");
}
