//! What a freshly activated account gets: default preferences and the welcome mail. Run by the job `account.welcome`.

use serde_json::{Value, json};

use crate::domain::identity::users::{self, Status};
use crate::kernel::Result;
use crate::kernel::ids::UserId;
use crate::platform::mail::catalogue;
use crate::platform::mail::{self, NewMail};
use crate::platform::tx::Tx;

/// Welcomes an active account; may run twice. An account that is not active any more gets nothing.
pub async fn story(tx: &mut Tx, user: UserId) -> Result<()> {
    let user = users::get(tx, user).await?;
    let Some(to) = user.recipient().filter(|_| user.status == Status::Active) else {
        return Ok(());
    };
    users::ensure_preferences(tx, user.id).await?;
    let dashboard = format!("{}/dashboard", tx.platform().config.frontend_url());
    let mail = NewMail {
        template: &catalogue::ACTIVATION_WELCOME,
        to,
        vars: json!({ "first_name": user.first_name, "dashboard_url": dashboard, "conversation_url": Value::Null }),
        dedupe_key: format!("welcome:{}", user.id),
        subject: Some(("user", user.id.0)),
        reply_to: None,
        attachments: Vec::new(),
    };
    mail::queue(tx, mail).await?;
    Ok(())
}
