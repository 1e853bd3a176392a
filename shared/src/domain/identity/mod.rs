//! People, how they prove who they are, and what they may do. Owns `roles`, `groups`, `group_members`,
//! `permission_grants`, `users`, `user_preferences`, `sessions`, `refresh_tokens`, `account_tokens`, `erasures`.
//!
//! No secret is kept: passwords as argon2id, every token as its SHA-256. Stories that also mail, audit or enqueue
//! are in `flows/{registration,login,password,welcome,user_managed,rights_changed,erasure_requested,anonymise}.rs`.

pub mod catalogue;
pub mod credentials;
pub mod directory;
pub mod erasures;
pub mod fields;
mod forget;
pub mod grants;
pub mod groups;
pub mod passwords;
pub mod permissions;
pub mod preferences;
mod retention;
pub mod roles;
pub mod sessions;
pub mod tokens;
pub mod users;

pub use forget::forget;
pub use permissions::{Authority, Permissions};
pub use retention::purge;
pub use users::admins;

use chrono::{DateTime, Utc};

use crate::domain::identity::tokens::Purpose;
use crate::kernel::Result;
use crate::kernel::ids::{EmailId, UserId};
use crate::platform::mail::catalogue::Link;
use crate::platform::tx::Tx;

/// A secret link, made for one mail.
pub struct SecretLink {
    /// The variable of the template.
    pub name: &'static str,
    /// Where it leads, secret included.
    pub url: String,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

/// Makes the secret link that a mail carries, while the mail is being rendered. Links of earlier mails stop working.
pub async fn link(tx: &mut Tx, link: Link, user: UserId, email: EmailId) -> Result<SecretLink> {
    let (purpose, name, page) = match link {
        Link::Activation => (Purpose::Activation, "activation_url", "activation"),
        Link::PasswordReset => (Purpose::PasswordReset, "reset_url", "reinitialisation"),
    };
    let minted = tokens::mint(tx, user, purpose, email).await?;
    let url = format!("{}/{page}?token={}", tx.platform().config.frontend_url(), minted.token);
    Ok(SecretLink { name, url, expires_at: minted.expires_at })
}
