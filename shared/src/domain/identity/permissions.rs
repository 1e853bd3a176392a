//! What people may do: what their role allows, what their groups do, what is lent to them. Asked anew at every request.

use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;

use crate::domain::identity::{catalogue, grants};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::UserId;

/// Everything somebody may do. `*` is every permission.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Permissions(Vec<String>);

impl Permissions {
    /// These and no others.
    pub fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    /// Every one.
    pub fn all() -> Self {
        Self(vec![catalogue::ALL.to_owned()])
    }

    /// Whether this is among them.
    pub fn can(&self, permission: &str) -> bool {
        self.0.iter().any(|held| held == catalogue::ALL || held == permission)
    }

    /// Whether all of these are.
    pub fn cover(&self, others: &Self) -> bool {
        others.0.iter().all(|permission| self.can(permission))
    }

    /// Their names.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

/// On whose word rights and accounts are changed. Nobody gives, or takes, what they do not hold.
#[derive(Clone, Debug)]
pub struct Authority {
    /// Who; none: whoever sits at the command line.
    pub user: Option<UserId>,
    /// What they may do.
    pub permissions: Permissions,
}

impl Authority {
    /// Whoever sits at the command line.
    pub fn operator() -> Self {
        Self { user: None, permissions: Permissions::all() }
    }

    /// The same without what is lent to them until a time: whoever gives for good must hold for good.
    pub async fn lasting(&self, db: &mut PgConnection) -> Result<Self> {
        let Some(user) = self.user else { return Ok(self.clone()) };
        let lent = grants::of_user(db, user).await?.into_iter().filter(|grant| grant.expires_at.is_some());
        let ending: Vec<String> = lent.map(|grant| grant.id.to_string()).collect();
        let held =
            held(db, user).await?.into_iter().filter(|held| held.source != "grant" || !ending.contains(&held.name));
        Ok(Self { user: self.user, permissions: Permissions::new(held.map(|held| held.permission).collect()) })
    }

    /// 403 `permission_not_held` unless they hold all of these themselves.
    pub fn over(&self, permissions: &Permissions) -> Result<()> {
        if self.permissions.cover(permissions) {
            return Ok(());
        }
        Err(Error::Forbidden("permission_not_held".into()))
    }

    /// 409 `own_account` when it is about themselves: nobody raises themselves, or shuts themselves out.
    pub fn not_self(&self, user: UserId) -> Result<()> {
        if self.user == Some(user) {
            return Err(Error::conflict("own_account", "somebody else must do this to your own account"));
        }
        Ok(())
    }
}

/// A permission somebody has, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Held {
    /// The permission; `*` is every one.
    pub permission: String,
    /// `role`, `group` or `grant`.
    pub source: String,
    /// The role's code, the group's name, the grant's id.
    pub name: String,
}

/// What somebody may do now, whatever their account's status.
pub async fn of_user(db: &mut PgConnection, user: UserId) -> Result<Permissions> {
    let held = held(db, user).await?;
    let mut names: Vec<String> = held.into_iter().map(|held| held.permission).collect();
    names.sort_unstable();
    names.dedup();
    Ok(Permissions(names))
}

/// The same with where each comes from: a permission stands there once for each source.
pub async fn held(db: &mut PgConnection, user: UserId) -> Result<Vec<Held>> {
    let held = sqlx::query_as!(
        Held,
        r#"select unnest(r.permissions) as "permission!", 'role' as "source!", r.code as "name!"
           from users u join roles r on r.code = u.role where u.id = $1
           union all
           select unnest(g.permissions), 'group', g.name
           from group_members m join groups g on g.id = m.group_id where m.user_id = $1 and g.is_active
           union all
           select permission, 'grant', id::text
           from permission_grants where user_id = $1 and (expires_at is null or expires_at > now())
           order by 1, 2, 3"#,
        user.0
    );
    Ok(held.fetch_all(db).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_held_is_allowed() {
        let some = Permissions::new(vec!["jobs.read".into()]);
        assert!(some.can("jobs.read") && !some.can("jobs") && !some.can("jobs.manage") && !some.can("*"));
        assert!(Permissions::all().can("anything.at_all") && Permissions::all().cover(&some));
        assert!(!Permissions::default().can("") && some.cover(&Permissions::default()));
        assert!(!some.cover(&Permissions::all()), "a part is not the whole");
    }
}
