//! `stripe.sync_payment`: a payment follows what Stripe says of it, without an event.

use shared::domain::billing::{disputes, payments};
use shared::flows::payment_synced::{self, Asked};
use shared::platform::jobs::kinds::SyncPayment;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

impl Run for SyncPayment {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut tx = cx.begin().await?;
        let payment = payments::get(&mut tx, self.payment).await?;
        let mut asked = Asked::now(&mut tx).await?;
        let open: Vec<_> =
            disputes::of_payment(&mut tx, payment.id).await?.into_iter().filter(|one| !one.is_over()).collect();
        tx.rollback().await?;
        let stripe = cx.platform.stripe()?;
        for dispute in open {
            asked.disputes.extend(stripe.dispute(&dispute.id).await.map_err(shared::kernel::Error::from)?);
        }
        let asked = payment_synced::ask(&cx.platform, &payment, asked).await?;
        let mut tx = cx.begin().await?;
        payment_synced::apply(&mut tx, payment.id, &asked).await?;
        cx.complete_in(tx).await
    }
}
