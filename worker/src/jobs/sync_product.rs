//! `stripe.sync_product`: a product at Stripe becomes what it is with us.
//!
//! Stripe is called first and without a transaction; where the product is there is stored with the job's success. Every
//! call may be made again: the product has our id, a price is made once for each state, and the old price goes when the
//! new one is there.

use shared::domain::billing::products::mirror::{self, Mirrored, Place};
use shared::platform::jobs::kinds::SyncProduct;
use shared::platform::stripe::{NewPrice, NewProduct, Price, Product, Stripe};

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

impl Run for SyncProduct {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let stripe = cx.platform.stripe()?.clone();
        let mut tx = cx.begin().await?;
        let ours = mirror::get(&mut tx, self.product_id).await?;
        tx.commit().await?;
        if let Some(why) = idle(&self, &ours) {
            cx.log(why);
            return Ok(());
        }
        // A price that was made for this version and then taken off sale must not be what a new call gives.
        let found_by = self.found_by.map(|job| format!(":{job}")).unwrap_or_default();
        let revision = format!("{}{found_by}", self.version);
        let place = bring(&cx, &stripe, &ours, &revision).await?;
        let mut tx = cx.begin().await?;
        mirror::synced(&mut tx, self.product_id, self.version, &place).await?;
        cx.complete_in(tx).await
    }
}

/// Why there is nothing to do, if so.
fn idle(job: &SyncProduct, ours: &Mirrored) -> Option<&'static str> {
    match ours {
        ours if ours.version > job.version => Some("there is a newer version"),
        // Not when a comparison has found that it is no longer so.
        ours if job.found_by.is_none() && ours.synced_version >= Some(job.version) => Some("Stripe knows it"),
        _ => None,
    }
}

async fn bring(cx: &Cx, stripe: &Stripe, ours: &Mirrored, revision: &str) -> Result<Place, Failure> {
    let id = ours.id.to_string();
    let description = Some(&*ours.description).filter(|text| !text.trim().is_empty());
    let new = NewProduct { id: &id, revision, name: &ours.name, description, active: ours.is_active };
    cx.still_mine().await?;
    let product = stripe.keep_product(&new, ours.stripe_product_id.is_some()).await?;
    if !ours.is_active {
        // Nobody can buy it: its price is looked after when it is back on sale.
        return Ok(Place { product: id, price: None });
    }
    let prices = stripe.all_prices(Some(&id)).await?;
    let (kept, old) = ours.sort(&prices);
    let price = if let Some(price) = kept {
        price.id.clone()
    } else {
        cx.still_mine().await?;
        let (unit_amount, currency) = (ours.unit_price.amount, ours.unit_price.currency.code());
        stripe.create_price(&NewPrice { product: &id, revision, unit_amount, currency }).await?.id
    };
    retire(cx, stripe, &product, &old, &price).await?;
    Ok(Place { product: id, price: Some(price) })
}

async fn retire(cx: &Cx, stripe: &Stripe, product: &Product, old: &[&Price], price: &str) -> Result<(), Failure> {
    // Somebody made it the product's default there, which Stripe does not let go.
    if old.iter().any(|old| product.default_price.as_deref() == Some(&*old.id)) {
        cx.still_mine().await?;
        stripe.set_default_price(&product.id, price).await?;
    }
    for old in old {
        cx.still_mine().await?;
        stripe.deactivate_price(&old.id).await?;
    }
    Ok(())
}
