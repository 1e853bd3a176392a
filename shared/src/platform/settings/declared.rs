//! Every setting, one page.

use super::value::{Bounds, Declared, Setting, Value};

/// All of them, by name.
pub static ALL: [&Declared; 6] = [&GRACE, &RETENTION, &ROLE, &LEAST, &REGISTER, &BY_MAIL];

static GRACE: Declared = Declared {
    key: "account.deletion_grace",
    default: Value::Number(0),
    bounds: Bounds::Range(0, 30),
    public: true,
    doc: "Days between somebody's wish to be deleted and the erasure",
    doc_fr: "Jours entre la demande de suppression d’un compte et son effacement",
};
static RETENTION: Declared = Declared {
    key: "audit.retention_days",
    default: Value::Number(365),
    bounds: Bounds::Range(30, 3650),
    public: false,
    doc: "Days for which audit entries are kept; high and critical ones three times longer",
    doc_fr: "Jours de conservation du journal d’audit ; trois fois plus pour les entrées graves et critiques",
};
static ROLE: Declared = Declared {
    key: "auth.default_role",
    default: Value::Word("user"),
    bounds: Bounds::OneOf(&["user", "corrector", "student", "employee"]),
    public: false,
    doc: "The role of somebody who registers",
    doc_fr: "Rôle de qui s’inscrit",
};
static LEAST: Declared = Declared {
    key: "auth.password_min",
    default: Value::Number(12),
    bounds: Bounds::Range(8, 64),
    public: true,
    doc: "Characters that a password has at least",
    doc_fr: "Nombre minimal de caractères d’un mot de passe",
};
static REGISTER: Declared = Declared {
    key: "auth.registration",
    default: Value::Switch(true),
    bounds: Bounds::Switch,
    public: true,
    doc: "Whether people may register themselves",
    doc_fr: "Chacun peut s’inscrire",
};
static BY_MAIL: Declared = Declared {
    key: "notifications.email",
    default: Value::Switch(true),
    bounds: Bounds::Switch,
    public: false,
    doc: "Whether notifications also come by mail; mails about an account's safety always do",
    doc_fr: "Les notifications arrivent aussi par courriel ; celles qui touchent à la sécurité toujours",
};

/// Days between somebody's wish to be deleted and the erasure.
pub const DELETION_GRACE: Setting<u32> = Setting::of(&GRACE);
/// Days for which audit entries are kept.
pub const AUDIT_RETENTION_DAYS: Setting<i64> = Setting::of(&RETENTION);
/// The role of somebody who registers.
pub const DEFAULT_ROLE: Setting<String> = Setting::of(&ROLE);
/// The shortest password, never below 8.
pub const PASSWORD_MIN: Setting<u64> = Setting::of(&LEAST);
/// Whether people may register themselves.
pub const REGISTRATION: Setting<bool> = Setting::of(&REGISTER);
/// Whether notifications also come by mail at all; mails about an account's safety always do.
pub const NOTIFICATIONS_EMAIL: Setting<bool> = Setting::of(&BY_MAIL);

/// The declaration of this name.
pub fn find(key: &str) -> Option<&'static Declared> {
    ALL.into_iter().find(|declared| declared.key == key)
}
