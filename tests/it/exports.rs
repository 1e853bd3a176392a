//! Exports: what is in the file, who may have it, and what happens when its making is interrupted.

mod dashboard;
mod full;
mod killed;
pub mod lists;
mod million;
mod personal;
mod rights;
mod slow;

use harness::{Client, Reply, TestApp};
use serde_json::{Value, json};

/// Orders of one customer, numbered from 1, of which every hundredth is cancelled and every second has an evil title.
pub async fn orders(app: &TestApp, count: usize) {
    app.execute(&many_orders(count)).await;
}

/// The statement that writes them.
fn many_orders(count: usize) -> String {
    format!(
        "insert into customers (id, email, legal_name) values ('01900000-0000-7000-8000-000000000001', 'c@example.org', 'Élise & \"fils\"');
         insert into orders (id, number, customer_id, title, description, status, currency, total_net_cents, total_vat_cents,
                             total_gross_cents, placed_at, created_at)
         select ('01900000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid, 'C-' || n, '01900000-0000-7000-8000-000000000001',
                case when n % 2 = 0 then '=cmd|''/c calc''!A' || n else 'Cahier ' || n end, e'deux\\nlignes; \"et\" une, virgule',
                case when n % 100 = 0 then 'cancelled' else 'paid' end, case when n % 7 = 0 then 'JPY' else 'EUR' end,
                n * 100, n * 20, n * 120, '2026-11-01 09:30:00+00', '2026-11-01 09:30:00.25+00'
         from generate_series(1, {count}) n;
         insert into products (id, slug, name, unit_price_cents, currency, vat_rate, vat_category)
         values ('01900000-0000-7000-8000-000000000002', 'cahier', 'Cahier', 1234, 'EUR', 20, 'S');
         insert into order_lines (id, order_id, product_id, position, name, quantity, unit_price_cents, vat_rate, vat_category)
         select gen_random_uuid(), id, '01900000-0000-7000-8000-000000000002', 1, 'Cahier', 3, 1234, 20, 'S'
         from orders order by id limit 10"
    )
}

/// Asks for an export, and has it made. Gives it as it is then.
pub async fn made(app: &TestApp, by: &Client, wish: Value) -> Value {
    let asked = by.post("/api/v1/admin/exports", wish).await.status(202);
    let address = asked.header("location").expect("a location").to_owned();
    app.drain().await;
    by.get(&address).await.ok()
}

pub fn id(export: &Value) -> String {
    export["id"].as_str().expect("an id").to_owned()
}

/// The path of its signed address.
fn signed(export: &Value) -> String {
    let url = export["url"].as_str().unwrap_or_else(|| panic!("no address: {export}"));
    url.strip_prefix("http://api.test").expect("ours").to_owned()
}

/// The file of an export that is ready.
pub async fn fetched(by: &Client, export: &Value) -> Reply {
    assert_eq!(export["status"], "ready", "{export}");
    by.get(&format!("/api/v1/exports/{}/file", id(export))).await.status(200)
}

/// What somebody else's program says of a file, by standard output; none where there is no Python with openpyxl.
fn judged(program: &str, file: &[u8]) -> Option<Value> {
    let Some(python) = std::env::var_os("FACTEUR_JUDGES") else {
        eprintln!("SKIPPED: FACTEUR_JUDGES is not set, nobody else read this export");
        return None;
    };
    let path = std::env::temp_dir().join(format!("export-{}", uuid::Uuid::new_v4().simple()));
    std::fs::write(&path, file).expect("a file for the judge");
    let output = std::process::Command::new(python).args(["-c", program]).arg(&path).output().expect("python starts");
    std::fs::remove_file(&path).expect("the judge leaves the file");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

pub fn wish(kind: &str, format: &str) -> Value {
    json!({ "kind": kind, "format": format })
}
