//! What people may do: a role's permissions. Roles are rows, so a new one needs no new version.

use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;

use crate::kernel::Error;
use crate::kernel::Result;

/// Everything somebody may do. `*` is every permission.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Permissions(Vec<String>);

impl Permissions {
    /// These and no others.
    pub fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    /// Whether this is among them.
    pub fn can(&self, permission: &str) -> bool {
        self.0.iter().any(|held| held == "*" || held == permission)
    }
}

/// A role.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Role {
    /// Its name in rows.
    pub code: String,
    /// Its name for people.
    pub label: String,
    /// What it allows.
    pub permissions: Permissions,
}

/// Every role.
pub async fn roles(db: &mut PgConnection) -> Result<Vec<Role>> {
    let rows = sqlx::query!("select code, label, permissions from roles order by code").fetch_all(db).await?;
    Ok(rows
        .into_iter()
        .map(|row| Role { code: row.code, label: row.label, permissions: Permissions(row.permissions) })
        .collect())
}

/// What a role allows.
pub async fn of_role(db: &mut PgConnection, code: &str) -> Result<Permissions> {
    let names = sqlx::query_scalar!("select permissions from roles where code = $1", code).fetch_optional(db).await?;
    names.map(Permissions).ok_or(Error::NotFound("role"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_held_is_allowed() {
        let some = Permissions::new(vec!["jobs.read".into()]);
        assert!(some.can("jobs.read") && !some.can("jobs") && !some.can("jobs.manage") && !some.can("*"));
        assert!(Permissions::new(vec!["*".into()]).can("anything.at_all"));
        assert!(!Permissions::default().can(""));
    }
}
