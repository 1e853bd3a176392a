//! What follows a payment on paper: the invoice in the mailbox, opened, its data taken out and judged before our eyes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::shop::{Order, Shop};
use crate::step;

/// How long a PDF and its mail may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Follows the invoice of an order that is paid.
pub async fn follow(shop: &Shop, order: &Order) -> anyhow::Result<()> {
    println!("\n  Its invoice\n");
    let invoice = step("it has its number and is drawn", drawn(shop, order)).await?;
    let number = invoice["number"].as_str().context("no number")?.to_owned();
    step(&format!("{number} is in the buyer's mailbox"), mailed(shop, &number)).await?;
    let path = step("it is opened by a signed address, without an account", opened(shop, &invoice)).await?;
    println!("      {}", path.display());
    let verdict = judged(&path)?;
    println!("      facteur invoice validate {}", path.file_name().unwrap_or_default().display());
    verdict.lines().for_each(|line| println!("        {line}"));
    Ok(())
}

async fn drawn(shop: &Shop, order: &Order) -> anyhow::Result<Value> {
    let end = Instant::now() + PATIENCE;
    loop {
        let rows = shop.buyer.get(&format!("/api/v1/orders/{}/invoices", order.id)).await?;
        let row = rows["data"][0].clone();
        if row["pdf_status"] == "ready" {
            return Ok(row);
        }
        ensure!(Instant::now() < end, "no drawn invoice: {rows}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn mailed(shop: &Shop, number: &str) -> anyhow::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let list = shop.admin.get("/api/v1/admin/emails?status=sent&template=billing-invoice&limit=20").await?;
        let mut mails = list["data"].as_array().into_iter().flatten();
        if mails.any(|mail| mail["subject"].as_str().is_some_and(|subject| subject.contains(number))) {
            return Ok(());
        }
        ensure!(Instant::now() < end, "no mail about {number}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Fetches the file as whoever has the address would.
async fn opened(shop: &Shop, invoice: &Value) -> anyhow::Result<PathBuf> {
    let id = invoice["id"].as_str().context("no id")?;
    let whole = shop.buyer.get(&format!("/api/v1/invoices/{id}")).await?;
    let url = whole["data"]["pdf_url"].as_str().context("no address")?;
    let bytes = reqwest::get(url).await?.error_for_status()?.bytes().await?;
    ensure!(bytes.starts_with(b"%PDF-"), "that is no PDF");
    let folder = Path::new(".dev/demo"); // of this copy alone: another user's must not stand in the way
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{}.pdf", invoice["number"].as_str().unwrap_or("invoice")));
    std::fs::write(&path, &bytes)?;
    Ok(path)
}

/// The programs stand beside this one.
fn judged(path: &Path) -> anyhow::Result<String> {
    let facteur = std::env::current_exe()?.with_file_name("facteur");
    let judged = Command::new(facteur).args(["invoice", "validate"]).arg(path).output()?;
    let told = String::from_utf8_lossy(&judged.stdout).into_owned();
    ensure!(judged.status.success(), "{told}{}", String::from_utf8_lossy(&judged.stderr));
    Ok(told)
}
