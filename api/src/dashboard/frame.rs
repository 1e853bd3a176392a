//! The frame around every page: navigation, environment, clock, search, who is signed in, alarms, what was just done.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Utc};
use serde::Serialize;
use shared::kernel::config::Env;
use shared::kernel::{Error, Result};

use crate::app::App;
use crate::dashboard;
use crate::dashboard::desk::Desk;
use crate::dashboard::look::{self, Look};
use crate::dashboard::marks::capped;
use crate::dashboard::note::{Note, Shown};
use crate::dashboard::pulse::Alarm;
use crate::dashboard::words::{in_french, key, of_script, tr, word};
use crate::dashboard::{assets, session};

/// Where in the navigation a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The first page.
    Overview,
    /// Lists of jobs, a job.
    Jobs,
    /// The list of the dead.
    Dead,
    /// Failures in groups.
    Errors,
    /// Lanes and kinds.
    Queues,
    /// Batches.
    Batches,
    /// Bulk operations.
    Bulk,
    /// Worker processes.
    Workers,
    /// Recurring duties.
    Schedules,
    /// What is wrong with the queue, and was.
    Alarms,
    /// Mails.
    Emails,
    /// The mail folder of a developer's machine.
    Mailbox,
    /// What people write to the house.
    Requests,
    /// Orders.
    Orders,
    /// What Stripe told.
    StripeEvents,
    /// Invoices and credit notes.
    Invoices,
    /// Figures.
    Stats,
    /// Lists as files.
    Exports,
    /// People with an account.
    Users,
    /// What they may do.
    Roles,
    /// Who wants to be forgotten.
    Erasures,
    /// Who did what.
    Audit,
    /// What may be changed without a restart.
    Settings,
    /// Errors.
    Nowhere,
}

const NAVIGATION: &[(Place, &str, &str, &str)] = &[
    (Place::Overview, key("Overview"), "/admin", "overview"),
    (Place::Jobs, key("Jobs"), "/admin/jobs", "jobs"),
    (Place::Dead, key("Dead letters"), "/admin/jobs?state=dead", "dead"),
    (Place::Errors, key("Errors"), "/admin/errors", "errors"),
    (Place::Queues, key("Queues"), "/admin/queues", "queues"),
    (Place::Batches, key("Batches"), "/admin/batches", "batches"),
    (Place::Bulk, key("Bulk operations"), "/admin/bulk", "bulk"),
    (Place::Workers, key("Workers"), "/admin/workers", "workers"),
    (Place::Schedules, key("Schedules"), "/admin/schedules", "scheduled"),
    (Place::Alarms, key("Alarms"), "/admin/alarms", "alert"),
    (Place::Emails, key("E-mails"), "/admin/emails", "emails"),
    (Place::Mailbox, key("Mailbox"), "/admin/mailbox", "mailbox"),
    (Place::Requests, key("Requests"), "/admin/requests", "requests"),
    (Place::Orders, key("Orders"), "/admin/orders", "orders"),
    (Place::StripeEvents, key("Stripe events"), "/admin/stripe-events", "stripe"),
    (Place::Invoices, key("Invoices"), "/admin/invoices", "invoices"),
    (Place::Stats, key("Statistics"), "/admin/stats", "stats"),
    (Place::Exports, key("Exports"), "/admin/exports", "exports"),
    (Place::Users, key("Users"), "/admin/users", "users"),
    (Place::Roles, key("Roles"), "/admin/roles", "roles"),
    (Place::Erasures, key("Erasures"), "/admin/erasures", "erasures"),
    (Place::Audit, key("Audit"), "/admin/audit", "audit"),
    (Place::Settings, key("Settings"), "/admin/settings", "limits"),
];

#[derive(Debug, Serialize)]
struct Item {
    label: &'static str,
    href: &'static str,
    icon: &'static str,
    current: bool,
    apart: bool,
    tally: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct Me {
    name: String,
    role: String,
}

/// What `_layout.hbs` and `_head.hbs` print.
#[derive(Debug, Serialize)]
pub struct Frame {
    title: String,
    css: String,
    js: String,
    icon: String,
    env: &'static str,
    env_label: &'static str,
    day: String,
    clock: String,
    q: String,
    me: Me,
    token: String,
    nav: Vec<Item>,
    alarms: Vec<Alarm>,
    flash: Option<Shown>,
    live: bool,
    home: &'static str,
    search: bool,
    here: String,
    look: Look,
    words: Option<&'static BTreeMap<String, String>>,
    #[serde(skip)]
    now: DateTime<Utc>,
}

impl Frame {
    /// For pages without a session: signing in, errors.
    pub fn alone(app: &App, title: &str, token: String) -> Self {
        let now = app.platform.clock.now();
        let (env, env_label) = match app.platform.config.env {
            Env::Development => ("development", word("Development")),
            Env::Test => ("test", word("Test")),
            Env::Production => ("production", word("Production")),
        };
        Self {
            title: tr(title).into_owned(),
            css: assets::style(),
            js: assets::script(),
            icon: assets::icon(),
            env,
            env_label,
            day: day(now),
            clock: now.format("%H:%M:%S").to_string(),
            q: String::new(),
            me: Me::default(),
            token,
            nav: Vec::new(),
            alarms: Vec::new(),
            flash: None,
            live: false,
            home: "/admin",
            search: false,
            here: String::new(),
            look: look::now(),
            words: None,
            now,
        }
    }

    /// For everybody who is signed in.
    pub fn around(desk: &Desk, place: Place, title: &str, alarms: Vec<Alarm>, dead: (i64, bool)) -> Self {
        let app = &desk.app;
        let query = desk.uri.query().unwrap_or_default();
        let of = |wanted| form_urlencoded::parse(query.as_bytes()).find(move |(name, _)| name == wanted);
        let q = of("q");
        // Nobody looks through all jobs again at every news.
        let still = desk.answers_form || of("whole").is_some() || matches!(place, Place::Nowhere | Place::Mailbox);
        Self {
            q: q.map(|(_, value)| value.into_owned()).unwrap_or_default(),
            me: Me { name: desk.me.name.clone(), role: desk.me.role.clone() },
            nav: navigation(desk, place, dead),
            // The overview tells them itself, with more.
            alarms: if place == Place::Overview { Vec::new() } else { alarms },
            flash: desk.note.map(Note::shown),
            live: !still,
            home: dashboard::home(&desk.me.permissions).unwrap_or("/admin"),
            search: desk.may_look(),
            here: desk.here.clone(),
            words: of_script(),
            ..Self::alone(app, title, session::form_token(app, desk.me.session))
        }
    }
}

fn navigation(desk: &Desk, place: Place, (dead, more): (i64, bool)) -> Vec<Item> {
    let app = &desk.app;
    let mailbox = app.is_development() && app.platform.config.mail.folder.is_some();
    NAVIGATION
        .iter()
        .copied()
        .filter(|(item, ..)| desk.me.permissions.can(dashboard::right(*item)) && (*item != Place::Mailbox || mailbox))
        .map(|(item, label, href, icon)| Item {
            label: word(label),
            href,
            icon,
            current: item == place,
            apart: matches!(item, Place::Emails | Place::Audit),
            tally: (item == Place::Dead && dead > 0).then(|| capped(dead, more)),
        })
        .collect()
}

/// `22 Nov`, `22 nov.`.
pub fn day(now: DateTime<Utc>) -> String {
    let english = now.format("%-d %b").to_string();
    if !in_french() {
        return english;
    }
    let months = "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.";
    let month = months.split(' ').nth(now.month0() as usize).unwrap_or_default();
    format!("{} {month}", now.format("%-d"))
}

#[derive(Serialize)]
struct View<'a, T> {
    locale: &'static str,
    now: DateTime<Utc>,
    frame: &'a Frame,
    page: &'a T,
}

/// Renders a page.
pub fn render(app: &App, name: &str, frame: &Frame, page: &impl Serialize) -> Result<String> {
    let view = View { locale: frame.look.locale, now: frame.now, frame, page };
    app.platform.templates.page(name, view.locale, &view).map_err(Error::internal)
}
