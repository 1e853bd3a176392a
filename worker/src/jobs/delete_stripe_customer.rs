//! `stripe.delete_customer`: somebody who was forgotten here is forgotten at Stripe too, cards and all.

use shared::kernel::Error;
use shared::platform::jobs::kinds::DeleteStripeCustomer;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

impl Run for DeleteStripeCustomer {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        cx.still_mine().await?;
        let deleted = cx.platform.stripe()?.delete_customer(&self.customer).await.map_err(Error::from)?;
        cx.log(if deleted { "deleted" } else { "there was none any more" });
        Ok(())
    }
}
