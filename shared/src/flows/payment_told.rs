//! Who hears of a payment, and in which words.

use serde_json::{Value, json};

use crate::domain::billing::customers;
use crate::domain::billing::orders::Order;
use crate::domain::billing::payments::Payment;
use crate::domain::billing::refunds::Refund;
use crate::flows::order_told::{self, Said};
use crate::kernel::Result;
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::mail::{self, NewMail, catalogue};
use crate::platform::notifications::{self, NewNotification};
use crate::platform::tx::Tx;

/// Writes down what became of a payment.
pub async fn record(tx: &mut Tx, action: &str, severity: Severity, payment: &Payment, details: Value) -> Result<()> {
    audit::record(tx, Entry { action, severity, target: "payment", id: payment.id.to_string(), details }).await
}

/// The money of an order came.
pub async fn received(tx: &mut Tx, order: &Order, payment: &Payment) -> Result<()> {
    let key = format!("payment:{}:succeeded", payment.id);
    let words = |locale: &str| {
        let (title, message) = match locale {
            "en" => ("Payment received", "We have received your payment, thank you."),
            _ => ("Paiement reçu", "Nous avons bien reçu votre paiement, merci."),
        };
        said(order, payment, title, message)
    };
    order_told::to_client(tx, order, key.clone(), words).await?;
    administrators(tx, order, payment, "succeeded", key).await
}

/// Money went back.
pub async fn refunded(tx: &mut Tx, order: &Order, payment: &Payment, refund: &Refund) -> Result<()> {
    let key = format!("refund:{}:settled", refund.id);
    let words = |locale: &str| {
        let amount = refund.amount.said(locale);
        let (title, message) = match locale {
            "en" => (
                format!("Refund for order {}", order.number),
                format!("We have given back {amount}. Your bank may take a few days to show it."),
            ),
            _ => (
                format!("Remboursement de la commande {}", order.number),
                format!("Nous vous avons remboursé {amount}. Votre banque peut mettre quelques jours à l’afficher."),
            ),
        };
        Said { kind: "payment", template: &catalogue::USER_SUCCESS, title, message, vars: json!({}) }
    };
    order_told::to_client(tx, order, key.clone(), words).await?;
    let whole = refund.amount == payment.amount;
    administrators(tx, order, payment, if whole { "refunded" } else { "partially_refunded" }, key).await
}

/// A try to pay did not work: the client gets a way to try again, the administrators a note. `attempt` names the try.
pub async fn failed(tx: &mut Tx, order: &Order, payment: &Payment, attempt: &str) -> Result<()> {
    let key = format!("payment:{}:failed:{attempt}", payment.id);
    let text = "a payment did not work; the client was told how to try again";
    let told = alert(tx, order, payment, &key, "payment_failed", text, false).await?;
    if !told {
        return Ok(());
    }
    record(tx, "PAYMENT_FAILED", Severity::Medium, payment, json!({ "code": payment.failure_code })).await?;
    let customer = customers::get(tx, order.customer_id).await?;
    let mail = NewMail {
        template: &catalogue::PAYMENT_FAILED,
        to: order_told::recipient(&customer),
        vars: json!({
            "customer_name": customer.billing.legal_name,
            "order_number": order.number,
            "amount": payment.amount,
            "reason": payment.failure_code,
            "retry_url": format!("{}/payment", order_told::page(tx, order)),
        }),
        dedupe_key: format!("{key}:client"),
        subject: Some(("payment", payment.id.0)),
        reply_to: None,
        attachments: Vec::new(),
    };
    mail::queue(tx, mail).await?;
    Ok(())
}

/// A person must look. A second call about the same tells nothing.
pub async fn alarm(
    tx: &mut Tx,
    order: &Order,
    payment: &Payment,
    about: &str,
    code: &'static str,
    text: &str,
) -> Result<()> {
    let key = format!("payment:{}:{about}", payment.id);
    alert(tx, order, payment, &key, code, text, true).await?;
    Ok(())
}

async fn alert(
    tx: &mut Tx,
    order: &Order,
    payment: &Payment,
    key: &str,
    code: &'static str,
    text: &str,
    grave: bool,
) -> Result<bool> {
    let title = format!("{}: {}", order.number, code.replace('_', " "));
    let notification = NewNotification {
        kind: "error",
        title: &title,
        message: text,
        priority: if grave { "high" } else { "normal" },
        subject: Some(("payment", payment.id.0)),
        vars: json!({ "error_code": payment.failure_code.as_deref().unwrap_or(code) }),
        dedupe_key: Some(format!("{key}:admin")),
        ..NewNotification::default()
    };
    Ok(notifications::notify(tx, notification).await?.is_some())
}

fn said(order: &Order, payment: &Payment, title: &str, message: &str) -> Said {
    let vars = json!({ "order_number": order.number, "amount": payment.amount, "payment_method": payment.method });
    let (title, message) = (title.to_owned(), message.to_owned());
    Said { kind: "payment", template: &catalogue::USER_PAYMENT, title, message, vars }
}

async fn administrators(tx: &mut Tx, order: &Order, payment: &Payment, status: &str, key: String) -> Result<()> {
    let customer = customers::get(tx, order.customer_id).await?;
    let vars = json!({
        "order_number": order.number,
        "amount": payment.amount,
        "payment_status": status,
        "customer_name": customer.billing.legal_name,
    });
    let (title, message) = (order.title.clone(), String::new());
    let said = Said { kind: "payment", template: &catalogue::ADMIN_PAYMENT, title, message, vars };
    order_told::to_administrators(tx, order, &said, key).await
}
