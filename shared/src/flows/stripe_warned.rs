//! Stripe tells of something that only people can mend: the administrators hear of it, once for each event.

use serde_json::json;

use crate::domain::billing::received::StripeEvent;
use crate::kernel::Result;
use crate::platform::notifications::{self, NewNotification};
use crate::platform::tx::Tx;

/// A card's bank believes that it was not its owner who paid.
pub const FRAUD: &str = "radar.early_fraud_warning.created";

/// Tells them; of anything but [`FRAUD`] as of a payout that failed.
pub async fn tell(tx: &mut Tx, event: &StripeEvent) -> Result<()> {
    let object = event.object_id.as_deref().unwrap_or_default();
    let (title, text) = match event.kind.as_str() {
        FRAUD => (
            "Stripe: early fraud warning",
            "a bank takes a payment for fraud: look at it in Stripe's dashboard, and give it back before it is disputed",
        ),
        _ => (
            "Stripe: a payout failed",
            "money on its way to our bank came back: look at the account in Stripe's dashboard",
        ),
    };
    let notification = NewNotification {
        kind: "error",
        title,
        message: &format!("{text} ({object})"),
        priority: "high",
        vars: json!({ "error_code": event.kind }),
        dedupe_key: Some(format!("stripe-warning:{}", event.event_id)),
        ..NewNotification::default()
    };
    notifications::notify(tx, notification).await?;
    Ok(())
}
