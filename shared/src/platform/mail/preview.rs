//! A mail as its reader sees it, for people who look after the queue. The secret in a link is not made and not shown.

use serde_json::{Value, json};

use super::catalogue::{self, Link};
use super::{EmailView, vars};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::config::Config;
use crate::platform::templates::{RenderedMail, Templates};

/// What stands where a token would.
const MASK: &str = "••••";

/// Renders a mail from its variables, as the worker would, with its secret link masked.
pub fn preview(config: &Config, templates: &Templates, email: &EmailView) -> Result<RenderedMail> {
    let row = &email.row;
    let template = catalogue::find(&row.template).ok_or(Error::NotFound("template"))?;
    let mut vars = vars(config, &row.locale, &email.vars);
    if let (Some(link), Some(all)) = (template.link, vars.as_object_mut()) {
        let name = match link {
            Link::Activation => "activation",
            Link::PasswordReset => "reset",
        };
        // The true term is the token's own; the mail's deadline is the nearest thing that is known before and after.
        let expires_at = email.deadline_at.unwrap_or(row.created_at);
        all.insert(format!("{name}_url"), json!(format!("{}/{name}?token={MASK}", config.frontend_url())));
        all.insert("expires_at".into(), Value::from(expires_at.to_rfc3339()));
    }
    templates.mail(template.name, &row.locale, &vars).map_err(Error::internal)
}
