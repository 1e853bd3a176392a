//! A shop, somebody who buys there, and the fake Stripe: what the stories of payments.rs are told with.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::client::Client;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The shop.
pub struct Shop {
    pub admin: Client,
    pub buyer: Client,
    http: reqwest::Client,
    /// The fake Stripe.
    stripe: String,
    product: String,
}

/// An order on its way.
pub struct Order {
    pub id: String,
    pub number: String,
    /// Gross, in cents.
    pub amount: i64,
    /// Where it is paid.
    pub page: String,
    placed: Instant,
    /// The mails that were told.
    told: HashSet<String>,
}

impl Shop {
    /// Opens it, for the seeded customer and the first seeded product.
    pub async fn open(api: &Client, admin: &Client, stripe: String) -> anyhow::Result<Self> {
        let password = std::env::var("SEED_PASSWORD").context("SEED_PASSWORD is not set")?;
        let buyer = api.sign_in("user@facteur.example", &password).await?;
        let products = api.get("/api/v1/products").await?;
        let product =
            products["data"][0]["id"].as_str().context("there are no products: run `facteur seed`")?.to_owned();
        // The page sends its visitor back to the shop's site, which nobody serves here.
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let http = http.timeout(Duration::from_secs(10)).build()?;
        Ok(Self { admin: admin.clone(), buyer, http, stripe, product })
    }

    /// Orders so many pieces.
    pub async fn order(&self, quantity: i64) -> anyhow::Result<Order> {
        let placed = Instant::now();
        let wishes = json!({ "lines": [{ "product_id": self.product, "quantity": quantity }] });
        let order = self.buyer.post("/api/v1/orders", wishes, 201).await?;
        let text = |name: &str| order["data"][name].as_str().unwrap_or_default().to_owned();
        let amount = order["data"]["total_gross"]["amount"].as_i64().context("the order has no amount")?;
        let (page, told) = (String::new(), HashSet::new());
        Ok(Order { id: text("id"), number: text("number"), amount, page, placed, told })
    }

    /// Asks for the order's page at Stripe, and fetches it: it is there and shows the amount.
    pub async fn open_page(&self, order: &mut Order) -> anyhow::Result<()> {
        let path = format!("/api/v1/orders/{}/checkout", order.id);
        let checkout = self.buyer.post(&path, json!({}), 201).await?;
        checkout["data"]["url"].as_str().context("no address of a page")?.clone_into(&mut order.page);
        let page = self.http.get(&order.page).send().await?.error_for_status()?.text().await?;
        let amount = euros(order.amount);
        ensure!(page.contains(&amount), "the page does not show {amount}");
        Ok(())
    }

    /// Presses a button of the page; a payment that is done or under way sends its visitor back to the shop.
    pub async fn press(&self, order: &Order, button: &str, back: bool) -> anyhow::Result<()> {
        let form = [("action", button), ("email", "user@facteur.example")];
        let answer = self.http.post(&order.page).form(&form).send().await?;
        let to = answer.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
        ensure!(answer.status() == 303, "the page answered {} to {button}", answer.status());
        ensure!(to.contains("session_id=") == back, "after {button} the page leads to {to:?}");
        Ok(())
    }

    /// Orders something of the fake's control.
    pub async fn fake(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let answer = self.http.post(format!("{}/_fake/{path}", self.stripe)).json(&body).send().await?;
        let (status, body) = (answer.status(), answer.json().await?);
        ensure!(status == 200, "the fake Stripe refuses {path}: {body}");
        Ok(body)
    }

    /// So many hours pass at Stripe. Signatures carry the time of this machine all the same, so events are accepted.
    pub async fn hours_pass(&self, hours: i64) -> anyhow::Result<()> {
        self.fake("advance", json!({ "seconds": hours * 3600 })).await.map(drop)
    }

    /// Stripe's clock is right again; with any other it would refuse new pages, whose end we choose by our clock.
    pub async fn set_clock_right(&self) -> anyhow::Result<()> {
        self.fake("clock", json!({})).await.map(drop)
    }

    /// The charge that paid an order.
    pub async fn charge(&self, order: &Order) -> anyhow::Result<String> {
        let key = std::env::var("STRIPE_SECRET_KEY").context("STRIPE_SECRET_KEY is not set")?;
        let (_, payment) = self.state(order).await?;
        let intent = payment["payment_intent_id"].as_str().context("the payment has no intent")?;
        let path = format!("{}/v1/payment_intents/{intent}", self.stripe);
        let intent: Value = self.http.get(path).bearer_auth(key).send().await?.error_for_status()?.json().await?;
        intent["latest_charge"].as_str().map(str::to_owned).context("the intent has no charge")
    }

    /// The order and its latest payment.
    async fn state(&self, order: &Order) -> anyhow::Result<(String, Value)> {
        let whole = self.admin.get(&format!("/api/v1/admin/orders/{}", order.id)).await?;
        let payment = whole["data"]["payments"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
        Ok((whole["data"]["status"].as_str().unwrap_or_default().to_owned(), payment))
    }

    /// Waits until order and payment stand so.
    pub async fn until(&self, order: &Order, status: &str, payment: &str) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let (is, paid) = self.state(order).await?;
            let paid = paid["status"].as_str().unwrap_or("none");
            if is == status && paid == payment {
                return Ok(());
            }
            let instead = format!("the order is {is} and its payment {paid}, not {status} and {payment}");
            ensure!(Instant::now() < end, "{instead} after {} s", PATIENCE.as_secs());
            // Few questions: the demo stays below the limit of calls also when it is played again and again.
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Tells how the order stands, and the mails about it that came since the last time: these, and no others.
    pub async fn tell(&self, order: &mut Order, mails: &[&str]) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        let came = loop {
            let came = self.mails(order).await?;
            if came.len() >= mails.len() {
                break came;
            }
            ensure!(Instant::now() < end, "of the mails {mails:?} only {} came", came.len());
            tokio::time::sleep(Duration::from_millis(250)).await;
        };
        let (status, payment) = self.state(order).await?;
        let (at, paid) = (order.placed.elapsed().as_secs_f64(), payment["status"].as_str().unwrap_or("none"));
        println!("      {at:>5.1} s  order {status}, payment {paid}");
        for (id, template, line) in &came {
            println!("               mail {line}");
            ensure!(mails.contains(&template.as_str()), "nobody expected this mail: {template}");
            order.told.insert(id.clone());
        }
        for wanted in mails {
            ensure!(came.iter().any(|(_, template, _)| template == wanted), "the mail {wanted} did not come");
        }
        Ok(())
    }

    /// Mails about an order that were sent and not told yet, oldest first: id, template, a line. One to each reader.
    async fn mails(&self, order: &Order) -> anyhow::Result<Vec<(String, String, String)>> {
        let list = self.admin.get("/api/v1/admin/emails?status=sent&limit=50").await?;
        let text = |mail: &Value, name: &str| mail[name].as_str().unwrap_or_default().to_owned();
        let mut readers = HashSet::new();
        let mut mails = Vec::new();
        for mail in list["data"].as_array().into_iter().flatten().rev() {
            let (id, template, subject) = (text(mail, "id"), text(mail, "template"), text(mail, "subject"));
            let new = subject.contains(&order.number) && !order.told.contains(&id);
            // Several administrators may read the same.
            if new && readers.insert(subject.clone()) {
                let line = format!("{template:<22} {:<24} {subject}", text(mail, "to_address"));
                mails.push((id, template, line));
            }
        }
        Ok(mails)
    }
}

/// Cents as the page writes them in French.
pub fn euros(cents: i64) -> String {
    format!("{},{:02} EUR", cents / 100, cents % 100)
}
