//! Every mail in every language, rendered as the worker does, from the sample beside it.
//!
//! A changed text shows as a changed snapshot: `INSTA_UPDATE=always ./dev test templates`, then read the difference.

use serde_json::{Map, Value};
use shared::platform::templates::{LOCALES, RenderedMail, Templates};

/// Variables that a mail can do without. Everything else that is missing is an error.
const OPTIONAL: [(&str, &[&str]); 22] = [
    ("account-export-ready", &["first_name"]),
    ("account-password-changed", &["first_name", "ip_address", "support_url"]),
    ("account-password-reset", &["first_name", "ip_address"]),
    ("activation-link", &["first_name", "invited_by"]),
    ("activation-welcome", &["first_name", "dashboard_url", "conversation_url"]),
    ("admin-error", &["action_url", "error_code"]),
    ("admin-info", &["action_url"]),
    ("admin-message", &["action_url", "sender_email", "sender_name"]),
    ("admin-success", &["action_url"]),
    ("admin-order", &["action_url", "message"]),
    ("admin-payment", &["action_url", "message"]),
    ("billing-credit-note", &["invoice_url", "refund_delay_days"]),
    ("billing-invoice", &["invoice_url"]),
    ("billing-payment-failed", &["reason", "retry_url"]),
    ("billing-payment-reminder", &["payment_url"]),
    ("user-order", &["action_url"]),
    ("user-payment", &["action_url", "payment_method"]),
    ("visitor-order", &["first_name"]),
    ("ops-dead-job", &["dashboard_url", "last_error"]),
    ("ops-queue-alarm", &["message"]),
    ("user-success", &["action_url"]),
    ("visitor-contact", &["first_name", "message_copy", "subject"]),
];

fn every_mail() -> Vec<(String, &'static str, Value)> {
    let with_sample = |name: String| {
        let sample = Templates::sample(&name).expect("a sample beside every mail");
        LOCALES.map(|locale| (name.clone(), locale, sample.clone()))
    };
    Templates::mail_names().into_iter().flat_map(with_sample).collect()
}

fn templates() -> Templates {
    Templates::embedded().expect("the templates are well made")
}

#[test]
fn every_mail_is_as_it_was_read_and_approved() {
    let templates = templates();
    for (name, locale, sample) in every_mail() {
        let RenderedMail { subject, text, html } = templates.mail(&name, locale, &sample).expect("it renders");
        insta::assert_snapshot!(format!("{name}.{locale}"), format!("Subject: {subject}\n\n{text}\n\n{html}"));
    }
}

#[test]
fn no_mail_fetches_anything_or_leads_nowhere() {
    let templates = templates();
    for (name, locale, sample) in every_mail() {
        let mail = templates.mail(&name, locale, &sample).expect("it renders");
        for bad in ["href=\"#\"", "href=\"\"", "<img", "<link", "<script", "<iframe", "@import", "url(", " src="] {
            assert!(!mail.html.contains(bad), "{name} ({locale}) contains {bad}");
        }
        assert!(!mail.text.contains("{{") && !mail.html.contains("{{"), "{name} ({locale}) prints a variable's name");
        assert!(!mail.subject.is_empty() && mail.subject.chars().count() < 120, "{name} ({locale}): {}", mail.subject);
    }
}

#[test]
fn a_missing_variable_is_an_error_and_never_an_empty_space() {
    let templates = templates();
    for (name, locale, sample) in every_mail() {
        let all = sample.as_object().expect("an object");
        let optional = OPTIONAL.iter().find(|(mail, _)| *mail == name).expect("every mail is listed").1;
        for key in all.keys().filter(|key| *key != "locale") {
            let mut fewer: Map<String, Value> = all.clone();
            fewer.remove(key);
            let rendered = templates.mail(&name, locale, &Value::Object(fewer));
            assert_eq!(rendered.is_ok(), optional.contains(&&**key), "{name} ({locale}) without {key}");
        }
        assert!(templates.mail(&name, locale, &Value::Object(Map::new())).is_err(), "{name} ({locale}) needs nothing");
    }
}

#[test]
fn what_people_wrote_is_text_and_never_html() {
    let templates = templates();
    let evil = "</p><script>alert(1)</script>\"'><a href=x>";
    for (name, locale, mut sample) in every_mail() {
        for (key, value) in sample.as_object_mut().expect("an object") {
            let dated = key.ends_with("_at") || key.ends_with("_date");
            if value.is_string() && !dated && key != "locale" && key != "priority" && key != "request_kind" {
                *value = Value::from(evil);
            }
        }
        let html = templates.mail(&name, locale, &sample).expect("it renders").html;
        assert!(!html.contains("<script>") && !html.contains("<a href=x>"), "{name} ({locale})");
        assert!(html.contains("&lt;script&gt;"), "{name} ({locale}) does not show what was written");
    }
}

#[test]
fn a_subject_is_one_line_whatever_somebody_wrote() {
    let templates = templates();
    for (name, locale, mut sample) in every_mail() {
        for (key, value) in sample.as_object_mut().expect("an object").iter_mut().filter(|(_, value)| value.is_string())
        {
            if !key.ends_with("_at") && !key.ends_with("_date") {
                *value = Value::from("a\r\nBcc: b@example.org\u{2028}\u{202e}c");
            }
        }
        let subject = templates.mail(&name, locale, &sample).expect("it renders").subject;
        assert!(
            !subject.contains(|c: char| c.is_control() || c == '\u{2028}' || c == '\u{202e}'),
            "{name} ({locale}): {subject:?}"
        );
    }
}

#[test]
fn a_language_we_do_not_write_becomes_french() {
    let templates = templates();
    let (name, _, sample) = every_mail().remove(0);
    let subject = |locale| templates.mail(&name, locale, &sample).expect("it renders").subject;
    assert_eq!(subject("de"), subject("fr"));
    assert_eq!(subject("en-GB"), subject("en"));
    assert_ne!(subject("fr"), subject("en"));
}
