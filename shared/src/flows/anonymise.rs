//! Somebody is forgotten. Run by the job `account.anonymise`, one call of [`go_on`] per transaction.
//!
//! [`tables`] says of every table that can hold something of a person what happens to it; a test compares it with the
//! database. What names them in passing (logs, mails, answers) goes first, while it can still be known who they are; then
//! their own rows, together with the farewell mail and the proof; and when no table holds them any more, the lists that
//! somebody exported while one did. Issued invoices stay: the law wants them.

pub mod tables;

use serde_json::json;

use crate::domain::billing::orders::{self, OrderStatus, Scope};
use crate::domain::billing::person::{self, Traces};
use crate::domain::billing::{customers, invoices, methods, payments, received, refunds};
use crate::domain::identity::erasures::{self, Erasure, Kept};
use crate::domain::identity::users::{self, User};
use crate::domain::{exports, identity, requests};
use crate::flows::user_managed::record;
use crate::flows::{erasure_requested, export_ended, order_cancelled};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{ErasureId, FileId, JobId, RequestId};
use crate::platform::audit::{self, Severity};
use crate::platform::jobs::kinds::DeleteStripeCustomer;
use crate::platform::mail::{self, NewMail, Recipient, catalogue};
use crate::platform::person::Person;
use crate::platform::tx::Tx;
use crate::platform::{files, idempotency, jobs, notifications};

/// The steps, in their order. Rows remember the names: they never change.
const STEPS: [&str; 13] = [
    "open_orders",
    "keep",
    "mails",
    "jobs",
    "notifications",
    "stripe_events",
    "answers",
    "files",
    "audit",
    "requests",
    "purchases",
    "account",
    "exports",
];

/// How far a call has brought it.
pub enum Went {
    /// So many of all steps are done.
    On {
        /// Done.
        done: u64,
        /// All.
        total: u64,
    },
    /// Once this is committed, these files are to be destroyed.
    Files(Vec<FileId>),
    /// There is nothing left to do.
    Done,
}

/// Who it is, and what is theirs.
struct Whom {
    erasure: Erasure,
    user: Option<User>,
    bought: Traces,
    requests: Vec<RequestId>,
    person: Person,
}

/// Does the next page of the next step. `own` is the job that does it.
pub async fn go_on(tx: &mut Tx, id: ErasureId, own: JobId) -> Result<Went> {
    let erasure = erasures::lock(tx, id).await?;
    let step = STEPS.into_iter().find(|step| !erasure.steps.iter().any(|done| done == step));
    let Some(step) = step.filter(|_| erasure.is_open()) else { return Ok(Went::Done) };
    let (done, after) = (erasure.steps.len() as u64, erasure.cursor);
    let whom = whom(tx, erasure).await?;
    let who = &whom.person;
    let next = match step {
        "open_orders" => call_off_orders(tx, &whom).await?,
        "keep" => keep(tx, &whom).await?,
        "mails" => {
            let mut who = who.clone();
            who.subjects.extend(notifications::hush(tx, &who).await?); // their mails are about them
            mail::forget(tx, &who, after).await?
        }
        "jobs" => jobs::forget::forget(tx, who, own, after).await?,
        "notifications" => {
            let hushed = notifications::hush(tx, who).await?;
            none(notifications::forget(tx, who, &hushed).await?)
        }
        "stripe_events" => received::forget(tx, &whom.at_stripe(), after).await?,
        "answers" => none(idempotency::forget(tx, who).await?),
        "files" => {
            let also = [&*whom.bought.files, &*exports::files_about(tx, who.user).await?].concat();
            let theirs = files::expire(tx, who.user, &also).await?;
            if !theirs.is_empty() {
                return Ok(Went::Files(theirs));
            }
            exports::unname(tx, &who.words).await?;
            none(exports::forget(tx, who.user).await?)
        }
        "audit" => {
            let subjects: Vec<_> = who.subjects.iter().map(ToString::to_string).collect();
            none(audit::forget(tx, who.user, &subjects).await.map(drop)?)
        }
        "requests" => none(requests::forget(tx, &whom.requests).await?),
        "purchases" => none(purchases(tx, &whom.bought).await?),
        "account" => none(farewell(tx, &whom).await?),
        _ => {
            let lists = export_ended::outdated(tx, id).await?;
            if !lists.is_empty() {
                return Ok(Went::Files(lists));
            }
            None
        }
    };
    erasures::went_on(tx, id, Some(step).filter(|_| next.is_none()), next).await?;
    if step == "exports" {
        erasures::finish(tx, id).await?;
        return Ok(Went::Done);
    }
    Ok(Went::On { done: done + u64::from(next.is_none()), total: STEPS.len() as u64 })
}

/// A step without pages.
const fn none((): ()) -> Option<uuid::Uuid> {
    None
}

async fn whom(tx: &mut Tx, erasure: Erasure) -> Result<Whom> {
    let user = match erasure.user_id {
        Some(user) => users::find(tx, user).await?,
        None => None,
    };
    let address = erasure.address.clone();
    let bought = person::traces(tx, erasure.user_id, address.as_deref()).await?;
    let written = requests::traces(tx, erasure.user_id, address.as_deref()).await?;
    let mut person = Person { user: erasure.user_id, ..Person::default() };
    person.subjects.extend(bought.subjects.iter().copied().chain(erasure.user_id.map(|user| user.0)));
    person.subjects.extend(written.iter().map(|(id, _)| id.0));
    let words = bought.words.iter().cloned().chain(written.iter().flat_map(|(_, words)| words.clone()));
    let words: Vec<String> = words.filter(|word| word != mail::NOBODY).chain(address).collect();
    person.addresses = words.iter().filter(|word| word.contains('@')).cloned().collect();
    person.named(words);
    if let Some(user) = &user {
        let full = format!("{} {}", user.first_name, user.last_name);
        person.named([Some(full), user.username.clone(), user.phone.clone()].into_iter().flatten());
    }
    Ok(Whom { erasure, user, bought, requests: written.into_iter().map(|(id, _)| id).collect(), person })
}

impl Whom {
    /// What an event of Stripe's says when it is about them.
    fn at_stripe(&self) -> Vec<String> {
        self.bought.stripe.iter().chain(&self.person.addresses).cloned().collect()
    }
}

/// What nobody has paid, nobody will: the pieces go back. A payment under way is waited for by the order itself.
async fn call_off_orders(tx: &mut Tx, whom: &Whom) -> Result<Option<uuid::Uuid>> {
    for order in &whom.bought.orders {
        let Ok(order) = orders::get(tx, &Scope::All, *order).await else { continue }; // a cart
        if order.status == OrderStatus::Pending {
            match order_cancelled::cancel(tx, &Scope::All, order.id, None).await {
                Ok(_) | Err(Error::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(None)
}

/// Writes down what stays, until when and why.
async fn keep(tx: &mut Tx, whom: &Whom) -> Result<Option<uuid::Uuid>> {
    invoices::forget(tx, &whom.bought.customers).await?;
    let (issued, until, drafts) = invoices::kept(tx, &whom.bought.customers).await?;
    let kept = |what: &str, count, until, why: &str| Kept { what: what.to_owned(), count, until, why: why.to_owned() };
    let all = [
        kept("invoices", issued, until, "Code de commerce, article L123-22: ten years from the close of the year"),
        kept("invoice_drafts", drafts, None, "Code général des impôts, article 289: what is paid must be invoiced"),
    ];
    let all: Vec<Kept> = all.into_iter().filter(|one| one.count > 0).collect();
    erasures::keeps(tx, whom.erasure.id, &all, &whom.bought.stripe).await?;
    Ok(None)
}

async fn purchases(tx: &mut Tx, bought: &Traces) -> Result<()> {
    orders::forget(tx, &bought.orders).await?;
    payments::forget(tx, &bought.orders).await?;
    refunds::forget(tx, &bought.orders).await
}

/// What is theirs goes, all of it in one transaction: customers, account, farewell, proof.
async fn farewell(tx: &mut Tx, whom: &Whom) -> Result<()> {
    for customer in &whom.bought.stripe_customers {
        jobs::enqueue(tx, &DeleteStripeCustomer { customer: customer.clone() }).await?;
    }
    for customer in &whom.bought.customers {
        methods::forget_all(tx, *customer).await?;
    }
    customers::forget(tx, &whom.bought.customers).await?;
    write(tx, whom).await?;
    let erasure = &whom.erasure;
    let details = json!({ "erasure": erasure.id, "requested_by": erasure.requested_by, "kept": erasure.kept });
    let Some(user) = erasure.user_id else {
        return erasure_requested::write(tx, "USER_DELETED", erasure.id, details).await;
    };
    identity::forget(tx, user).await?;
    record(tx, "USER_DELETED", Severity::High, user, details).await
}

/// The last mail; whom it went to is forgotten when it is sent.
async fn write(tx: &mut Tx, whom: &Whom) -> Result<()> {
    let Some(address) = whom.erasure.address.clone() else { return Ok(()) };
    let (name, locale) = match &whom.user {
        Some(user) => (user.first_name.clone(), user.locale.clone()),
        None => (String::new(), "fr".to_owned()),
    };
    let kept_until = whom.erasure.kept.iter().filter_map(|kept| kept.until).max();
    let contact = format!("{}/contact", tx.platform().config.frontend_url());
    let mail = NewMail {
        template: &catalogue::ACCOUNT_DELETED,
        to: Recipient { address, name: None, locale, user: None },
        vars: json!({
            "first_name": name,
            "requested_at": whom.erasure.requested_at.to_rfc3339(),
            "kept_until_date": kept_until,
            "contact_url": contact,
        }),
        dedupe_key: format!("account-deleted:{}", whom.erasure.id),
        subject: Some(("erasure", whom.erasure.id.0)),
        reply_to: None,
        attachments: Vec::new(),
    };
    mail::queue(tx, mail).await?;
    Ok(())
}
