//! `order.expire`: an order that was not paid in time gives its pieces back.

use shared::flows::order_expired;
use shared::platform::jobs::kinds::ExpireOrder;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

impl Run for ExpireOrder {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut tx = cx.begin().await?;
        let expired = order_expired::expire(&mut tx, self.order).await?;
        cx.log(if expired { "expired" } else { "paid, cancelled, or not yet" });
        cx.complete_in(tx).await
    }
}
