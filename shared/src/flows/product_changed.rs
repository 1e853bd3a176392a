//! A product was made, changed or archived: who did it is written down, and Stripe hears of it.

use serde_json::json;

use crate::domain::billing::products::Product;
use crate::kernel::Result;
use crate::kernel::ids::{JobId, ProductId};
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::jobs::kinds::SyncProduct;
use crate::platform::jobs::{NewJob, enqueue_new};
use crate::platform::tx::Tx;

/// Behind what concerns somebody's money; a step weighs a minute.
const LOW: i16 = 5;

/// Who set which price, for ever. What changed nothing leaves no entry, and without Stripe there is nobody to tell.
pub async fn story(tx: &mut Tx, before: Option<&Product>, after: &Product) -> Result<()> {
    if before == Some(after) {
        return Ok(());
    }
    let details = json!({ "before": before.map(|product| &product.facts), "after": after.facts });
    let (action, severity, target, id) = ("PRODUCT_CHANGED", Severity::Medium, "product", after.id.to_string());
    audit::record(tx, Entry { action, severity, target, id, details }).await?;
    if tx.platform().stripe().is_ok() {
        enqueue_new(tx, job(after.id, after.version, None)?).await?;
    }
    Ok(())
}

/// The job that brings a product at Stripe to this version; `found_by`: the comparison that found that it is not.
pub fn job(product_id: ProductId, version: i32, found_by: Option<JobId>) -> Result<NewJob> {
    Ok(NewJob::of(&SyncProduct { product_id, version, found_by })?.priority(LOW))
}
