//! Which notifications somebody wants by mail, too. All of them unless they said otherwise; mails about the account's
//! safety are not among them, nobody can switch those off.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::kernel::Result;
use crate::kernel::ids::UserId;

/// Declares the switches: a field is a kind of notification, as in rows.
macro_rules! by_email {
    ($($(#[$doc:meta])* $kind:ident),+ $(,)?) => {
        /// Kinds of notification that come by mail. One that is not named comes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct ByEmail {
            $($(#[$doc])* pub $kind: bool,)+
        }

        impl Default for ByEmail {
            fn default() -> Self {
                Self { $($kind: true,)+ }
            }
        }

        impl ByEmail {
            fn without(off: &[String]) -> Self {
                Self { $($kind: !off.iter().any(|kind| kind == stringify!($kind)),)+ }
            }

            fn off(self) -> Vec<String> {
                let all = [$((stringify!($kind), self.$kind)),+];
                all.into_iter().filter(|(_, wanted)| !wanted).map(|(kind, _)| kind.to_owned()).collect()
            }
        }
    };
}

by_email! {
    /// Something to know.
    info,
    /// Something went well.
    success,
    /// Something to look after.
    warning,
    /// Something went wrong.
    error,
    /// Somebody wrote.
    message,
    /// About an order.
    order,
    /// About a payment.
    payment,
    /// About a consultation.
    consultation,
    /// About the service itself.
    system,
}

/// What somebody wants.
pub async fn get(db: &mut PgConnection, user: UserId) -> Result<ByEmail> {
    let off = sqlx::query_scalar!("select mail_off from user_preferences where user_id = $1", user.0);
    Ok(off.fetch_optional(db).await?.map_or_else(ByEmail::default, |off| ByEmail::without(&off)))
}

/// Keeps what somebody wants.
pub async fn put(db: &mut PgConnection, user: UserId, wanted: ByEmail) -> Result<()> {
    sqlx::query!(
        "insert into user_preferences (user_id, mail_off) values ($1, $2)
         on conflict (user_id) do update set mail_off = excluded.mail_off",
        user.0,
        &wanted.off()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Who of these people does not want a notification of this kind and priority by mail.
pub async fn unwilling(db: &mut PgConnection, users: &[UserId], kind: &str, priority: &str) -> Result<Vec<UserId>> {
    let users: Vec<_> = users.iter().map(|user| user.0).collect();
    let unwilling = sqlx::query_scalar!(
        r#"select user_id as "user: UserId" from user_preferences
           where user_id = any($1) and ($2 = any(mail_off) or not (
               email_notifications = 'all' or email_notifications = 'important' and $3::text in ('high', 'urgent')))"#,
        &users,
        kind,
        priority
    );
    Ok(unwilling.fetch_all(db).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_switched_off_is_read_as_it_was_written() {
        assert_eq!(ByEmail::default().off(), [""; 0]);
        let wanted = ByEmail { order: false, system: false, ..ByEmail::default() };
        assert_eq!(wanted.off(), ["order", "system"]);
        assert_eq!(ByEmail::without(&wanted.off()), wanted);
    }
}
