//! A mail as its reader sees it, for people who look after the queue. The secret in a link is not made and not shown.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::catalogue::{self, Link, Template};
use super::{EmailView, vars};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::config::Config;
use crate::platform::templates::{RenderedMail, Templates};

/// What stands where a token would.
const MASK: &str = "••••";
/// Larger ones are cut off by Gmail, whose reader then has no link and no imprint.
const LARGEST: usize = 102 * 1024;
/// Longer subjects are cut off in most lists.
const LONGEST: usize = 78;

/// Renders a mail from its variables, as the worker would, with its secret link masked.
pub fn preview(config: &Config, templates: &Templates, email: &EmailView) -> Result<RenderedMail> {
    let template = catalogue::find(&email.row.template).ok_or(Error::NotFound("template"))?;
    // The true term is the token's own; the mail's deadline is the nearest thing that is known before and after.
    let term = email.deadline_at.unwrap_or(email.row.created_at);
    shown(config, templates, template, &email.row.locale, &email.vars, term)
}

/// Renders a template from these variables, its secret link masked; `term` is when that link ends.
pub fn shown(
    config: &Config,
    templates: &Templates,
    template: &Template,
    locale: &str,
    own: &Value,
    term: DateTime<Utc>,
) -> Result<RenderedMail> {
    let mut vars = vars(config, locale, own);
    if let (Some(link), Some(all)) = (template.link, vars.as_object_mut()) {
        let name = match link {
            Link::Activation => "activation",
            Link::PasswordReset => "reset",
        };
        all.insert(format!("{name}_url"), json!(format!("{}/{name}?token={MASK}", config.frontend_url())));
        all.insert("expires_at".into(), Value::from(term.to_rfc3339()));
    }
    templates.mail(template.name, locale, &vars).map_err(Error::internal)
}

/// What was looked at in a rendered mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub fine: bool,
    /// What was found.
    pub found: String,
}

/// What mail programs and their readers stumble over, told in this language (`fr`, `en`). `site` is where the house's own
/// links lead.
pub fn checks(mail: &RenderedMail, site: &str, locale: &str) -> Vec<Check> {
    let french = locale == "fr";
    let either = |en: &'static str, fr: &'static str| if french { fr } else { en };
    let check = |name, fine, found: String| Check { name, fine, found };
    let (subject, text, html) = (mail.subject.chars().count(), mail.text.len(), mail.html.len());
    let links = links(&mail.html);
    let odd: Vec<_> = links.iter().filter(|link| !safe(link) && !link.starts_with(site)).cloned().collect();
    let fetched = ["src=\"http", "background=\"http", "url(http", "<link", "<script"];
    let fetched: Vec<_> = fetched.into_iter().filter(|mark| mail.html.contains(mark)).collect();
    let dark = mail.html.contains("prefers-color-scheme: dark") || mail.html.contains("prefers-color-scheme:dark");
    let colours = if dark {
        either("has colours of its own", "a ses propres couleurs")
    } else {
        either("has no colours of its own", "n’a pas de couleurs propres")
    };
    let said = |list: &[String]| if list.is_empty() { either("none", "aucun").into() } else { list.join(", ") };
    let (characters, shown) = (either("characters", "caractères"), either("are shown", "sont montrés"));
    let (bytes, most) = (either("bytes", "octets"), either("Gmail shows", "Gmail en montre"));
    let nothing = fetched.is_empty();
    let fetched = if nothing { either("nothing", "rien").into() } else { fetched.join(", ") };
    vec![
        check(
            either("Subject", "Objet"),
            (1..=LONGEST).contains(&subject),
            format!("{subject} {characters}, {LONGEST} {shown}"),
        ),
        check(either("Text part", "Partie texte"), !mail.text.trim().is_empty(), format!("{text} {bytes}")),
        check(either("HTML part", "Partie HTML"), html <= LARGEST, format!("{html} {bytes}, {most} {LARGEST}")),
        check(either("Dark mode", "Mode sombre"), dark, colours.into()),
        check(either("Fetches nothing", "Ne charge rien"), nothing, fetched),
        check(either("Links", "Liens"), odd.is_empty(), said(if odd.is_empty() { &links } else { &odd })),
    ]
}

/// Over TLS, to a mailbox, or to this very machine.
fn safe(link: &str) -> bool {
    ["https://", "mailto:", "tel:", "http://localhost", "http://127.0.0.1"].iter().any(|start| link.starts_with(start))
}

/// Where an HTML part leads, each place once.
fn links(html: &str) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    for after in html.split("href=\"").skip(1) {
        let link = after.split('"').next().unwrap_or_default().replace("&amp;", "&").replace("&#x3D;", "=");
        if !links.contains(&link) {
            links.push(link);
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_readers_stumble_over_is_told() {
        let mail = |subject: &str, text: &str, html: &str| {
            let mail = RenderedMail { subject: subject.into(), text: text.into(), html: html.into() };
            checks(&mail, "http://house.test", "en")
                .into_iter()
                .filter(|check| !check.fine)
                .map(|check| check.name)
                .collect::<Vec<_>>()
        };
        let dark = "@media (prefers-color-scheme: dark) {}";
        assert!(mail("Hello", "Hello", &format!("{dark}<a href=\"https://a.example/?a&#x3D;1\">")).is_empty());
        assert_eq!(mail("", " ", ""), ["Subject", "Text part", "Dark mode"]);
        let heavy =
            format!("{dark}<img src=\"https://a.example/x.png\"><a href=\"javascript:x\">{}", "x".repeat(LARGEST));
        assert_eq!(mail("Hello", "Hello", &heavy), ["HTML part", "Fetches nothing", "Links"]);
    }
}
