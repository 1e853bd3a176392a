//! `stripe.create_refund`: asks Stripe to give money back, once for each of our refunds.

use shared::domain::billing::refunds::RefundStatus;
use shared::domain::billing::{orders, payments, refunds};
use shared::flows::payment_synced::{self, Asked};
use shared::flows::payment_told;
use shared::kernel::Error;
use shared::platform::jobs::kinds::CreateRefund;
use shared::platform::stripe::{Class, NewRefund};

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

impl Run for CreateRefund {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut tx = cx.begin().await?;
        let refund = refunds::get(&mut tx, self.refund).await?;
        let payment = payments::get(&mut tx, refund.payment_id).await?;
        if refund.status != RefundStatus::Requested {
            return cx.complete_in(tx).await;
        }
        tx.rollback().await?;
        let Some(intent) = payment.payment_intent_id.as_deref() else {
            return Err(Error::internal("a payment that came in has no intent").into());
        };
        cx.still_mine().await?;
        let (id, amount) = (refund.id.to_string(), refund.amount.amount);
        let new = NewRefund { refund: &id, payment_intent: intent, amount };
        match cx.platform.stripe()?.create_refund(&new).await {
            Ok(made) => {
                let mut asked = Asked::now(&mut *cx.platform.db.acquire().await?).await?;
                asked.refunds.push(made);
                let asked = payment_synced::ask(&cx.platform, &payment, asked).await?;
                let mut tx = cx.begin().await?;
                payment_synced::apply(&mut tx, payment.id, &asked).await?;
                cx.complete_in(tx).await
            }
            Err(error) if error.class() == Class::Permanent => {
                let code = error.told().and_then(|told| told.code.clone()).unwrap_or_else(|| "refused".into());
                cx.log(&error);
                let mut tx = cx.begin().await?;
                let order = orders::lock(&mut tx, payment.order_id).await?;
                if refunds::refused(&mut tx, refund.id, &code).await? {
                    let text = format!("Stripe refused a refund ({code}): nothing was given back");
                    let about = format!("refund:{}", refund.id);
                    payment_told::alarm(&mut tx, &order, &payment, &about, "refund_refused", &text).await?;
                }
                cx.complete_in(tx).await
            }
            Err(error) => Err(Error::from(error).into()),
        }
    }
}
