//! The frame around every page: navigation, environment, clock, search, who is signed in, alarms, what was just done.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::kernel::config::Env;
use shared::kernel::{Error, Result};

use crate::app::App;
use crate::dashboard;
use crate::dashboard::desk::Desk;
use crate::dashboard::marks::capped;
use crate::dashboard::note::{Note, Shown};
use crate::dashboard::pulse::Alarm;
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
    /// Worker processes.
    Workers,
    /// Recurring duties.
    Schedules,
    /// Mails.
    Emails,
    /// The mail folder of a developer's machine.
    Mailbox,
    /// What people write to the house.
    Requests,
    /// Invoices and credit notes.
    Invoices,
    /// Lists as files.
    Exports,
    /// Who did what.
    Audit,
    /// Errors.
    Nowhere,
}

const NAVIGATION: [(Place, &str, &str, &str); 14] = [
    (Place::Overview, "Overview", "/admin", "overview"),
    (Place::Jobs, "Jobs", "/admin/jobs", "jobs"),
    (Place::Dead, "Dead letters", "/admin/jobs?state=dead", "dead"),
    (Place::Errors, "Errors", "/admin/errors", "errors"),
    (Place::Queues, "Queues", "/admin/queues", "queues"),
    (Place::Batches, "Batches", "/admin/batches", "batches"),
    (Place::Workers, "Workers", "/admin/workers", "workers"),
    (Place::Schedules, "Schedules", "/admin/schedules", "scheduled"),
    (Place::Emails, "E-mails", "/admin/emails", "emails"),
    (Place::Mailbox, "Mailbox", "/admin/mailbox", "mailbox"),
    (Place::Requests, "Requests", "/admin/requests", "requests"),
    (Place::Invoices, "Invoices", "/admin/invoices", "invoices"),
    (Place::Exports, "Exports", "/admin/exports", "exports"),
    (Place::Audit, "Audit", "/admin/audit", "audit"),
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
    #[serde(skip)]
    now: DateTime<Utc>,
}

impl Frame {
    /// For pages without a session: signing in, errors.
    pub fn alone(app: &App, title: &str, token: String) -> Self {
        let now = app.platform.clock.now();
        let (env, env_label) = match app.platform.config.env {
            Env::Development => ("development", "Development"),
            Env::Test => ("test", "Test"),
            Env::Production => ("production", "Production"),
        };
        Self {
            title: title.to_owned(),
            css: assets::style(),
            js: assets::script(),
            icon: assets::icon(),
            env,
            env_label,
            day: now.format("%-d %b").to_string(),
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
            now,
        }
    }

    /// For everybody who is signed in.
    pub fn around(desk: &Desk, place: Place, title: &str, alarms: Vec<Alarm>, dead: (i64, bool)) -> Self {
        let app = &desk.app;
        let query = desk.uri.query().unwrap_or_default();
        let q = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "q");
        Self {
            q: q.map(|(_, value)| value.into_owned()).unwrap_or_default(),
            me: Me { name: desk.me.name.clone(), role: desk.me.role.clone() },
            nav: navigation(desk, place, dead),
            // The overview tells them itself, with more.
            alarms: if place == Place::Overview { Vec::new() } else { alarms },
            flash: desk.note.map(Note::shown),
            live: !matches!(place, Place::Nowhere | Place::Mailbox) && !is_answer(desk.uri.path()),
            home: dashboard::home(&desk.me.permissions).unwrap_or("/admin"),
            search: desk.may_look(),
            ..Self::alone(app, title, session::form_token(app, desk.me.session))
        }
    }
}

/// A page that answers a form cannot be asked for again.
fn is_answer(path: &str) -> bool {
    path == "/admin/jobs/retry/preview"
}

fn navigation(desk: &Desk, place: Place, (dead, more): (i64, bool)) -> Vec<Item> {
    let app = &desk.app;
    let mailbox = app.is_development() && app.platform.config.mail.folder.is_some();
    NAVIGATION
        .into_iter()
        .filter(|(item, ..)| desk.me.permissions.can(dashboard::right(*item)) && (*item != Place::Mailbox || mailbox))
        .map(|(item, label, href, icon)| Item {
            label,
            href,
            icon,
            current: item == place,
            apart: matches!(item, Place::Emails | Place::Audit),
            tally: (item == Place::Dead && dead > 0).then(|| capped(dead, more)),
        })
        .collect()
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
    let view = View { locale: "en", now: frame.now, frame, page };
    app.platform.templates.page(name, &view).map_err(Error::internal)
}
