//! `stripe.process_event`: an event of Stripe's is handled, by asking Stripe what its object is now.

use std::time::Duration;

use shared::domain::billing::received::{self, EventStatus};
use shared::flows::stripe_event::{self, Seen};
use shared::kernel::Result as HouseResult;
use shared::platform::jobs::kinds::ProcessStripeEvent;
use shared::platform::tx::Tx;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

/// Somebody asked about the same payment meanwhile.
const OVERTAKEN: Duration = Duration::from_secs(1);

impl Run for ProcessStripeEvent {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut tx = cx.begin().await?;
        let event = received::get(&mut tx, self.event).await?;
        if event.status != EventStatus::Received && event.status != EventStatus::Failed {
            return cx.complete_in(tx).await; // it has reached its end before
        }
        tx.rollback().await?;
        let seen = stripe_event::look(&cx.platform, &event).await?;
        if let Seen::Later(wait) = seen {
            return Err(Failure::Snooze(wait));
        }
        let mut tx = cx.begin().await?;
        if !stripe_event::apply(&mut tx, &event, seen).await? {
            tx.rollback().await?;
            return Err(Failure::Snooze(OVERTAKEN));
        }
        cx.complete_in(tx).await
    }

    async fn died(self, tx: &mut Tx, error: &str) -> HouseResult<()> {
        let code: String = error.chars().take(200).collect();
        received::finish(tx, self.event, EventStatus::Failed, Some(&code)).await
    }
}
