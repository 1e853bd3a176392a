//! Lists as CSV, JSON, workbook and ZIP, read by programs that are not ours.

use harness::{Client, TestApp};
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

/// Each list, under which name it is exported, and what is narrowed for every comparison: the log grows meanwhile.
const LISTS: [(&str, &str, &str); 4] = [
    ("users", "users", ""),
    ("orders", "orders", ""),
    ("invoices", "invoices", ""),
    ("audit", "audit_log", "until=2026-10-10T00:00:00Z&"),
];

const OTHER: &str = "01900000-0000-7000-8000-000000000009";

/// Rows of each list of which every filter leaves something out.
async fn of_many_kinds(app: &TestApp, admin: &Client) {
    for name in ["claire", "clara_b", "denis"] {
        app.person(name, "user").await;
    }
    orders(app, 4).await;
    let address = json!({ "line1": "3 rue du Port", "postal_code": "29000", "city": "Quimper", "country": "FR" });
    let document = json!({ "buyer": { "kind": "consumer", "name": "Anne", "address": address }, "lines": [] });
    admin.post("/api/v1/admin/invoices", json!({ "document": document })).await.created();
    app.execute(&format!(
        "update users set status = 'suspended', activated_at = '2025-01-01' where first_name = 'denis';
         insert into customers (id, email, legal_name) values ('{OTHER}', 'd@example.org', 'D');
         update orders set status = 'pending', priority = 'urgent', customer_id = '{OTHER}', placed_at = '2026-11-02 09:30:00+00',
                assignee_id = (select id from users where first_name = 'denis') where number = 'C-2';
         set session_replication_role = replica;
         insert into invoices (id, number, kind, status, order_id, customer_id, credit_of_id, issue_date, currency, pdf_status,
                total_net_cents, total_vat_cents, total_gross_cents, paid_cents, due_cents, vat_breakdown, document)
         select gen_random_uuid(), x.number, x.kind, x.status, o.id, o.customer_id, x.credits, x.day::date, x.currency,
                x.pdf_status, 100, 20, 120, 0, 120, '[]', (select document from invoices)
         from (values ('F-1', 'invoice', 'issued', 'C-1', null, '2026-10-01', 'EUR', 'pending'),
                      ('A-1', 'credit_note', 'paid', 'C-2', gen_random_uuid(), '2026-11-01', 'USD', 'failed'),
                      (null, 'invoice', 'draft', 'C-3', null, '2026-10-15', 'EUR', 'pending'))
              x (number, kind, status, of_order, credits, day, currency, pdf_status)
         join orders o on o.number = x.of_order;
         set session_replication_role = origin;
         insert into audit_log (actor_id, action, severity, outcome, target_type, target_id, occurred_at)
         select u.id, 'ORDER_UPDATED', 'medium', 'success', 'order', '{OTHER}', '2026-10-01'::timestamptz
         from users u where first_name = 'denis'
         union all select null, 'WEBHOOK_REFUSED', 'high', 'refused', 'webhook', 'x', '2026-10-05'"
    ))
    .await;
}

/// Filters with a value, list by list.
async fn narrowed(app: &TestApp) -> Vec<(&'static str, String)> {
    let of = app
        .sql("select o.id as o, u.id as u from orders o join users u on u.first_name = 'denis' where number = 'C-2'")
        .await;
    let (order, denis) = (of[0]["o"].as_str().expect("an id"), of[0]["u"].as_str().expect("an id"));
    let all = [
        ("users", vec!["q=cla", "q=a_b&role=user", "q=x_b", "role=admin", "status=suspended"]),
        ("users", vec!["activated_since=2026-01-01T00:00:00Z", "activated_before=2026-01-01T00:00:00Z"]),
        ("orders", vec!["status=pending", "priority=urgent", "number=C-3"]),
        ("orders", vec!["placed_since=2026-11-02T00:00:00Z", "placed_before=2026-11-02T09:30:00Z"]),
        ("invoices", vec!["status=paid", "kind=credit_note", "pdf_status=failed", "number=F-1", "currency=USD"]),
        ("invoices", vec!["issued=true", "issued=false", "credit=true", "credit=false"]),
        ("invoices", vec!["from=2026-10-15", "to=2026-10-15"]),
        ("audit", vec!["action=ORDER_UPDATED", "severity=high", "outcome=refused", "target=order"]),
        ("audit", vec!["since=2026-10-05T00:00:00Z", "until=2026-10-05T00:00:00Z"]),
    ];
    let all = all.into_iter().flat_map(|(list, some)| some.into_iter().map(move |one| (list, one.to_owned())));
    let ids = [
        ("orders", format!("assignee_id={denis}")),
        ("orders", format!("customer_id={OTHER}")),
        ("invoices", format!("customer_id={OTHER}")),
        ("invoices", format!("order_id={order}")),
        ("audit", format!("actor={denis}")),
        ("audit", format!("target_id={OTHER}")),
    ];
    all.chain(ids).collect()
}

fn ids(rows: &Value) -> BTreeSet<String> {
    rows.as_array().expect("rows").iter().map(|row| row["id"].to_string()).collect()
}

/// An export narrowed by what it does not know would hold more than was asked for, and say nothing.
#[tokio::test]
async fn a_filter_means_what_it_means_to_the_list() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    of_many_kinds(&app, &admin).await;
    let cases = narrowed(&app).await;
    let document = app.anonymous().get("/openapi.json").await.status(200).json();
    for (list, kind, within) in LISTS {
        let known = &document["paths"][format!("/api/v1/admin/{list}")]["get"]["parameters"];
        let known = known.as_array().expect("parameters").iter().map(|one| one["name"].as_str().expect("a name"));
        let known: BTreeSet<_> = known.filter(|name| !["limit", "after"].contains(name)).collect();
        let mine: Vec<&str> = cases.iter().filter(|case| case.0 == list).map(|case| case.1.as_str()).collect();
        let tried: BTreeSet<_> = mine.iter().filter_map(|query| Some(query.split_once('=')?.0)).collect();
        assert_eq!(tried, known, "every filter of {list} is compared");
        let whole = ids(&admin.get(&format!("/api/v1/admin/{list}?{within}limit=200")).await.status(200).data()).len();
        for query in mine {
            // A later value of the same name is the one that counts.
            let given: HashMap<_, _> =
                form_urlencoded::parse(format!("{within}{query}").as_bytes()).into_owned().collect();
            let address: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(&given).finish();
            let listed = ids(&admin.get(&format!("/api/v1/admin/{list}?{address}")).await.status(200).data());
            let mut wish = wish(kind, "json");
            wish["filters"] = given.into_iter().map(|(name, value)| (name, api::exports::typed(value))).collect();
            let export = made(&app, &admin, wish).await;
            assert_eq!(ids(&fetched(&admin, &export).await.json()), listed, "{list} {query}");
            assert!(listed.len() < whole && (listed.is_empty() == (query == "q=x_b")), "{list} {query}: {listed:?}");
        }
    }
}
