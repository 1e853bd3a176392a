//! A worker that dies in the middle, and one that is told to stop.

use std::time::Duration;

use bytes::Bytes;
use harness::Stage;
use harness::people::PASSWORD;
use harness::process::eventually;
use serde_json::json;
use shared::domain::exports::{ExportFormat, ExportKind, NewExport};
use shared::flows::export_requested;
use shared::kernel::ids::{ExportId, UserId};
use shared::platform::files;
use shared::platform::tx::Tx;

use super::many_orders;

const ROWS: usize = 230_000;

/// So many orders, somebody who may export them, and the wish.
pub(super) async fn asked(stage: &Stage, format: ExportFormat, rows: usize) -> ExportId {
    let user = UserId::new();
    let hash = shared::domain::identity::passwords::hash(&stage.platform.config, PASSWORD).await.expect("a hash");
    sqlx::query("insert into users (id, email, password_hash, role, status) values ($1, 'chef@example.org', $2, 'admin', 'active')")
        .bind(user.0)
        .bind(hash.as_str())
        .execute(&stage.platform.db)
        .await
        .expect("an administrator");
    let many =
        sqlx::AssertSqlSafe(format!("set statement_timeout = 0; {}; set statement_timeout = '15s'", many_orders(rows)));
    sqlx::raw_sql(many).execute(&stage.platform.db).await.expect("orders");
    let mut tx = Tx::begin(&stage.platform).await.expect("a transaction");
    let new = NewExport {
        kind: ExportKind::Orders,
        format,
        filters: json!({}),
        columns: vec!["id".into(), "number".into(), "description".into()],
        excel: false,
        locale: "fr".into(),
        subject: None,
    };
    let export = export_requested::request(&mut tx, user, new).await.expect("a wish");
    tx.commit().await.expect("a commit");
    export.id
}

/// Waits until more than so many rows of it are stored, and some are not.
pub(super) async fn in_the_middle(stage: &Stage, after: i64) {
    let question = format!("an export is in the middle; log: {}", stage.log.display());
    eventually(Duration::from_secs(180), &question, || async {
        let open = stage.count("select count(*) from exports where status in ('requested', 'running')").await;
        assert_eq!(open, 1, "it was over before it could be interrupted");
        stage.count("select rows_done from exports where status = 'running' union all select 0 limit 1").await > after
    })
    .await;
}

/// The file of the newest export, as it was stored.
pub(super) async fn built(stage: &Stage) -> Bytes {
    let newest = "select file_id from exports order by id desc limit 1";
    let file: uuid::Uuid = sqlx::query_scalar(newest).fetch_one(&stage.platform.db).await.expect("a file");
    let mut db = stage.platform.db.acquire().await.expect("a connection");
    let file = files::get(&mut db, file.into()).await.expect("a file");
    files::read(&stage.platform.files, &file).await.expect("its bytes, proven")
}

pub(super) fn spooled(stage: &Stage) -> usize {
    let folder = harness::env::files(&stage.env.iter().find(|(name, _)| name == "DATABASE_URL").expect("a database").1);
    std::fs::read_dir(folder.join("spool")).map_or(0, Iterator::count)
}

/// Kills the worker in the middle, starts another one, and gives the file.
async fn killed_and_gone_on(format: ExportFormat) -> Bytes {
    let stage = Stage::new(&[]).await;
    asked(&stage, format, ROWS).await;
    let mut worker = stage.worker();
    in_the_middle(&stage, 0).await;
    worker.kill().await.expect("kill -9");
    let kept = stage.count("select rows_done from exports").await;
    let _worker = stage.worker();
    stage.until(Duration::from_secs(120), "select count(*) from exports where status = 'ready'", 1).await;
    assert_eq!(stage.count("select snapshots::bigint from exports").await, 2, "it was resumed");
    let began_anew =
        stage.count("select count(*) from jobs where kind = 'export.build' and log like '%goes on after%'").await;
    assert!(kept > 0 && began_anew == 1, "it went on after {kept} rows");
    assert_eq!(spooled(&stage), 0, "no part is left");
    built(&stage).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_is_followed_by_one_that_goes_on() {
    let text = String::from_utf8(killed_and_gone_on(ExportFormat::Csv).await.to_vec()).expect("UTF-8");
    let mut numbers: Vec<&str> =
        text.split("\r\n").filter_map(|line| line.split(',').nth(1)).filter(|n| n.starts_with("C-")).collect();
    numbers.dedup();
    assert_eq!(numbers.len(), ROWS, "every row once");
    assert_eq!(text.matches("Numéro").count(), 1, "one head");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_was_cut_off_is_one_list_all_the_same() {
    let rows: Vec<serde_json::Value> =
        serde_json::from_slice(&killed_and_gone_on(ExportFormat::Json).await).expect("one list");
    let numbers: std::collections::HashSet<&str> = rows.iter().filter_map(|row| row["number"].as_str()).collect();
    assert_eq!((rows.len(), numbers.len()), (ROWS, ROWS), "every row once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_export_stops_in_the_middle_and_leaves_nothing() {
    let stage = Stage::new(&[]).await;
    let id = asked(&stage, ExportFormat::Xlsx, ROWS).await;
    let _worker = stage.worker();
    in_the_middle(&stage, 0).await;
    let mut tx = Tx::begin(&stage.platform).await.expect("a transaction");
    export_requested::drop(&mut tx, shared::domain::exports::Scope::All, id).await.expect("cancelled");
    tx.commit().await.expect("a commit");
    let over = "select count(*) from jobs where kind = 'export.build' and state = 'cancelled'";
    stage.until(Duration::from_secs(30), over, 1).await;
    assert_eq!(stage.count("select count(*) from exports where status = 'cancelled'").await, 1);
    assert_eq!((stage.count("select count(*) from files").await, spooled(&stage)), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_asks_shows_and_takes_away() {
    let stage = Stage::new(&[]).await;
    asked(&stage, ExportFormat::Csv, 20).await;
    let _worker = stage.worker();
    stage.until(Duration::from_secs(30), "select count(*) from exports where status = 'ready'", 1).await;
    let run = async |args: &[&str]| {
        let output = crate::commands::run(&stage, "facteur", &[&["exports"], args].concat()).await;
        (output.status.code(), crate::commands::said(&output))
    };
    let (code, said) =
        run(&["run", "orders", "--as", "chef@example.org", "--format", "zip", "--filter", "status=paid"]).await;
    assert_eq!(code, Some(0), "{said}");
    stage.until(Duration::from_secs(30), "select count(*) from exports where status = 'ready'", 2).await;
    let id = said.split_whitespace().last().expect("an id").to_owned();
    let (_, shown) = run(&["show", &id]).await;
    assert!(shown.contains("ready") && shown.contains("{\"status\":\"paid\"}"), "{shown}");
    let (_, listed) = run(&["ls"]).await;
    assert_eq!(listed.matches(" ready ").count(), 2, "{listed}");
    let (code, said) = run(&["run", "orders", "--as", "chef@example.org", "--filter", "colour=blue"]).await;
    assert!(code == Some(65) && said.contains("filters.colour"), "{said}");
    let (code, said) = run(&["run", "invoices", "--as", "chef@example.org", "--filter", "issued=true"]).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&["run", "orders", "--as", "nobody@example.org"]).await;
    assert!(code == Some(65) && said.contains("nobody@example.org"), "{said}");
    let (code, said) = run(&["cancel", &id]).await;
    assert!(code == Some(0) && said.contains("gone"), "{said}");
    assert_eq!(run(&["cancel", &id]).await.0, Some(65));
}
