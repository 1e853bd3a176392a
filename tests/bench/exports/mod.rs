//! `./dev bench exports`: rows a second and memory of our exports, beside `COPY … TO` and beside Python's csv and openpyxl.
//!
//! All read the same orders, with the same columns, from the same server, one after the other; every figure is the median
//! of the rounds. Ours is the whole job by a worker process: snapshot, count, parts, joining, SHA-256, the row that says it
//! is ready. `COPY` only sends its text to a reader that throws it away. Memory is the growth of the worker over its idle
//! self, by the kernel's own high-water mark.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::TryStreamExt;
use serde::Deserialize;
use serde_json::json;
use shared::domain::exports::{ExportFormat, ExportKind, NewExport};
use shared::flows::export_requested;
use shared::kernel::ids::UserId;
use shared::platform::tx::Tx;
use shared::reports::exports::orders;
use sqlx::postgres::PgPoolCopyExt;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::report::{load, percentile};
use crate::stage::{Stage, stop};

const USAGE: &str = "bench exports [--rows N] [--python-rows N] [--rounds N] [--only WHAT,…]
  --rows N         orders in the database, and exported by COPY and by us (1000000)
  --python-rows N  of them, exported by Python, which takes its time (100000)
  --rounds N       each figure is the median of so many rounds (3)
  --only WHAT      copy, csv, json, xlsx, python-csv, python-xlsx";

const WHATS: [&str; 6] = ["copy", "csv", "json", "xlsx", "python-csv", "python-xlsx"];

/// What one export cost.
struct Cost {
    what: &'static str,
    rows_per_second: f64,
    mib: f64,
}

struct Options {
    rows: i64,
    python_rows: i64,
    rounds: usize,
    only: Vec<String>,
}

/// Measures and prints.
pub async fn run(args: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let options = options(args)?;
    let stage = Stage::new().await?;
    let user = filled(&stage, options.rows).await?;
    let mut costs = Vec::new();
    for round in 1..=options.rounds {
        for what in
            WHATS.into_iter().filter(|what| options.only.is_empty() || options.only.iter().any(|only| only == what))
        {
            let (rows_per_second, mib) = match what {
                "copy" => (copied(&stage, options.rows).await?, 0.0),
                "csv" => ours(&stage, user, ExportFormat::Csv).await?,
                "json" => ours(&stage, user, ExportFormat::Json).await?,
                "xlsx" => ours(&stage, user, ExportFormat::Xlsx).await?,
                python => python_s(&stage, python.trim_start_matches("python-"), options.python_rows)?,
            };
            eprintln!("round {round}: {what}: {rows_per_second:.0} rows/s, {mib:.1} MiB, load {}", load());
            costs.push(Cost { what, rows_per_second, mib });
        }
    }
    print(&options, &costs);
    stage.close().await
}

/// The orders, and an administrator.
async fn filled(stage: &Stage, rows: i64) -> anyhow::Result<UserId> {
    let user = UserId::new();
    sqlx::query("insert into users (id, email, role, status) values ($1, 'bench@example.org', 'admin', 'active')")
        .bind(user.0)
        .execute(&stage.platform.db)
        .await?;
    let mut db = PgConnection::connect(&stage.database).await?;
    let fill = format!(
        "set statement_timeout = 0;
         insert into customers (id, email, legal_name)
         select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'c' || n || '@example.org', 'Client ' || n
         from generate_series(1, 1000) n;
         insert into orders (id, number, customer_id, title, description, status, currency, total_net_cents, total_vat_cents,
                             total_gross_cents, placed_at, paid_at, due_at)
         select ('01900000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid, 'C-2026-' || n,
                ('01900000-0000-7000-8000-' || lpad(to_hex(1 + n % 1000), 12, '0'))::uuid, 'Cahier d’exercices n° ' || n,
                'Relecture, correction et mise en page de 24 pages', 'paid', 'EUR', n, n / 5, n + n / 5,
                now() - n * interval '1 second', now(), now() + interval '10 days'
         from generate_series(1, {rows}) n;
         vacuum analyze orders; vacuum analyze customers; checkpoint"
    );
    // One by one: VACUUM wants no transaction around it.
    for statement in fill.split(';') {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut db).await?;
    }
    Ok(user)
}

/// The same columns from the same rows, as a statement of its own.
fn query(rows: i64) -> String {
    let columns: Vec<_> = orders::ORDERS.columns.iter().map(|column| column.sql).collect();
    format!(
        "select {} from orders o join customers c on c.id = o.customer_id where o.status <> 'cart' order by o.id limit {rows}",
        columns.join(", ")
    )
}

async fn copied(stage: &Stage, rows: i64) -> anyhow::Result<f64> {
    let (copy, start) = (format!("copy ({}) to stdout with (format csv, header)", query(rows)), Instant::now());
    sqlx::query("set statement_timeout = 0").execute(&stage.platform.db).await?;
    let mut bytes = stage.platform.db.copy_out_raw(&copy).await?;
    let mut sent = 0;
    while let Some(chunk) = bytes.try_next().await? {
        sent += chunk.len();
    }
    anyhow::ensure!(sent > 0, "COPY sent nothing");
    Ok(rows as f64 / start.elapsed().as_secs_f64())
}

/// The job by a worker of its own: rows a second from its start to its end, and the memory it took.
async fn ours(stage: &Stage, user: UserId, format: ExportFormat) -> anyhow::Result<(f64, f64)> {
    let worker = stage.start("facteur-worker", "run", &[("LANES", "exports:1")])?;
    let pid = worker.id().context("a process")?;
    stage
        .until(
            "select exists (select from workers where state = 'running' and seen_at > now() - interval '3 seconds')",
            Duration::from_secs(20),
        )
        .await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle = crate::meter::peak_mib(pid);
    let mut tx = Tx::begin(&stage.platform).await?;
    let new = NewExport {
        kind: ExportKind::Orders,
        format,
        filters: json!({}),
        columns: Vec::new(),
        excel: false,
        locale: "fr".into(),
        subject: None,
    };
    let export = export_requested::request(&mut tx, user, new).await?;
    tx.commit().await?;
    stage
        .until("select bool_and(status not in ('requested', 'running')) from exports", Duration::from_mins(30))
        .await?;
    let mib = crate::meter::peak_mib(pid) - idle;
    let took: (String, i64, f64) = sqlx::query_as(
        "select status, rows_done, extract(epoch from finished_at - started_at)::float8 from exports where id = $1",
    )
    .bind(export.id.0)
    .fetch_one(&stage.platform.db)
    .await?;
    stop(worker).await?;
    anyhow::ensure!(took.0 == "ready", "the export is {}", took.0);
    // The lines of an order are on a sheet of their own; there are none here.
    Ok((took.1 as f64 / took.2, mib))
}

#[derive(Deserialize)]
struct Used {
    rows: i64,
    seconds: f64,
    rss_mib: f64,
}

fn python_s(stage: &Stage, how: &str, rows: i64) -> anyhow::Result<(f64, f64)> {
    let home: PathBuf = harness::env::needed("FACTEUR_EXPORTERS").into();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/exports/contenders/export.py");
    let out = std::env::temp_dir().join(format!("bench-exports-{}.{how}", std::process::id()));
    let run =
        Command::new(home.join("bin/python")).args([program, how, &stage.database, &query(rows)]).arg(&out).output()?;
    anyhow::ensure!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    std::fs::remove_file(&out)?;
    let used: Used = serde_json::from_slice(&run.stdout)?;
    Ok((used.rows as f64 / used.seconds, used.rss_mib))
}

fn print(options: &Options, costs: &[Cost]) {
    let median = |what: &str, figure: fn(&Cost) -> f64| {
        let all: Vec<f64> = costs.iter().filter(|cost| cost.what == what).map(figure).collect();
        (!all.is_empty()).then(|| percentile(&all, 50))
    };
    let copy = median("copy", |cost| cost.rows_per_second);
    println!("| | rows/s | of COPY | RSS grows, MiB |\n|---|---|---|---|");
    for what in WHATS {
        let Some(rate) = median(what, |cost| cost.rows_per_second) else { continue };
        let share = copy.map_or_else(|| "–".to_owned(), |copy| format!("{:.0} %", rate / copy * 100.0));
        println!("| {what} | {rate:.0} | {share} | {:.1} |", median(what, |cost| cost.mib).unwrap_or_default());
    }
    println!(
        "\n{} orders of {} columns ({} for Python), {} rounds",
        options.rows,
        orders::ORDERS.columns.len(),
        options.python_rows,
        options.rounds
    );
    if let (Some(copy), Some(csv)) = (copy, median("csv", |cost| cost.rows_per_second)) {
        let verdict = if csv >= copy / 2.0 { "kept" } else { "MISSED" };
        println!("{verdict}: CSV at {:.0} % of COPY, at least 50", csv / copy * 100.0);
    }
    for what in ["csv", "json", "xlsx"] {
        let Some(mib) = median(what, |cost| cost.mib) else { continue };
        println!(
            "{}: {what}: the worker grows by {mib:.1} MiB, less than 64",
            if mib < 64.0 { "kept" } else { "MISSED" }
        );
    }
}

fn options(mut args: impl Iterator<Item = String>) -> anyhow::Result<Options> {
    let mut options = Options { rows: 1_000_000, python_rows: 100_000, rounds: 3, only: Vec::new() };
    while let Some(name) = args.next() {
        let mut value = || args.next().with_context(|| format!("{name} needs a value\n{USAGE}"));
        match name.as_str() {
            "--help" => {
                println!("{USAGE}");
                std::process::exit(0);
            }
            "--rows" => options.rows = value()?.parse()?,
            "--python-rows" => options.python_rows = value()?.parse()?,
            "--rounds" => options.rounds = value()?.parse()?,
            "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
            _ => anyhow::bail!("{name} is not known\n{USAGE}"),
        }
    }
    options.python_rows = options.python_rows.min(options.rows);
    anyhow::ensure!(options.rows >= 1000 && options.rounds > 0, "too little to measure\n{USAGE}");
    Ok(options)
}
