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

/// People who write before it begins: each makes two mails, most of which the new worker takes.
const FORMS: i64 = 16;
/// Jobs whose mail was refused for the password and has not gone since.
const REFUSED: &str =
    "select count(*) from jobs where error_code = 'smtp_login' and state in ('retrying', 'dead', 'queued', 'running')";

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
    step("people write, and mails are due", mails(api, &db)).await?;
    println!(
        "\nNow it is yours: {}/admin\n\nSign in, find what is wrong, why, and mend it. Nothing else is needed than the dashboard.\n\
         This program watches; Ctrl-C gives up.\n",
        api.base
    );
    watch(api, &db, &mut worker, order, lame).await?;
    drop(relay);
    println!("\nAll three are mended.");
    Ok(())
}

/// An order that is paid while its payment's row is away: Stripe's events are about something that nobody here knows.
async fn unmatched(shop: &Shop, db: &PgPool) -> anyhow::Result<uuid::Uuid> {
    let mut order = shop.order(1).await?;
    shop.open_page(&mut order).await?;
    let id: uuid::Uuid = order.id.parse()?;
    let payment: uuid::Uuid =
        sqlx::query_scalar("select id from payments where order_id = $1").bind(id).fetch_one(db).await?;
    let away = uuid::Uuid::new_v4();
    let take = "update payments set id = $2, stripe_session_id = 'lost_' || stripe_session_id where id = $1";
    sqlx::query(take).bind(payment).bind(away).execute(db).await?;
    shop.press(&order, "card", true).await?;
    let gone = nobody_knows(db).await;
    let bring = "update payments set id = $1, stripe_session_id = substr(stripe_session_id, 6) where id = $2";
    sqlx::query(bring).bind(payment).bind(away).execute(db).await?;
    gone.map(|()| id)
}

/// Waits until no event hopes any more that its object becomes known; that takes ten minutes, which are made to pass.
async fn nobody_knows(db: &PgPool) -> anyhow::Result<()> {
    let recent = "from stripe_events where received_at > now() - interval '2 minutes' and status =";
    let count = async |status: &str| {
        let query = sqlx::AssertSqlSafe(format!("select count(*) {recent} '{status}'"));
        sqlx::query_scalar::<_, i64>(query).fetch_one(db).await
    };
    for _ in 0..240 {
        sqlx::raw_sql(
            "update stripe_events set asked_at = now() - interval '1 day' where status = 'received';
             update jobs set run_at = now() where kind = 'stripe.process_event' and state in ('scheduled', 'retrying')",
        )
        .execute(db)
        .await?;
        if count("received").await? == 0 && count("unmatched").await? > 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    anyhow::bail!("no event stayed without an owner; is a worker running?")
}

/// Somebody writes to the house: a mail to them, one to every administrator.
async fn form(api: &Client) -> anyhow::Result<String> {
    let tag = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
    let address = format!("camille.{tag}@example.org");
    let form = json!({ "kind": "contact", "name": "Camille Martin", "email": address, "title": "Un devis", "body": "Bonjour." });
    api.post("/api/v1/requests", form, 201).await?;
    Ok(address)
}

/// A mail whose job is dead: its data has no `request_number`.
async fn lacking(api: &Client, admin: &Client, db: &PgPool) -> anyhow::Result<uuid::Uuid> {
    let address = form(api).await?;
    let first: uuid::Uuid =
        sqlx::query_scalar("select id from emails where to_address = $1").bind(&address).fetch_one(db).await?;
    admin.post("/api/v1/admin/queues/email/pause", json!({ "reason": "a table is being restored" }), 204).await?;
    let again = admin.post(&format!("/api/v1/admin/emails/{first}/resend"), json!({}), 202).await?;
    let id: uuid::Uuid = again["data"]["id"].as_str().context("no mail")?.parse()?;
    sqlx::query("update emails set vars = vars - 'request_number' where id = $1").bind(id).execute(db).await?;
    admin.post("/api/v1/admin/queues/email/resume", json!({}), 204).await?;
    let failed = "select count(*) from emails where id = $1 and status = 'failed'";
    until(db, failed, Some(id), 1).await?;
    Ok(id)
}

/// Asks every quarter of a second, for half a minute.
async fn until(db: &PgPool, count: &'static str, about: Option<uuid::Uuid>, least: i64) -> anyhow::Result<()> {
    for _ in 0..120 {
        let query = sqlx::query_scalar::<_, i64>(count);
        let query = if let Some(id) = about { query.bind(id) } else { query };
        if query.fetch_one(db).await? >= least {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    anyhow::bail!("it did not go wrong within 30 s; is a worker running?")
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

/// People write, and the new worker takes most of what is to be sent.
async fn mails(api: &Client, db: &PgPool) -> anyhow::Result<()> {
    for _ in 0..FORMS {
        form(api).await?;
    }
    until(db, REFUSED, None, FORMS / 2).await
}

/// Tells what is mended until all is; meanwhile people go on writing, as they do.
async fn watch(
    api: &Client,
    db: &PgPool,
    worker: &mut Child,
    order: uuid::Uuid,
    lame: uuid::Uuid,
) -> anyhow::Result<()> {
    let lacking = "select count(*) from emails where id = $1 and status <> 'sent'";
    let unpaid = "select count(*) from orders where id = $1 and status = 'pending'";
    let names = ["the mails that were refused are sent", "the mail that lacked something is sent", "the order is paid"];
    let mut mended = [false; 3];
    for second in 0_u64.. {
        let refused: i64 = sqlx::query_scalar(REFUSED).fetch_one(db).await?;
        let lacking: i64 = sqlx::query_scalar(lacking).bind(lame).fetch_one(db).await?;
        let unpaid: i64 = sqlx::query_scalar(unpaid).bind(order).fetch_one(db).await?;
        let stopped = worker.try_wait()?.is_some();
        let now = [stopped && refused == 0, lacking == 0, unpaid == 0];
        for (n, name) in names.iter().enumerate() {
            if now[n] && !mended[n] {
                println!("  ✓ {name}");
                mended[n] = true;
            }
        }
        if !mended.contains(&false) {
            break;
        }
        if second.is_multiple_of(5) && !stopped {
            let _ = form(api).await; // whose call is lost writes again
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}
