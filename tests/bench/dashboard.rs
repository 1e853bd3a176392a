//! `./dev bench dashboard`: how soon the first byte of every page of the dashboard is there with a ledger of a million
//! rows, and how many bytes a page is as sent.
//!
//! The ledger holds two weeks of five kinds in five lanes: most rows succeeded, one of 80 is dead, one of 200 retrying.
//! Every page is fetched so many times in a row by one browser; the figures are the median and the worst.

use std::time::{Duration, Instant};

use anyhow::Context;
use harness::process;
use reqwest::Client;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::report::{load, percentile};
use crate::stage::{Stage, stop};

const USAGE: &str = "bench dashboard [--rows N] [--times N]
  --rows N   jobs in the ledger (1000000)
  --times N  how often every page is fetched (20)";

/// The target of every page: its first byte within so many milliseconds.
const WANTED: f64 = 100.0;
const PASSWORD: &str = "bench bench bench 1";

/// Pages without an id in their address; `{}` stands for one of each.
const PAGES: [&str; 41] = [
    "",
    "/jobs",
    "/jobs?state=dead",
    "/jobs?state=succeeded",
    "/jobs?filter=state:failed+kind:email.send+error:535*",
    "/jobs?filter=args.order.id:424242",
    "/jobs?filter=args.email:{email}",
    "/jobs?filter=kind:email.send",
    "/jobs?filter=queue:documents+state:dead",
    "/jobs?filter=error:template*",
    "/jobs?filter=attempt%3E2",
    "/jobs?filter=age%3E10d",
    "/jobs?filter=age%3C2h",
    "/jobs?filter=tenant:acme",
    "/jobs?filter=version:1.0.0",
    "/jobs?filter=tenant:acme+kind:export.build",
    "/jobs?filter=-kind:email.send+-state:succeeded",
    "/jobs?q=reader777777@",
    "/jobs?sort=duration",
    "/jobs?sort=attempts",
    "/jobs?sort=age",
    "/jobs/{job}",
    "/errors",
    "/errors/{error}",
    "/queues",
    "/batches",
    "/bulk",
    "/workers",
    "/alarms",
    "/schedules",
    "/emails",
    "/suppressions",
    "/orders",
    "/stripe-events",
    "/invoices",
    "/stats",
    "/exports",
    "/users",
    "/erasures",
    "/audit",
    "/settings",
];

/// Measures and prints.
pub async fn run(mut args: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let (mut rows, mut times) = (1_000_000, 20);
    while let Some(name) = args.next() {
        let value = args.next().with_context(|| format!("{name} needs a value\n{USAGE}"))?;
        match name.as_str() {
            "--rows" => rows = value.parse()?,
            "--times" => times = value.parse()?,
            _ => anyhow::bail!("{name} is not known\n{USAGE}"),
        }
    }
    let stage = Stage::new().await?;
    fill(&stage, rows).await?;
    let port = process::free_port();
    let base = format!("http://127.0.0.1:{port}");
    let api =
        stage.start("facteur", "serve", &[("PORT", &port.to_string()), ("PUBLIC_URL", &base), ("APP_ENV", "test")])?;
    process::eventually(Duration::from_secs(20), "the API is ready", || async {
        reqwest::get(format!("{base}/health/ready")).await.is_ok_and(|answer| answer.status().is_success())
    })
    .await;
    let browser = signed_in(&base).await?;
    println!("| page | first byte, ms: median | worst | KiB as sent |\n|---|---|---|---|");
    let mut late = Vec::new();
    for page in PAGES {
        let path = filled_in(&stage, page).await?;
        let (mut waits, mut bytes) = (Vec::new(), 0);
        for _ in 0..times {
            let (wait, size) = fetch(&browser, &format!("{base}/admin{path}")).await?;
            waits.push(wait);
            bytes = size;
        }
        let (median, worst) = (percentile(&waits, 50), percentile(&waits, 100));
        println!("| `/admin{page}` | {median:.1} | {worst:.1} | {:.1} |", bytes as f64 / 1024.0);
        if median > WANTED {
            late.push(page);
        }
    }
    println!("\n{rows} jobs, every page {times} times, load {}", load());
    match late.as_slice() {
        [] => println!("kept: every page's first byte within {WANTED} ms"),
        late => println!("MISSED: {} later than {WANTED} ms", late.join(" ")),
    }
    stop(api).await?;
    stage.close().await
}

/// Two weeks of jobs, what failed in groups, who looks at them.
async fn fill(stage: &Stage, rows: i64) -> anyhow::Result<()> {
    let hash = shared::domain::identity::passwords::hash(&stage.platform.config, PASSWORD).await?;
    sqlx::query("insert into users (id, email, password_hash, role, status) values (gen_random_uuid(), 'bench@example.org', $1, 'admin', 'active')")
        .bind(hash.as_str())
        .execute(&stage.platform.db)
        .await?;
    let mut db = PgConnection::connect(&stage.database).await?;
    let jobs = format!(
        "insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, timeout_ms, payload, key_argument, tenant,
                           last_error, error_code, fingerprint, created_at, run_at, started_at, finished_at,
                           enqueued_version, ran_version)
         select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
                 || substr(md5(n::text), 4, 15))::uuid,
                (array['email.send', 'invoice.render', 'stripe.process_event', 'export.build', 'debug.probe'])[1 + n % 5],
                (array['email', 'documents', 'stripe', 'exports', 'default'])[1 + n % 5], state, 0,
                case state when 'dead' then 15 when 'retrying' then 3 else 1 end, 15, 60000,
                jsonb_build_object('email', gen_random_uuid(), 'order', jsonb_build_object('id', n), 'locale', 'fr'),
                'reader' || n || '@example.org', case when n % 10 = 0 then 'acme' end,
                case when failed then (array['535 authentication failed', 'connection refused', 'template: no name',
                                             '450 try again'])[1 + n % 4] || ' ' || n % 50 end,
                case when failed then 'smtp' end, case when failed then md5((n % 57)::text) end, at, at,
                at + interval '1 s', case when state in ('dead', 'succeeded', 'cancelled') then at + interval '2 s' end,
                '1.0.0', '1.0.0'
         from generate_series(1, {rows}) n,
              lateral (select now() - ({rows} - n) * interval '14 days' / {rows} as at) a,
              lateral (select case when n > {rows} - 2000 then 'queued' when n % 83 = 0 then 'dead'
                                   when n % 211 = 0 then 'retrying' when n % 307 = 0 then 'cancelled' else 'succeeded' end
                              as state) s,
              lateral (select state in ('dead', 'retrying') as failed) f"
    );
    let groups =
        "insert into error_groups (fingerprint, kind, code, message, count, first_version, last_version, last_job)
                  select fingerprint, 'email.send', 'smtp', min(last_error), count(*), '1.0.0', '1.0.0', (array_agg(id))[1]
                  from jobs where fingerprint is not null group by 1";
    let stats = "insert into job_stats (minute, lane, kind, succeeded, failed, dead, run_ms, wait_ms)
                 select date_trunc('minute', created_at), lane, kind, count(*) filter (where state = 'succeeded'),
                        count(*) filter (where state = 'retrying'), count(*) filter (where state = 'dead'), count(*) * 900, 90
                 from jobs where state <> 'queued' group by 1, 2, 3";
    // One by one: VACUUM wants no transaction around it.
    for statement in ["set statement_timeout = 0", &jobs, groups, stats, "vacuum analyze", "checkpoint"] {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut db).await?;
    }
    Ok(())
}

/// An address with an id of a row that is there.
async fn filled_in(stage: &Stage, page: &str) -> anyhow::Result<String> {
    let mut path = page.to_owned();
    for (mark, query) in [
        ("{job}", "select id::text from jobs where state = 'dead' order by id limit 1"),
        ("{error}", "select fingerprint from error_groups order by fingerprint limit 1"),
        ("{email}", "select payload->>'email' from jobs where state = 'succeeded' order by id limit 1 offset 300000"),
    ] {
        if path.contains(mark) {
            let value: Option<String> = sqlx::query_scalar(query).fetch_optional(&stage.platform.db).await?;
            path = path.replace(mark, &value.unwrap_or_default());
        }
    }
    Ok(path)
}

/// A browser with a session, which asks for compressed pages and leaves them as they came.
async fn signed_in(base: &str) -> anyhow::Result<Client> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert("origin", HeaderValue::from_str(base)?);
    headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
    let browser = Client::builder().no_proxy().cookie_store(true).default_headers(headers).build()?;
    let login = format!("{base}/admin/login");
    let plain = browser.get(&login).header(ACCEPT_ENCODING, "identity").send().await?.text().await?;
    let token = plain.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let form =
        [("login", "bench@example.org"), ("password", PASSWORD), ("token", token.context("a form with a token")?)];
    let answer = browser.post(&login).form(&form).send().await?.error_for_status()?;
    anyhow::ensure!(!answer.url().path().ends_with("/login"), "signing in failed");
    Ok(browser)
}

/// How long its first byte took, and how many bytes came.
async fn fetch(browser: &Client, url: &str) -> anyhow::Result<(f64, usize)> {
    let began = Instant::now();
    let mut answer = browser.get(url).send().await?.error_for_status()?;
    let first = answer.chunk().await?.map_or(0, |chunk| chunk.len());
    let wait = began.elapsed().as_secs_f64() * 1000.0;
    Ok((wait, first + answer.bytes().await?.len()))
}
