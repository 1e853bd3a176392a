//! `./dev demo`: a form and a registration become mails, through the queue, over HTTP as a stranger would do it;
//! then a job that fails, dies and is revived, and a timeline: what waited how long, what ran how long. Then orders are
//! paid, in every way a payment can go (payments.rs). With `--broken` three things go wrong instead (broken.rs).

mod broken;
mod client;
mod invoice;
mod payments;
mod shop;
mod timeline;

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::{Context, ensure};
use client::Client;
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match play().await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe demo stopped: {}", error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": "));
            std::process::ExitCode::FAILURE
        }
    }
}

/// Where nothing else waits: somebody may have filled the usual queue with jobs that hang.
const QUIET: &str = "media";

async fn play() -> anyhow::Result<()> {
    let api = Client::new()?;
    let begun = api.server_time().await?;
    let admin = step("signing in as the administrator", api.sign_in_admin()).await?;
    if std::env::args().any(|argument| argument == "--broken") {
        return broken::play(&api, &admin).await;
    }
    let tag = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();

    let request = step("sending the contact form", contact(&api, &tag)).await?;
    step("two mails for it", mails(&admin, 2, &["visitor-contact", "admin-message"], &request)).await?;
    step("a bad form is refused, field by field", bad_form(&api)).await?;

    let address = format!("camille.{tag}@example.org");
    step("registering", register(&api, &address)).await?;
    let token = step("the activation mail arrives", activation_token(&admin, &address)).await?;
    step("activating; the link works once", activate(&api, &token)).await?;
    step("signing in and asking who I am", who_am_i(&api, &address)).await?;

    let dying = step("a job that always fails", probe(&admin, json!({ "mode": "fail", "lane": QUIET }))).await?;
    step("it is retried with growing waits, then dead", state(&admin, &dying, "dead", 60)).await?;
    step("an administrator retries it", retry(&admin, &dying)).await?;
    let healing =
        step("a job that fails once, then heals", probe(&admin, json!({ "mode": "fail_n", "n": 1, "lane": QUIET })))
            .await?;
    step("it succeeds at its second attempt", state(&admin, &healing, "succeeded", 30)).await?;

    println!("\nWhat the queue did:\n");
    timeline::print(&admin, begun).await?;
    payments::play(&api, &admin).await?;
    println!("\nSee the same in the browser: {}/admin/jobs", api.base);
    Ok(())
}

/// Shows a step while it runs and how long it took.
async fn step<T>(what: &str, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let live = std::io::stdout().is_terminal();
    if live {
        print!("  … {what}\r");
        std::io::stdout().flush()?;
    }
    let started = std::time::Instant::now();
    let result = work.await.with_context(|| what.to_owned());
    let mark = if result.is_ok() { "✓" } else { "✗" };
    println!("  {mark} {what:<52} {:>7.0} ms", started.elapsed().as_secs_f64() * 1000.0);
    result
}

async fn contact(api: &Client, tag: &str) -> anyhow::Result<String> {
    let form = json!({
        "kind": "contact", "name": "Camille Martin", "email": format!("visiteur.{tag}@example.org"),
        "title": "Un devis pour mon manuscrit", "body": "Bonjour, 240 pages, <b>un roman</b>. Quel serait le délai ?",
    });
    let answer = api.post("/api/v1/requests", form, 201).await?;
    answer["data"]["id"].as_str().map(str::to_owned).context("the answer has no id")
}

async fn bad_form(api: &Client) -> anyhow::Result<()> {
    let answer =
        api.post("/api/v1/requests", json!({ "kind": "contact", "email": "nobody", "nickname": "x" }), 422).await?;
    let errors = answer["errors"].as_array().context("no list of errors")?;
    ensure!(errors.len() >= 3, "only {} wrong fields were named: {answer}", errors.len());
    Ok(())
}

async fn mails(admin: &Client, count: usize, templates: &[&str], request: &str) -> anyhow::Result<()> {
    eventually(20, || async {
        let mut sent = 0;
        for template in templates {
            let list = admin.get(&format!("/api/v1/admin/emails?template={template}&status=sent&limit=20")).await?;
            for mail in list["data"].as_array().into_iter().flatten() {
                let id = mail["id"].as_str().unwrap_or_default();
                let one = admin.get(&format!("/api/v1/admin/emails/{id}")).await?;
                sent += usize::from(one["data"].to_string().contains(request) || template == &"admin-message");
            }
        }
        Ok(sent >= count)
    })
    .await
}

async fn register(api: &Client, address: &str) -> anyhow::Result<()> {
    let body = json!({ "email": address, "password": "cheval pile agrafe correcte", "first_name": "Camille", "last_name": "Martin" });
    api.post("/api/v1/auth/register", body, 201).await.map(|_| ())
}

/// The link is nowhere but in the mail: we read it where development mail goes.
async fn activation_token(admin: &Client, address: &str) -> anyhow::Result<String> {
    let mut id = String::new();
    eventually(20, || async {
        let list =
            admin.get(&format!("/api/v1/admin/emails?template=activation-link&status=sent&address={address}")).await?;
        Ok(list["data"].as_array().is_some_and(|mails| !mails.is_empty()))
    })
    .await?;
    let list =
        admin.get(&format!("/api/v1/admin/emails?template=activation-link&status=sent&address={address}")).await?;
    if let Some(mail) = list["data"].get(0) {
        mail["id"].as_str().unwrap_or_default().clone_into(&mut id);
    }
    let folder = std::env::var("MAIL_FOLDER").context("MAIL_FOLDER is not set: the demo reads development mail")?;
    let source = std::fs::read(format!("{folder}/{id}.eml"))?;
    let mail = mail_parser::MessageParser::default().parse(&source).context("the mail does not parse")?;
    let text = mail.body_text(0).context("the mail has no text")?;
    let token = text.split("token=").nth(1).context("the mail has no link")?;
    Ok(token.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect())
}

async fn activate(api: &Client, token: &str) -> anyhow::Result<()> {
    api.post("/api/v1/auth/activate", json!({ "token": token }), 200).await?;
    api.post("/api/v1/auth/activate", json!({ "token": token }), 410).await.map(|_| ())
}

async fn who_am_i(api: &Client, address: &str) -> anyhow::Result<()> {
    let me = api.sign_in(address, "cheval pile agrafe correcte").await?.get("/api/v1/me").await?;
    ensure!(me["data"].to_string().contains(address), "/me is somebody else: {me}");
    Ok(())
}

async fn probe(admin: &Client, body: Value) -> anyhow::Result<String> {
    let answer = admin.post("/api/v1/admin/jobs/probe", body, 202).await?;
    let found = answer["data"]["jobs"][0]
        .as_str()
        .or_else(|| answer["data"]["ids"][0].as_str())
        .or_else(|| answer["data"]["id"].as_str());
    found.map(str::to_owned).with_context(|| format!("no job id in {answer}"))
}

async fn state(admin: &Client, job: &str, wanted: &str, seconds: u64) -> anyhow::Result<()> {
    eventually(seconds, || async {
        let answer = admin.get(&format!("/api/v1/admin/jobs/{job}")).await?;
        Ok(answer["data"]["state"] == wanted)
    })
    .await
}

async fn retry(admin: &Client, job: &str) -> anyhow::Result<()> {
    admin.post(&format!("/api/v1/admin/jobs/{job}/retry"), json!({}), 202).await.map(|_| ())
}

async fn eventually<F, Fut>(seconds: u64, ask: F) -> anyhow::Result<()>
where
    F: Fn() -> Fut,
    Fut: Future<Output = anyhow::Result<bool>>,
{
    let until = std::time::Instant::now() + Duration::from_secs(seconds);
    while !ask().await? {
        ensure!(std::time::Instant::now() < until, "not within {seconds} s; is a worker running?");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
