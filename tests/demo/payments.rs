//! Orders are paid on the page of a fake Stripe, as a buyer would do it, and everything follows from the events that it
//! posts: by card, by direct debit days later, after a refused card, after a page that ended; then money goes back.

use serde_json::json;

use crate::client::Client;
use crate::shop::{Order, Shop, euros};
use crate::{invoice, step, timeline};

/// Mails when money has come.
const PAID: &[&str] = &["user-payment", "admin-payment"];
/// Mails when a card was refused.
const REFUSED: &[&str] = &["billing-payment-failed", "admin-error"];

/// Plays all of it, where Stripe is a fake.
pub async fn play(api: &Client, admin: &Client) -> anyhow::Result<()> {
    let stripe = std::env::var("STRIPE_API_BASE").unwrap_or_default();
    if !stripe.starts_with("http://127.0.0.1:") {
        println!("\nPayments are not shown: .env names a Stripe that is no fake, and there nobody pays by himself.");
        return Ok(());
    }
    println!("\nPayments, on a fake Stripe ({stripe}): no money moves.");
    let shop = Shop::open(api, admin, stripe).await?;
    shop.set_clock_right().await?; // somebody may have left it ahead
    let played = stories(api, &shop).await;
    shop.set_clock_right().await?;
    played
}

async fn stories(api: &Client, shop: &Shop) -> anyhow::Result<()> {
    let begun = api.server_time().await?;
    let paid = by_card(shop).await?;
    println!("\n  What the queue did for it:\n");
    timeline::print(&shop.admin, begun).await?;
    invoice::follow(shop, &paid).await?;
    by_debit(shop).await?;
    after_a_refusal(shop).await?;
    after_its_end(shop).await?;
    let mut order = begin(shop, "A part of the money goes back", 3).await?;
    pay(shop, &mut order).await?;
    part_back(shop, &mut order).await?;
    let mut order = begin(shop, "The buyer's bank wants the money back", 1).await?;
    pay(shop, &mut order).await?;
    disputed(shop, &mut order).await
}

/// An order and its page.
async fn begin(shop: &Shop, title: &str, quantity: i64) -> anyhow::Result<Order> {
    println!("\n  {title}");
    let mut order = step("an order is placed", shop.order(quantity)).await?;
    let shows = format!("Stripe's page for {} shows {}", order.number, euros(order.amount));
    step(&shows, shop.open_page(&mut order)).await?;
    shop.tell(&mut order, &["user-order", "admin-order"]).await?;
    Ok(order)
}

/// Pays by card.
async fn pay(shop: &Shop, order: &mut Order) -> anyhow::Result<()> {
    let paid = async {
        shop.press(order, "card", true).await?;
        shop.until(order, "paid", "succeeded").await
    };
    step("the buyer pays by card", paid).await?;
    shop.tell(order, PAID).await
}

async fn by_card(shop: &Shop) -> anyhow::Result<Order> {
    let mut order = begin(shop, "By card", 2).await?;
    pay(shop, &mut order).await?;
    Ok(order)
}

async fn by_debit(shop: &Shop) -> anyhow::Result<()> {
    let mut order = begin(shop, "By SEPA direct debit", 2).await?;
    let agreed = async {
        shop.press(&order, "sepa_debit", true).await?;
        shop.until(&order, "pending", "processing").await
    };
    step("the buyer agrees to a direct debit: it takes days", agreed).await?;
    shop.tell(&mut order, &[]).await?;
    let settled = async {
        shop.hours_pass(4 * 24).await?;
        shop.until(&order, "paid", "succeeded").await
    };
    step("four days pass at Stripe: the bank has paid", settled).await?;
    shop.set_clock_right().await?;
    shop.tell(&mut order, PAID).await
}

async fn after_a_refusal(shop: &Shop) -> anyhow::Result<()> {
    let mut order = begin(shop, "A card is refused, another one is not", 1).await?;
    let refused = async {
        shop.press(&order, "card_declined", false).await?;
        shop.until(&order, "pending", "failed").await
    };
    step("the buyer's card is refused", refused).await?;
    shop.tell(&mut order, REFUSED).await?;
    let page = order.page.clone();
    step("the same page is still open", shop.open_page(&mut order)).await?;
    anyhow::ensure!(order.page == page, "it is another page: {}", order.page);
    pay(shop, &mut order).await
}

async fn after_its_end(shop: &Shop) -> anyhow::Result<()> {
    let mut order = begin(shop, "A page ends before anybody pays", 1).await?;
    let ended = async {
        shop.hours_pass(3).await?;
        shop.until(&order, "pending", "expired").await
    };
    step("three hours pass at Stripe: the page has ended", ended).await?;
    shop.set_clock_right().await?;
    shop.tell(&mut order, &[]).await?;
    let page = order.page.clone();
    step("the order still waits, and gets a new page", shop.open_page(&mut order)).await?;
    anyhow::ensure!(order.page != page, "it is the page that has ended");
    pay(shop, &mut order).await
}

async fn part_back(shop: &Shop, order: &mut Order) -> anyhow::Result<()> {
    let refunded = async {
        let wish = json!({ "amount": 1000, "reason": "one page was not corrected" });
        shop.admin.post(&format!("/api/v1/admin/orders/{}/refunds", order.id), wish, 202).await?;
        shop.until(order, "paid", "partially_refunded").await
    };
    step(&format!("an administrator gives {} back", euros(1000)), refunded).await?;
    shop.tell(order, &["user-success", "admin-payment"]).await
}

async fn disputed(shop: &Shop, order: &mut Order) -> anyhow::Result<()> {
    let charge = shop.charge(order).await?;
    let dispute = shop.fake("disputes", json!({ "charge": charge })).await?;
    step("the bank opens a dispute", shop.until(order, "paid", "disputed")).await?;
    shop.tell(order, &["admin-error"]).await?;
    let dispute = dispute["id"].as_str().unwrap_or_default();
    shop.fake(&format!("disputes/{dispute}/close"), json!({ "status": "won" })).await?;
    step("the bank decides for the shop", shop.until(order, "paid", "succeeded")).await?;
    shop.tell(order, &["admin-error"]).await
}
