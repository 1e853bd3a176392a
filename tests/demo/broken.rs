//! `./dev demo --broken`: three things go wrong, and whoever has nothing but the dashboard finds, explains and mends them.
//!
//! 1. A second worker was deployed with the wrong SMTP password. It takes most mails and sends none.
//! 2. A mail was queued without a variable that its template prints.
//! 3. Stripe's events came before the payment they are about: a table was restored late.
//!
//! What no call can bring about is planted in the database. The program watches and says what is mended; it ends with
//! the third, or by Ctrl-C, and takes its worker with it.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use harness::relay::{Mood, Relay};
use serde_json::json;
use sqlx::PgPool;
use tokio::process::{Child, Command};

use crate::client::Client;
use crate::shop::Shop;
use crate::step;

/// Mails that the new worker is to take.
const MAILS: usize = 30;

/// Plants, tells, watches.
pub async fn play(api: &Client, admin: &Client) -> anyhow::Result<()> {
    let stripe = std::env::var("STRIPE_API_BASE").unwrap_or_default();
    ensure!(stripe.starts_with("http://127.0.0.1:"), "this demo needs the fake Stripe of `./dev up`");
    let db = PgPool::connect(&std::env::var("DATABASE_URL").context("DATABASE_URL is not set")?).await?;
    let shop = Shop::open(api, admin, stripe).await?;
    shop.set_clock_right().await?;
    println!("Breaking three things:");
    let order = step("payments of an order are not to be found", unmatched(&shop, &db)).await?;
    let lame = step("a mail lacks what its template prints", lacking(api, admin, &db)).await?;
    let (relay, mut worker) = step("a worker comes with a wrong password", worker()).await?;
    step("many mails are due", mails(admin, &db)).await?;
    println!(
        "\nNow it is yours: {}/admin\n\nSign in, find what is wrong, why, and mend it. Nothing else is needed than the dashboard.\n\
         This program watches; Ctrl-C gives up.\n",
        api.base
    );
    watch(&db, &order, &lame).await?;
    let _ = worker.kill().await;
    drop(relay);
    println!("\nAll three are mended.");
    Ok(())
}

/// An order that is paid, while nobody here knows the session that Stripe speaks of.
async fn unmatched(shop: &Shop, db: &PgPool) -> anyhow::Result<String> {
    let mut order = shop.order(1).await?;
    shop.open_page(&mut order).await?;
    let id: uuid::Uuid = order.id.parse()?;
    let hide = "update payments set stripe_session_id = 'lost_' || stripe_session_id where order_id = $1";
    sqlx::query(hide).bind(id).execute(db).await?;
    shop.press(&order, "card", true).await?;
    let find = "update stripe_events set asked_at = now() - interval '1 day'
                where status = 'received' and received_at > now() - interval '1 minute'";
    let alone =
        "select count(*) from stripe_events where status = 'unmatched' and received_at > now() - interval '2 minutes'";
    for _ in 0..240 {
        sqlx::query(find).execute(db).await?;
        sqlx::query(
            "update jobs set run_at = now() where kind = 'stripe.process_event' and state in ('scheduled', 'retrying')",
        )
        .execute(db)
        .await?;
        let left: i64 = sqlx::query_scalar(alone).fetch_one(db).await?;
        if left >= 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let show = "update payments set stripe_session_id = substr(stripe_session_id, 6) where order_id = $1";
    sqlx::query(show).bind(id).execute(db).await?;
    Ok(order.id)
}

/// A mail whose job is dead: its data has no `request_number`.
async fn lacking(api: &Client, admin: &Client, db: &PgPool) -> anyhow::Result<uuid::Uuid> {
    let tag = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
    let address = format!("visiteuse.{tag}@example.org");
    let form = json!({ "kind": "contact", "name": "Camille Martin", "email": address, "title": "Un devis", "body": "Bonjour." });
    api.post("/api/v1/requests", form, 201).await?;
    let first: uuid::Uuid =
        sqlx::query_scalar("select id from emails where to_address = $1").bind(&address).fetch_one(db).await?;
    let paused = admin.post("/api/v1/admin/queues/email/pause", json!({ "reason": "a moment" }), 204).await;
    paused?;
    let again = admin.post(&format!("/api/v1/admin/emails/{first}/resend"), json!({}), 202).await?;
    let id: uuid::Uuid = again["data"]["id"].as_str().context("no mail")?.parse()?;
    sqlx::query("update emails set vars = vars - 'request_number' where id = $1").bind(id).execute(db).await?;
    admin.post("/api/v1/admin/queues/email/resume", json!({}), 204).await?;
    Ok(id)
}

/// A worker like the others, but for its password.
async fn worker() -> anyhow::Result<(Relay, Child)> {
    let relay = Relay::start().await;
    relay.be(Mood::WrongPassword);
    let program = std::env::current_exe()?.with_file_name("facteur-worker");
    let mut command = Command::new(program);
    command.arg("run").envs(relay.env()).env("SMTP_USER", "facteur").env("SMTP_PASS", "of last year");
    command.env("LANES", "email:48,email_high:16").env("METRICS_PORT", "");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let child = command.spawn().context("facteur-worker does not start")?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok((relay, child))
}

/// Mails to people, sent again by somebody who thought they had been lost.
async fn mails(admin: &Client, db: &PgPool) -> anyhow::Result<()> {
    let first: uuid::Uuid = sqlx::query_scalar("select id from emails where status = 'sent' order by id desc limit 1")
        .fetch_one(db)
        .await?;
    for _ in 0..MAILS {
        admin.post(&format!("/api/v1/admin/emails/{first}/resend"), json!({}), 202).await?;
    }
    Ok(())
}

async fn watch(db: &PgPool, order: &str, lame: &uuid::Uuid) -> anyhow::Result<()> {
    let order: uuid::Uuid = order.parse()?;
    let refused = "select count(*) from jobs where error_code = 'smtp_login' and state in ('retrying', 'dead', 'queued', 'running')";
    let lacking = "select count(*) from emails where id = $1 and status <> 'sent'";
    let unpaid = "select count(*) from orders where id = $1 and status = 'pending'";
    let mut mended = [false; 3];
    let names = ["the mails that were refused are sent", "the mail that lacked something is sent", "the order is paid"];
    tokio::time::sleep(Duration::from_secs(5)).await; // the first refusals
    while mended.contains(&false) {
        let left: [i64; 3] = [
            sqlx::query_scalar(refused).fetch_one(db).await?,
            sqlx::query_scalar(lacking).bind(lame).fetch_one(db).await?,
            sqlx::query_scalar(unpaid).bind(order).fetch_one(db).await?,
        ];
        for (n, left) in left.into_iter().enumerate() {
            if left == 0 && !mended[n] {
                mended[n] = true;
                println!("  ✓ {}", names[n]);
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}
