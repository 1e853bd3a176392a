//! `stripe.expire_session`: closes a page that must not be paid any more.

use shared::domain::billing::payments;
use shared::flows::payment_synced::{self, Asked};
use shared::kernel::Error;
use shared::platform::jobs::kinds::ExpireSession;
use shared::platform::stripe::Class;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

impl Run for ExpireSession {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut db = cx.platform.db.acquire().await?;
        let payment = payments::get(&mut db, self.payment).await?;
        drop(db);
        let Some(session) = payment.session_id.as_deref() else { return Ok(()) };
        match cx.platform.stripe()?.expire_session(session).await {
            Ok(_) => Ok(()),
            // It has ended already: by its time, or by a payment that came all the same.
            Err(error) if error.class() == Class::Permanent => {
                cx.log("the page has ended before");
                let asked = Asked::now(&mut *cx.platform.db.acquire().await?).await?;
                let asked = payment_synced::ask(&cx.platform, &payment, asked).await?;
                let mut tx = cx.begin().await?;
                payment_synced::apply(&mut tx, payment.id, &asked).await?;
                cx.complete_in(tx).await
            }
            Err(error) => Err(Error::from(error).into()),
        }
    }
}
