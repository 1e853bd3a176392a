//! Lists as CSV, JSON, workbook and ZIP, read by programs that are not ours.

use harness::TestApp;
use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::{fetched, judged, made, orders, wish};

const CSV: &str = "
import csv, json, sys
text = open(sys.argv[1], encoding='utf-8', newline='').read()
print(json.dumps({'bom': text.startswith('\\ufeff'), 'rows': list(csv.reader(text.lstrip('\\ufeff').splitlines(True), delimiter=';' if ';' in text[:40] else ','))}))";

#[tokio::test]
async fn a_csv_holds_what_the_list_shows_typed_and_without_formulas() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    orders(&app, 120).await;
    let columns = ["number", "title", "description", "customer_name", "currency", "total_gross", "placed_at", "due_at"];
    let wanted = json!({ "kind": "orders", "format": "csv", "locale": "en", "columns": columns, "filters": { "status": "paid" } });
    let export = made(&app, &admin, wanted).await;
    assert_eq!(
        (&export["rows_done"], &export["rows_total"], &export["snapshots"]),
        (&json!(119), &json!(119), &json!(1))
    );
    let file = fetched(&admin, &export).await;
    assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(file.header("content-disposition").is_some_and(|how| how.starts_with("attachment; filename=\"orders-")));
    let listed = admin.get("/api/v1/admin/orders?status=paid&limit=200").await.status(200).data();
    assert_eq!(listed.as_array().map(Vec::len), Some(119), "the list says the same");
    let Some(read) = judged(CSV, &file.bytes) else { return };
    let rows = read["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 120);
    assert_eq!(rows[0], json!(["Number", "Title", "Description", "Customer", "Currency", "Gross", "Placed", "Due"]));
    let text = "deux\nlignes; \"et\" une, virgule";
    let day = "2026-11-01T09:30:00Z";
    assert_eq!(rows[1], json!(["C-1", "Cahier 1", text, "Élise & \"fils\"", "EUR", "1.20", day, ""]));
    assert_eq!(rows[2], json!(["C-2", "'=cmd|'/c calc'!A2", text, "Élise & \"fils\"", "EUR", "2.40", day, ""]));
    assert_eq!(rows[7][5], json!("840"), "a yen has no cents");
}

#[tokio::test]
async fn a_french_excel_gets_its_dialect() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    orders(&app, 3).await;
    let wanted =
        json!({ "kind": "orders", "format": "csv", "excel": true, "columns": ["number", "total_gross", "placed_at"] });
    let export = made(&app, &admin, wanted).await;
    let text = fetched(&admin, &export).await.text;
    assert_eq!(text.lines().next(), Some("\u{feff}Numéro;Total TTC;Passée le"));
    assert_eq!(text.lines().nth(1), Some("C-1;1,20;2026-11-01 09:30:00"));
}

const WORKBOOK: &str = "
import json, sys, openpyxl
book = openpyxl.load_workbook(open(sys.argv[1], 'rb'))
def cell(c): return [c.data_type, c.value.isoformat() if hasattr(c.value, 'isoformat') else c.value, c.number_format]
print(json.dumps({'sheets': book.sheetnames, 'rows': [[cell(c) for c in row] for row in book.worksheets[0].iter_rows()],
                  'more': [sheet.max_row for sheet in book.worksheets]}))";

#[tokio::test]
async fn a_workbook_has_typed_cells_and_a_sheet_for_each_table() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    orders(&app, 20).await;
    app.execute("update orders set title = e'\\x01<&>' || repeat('é', 40000) where number = 'C-3'").await;
    let columns = ["number", "title", "total_gross", "placed_at", "version"];
    let export = made(&app, &admin, json!({ "kind": "orders", "format": "xlsx", "columns": columns })).await;
    let file = fetched(&admin, &export).await;
    let Some(read) = judged(WORKBOOK, &file.bytes) else { return };
    assert_eq!(read["sheets"], json!(["Commandes", "Lignes"]));
    assert_eq!(read["more"], json!([21, 11]));
    let rows = &read["rows"];
    assert_eq!(rows[0][2], json!(["s", "Total TTC", "General"]));
    assert_eq!(rows[2][1], json!(["s", "=cmd|'/c calc'!A2", "@"]), "words, not a formula");
    assert_eq!(rows[1][2], json!(["n", 1.2, "#,##0.00"]));
    assert_eq!(rows[7][2], json!(["n", 840, "0"]), "a yen has no cents");
    assert_eq!(rows[1][3], json!(["d", "2026-11-01T09:30:00", "yyyy\\-mm\\-dd\\ hh:mm:ss"]));
    assert_eq!(rows[1][4], json!(["n", 1, "0"]));
    let long = rows[3][1][1].as_str().expect("words");
    assert!(long.starts_with("\u{fffd}<&>é") && long.chars().count() == 32_767, "{} characters", long.chars().count());
}

const ARCHIVE: &str = "
import json, sys, zipfile
z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None
print(json.dumps({i.filename: z.read(i).decode('utf-8', 'replace') for i in z.infolist()}))";

/// The files of a ZIP by somebody else's reader; none without one.
pub fn unpacked(file: &[u8]) -> Option<Value> {
    judged(ARCHIVE, file)
}

#[tokio::test]
async fn json_and_zip_hold_the_same_rows() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    orders(&app, 30).await;
    let export = made(&app, &admin, wish("orders", "json")).await;
    let objects = fetched(&admin, &export).await.json();
    assert_eq!(objects.as_array().map(Vec::len), Some(30));
    assert_eq!(objects[1]["title"], "=cmd|'/c calc'!A2", "a program takes words for words");
    assert_eq!(objects[1]["total_gross"], json!({ "amount": 240, "currency": "EUR" }));
    assert_eq!((&objects[1]["created_at"], &objects[1]["due_at"]), (&json!("2026-11-01T09:30:00.250Z"), &Value::Null));
    let export = made(&app, &admin, wish("orders", "zip")).await;
    let Some(files) = unpacked(&fetched(&admin, &export).await.bytes) else { return };
    let lines = |name: &str| files[name].as_str().unwrap_or_default().matches("\r\n").count();
    assert_eq!((lines("orders.csv"), lines("order_lines.csv")), (31, 11), "{files}");
}

#[tokio::test]
async fn every_kind_is_made_and_its_filters_and_columns_are_checked() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    orders(&app, 5).await;
    for kind in ["orders", "invoices", "users", "audit_log", "report"] {
        for format in ["csv", "json", "xlsx", "zip"] {
            let export = made(&app, &admin, wish(kind, format)).await;
            let file = fetched(&admin, &export).await;
            assert_eq!(file.bytes.len() as i64, export["size"].as_i64().expect("a size"), "{kind} {format}");
        }
    }
    let secrets = made(&app, &admin, wish("users", "json")).await;
    let text = fetched(&admin, &secrets).await.text;
    assert!(text.contains("chef@example.org") && !text.contains("argon2"), "{text}");
    for (change, field) in [
        (json!({ "filters": { "status": "sideways" } }), "filters.status"),
        (json!({ "filters": { "colour": "blue" } }), "filters.colour"),
        (json!({ "columns": ["number", "token_hash"] }), "columns[1]"),
        (json!({ "locale": "de" }), "locale"),
        (json!({ "subject_user_id": uuid::Uuid::now_v7() }), "subject_user_id"),
        (json!({ "format": "pdf" }), "format"),
        (json!({ "more": 1 }), "more"),
    ] {
        let mut wanted = wish("orders", "csv");
        wanted.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let wrong = admin.post("/api/v1/admin/exports", wanted).await.wrong_fields();
        assert_eq!(wrong, [field], "{change}");
    }
}

#[tokio::test]
async fn a_filter_means_what_it_means_to_the_list() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for name in ["claire", "clara_b", "denis"] {
        app.person(name, "user").await;
    }
    for slug in ["un", "deux"] {
        let product = json!({ "slug": slug, "name": slug, "vat_rate_bp": 2000, "unit_price": { "amount": 1, "currency": "EUR" } });
        admin.post("/api/v1/admin/products", product).await.created();
    }
    for (kind, list, query, wanted) in [
        ("users", "users", "q=cla", 2),
        ("users", "users", "q=a_b&role=user", 1),
        ("users", "users", "q=x_b", 0),
        ("audit_log", "audit", "action=PRODUCT_CHANGED&target=product&outcome=success", 2),
        ("audit_log", "audit", "action=PRODUCT_CHANGED&until=2026-01-01T00:00:00Z", 0),
    ] {
        let listed = admin.get(&format!("/api/v1/admin/{list}?{query}")).await.status(200).data();
        let mut wish = wish(kind, "json");
        wish["filters"] = json!(form_urlencoded::parse(query.as_bytes()).into_owned().collect::<HashMap<_, _>>());
        let export = made(&app, &admin, wish).await;
        let ids = |rows: &Value| -> BTreeSet<String> {
            rows.as_array().expect("rows").iter().map(|row| row["id"].to_string()).collect()
        };
        let rows = ids(&fetched(&admin, &export).await.json());
        assert_eq!((&rows, rows.len()), (&ids(&listed), wanted), "{query}");
    }
}
