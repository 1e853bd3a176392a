//! Invoices issued by many processes at once, some of which die in the middle: numbers without a gap and without a double.

use tokio::task::JoinSet;

use super::*;

const INVOICES: &str = "/api/v1/admin/invoices";
const ALL: i64 = 200;
const PROCESSES: usize = 8;

fn draft(n: i64) -> Value {
    let address = json!({ "line1": "3 rue du Port", "postal_code": "29000", "city": "Quimper", "country": "FR" });
    json!({ "document": {
        "buyer": { "kind": "consumer", "name": format!("Acheteur {n}"), "email": format!("a{n}@example.org"), "address": address },
        "lines": [{ "name": "Relecture", "quantity": "1", "unit_price": format!("{n}.50"), "vat_rate_bp": 2000 }],
    }})
}

/// Asks at one door after the other until the draft is issued. An answer may be lost: then it is issued already.
async fn issue(http: reqwest::Client, doors: Vec<String>, token: String, id: String, n: usize) {
    for turn in n.. {
        let url = format!("{}{INVOICES}/{id}/status", doors[turn % doors.len()]);
        let call = http.put(url).bearer_auth(&token).json(&json!({ "status": "issued" }));
        match call.send().await.map(|answer| answer.status().as_u16()) {
            Ok(200 | 409) => return,
            Ok(status @ 400..500) => panic!("{status} for a draft in order"),
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_invoices_of_eight_processes_have_the_numbers_from_1_to_200() {
    let _line = Line::of("F22", "200 invoices by 8 processes, killed and cut off");
    let mut branch = Branch::open(PROCESSES).await;
    branch.add_worker();
    let mut drafts = Vec::new();
    for n in 1..=ALL {
        let row = branch.asked(Method::POST, INVOICES, &branch.admin, draft(n), 201).await;
        drafts.push(text(&row, "id"));
    }
    let mut callers = JoinSet::new();
    for (n, id) in drafts.into_iter().enumerate() {
        callers.spawn(issue(branch.http.clone(), branch.doors.clone(), branch.admin.clone(), id, n));
    }
    // Meanwhile processes are killed, and connections of all of them are cut in the middle of whatever they do.
    for round in 0..6 {
        branch
            .stage
            .count(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity
                            where datname = current_database() and pid <> pg_backend_pid() and random() < 0.3",
            )
            .await;
        let victim = (round * 3) % PROCESSES;
        branch.apis[victim].kill().await.expect("kill -9");
        let port = branch.doors[victim].rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port");
        (branch.apis[victim], branch.doors[victim]) = branch.stage.api_at(port, &[]).await;
    }
    branch.workers[0].kill().await.expect("kill -9");
    branch.add_worker();
    while let Some(done) = callers.join_next().await {
        done.expect("issued");
    }
    let gaps = "select count(*) from generate_series(1, 200) n
                where not exists (select from invoices where number = 'F-' || extract(year from issue_date) || '-' || lpad(n::text, 6, '0'))";
    assert_eq!(branch.stage.count(gaps).await, 0, "a number is missing");
    assert_eq!(branch.count("invoices where number is not null").await, ALL, "and none is double");
    assert_eq!(branch.stage.count("select last_number::bigint from invoice_series where code = 'F'").await, ALL);
    let ready = "select count(*) from invoices where pdf_status = 'ready'";
    branch.stage.until(seconds(90), ready, ALL).await;
    assert_eq!(branch.count("audit_log where action = 'INVOICE_PDF_GENERATED'").await, ALL, "each is drawn once");
}
