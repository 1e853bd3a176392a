//! `stripe.sync_catalogue`: compares every product with Stripe. The plan is the job's result; unless it is a dry run,
//! each difference has a job, written together with this one's success.
//!
//! Only what is on sale is listed, a hundred at a time: what was ordered leaves products behind at Stripe that are not.

use serde_json::json;
use shared::domain::billing::products::mirror;
use shared::domain::billing::products::plan::{Plan, Theirs};
use shared::flows::product_changed;
use shared::kernel::{Error, Result as HouseResult};
use shared::platform::jobs::kinds::SyncCatalogue;
use shared::platform::jobs::{NewJob, enqueue_all};

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

/// Jobs written in one statement.
const BATCH: usize = 1000;

impl Run for SyncCatalogue {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let stripe = cx.platform.stripe()?.clone();
        let mut theirs = Theirs::new(stripe.all_products().await?, stripe.all_prices(None).await?);
        // Read after Stripe, so that a product made meanwhile is not taken for a stranger.
        let mut tx = cx.begin().await?;
        let ours = mirror::all(&mut tx).await?;
        tx.commit().await?;
        for product in &ours {
            if theirs.lacks(product) {
                let found = stripe.product(&product.id.to_string()).await?;
                found.into_iter().filter(|found| !found.deleted).for_each(|found| theirs.add(found));
            }
            if cx.cancel.is_cancelled() {
                return Err(Failure::Snooze(std::time::Duration::from_mins(1)));
            }
        }
        let (plan, different) = Plan::new(&ours, &theirs, self.dry_run, self.verbose);
        cx.log(json!(plan.counts));
        cx.result(serde_json::to_value(&plan).map_err(Error::internal)?);
        let mut tx = cx.begin().await?;
        if !self.dry_run {
            let jobs =
                different.iter().map(|entry| product_changed::job(entry.product, entry.version, Some(cx.job.id)));
            for jobs in jobs.collect::<HouseResult<Vec<NewJob>>>()?.chunks(BATCH) {
                enqueue_all(&mut tx, jobs.to_vec()).await?;
            }
        }
        cx.complete_in(tx).await
    }
}
