//! What a job is about, and where to read on: the page of its subject, and the other jobs about the same.

use shared::domain::billing::{payments, received, refunds};
use shared::domain::identity::permissions::Permissions;
use shared::kernel::ids::PaymentId;
use shared::kernel::{Error, Result};
use shared::platform::jobs::admin::JobView;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::dashboard;
use crate::dashboard::facts::Fact;
use crate::dashboard::frame::Place;
use crate::dashboard::words::{key, word};

/// Each kind of subject: its word, and whose right opens its page.
const SUBJECTS: [(&str, &str, Place); 11] = [
    ("email", key("e-mail"), Place::Emails),
    ("invoice", key("invoice"), Place::Invoices),
    ("stripe_event", key("Stripe event"), Place::StripeEvents),
    ("payment", key("payment"), Place::Orders),
    ("refund", key("refund"), Place::Orders),
    ("export", key("export"), Place::Exports),
    ("erasure", key("erasure"), Place::Erasures),
    ("product", key("product"), Place::Orders),
    ("order", key("order"), Place::Orders),
    ("request", key("request"), Place::Requests),
    ("user", key("account"), Place::Users),
];

/// The subject of a job, and the list of all its jobs.
pub async fn about(db: &mut PgConnection, may: &Permissions, job: &JobView) -> Result<Vec<Fact>> {
    let Some((kind, id)) = job.subject_type.as_deref().zip(job.subject_id) else { return Ok(Vec::new()) };
    let others = Fact::link("Beside it", word("all jobs about the same"), format!("/admin/jobs?subject={id}"));
    Ok(vec![subject(db, may, kind, id).await?, others])
}

/// A row by its kind and id, with its page where it has one that the reader may open.
pub async fn subject(db: &mut PgConnection, may: &Permissions, kind: &str, id: Uuid) -> Result<Fact> {
    let known = SUBJECTS.iter().find(|(name, ..)| *name == kind);
    let text = format!("{} {id}", known.map_or(kind, |(_, said, _)| word(said)));
    let opens = known.is_some_and(|(_, _, place)| may.can(dashboard::right(*place)));
    match page(db, kind, id).await {
        Ok(Some(page)) if opens => Ok(Fact::link("About", text, page)),
        // Gone, or without a page.
        Ok(_) | Err(Error::NotFound(_)) => Ok(Fact::text("About", text)),
        Err(error) => Err(error),
    }
}

async fn page(db: &mut PgConnection, kind: &str, id: Uuid) -> Result<Option<String>> {
    Ok(Some(match kind {
        "email" => format!("/admin/emails/{id}"),
        "invoice" => format!("/admin/invoices/{id}"),
        "export" => "/admin/exports".to_owned(),
        "erasure" => "/admin/erasures".to_owned(),
        "order" => format!("/admin/orders/{id}"),
        "request" => format!("/admin/requests/{id}"),
        "user" => format!("/admin/users/{id}"),
        "stripe_event" => format!("/admin/stripe-events/{}", received::get(db, id.into()).await?.event_id),
        "payment" => order_of(db, id.into()).await?,
        "refund" => {
            let payment = refunds::get(db, id.into()).await?.payment_id;
            order_of(db, payment).await?
        }
        _ => return Ok(None),
    }))
}

async fn order_of(db: &mut PgConnection, payment: PaymentId) -> Result<String> {
    Ok(format!("/admin/orders/{}", payments::get(db, payment).await?.order_id))
}
