//! Who hears of an order, and in which words. One event, one mail per person: somebody with an active account gets a
//! notification, which becomes the mail; a guest, or an account that is not active (yet), gets the mail itself.

use serde_json::{Value, json};

use crate::domain::billing::customers::{self, Customer};
use crate::domain::billing::orders::{Order, OrderPriority, OrderStatus};
use crate::domain::identity::users::{self, Status, User};
use crate::kernel::Result;
use crate::kernel::ids::UserId;
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::mail::catalogue::Template;
use crate::platform::mail::{self, NewMail, Recipient, catalogue};
use crate::platform::notifications::{self, NewNotification};
use crate::platform::tx::Tx;

/// A status as a client reads it: French and English, the word and the sentence.
const fn words(status: OrderStatus) -> [(&'static str, &'static str); 2] {
    match status {
        OrderStatus::Cart | OrderStatus::Pending => [
            ("enregistrée", "Nous avons bien reçu votre commande. Elle attend son paiement."),
            ("recorded", "We have received your order. It waits for its payment."),
        ],
        OrderStatus::Paid => {
            [("payée", "Votre commande est payée, merci."), ("paid", "Your order is paid, thank you.")]
        }
        OrderStatus::InProgress => {
            [("en cours", "Nous travaillons à votre commande."), ("in progress", "We are working on your order.")]
        }
        OrderStatus::Delivered => [("livrée", "Votre commande est livrée."), ("delivered", "Your order is delivered.")],
        OrderStatus::Completed => [
            ("terminée", "Votre commande est terminée. Merci de votre confiance."),
            ("completed", "Your order is completed. Thank you for your trust."),
        ],
        OrderStatus::Suspended => [
            ("suspendue", "Le travail sur votre commande est suspendu pour l’instant."),
            ("suspended", "The work on your order is suspended for now."),
        ],
        OrderStatus::Cancelled => {
            [("annulée", "Votre commande est annulée."), ("cancelled", "Your order is cancelled.")]
        }
        OrderStatus::Expired => [
            ("expirée", "Votre commande n’a pas été payée à temps : elle n’est plus réservée."),
            ("expired", "Your order was not paid in time: it is no longer reserved."),
        ],
        OrderStatus::Refunded => {
            [("remboursée", "Votre commande est remboursée."), ("refunded", "Your order is refunded.")]
        }
    }
}

/// What is said to one person.
pub struct Said {
    /// order or payment: the kind of notification.
    pub kind: &'static str,
    /// The mail.
    pub template: &'static Template,
    /// One line.
    pub title: String,
    /// A few.
    pub message: String,
    /// What the mail needs besides.
    pub vars: Value,
}

fn said(order: &Order, locale: &str, title: [&str; 2], message: Option<[&str; 2]>) -> Said {
    let n = usize::from(locale == "en");
    let (word, sentence) = words(order.status)[n];
    Said {
        kind: "order",
        template: &catalogue::USER_ORDER,
        title: title[n].replace("{number}", &order.number).replace("{status}", word),
        message: message.map_or(sentence, |message| message[n]).to_owned(),
        vars: json!({ "order_number": order.number, "order_status": word, "order_title": order.title }),
    }
}

/// Tells the client where their order stands now. A second call with this key tells nothing.
pub async fn client(tx: &mut Tx, order: &Order, key: String) -> Result<()> {
    let title = ["Votre commande {number} : {status}", "Your order {number}: {status}"];
    to_client(tx, order, key, |locale| said(order, locale, title, None)).await
}

/// Tells the client this, in their language. A second call with this key tells nothing.
pub async fn to_client(tx: &mut Tx, order: &Order, key: String, words: impl Fn(&str) -> Said + Send) -> Result<()> {
    let customer = customers::get(tx, order.customer_id).await?;
    let user = match customer.user_id {
        Some(user) => users::find(tx, user).await?.filter(|user| user.status == Status::Active),
        None => None,
    };
    match user {
        Some(user) => account(tx, &user, order, words(&user.locale), key).await,
        None => guest(tx, &customer, order, words(&customer.locale), key).await,
    }
}

/// Tells a corrector that this work is theirs now.
pub async fn assignee(tx: &mut Tx, user: &User, order: &Order, key: String) -> Result<()> {
    let title = ["La commande {number} vous est confiée", "Order {number} is yours to work on"];
    let message = ["Vous êtes chargé de cette commande.", "You are in charge of this order."];
    account(tx, user, order, said(order, &user.locale, title, Some(message)), key).await
}

async fn account(tx: &mut Tx, user: &User, order: &Order, said: Said, key: String) -> Result<()> {
    let action_url = Some(page(tx, order));
    notify(tx, Some(user.id), order, &said, action_url, key).await
}

async fn guest(tx: &mut Tx, customer: &Customer, order: &Order, said: Said, key: String) -> Result<()> {
    let mut vars = said.vars;
    vars["title"] = Value::from(said.title);
    vars["message"] = Value::from(said.message);
    vars["action_url"] = Value::Null; // the page of an order needs an account
    vars["created_at"] = Value::from(tx.platform().clock.now().to_rfc3339());
    let mail = NewMail {
        template: said.template,
        to: recipient(customer),
        vars,
        dedupe_key: format!("{key}:client"),
        subject: Some(("order", order.id.0)),
        reply_to: None,
        attachments: Vec::new(),
    };
    mail::queue(tx, mail).await?;
    Ok(())
}

/// Tells the administrators what happened: `placed`, `cancelled`, or `late` (paid when the pieces were gone).
pub async fn administrators(tx: &mut Tx, order: &Order, event: &str, message: &str, key: String) -> Result<()> {
    let customer = customers::get(tx, order.customer_id).await?;
    let vars = json!({
        "event": event,
        "order_number": order.number,
        "order_total": order.total_gross,
        "customer_name": customer.billing.legal_name,
    });
    let title = order.title.clone();
    let said = Said { kind: "order", template: &catalogue::ADMIN_ORDER, title, message: message.to_owned(), vars };
    to_administrators(tx, order, &said, key).await
}

/// Tells the administrators this. A second call with this key tells nothing.
pub async fn to_administrators(tx: &mut Tx, order: &Order, said: &Said, key: String) -> Result<()> {
    notify(tx, None, order, said, None, format!("{key}:admin")).await
}

async fn notify(
    tx: &mut Tx,
    user: Option<UserId>,
    order: &Order,
    said: &Said,
    action_url: Option<String>,
    key: String,
) -> Result<()> {
    let notification = NewNotification {
        user,
        kind: said.kind,
        title: &said.title,
        message: &said.message,
        action_url,
        priority: if order.priority == OrderPriority::Urgent { "high" } else { order.priority.name() },
        subject: Some(("order", order.id.0)),
        template: Some(said.template.name),
        vars: said.vars.clone(),
        by_email: true,
        dedupe_key: Some(key),
    };
    notifications::notify(tx, notification).await?;
    Ok(())
}

/// Where mails about an order go.
pub fn recipient(customer: &Customer) -> Recipient {
    Recipient {
        address: customer.email.clone(),
        name: Some(customer.billing.legal_name.clone()),
        locale: customer.locale.clone(),
        user: customer.user_id,
    }
}

/// The page of an order on the site.
pub fn page(tx: &Tx, order: &Order) -> String {
    format!("{}/orders/{}", tx.platform().config.frontend_url(), order.id)
}

/// Writes down what was done to an order.
pub async fn record(tx: &mut Tx, action: &str, severity: Severity, order: &Order, details: Value) -> Result<()> {
    audit::record(tx, Entry { action, severity, target: "order", id: order.id.to_string(), details }).await
}
