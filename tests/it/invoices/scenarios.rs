//! Every kind of invoice through the HTTP API, each judged by people who are not us, page and data compared.

use harness::judges::{self, Verdict};
use harness::{Client, TestApp};
use serde_json::{Value, json};

use super::text;

const URL: &str = "/api/v1/admin/invoices";

fn address(country: &str, city: &str, postal_code: &str) -> Value {
    json!({ "line1": "3 rue du Port", "postal_code": postal_code, "city": city, "country": country })
}

fn business() -> Value {
    json!({ "kind": "business", "name": "Éditions du Ponant SARL", "siren": "552100554", "vat_number": "FR96552100554",
            "address": address("FR", "Quimper", "29000") })
}

fn consumer(name: &str) -> Value {
    json!({ "kind": "consumer", "name": name, "email": "helene@example.org", "address": address("FR", "Quimper", "29000") })
}

fn foreign(name: &str, country: &str, vat_number: &str) -> Value {
    json!({ "kind": "business", "name": name, "vat_number": vat_number, "email": "compta@example.be",
            "address": address(country, "Bruxelles", "1000") })
}

fn line(name: &str, quantity: &str, unit_price: &str, category: &str, rate: i64) -> Value {
    json!({ "name": name, "quantity": quantity, "unit_price": unit_price, "vat_category": category, "vat_rate_bp": rate })
}

fn of(buyer: Value, lines: Value) -> Value {
    json!({ "buyer": buyer, "lines": lines })
}

fn with(mut document: Value, more: Value) -> Value {
    let more = more.as_object().expect("an object").clone();
    document.as_object_mut().expect("an object").extend(more);
    document
}

/// Name and document of every scenario that needs no payment of Stripe's and no other house.
fn scenarios() -> Vec<(&'static str, Value)> {
    let work = || json!([line("Relecture d’un manuscrit", "1", "480", "S", 2000)]);
    let three = json!([
        line("Relecture", "2.5", "48.125", "S", 2000),
        line("Livre imprimé", "3", "23.70", "S", 550),
        line("Formation", "1", "350", "S", 1000),
    ]);
    let paid = json!({ "billing_frame": "S2", "due_date": today(),
                       "payment": { "means": "card", "paid": 57_600, "paid_at": format!("{}T09:00:00Z", today()) } });
    let allowances =
        json!([{ "amount": 4_800, "reason": "Remise de bienvenue", "vat_category": "S", "vat_rate_bp": 2000 }]);
    let reduced = json!([{ "name": "Relecture", "quantity": "10", "unit_price": "18", "vat_category": "S", "vat_rate_bp": 2000,
                           "net": 16_200, "allowance": { "amount": 1_800, "reason": "Tarif de lancement" } }]);
    let there = json!({ "address": address("BE", "Bruxelles", "1000") });
    let shipped = json!({ "billing_frame": "B1", "delivery_date": today(), "ship_to": there });
    let many = (1..=1000).map(|n| line(&format!("Page {n}"), "1", "1.25", "S", 2000)).collect::<Value>();
    vec![
        ("base: a business, one rate", of(business(), work())),
        ("several VAT rates", of(business(), three)),
        ("a consumer", of(consumer("Hélène Martin"), work())),
        ("reverse charge", of(business(), json!([line("Sous-traitance", "1", "480", "AE", 0)]))),
        (
            "intra-EU",
            with(
                of(
                    foreign("Uitgeverij Noord BV", "BE", "BE0428759497"),
                    json!([line("Livres", "40", "12.50", "K", 0)]),
                ),
                shipped,
            ),
        ),
        ("paid up front by card", with(of(consumer("Hélène Martin"), work()), paid)),
        ("a deposit", with(of(business(), work()), json!({ "kind": "deposit" }))),
        ("a discount of the whole", with(of(business(), work()), json!({ "allowances": allowances }))),
        ("a discount of a line", of(business(), reduced)),
        ("a name in Greek", of(consumer("Ελένη Παπαδοπούλου"), work())),
        ("a name in Cyrillic", of(consumer("Елена Иванова"), work())),
        ("a name in Chinese", of(consumer("王小明"), work())),
        ("a name in Arabic", of(consumer("فاطمة الزهراء"), work())),
        ("a name with an emoji", of(consumer("Zoé 🦊"), work())),
        ("a very long name", of(consumer(&"Compagnie générale des correcteurs ".repeat(5)[..150]), work())),
        ("twelve digits", of(business(), json!([line("Tout", "1", "1234567890.12", "S", 2000)]))),
        ("English", with(of(business(), work()), json!({ "locale": "en" }))),
        ("1,000 lines", of(business(), many)),
    ]
}

fn today() -> String {
    chrono::Utc::now().with_timezone(&chrono_tz::Europe::Paris).date_naive().to_string()
}

/// Drafted, issued, drawn, fetched: the row and the PDF.
async fn issued(app: &TestApp, admin: &Client, name: &str, document: Value) -> (Value, Vec<u8>) {
    let draft = admin.post(URL, json!({ "document": document })).await.created();
    assert_eq!(draft["problems"], json!([]), "{name}");
    let row = admin.put(&format!("{URL}/{}/status", text(&draft, "id")), json!({ "status": "issued" })).await.ok();
    app.drain().await;
    let pdf = admin.get(&format!("{URL}/{}/pdf", text(&row, "id"))).await.status(200);
    (row, pdf.bytes.to_vec())
}

/// What stands on the page stands in the data.
fn agree(name: &str, row: &Value, verdict: &Verdict) {
    let plain = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let (page, number) = (plain(&verdict.text), text(row, "number"));
    assert!(page.contains(&number) && verdict.xml.contains(&number), "{name}: {number}");
    for amount in ["total_net", "total_gross", "due"] {
        let amount: shared::kernel::money::Money = serde_json::from_value(row[amount].clone()).expect("money");
        let locale = row["document"]["locale"].as_str().expect("a locale");
        assert!(
            page.contains(&plain(&amount.said(locale))),
            "{name}: {} is not on the page\n{}",
            amount.said(locale),
            verdict.text
        );
        assert!(
            verdict.xml.contains(&format!(">{}<", amount.number())),
            "{name}: {} is not in the XML",
            amount.number()
        );
    }
    let buyer = row["document"]["buyer"]["name"].as_str().expect("a name");
    assert!(verdict.xml.contains(buyer.trim()), "{name}: the buyer in the XML");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_invoice_is_acquitted_by_every_judge() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for (name, document) in scenarios() {
        let (row, pdf) = issued(&app, &admin, name, document).await;
        if !judges::here() {
            continue;
        }
        let verdict = judges::judge(&pdf);
        assert_eq!(verdict.findings(), [], "{name}");
        assert_eq!(verdict.level, "3a", "{name}");
        agree(name, &row, &verdict);
        if name == "1,000 lines" {
            assert!(verdict.text.matches('\u{c}').count() <= 60, "{} pages", verdict.text.matches('\u{c}').count());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_without_vat_says_why() {
    let (app, admin) = house(|sample| sample.replace("regime = \"normal\"", "regime = \"franchise\"")).await;
    let lines = json!([line("Relecture", "1", "480", "E", 0)]);
    let (_, pdf) = issued(&app, &admin, "franchise", of(consumer("Hélène Martin"), lines)).await;
    if judges::here() {
        let verdict = judges::judge(&pdf);
        verdict.assert_clean();
        assert!(verdict.text.contains("L. 223-3"), "{}", verdict.text);
    }
    let taxed = of(consumer("Hélène Martin"), json!([line("Relecture", "1", "480", "S", 2000)]));
    let draft = admin.post(URL, json!({ "document": taxed })).await.created();
    assert_eq!(draft["problems"][0]["code"], "franchise");
    let refused = admin.put(&format!("{URL}/{}/status", text(&draft, "id")), json!({ "status": "issued" })).await;
    assert_eq!(refused.status(422).json()["errors"][0]["path"], "lines[0].vat_category");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_currency_says_its_vat_in_euros() {
    let rate = "[[rate]]\ncurrency = \"USD\"\ndate = \"2026-01-02\"\neuro = \"0.862143\"\n";
    let (app, admin) = house(|sample| format!("{sample}\n{rate}")).await;
    let lines = json!([line("Relecture", "1", "480", "S", 2000)]);
    let document = with(of(business(), lines), json!({ "currency": "USD" }));
    let (row, pdf) = issued(&app, &admin, "dollars", document).await;
    assert_eq!(row["document"]["vat_in_euro"]["vat"], 8_277); // 96 USD × 0.862143
    if judges::here() {
        let verdict = judges::judge(&pdf);
        verdict.assert_clean();
        assert!(verdict.text.contains("82,77"), "{}", verdict.text);
    }
}

/// The sample house, changed, and an application of it.
async fn house(change: impl Fn(String) -> String) -> (TestApp, Client) {
    let sample = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../templates/invoice/house.toml"));
    let path = std::env::temp_dir().join(format!("facteur-house-{}.toml", uuid::Uuid::now_v7()));
    std::fs::write(&path, change(sample.expect("the sample house"))).expect("a file");
    let app = TestApp::with(&[("INVOICE_HOUSE", path.to_str().expect("a path"))]).await;
    std::fs::remove_file(&path).expect("it was read");
    let admin = app.admin().await;
    (app, admin)
}
