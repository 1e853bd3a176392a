//! Rights change: a role, a group or who is in it, a permission lent to one person. In force at the next request.
//!
//! Nobody gives or takes what they do not hold, nobody changes what they have their own rights from, and a role that may
//! do everything stays one, so that one administrator is always left.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::domain::identity::permissions::{Authority, Permissions};
use crate::domain::identity::users;
use crate::domain::identity::{catalogue, grants, groups, roles};
use crate::flows::user_managed::{record, theirs};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{GrantId, GroupId, UserId};
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::settings;
use crate::platform::tx::Tx;

/// Writes a role. 409 `role_exists`, 422 for what is no permission, 403 for one that its author does not hold.
pub async fn create_role(
    tx: &mut Tx,
    by: &Authority,
    code: &str,
    label: &str,
    wanted: &[String],
) -> Result<roles::Role> {
    let names = given(tx, by, wanted, true).await?;
    let role = roles::insert(tx, code, label, &names).await?;
    write(tx, "ROLE_CREATED", ("role", code.to_owned()), json!({ "permissions": names })).await?;
    Ok(role)
}

/// Changes a role. 409 `own_role` for one's own, `role_fixed` for what may do everything.
pub async fn change_role(
    tx: &mut Tx,
    by: &Authority,
    code: &str,
    label: Option<&str>,
    wanted: Option<&[String]>,
) -> Result<roles::Role> {
    let before = roles::get(tx, code).await?;
    let names = match wanted {
        Some(wanted) => Some(given(tx, by, wanted, true).await?),
        None => None,
    };
    if names.is_some() {
        not_own(tx, by, code).await?;
        by.over(&before.permissions)?;
        if before.permissions.can(catalogue::ALL) {
            return Err(Error::conflict("role_fixed", "a role that may do everything stays one"));
        }
    }
    let after = roles::update(tx, code, label, names.as_deref()).await?;
    let details = json!({ "before": before.permissions, "after": after.permissions, "label": label.is_some() });
    write(tx, "ROLE_CHANGED", ("role", code.to_owned()), details).await?;
    Ok(after)
}

async fn not_own(tx: &mut Tx, by: &Authority, code: &str) -> Result<()> {
    if let Some(user) = by.user
        && users::get(tx, user).await?.role == code
    {
        return Err(Error::conflict("own_role", "somebody else must change the role that you have"));
    }
    Ok(())
}

/// Deletes a role. 409 `role_used` while somebody has it, gets it by registering, or the house needs it.
pub async fn delete_role(tx: &mut Tx, by: &Authority, code: &str) -> Result<()> {
    let role = roles::get(tx, code).await?;
    by.over(&role.permissions)?;
    if settings::DEFAULT_ROLE.get::<String>(tx).await? == code {
        return Err(Error::conflict("role_used", "whoever registers gets this role"));
    }
    roles::delete(tx, code).await?;
    write(tx, "ROLE_DELETED", ("role", code.to_owned()), json!({ "permissions": role.permissions })).await
}

/// Makes a group. 409 `group_exists`.
pub async fn create_group(tx: &mut Tx, by: &Authority, mut new: groups::Change) -> Result<groups::Group> {
    let names = given(tx, by, new.permissions.as_deref().unwrap_or_default(), false).await?;
    new.permissions = Some(names);
    let group = groups::insert(tx, &new).await?;
    write(tx, "GROUP_CREATED", about(group.id), json!({ "permissions": group.permissions })).await?;
    Ok(group)
}

/// Changes a group. 409 `own_account` for what it gives when one is in it oneself.
pub async fn change_group(
    tx: &mut Tx,
    by: &Authority,
    id: GroupId,
    mut change: groups::Change,
) -> Result<groups::Group> {
    let before = groups::get(tx, id).await?;
    by.over(&before.permissions)?;
    if let Some(wanted) = &change.permissions {
        change.permissions = Some(given(tx, by, wanted, false).await?);
    }
    if let Some(user) = by.user
        && (change.permissions.is_some() || change.is_active.is_some())
        && groups::has(tx, id, user).await?
    {
        by.not_self(user)?;
    }
    let after = groups::update(tx, id, &change).await?;
    let state = |group: &groups::Group| json!({ "permissions": group.permissions, "is_active": group.is_active });
    let details = json!({ "before": state(&before), "after": state(&after) });
    write(tx, "GROUP_CHANGED", about(id), details).await?;
    Ok(after)
}

/// Deletes a group; its members lose what it gave.
pub async fn delete_group(tx: &mut Tx, by: &Authority, id: GroupId) -> Result<()> {
    let group = groups::get(tx, id).await?;
    by.over(&group.permissions)?;
    groups::delete(tx, id).await?;
    let details = json!({ "permissions": group.permissions, "members": group.members });
    write(tx, "GROUP_DELETED", about(id), details).await
}

/// Takes somebody into a group, or lets them go.
pub async fn set_member(tx: &mut Tx, by: &Authority, id: GroupId, user: UserId, is_in: bool) -> Result<()> {
    by.not_self(user)?;
    let group = groups::get(tx, id).await?;
    by.over(&group.permissions)?;
    if is_in {
        by.lasting(tx).await?.over(&group.permissions)?;
    }
    theirs(tx, by, user).await?;
    let changed = if is_in { groups::add(tx, id, user, by.user).await? } else { groups::remove(tx, id, user).await? };
    if !changed {
        return Ok(());
    }
    let action = if is_in { "PERMISSION_GRANTED" } else { "PERMISSION_REVOKED" };
    let details = json!({ "group": id, "permissions": group.permissions });
    record(tx, action, Severity::High, user, details).await
}

/// Lends a permission until a time, or until it is taken back; what is only lent to who lends it, no longer than that.
pub async fn lend(
    tx: &mut Tx,
    by: &Authority,
    user: UserId,
    permission: &str,
    until: Option<DateTime<Utc>>,
) -> Result<grants::Grant> {
    by.not_self(user)?;
    if !catalogue::find(permission).is_some_and(|found| found.delegable) {
        return Err(Error::field("permission", "choice", "is no permission that can be lent"));
    }
    if until.is_some_and(|until| until <= tx.platform().clock.now()) {
        return Err(Error::field("expires_at", "past", "should be in the future"));
    }
    by.over(&Permissions::new(vec![permission.to_owned()]))?;
    theirs(tx, by, user).await?;
    let until = match by.user {
        Some(by_whom) if !by.lasting(tx).await?.permissions.can(permission) => {
            let own = grants::of_user(tx, by_whom).await?.into_iter().find(|own| own.permission == permission);
            let ends = own.and_then(|own| own.expires_at);
            Some(until.into_iter().chain(ends).min().ok_or_else(|| Error::Forbidden("permission_not_held".into()))?)
        }
        _ => until,
    };
    let grant = grants::put(tx, user, permission, by.user, until).await?;
    let details = json!({ "permission": permission, "expires_at": until });
    record(tx, "PERMISSION_GRANTED", Severity::High, user, details).await?;
    Ok(grant)
}

/// Takes a lent permission back.
pub async fn take_back(tx: &mut Tx, by: &Authority, id: GrantId) -> Result<()> {
    let grant = grants::get(tx, id).await?;
    by.over(&Permissions::new(vec![grant.permission.clone()]))?;
    grants::delete(tx, id).await?;
    record(tx, "PERMISSION_REVOKED", Severity::High, grant.user_id, json!({ "permission": grant.permission })).await
}

/// What is to be given, checked: it exists, and who gives it holds it, not only until a time.
async fn given(tx: &mut Tx, by: &Authority, wanted: &[String], role: bool) -> Result<Vec<String>> {
    let names = catalogue::known(wanted, role)?;
    by.lasting(tx).await?.over(&Permissions::new(names.clone()))?;
    Ok(names)
}

fn about(id: GroupId) -> (&'static str, String) {
    ("group", id.to_string())
}

async fn write(tx: &mut Tx, action: &str, (target, id): (&'static str, String), details: Value) -> Result<()> {
    audit::record(tx, Entry { action, severity: Severity::High, target, id, details }).await
}
