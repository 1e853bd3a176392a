//! Somebody wants to be forgotten, or an administrator wants it for them; within the grace it can be called off.
//!
//! Called by `DELETE /api/v1/me`, `DELETE /api/v1/admin/users/{id}`, `POST /api/v1/admin/erasures`. From then on nobody can
//! sign in to the account; what becomes of its data stands in `anonymise.rs`.

use std::time::Duration;

use serde_json::json;

use crate::domain::billing::person;
use crate::domain::identity::directory;
use crate::domain::identity::erasures::{self, Erasure, NewErasure};
use crate::domain::identity::permissions::Authority;
use crate::domain::identity::users::{self, Status, User};
use crate::domain::requests;
use crate::flows::user_managed::{end_sessions, held, record, theirs};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{ErasureId, UserId};
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::jobs::kinds::Anonymise;
use crate::platform::jobs::{self, NewJob, enqueue_new};
use crate::platform::settings;
use crate::platform::tx::Tx;

const DAY: u64 = 24 * 3600;

/// Somebody's own wish; their password was asked for. 409 `last_administrator` for the last one.
pub async fn mine(tx: &mut Tx, id: UserId) -> Result<Erasure> {
    let user = directory::lock(tx, id).await?;
    account(tx, &user, None).await
}

/// An administrator's. 409 `own_account` for their own: that is done by its owner, with the password.
pub async fn of_user(tx: &mut Tx, by: &Authority, id: UserId, reason: Option<&str>) -> Result<Erasure> {
    by.not_self(id)?;
    let user = theirs(tx, by, id).await?;
    account(tx, &user, reason).await
}

async fn account(tx: &mut Tx, user: &User, reason: Option<&str>) -> Result<Erasure> {
    directory::spare_last_administrator(tx, user.id).await?;
    let gone = || Error::conflict("user_status", "the account is deleted, or about to be");
    users::set_status(tx, user.id, user.status, Status::DeletionPending).await?.ok_or_else(gone)?;
    let sessions = end_sessions(tx, user.id).await?;
    let (by, grace) = (tx.origin.actor, settings::DELETION_GRACE.get::<u32>(tx).await?);
    let new = NewErasure {
        user: Some(user.id),
        address: user.email.as_deref(),
        former_status: Some(user.status),
        by,
        grace: grace as i32,
    };
    let erasure = erasures::insert(tx, new).await?;
    let details = json!({ "erasure": erasure.id, "due_by": erasure.due_by, "sessions": sessions, "reason": reason });
    record(tx, "USER_DELETION_REQUESTED", Severity::High, user.id, details).await?;
    enqueue(tx, erasure.id, grace).await
}

/// The guests of an address: customers without an account, requests, mails. 409 `has_account` when the address has one,
/// 404 when nothing is known of it.
pub async fn of_guests(tx: &mut Tx, by: &Authority, address: &str, reason: Option<&str>) -> Result<Erasure> {
    if users::find_by_email(tx, address).await?.is_some() {
        return Err(Error::conflict("has_account", "this address has an account: delete the account"));
    }
    let bought = person::traces(tx, None, Some(address)).await?;
    if bought.customers.is_empty() && requests::traces(tx, None, Some(address)).await?.is_empty() {
        return Err(Error::NotFound("guest"));
    }
    let new = NewErasure { user: None, address: Some(address), former_status: None, by: by.user, grace: 0 };
    let erasure = erasures::insert(tx, new).await?;
    let details = json!({ "due_by": erasure.due_by, "customers": bought.customers, "reason": reason });
    write(tx, "USER_DELETION_REQUESTED", erasure.id, details).await?;
    enqueue(tx, erasure.id, 0).await
}

/// Has it done at the end of its grace.
async fn enqueue(tx: &mut Tx, id: ErasureId, grace: u32) -> Result<Erasure> {
    let job =
        enqueue_new(tx, NewJob::of(&Anonymise { erasure: id })?.after(Duration::from_secs(u64::from(grace) * DAY)))
            .await?;
    erasures::given_to(tx, id, job).await?;
    erasures::get(tx, id).await
}

/// Has one that was lost done now.
pub(super) async fn again(tx: &mut Tx, erasure: &Erasure) -> Result<Erasure> {
    enqueue(tx, erasure.id, 0).await
}

/// Calls it off: the account is what it was before. 403 when its owner may do more than who asks, 404 when nothing is
/// under way, 409 `erasure_begun` once something is gone.
pub async fn call_off(tx: &mut Tx, by: &Authority, id: UserId) -> Result<User> {
    by.not_self(id)?;
    held(tx, by, id).await?;
    let open = erasures::of_user(tx, id).await?.ok_or(Error::NotFound("erasure"))?;
    let open = erasures::lock(tx, open.id).await?;
    if !open.is_open() || !open.steps.is_empty() || open.cursor.is_some() {
        return Err(Error::conflict("erasure_begun", "it has begun: what is gone does not come back"));
    }
    erasures::cancel(tx, open.id).await?;
    if let Some(job) = open.job_id {
        match jobs::admin::cancel(tx, job).await {
            Ok(_) | Err(Error::Conflict { .. } | Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let back =
        users::set_status(tx, id, Status::DeletionPending, open.former_status.unwrap_or(Status::Suspended)).await?;
    let user = back.ok_or_else(|| Error::conflict("user_status", "the account is not about to be deleted"))?;
    record(tx, "USER_DELETION_CANCELLED", Severity::High, id, json!({ "erasure": open.id, "status": user.status }))
        .await?;
    Ok(user)
}

/// Writes down what was done about an erasure.
pub(super) async fn write(tx: &mut Tx, action: &str, id: ErasureId, details: serde_json::Value) -> Result<()> {
    audit::record(tx, Entry { action, severity: Severity::High, target: "erasure", id: id.to_string(), details }).await
}
