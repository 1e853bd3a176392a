//! One person: facts, rights and where they come from, open sessions, the deletion under way; and what can be done.

use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shared::domain::billing::customers;
use shared::domain::identity::erasures::{self, Erasure};
use shared::domain::identity::grants::{self, Grant};
use shared::domain::identity::permissions::{self, Authority};
use shared::domain::identity::users::{self, Status, User};
use shared::domain::identity::{catalogue, directory, roles};
use shared::flows::{erasure_requested, rights_changed, user_managed};
use shared::kernel::Error;
use shared::kernel::ids::{CustomerId, GrantId, SessionId, UserId};
use shared::platform::audit;

use crate::dashboard::audit::Line;
use crate::dashboard::desk::Desk;
use crate::dashboard::facts::Fact;
use crate::dashboard::forms::{self, Select, Sent};
use crate::dashboard::frame::Place;
use crate::dashboard::note::What;
use crate::dashboard::users::{LIST, label};
use crate::dashboard::words::{in_french, key, say};
use crate::dashboard::{BILL, GRANT, KEEP, marks, session};
use crate::error::{Answer, ApiError};
use crate::extract::Path;

/// Audit entries shown beside a person.
const ENTRIES: i64 = 20;

/// `GET /admin/users/{id}`
pub async fn show(desk: Desk, Path(id): Path<UserId>) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let user = users::get(&mut db, id).await?;
    let held = permissions::held(&mut db, id).await?;
    let lent = grants::of_user(&mut db, id).await?;
    let sessions = directory::sessions(&mut db, id).await?;
    let erasure = erasures::of_user(&mut db, id).await?;
    let customer = customers::of_user(&mut db, id).await?.map(|customer| customer.id);
    let roles = roles::list(&mut db).await?;
    let entries = audit::about(&mut db, "user", &id.to_string(), ENTRIES).await?;
    let audit = Line::all(&mut db, entries).await?;
    drop(db);
    desk.opened("ADMIN_ACCESS", "user", id).await?;
    let codes = roles.iter().map(|role| (role.code.clone(), role.label.clone()));
    let lendable = catalogue::PERMISSIONS.iter().filter(|one| one.delegable);
    let lendable = lendable.map(|one| {
        (one.name.to_owned(), format!("{}: {}", one.name, if in_french() { one.meaning_fr } else { one.meaning }))
    });
    let settled = matches!(user.status, Status::Active | Status::PendingActivation | Status::Suspended);
    let theirs = desk.me.user == id;
    let view = json!({
        "id": id,
        "name": session::full(&user),
        "mark": marks::user(user.status),
        "facts": facts(&user, &label(&user.role, &roles), customer.filter(|_| desk.me.permissions.can(BILL))),
        "held": held,
        "lent": lent.iter().map(loan).collect::<Vec<_>>(),
        "sessions": sessions,
        "erasure": erasure.as_ref().map(deadline),
        "audit": audit,
        "manage": desk.me.permissions.can(KEEP) && !theirs,
        "grant": desk.me.permissions.can(GRANT) && !theirs && settled,
        "settled": settled,
        "active": user.status == Status::Active,
        "suspended": user.status == Status::Suspended,
        "roles": Select::new("role", "Role", codes, Some(&user.role)),
        "permissions": Select::new("permission", "A permission", lendable, None),
    });
    desk.page("user", Place::Users, &session::full(&user), &view).await
}

fn page(id: UserId) -> String {
    format!("{LIST}/{id}")
}

fn loan(grant: &Grant) -> serde_json::Value {
    json!({ "id": grant.id, "permission": grant.permission, "until": grant.expires_at, "active": grant.active })
}

fn deadline(erasure: &Erasure) -> serde_json::Value {
    json!({
        "requested_at": erasure.requested_at, "run_at": erasure.run_at, "due_by": erasure.due_by,
        "days_left": erasure.days_left, "late": erasure.days_left < 0, "begun": !erasure.steps.is_empty(),
        "job": erasure.job_id,
    })
}

fn facts(user: &User, role: &str, customer: Option<CustomerId>) -> Vec<Fact> {
    let text = |name, value: &Option<String>| value.as_ref().map(|value| Fact::text(name, value));
    let facts = [
        text(key("E-mail"), &user.email),
        text(key("User name"), &user.username),
        text(key("Phone"), &user.phone),
        Some(Fact::text("Role", role)),
        Some(Fact::text("Language", &user.locale)),
        customer.map(|id| Fact::link("Invoices", say!("all of theirs"), format!("/admin/invoices?customer_id={id}"))),
        user.activated_at.map(|at| Fact::at("Activated", at)),
        Some(Fact::at("Created", user.created_at)),
        Some(Fact::code("Id", user.id)),
    ];
    facts.into_iter().flatten().collect()
}

/// On whose word the forms change something.
fn authority(desk: &Desk) -> Authority {
    Authority { user: Some(desk.me.user), permissions: desk.me.permissions.clone() }
}

/// What a form about a person says.
#[derive(Deserialize)]
pub struct Form {
    reason: Option<String>,
    role: Option<String>,
    permission: Option<String>,
    hours: Option<i64>,
}

impl Form {
    fn why(&self) -> Option<String> {
        forms::line(self.reason.as_deref())
    }
}

/// `POST /admin/users/{id}/role`
pub async fn set_role(desk: Desk, Path(id): Path<UserId>, Sent(form): Sent<Form>) -> Answer {
    let mut tx = desk.begin().await?;
    let role = form.role.clone().unwrap_or_default();
    let done = user_managed::set_role(&mut tx, &authority(&desk), id, &role, form.why().as_deref()).await;
    if let Err(error) = done {
        return refused(&desk, id, error).await;
    }
    tx.commit().await?;
    desk.go(&page(id), What::UserChanged).await
}

/// `POST /admin/users/{id}/suspend`
pub async fn suspend(desk: Desk, Path(id): Path<UserId>, Sent(form): Sent<Form>) -> Answer {
    set_status(desk, id, &form, Status::Suspended).await
}

/// `POST /admin/users/{id}/open`
pub async fn open(desk: Desk, Path(id): Path<UserId>, Sent(form): Sent<Form>) -> Answer {
    set_status(desk, id, &form, Status::Active).await
}

async fn set_status(desk: Desk, id: UserId, form: &Form, to: Status) -> Answer {
    let Some(reason) = form.why() else { return desk.go(&page(id), What::ReasonMissing).await };
    let mut tx = desk.begin().await?;
    if let Err(error) = user_managed::set_status(&mut tx, &authority(&desk), id, to, &reason).await {
        return refused(&desk, id, error).await;
    }
    tx.commit().await?;
    desk.go(&page(id), What::UserChanged).await
}

/// `POST /admin/users/{id}/sign-out`
pub async fn sign_out(desk: Desk, Path(id): Path<UserId>) -> Answer {
    end(desk, id, None).await
}

/// `POST /admin/users/{id}/sessions/{session}/end`
pub async fn end_session(desk: Desk, Path((id, session)): Path<(UserId, SessionId)>) -> Answer {
    end(desk, id, Some(session)).await
}

async fn end(desk: Desk, id: UserId, session: Option<SessionId>) -> Answer {
    let mut tx = desk.begin().await?;
    if let Err(error) = user_managed::sign_out(&mut tx, &authority(&desk), id, session).await {
        return refused(&desk, id, error).await;
    }
    tx.commit().await?;
    desk.go(&page(id), What::SignedOut).await
}

/// `POST /admin/users/{id}/delete`
pub async fn forget(desk: Desk, Path(id): Path<UserId>, Sent(form): Sent<Form>) -> Answer {
    let Some(reason) = form.why() else { return desk.go(&page(id), What::ReasonMissing).await };
    let mut tx = desk.begin().await?;
    if let Err(error) = erasure_requested::of_user(&mut tx, &authority(&desk), id, Some(&reason)).await {
        return refused(&desk, id, error).await;
    }
    tx.commit().await?;
    desk.go(&page(id), What::Leaving).await
}

/// `POST /admin/users/{id}/keep`
pub async fn keep(desk: Desk, Path(id): Path<UserId>) -> Answer {
    let mut tx = desk.begin().await?;
    if let Err(error) = erasure_requested::call_off(&mut tx, &authority(&desk), id).await {
        return refused(&desk, id, error).await;
    }
    tx.commit().await?;
    desk.go(&page(id), What::UserChanged).await
}

/// `POST /admin/users/{id}/grants`
pub async fn lend(desk: Desk, Path(id): Path<UserId>, Sent(form): Sent<Form>) -> Answer {
    let until = forms::after_minutes(&desk.app, form.hours.map(|hours| hours.saturating_mul(60)))?;
    let permission = form.permission.unwrap_or_default();
    let mut tx = desk.begin().await?;
    if let Err(error) = rights_changed::lend(&mut tx, &authority(&desk), id, &permission, until).await {
        return refused(&desk, id, error).await;
    }
    tx.commit().await?;
    desk.go(&page(id), What::UserChanged).await
}

/// `POST /admin/users/{id}/grants/{grant}/end`
pub async fn take_back(desk: Desk, Path((id, grant)): Path<(UserId, GrantId)>) -> Answer {
    let mut tx = desk.begin().await?;
    if let Err(error) = rights_changed::take_back(&mut tx, &authority(&desk), grant).await {
        return refused(&desk, id, error).await;
    }
    tx.commit().await?;
    desk.go(&page(id), What::UserChanged).await
}

/// It stands elsewhere than when the page was made, or it is more than who asks may do: back to the page, which shows it.
async fn refused(desk: &Desk, id: UserId, error: Error) -> Answer {
    match error {
        Error::Conflict { .. } | Error::Invalid(_) | Error::Forbidden(_) => desk.go(&page(id), What::UserRefused).await,
        other => Err(other.into()),
    }
}
