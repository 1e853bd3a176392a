//! Every mail of the house: its lane, its class, its term. The texts are in `templates/email/<name>/`.

use std::time::Duration;

use crate::platform::jobs::Lane;

/// How urgent and how wanted a mail is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// About the account's safety: always sent.
    Security,
    /// Answers something the person did.
    Transactional,
    /// Tells of something; preferences apply.
    Notification,
}

impl Class {
    /// As in rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Transactional => "transactional",
            Self::Notification => "notification",
        }
    }
}

/// A secret link, made while the mail is rendered; only its SHA-256 is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Proves the address and activates the account.
    Activation,
    /// Allows one new password.
    PasswordReset,
}

/// A mail's standing orders.
#[derive(Debug, PartialEq, Eq)]
pub struct Template {
    /// The folder.
    pub name: &'static str,
    /// Its class.
    pub class: Class,
    /// Where its job waits.
    pub lane: Lane,
    /// The secret it carries.
    pub link: Option<Link>,
    /// After this long it ends as expired, unsent.
    pub deadline: Option<Duration>,
    /// Rather not at all than twice: when nobody knows whether the relay took it, it ends as `uncertain`, for a person.
    pub at_most_once: bool,
}

const HOUR: u64 = 3600;

const fn template(name: &'static str, class: Class, lane: Lane) -> Template {
    Template { name, class, lane, link: None, deadline: None, at_most_once: false }
}

/// A message or another event for the administrators.
pub static ADMIN_MESSAGE: Template = template("admin-message", Class::Notification, Lane::Email);
/// Something the administrators may want to know.
pub static ADMIN_INFO: Template = template("admin-info", Class::Notification, Lane::Email);
/// Something the administrators waited for is done.
pub static ADMIN_SUCCESS: Template = template("admin-success", Class::Notification, Lane::Email);
/// Something went wrong and needs an administrator.
pub static ADMIN_ERROR: Template = template("admin-error", Class::Notification, Lane::EmailHigh);
/// Something somebody waited for is done.
pub static USER_SUCCESS: Template = template("user-success", Class::Notification, Lane::Email);
/// An order was placed or cancelled, for the administrators.
pub static ADMIN_ORDER: Template = template("admin-order", Class::Notification, Lane::Email);
/// Where an order stands, for who placed it or works on it.
pub static USER_ORDER: Template = template("user-order", Class::Notification, Lane::Email);
/// A payment was received or paid back, for the administrators.
pub static ADMIN_PAYMENT: Template = template("admin-payment", Class::Notification, Lane::Email);
/// A payment was received, for who paid.
pub static USER_PAYMENT: Template = template("user-payment", Class::Notification, Lane::Email);
/// A payment did not go through, and how to try again.
pub static PAYMENT_FAILED: Template = template("billing-payment-failed", Class::Transactional, Lane::EmailHigh);
/// An invoice, as a Factur-X file.
pub static INVOICE: Template = template("billing-invoice", Class::Transactional, Lane::Email);
/// A credit note, as a Factur-X file.
pub static CREDIT_NOTE: Template = template("billing-credit-note", Class::Transactional, Lane::Email);
/// An invoice that is not paid in time.
pub static PAYMENT_REMINDER: Template = template("billing-payment-reminder", Class::Transactional, Lane::Email);
/// The guest's receipt for an order.
pub static VISITOR_ORDER: Template = template("visitor-order", Class::Transactional, Lane::Email);
/// The visitor's receipt for a contact form.
pub static VISITOR_CONTACT: Template = template("visitor-contact", Class::Transactional, Lane::Email);
/// The activation link. Its deadline is the link's term.
pub static ACTIVATION_LINK: Template = Template {
    link: Some(Link::Activation),
    deadline: Some(Duration::from_secs(24 * HOUR)),
    ..template("activation-link", Class::Security, Lane::EmailHigh)
};
/// Welcome, after activation.
pub static ACTIVATION_WELCOME: Template = Template {
    // Nobody misses a greeting; two look careless.
    at_most_once: true,
    ..template("activation-welcome", Class::Transactional, Lane::Email)
};
/// The reset link. After an hour nobody waits for it any more.
pub static PASSWORD_RESET: Template = Template {
    link: Some(Link::PasswordReset),
    deadline: Some(Duration::from_secs(HOUR)),
    ..template("account-password-reset", Class::Security, Lane::EmailHigh)
};
/// Tells the owner that the password changed.
pub static PASSWORD_CHANGED: Template = template("account-password-changed", Class::Security, Lane::EmailHigh);
/// An export is ready, with a link to where it is fetched.
pub static EXPORT_READY: Template = template("account-export-ready", Class::Transactional, Lane::Email);
/// Jobs died.
pub static DEAD_JOB: Template = template("ops-dead-job", Class::Notification, Lane::EmailHigh);
/// Something is wrong with the queue.
pub static QUEUE_ALARM: Template = template("ops-queue-alarm", Class::Notification, Lane::EmailHigh);

/// All of them.
pub static ALL: [&Template; 22] = [
    &ADMIN_MESSAGE,
    &ADMIN_INFO,
    &ADMIN_SUCCESS,
    &ADMIN_ERROR,
    &USER_SUCCESS,
    &ADMIN_ORDER,
    &USER_ORDER,
    &ADMIN_PAYMENT,
    &USER_PAYMENT,
    &PAYMENT_FAILED,
    &INVOICE,
    &CREDIT_NOTE,
    &PAYMENT_REMINDER,
    &VISITOR_ORDER,
    &VISITOR_CONTACT,
    &ACTIVATION_LINK,
    &ACTIVATION_WELCOME,
    &PASSWORD_RESET,
    &PASSWORD_CHANGED,
    &EXPORT_READY,
    &DEAD_JOB,
    &QUEUE_ALARM,
];

/// The mail of this name.
pub fn find(name: &str) -> Option<&'static Template> {
    ALL.into_iter().find(|template| template.name == name)
}

/// The mail of a notification that names none: `admin-<kind>` or `user-<kind>`. None: this kind stays in the application.
pub fn of_notification(admins: bool, kind: &str) -> Option<&'static Template> {
    find(&format!("{}-{kind}", if admins { "admin" } else { "user" }))
}
