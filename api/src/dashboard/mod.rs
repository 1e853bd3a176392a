//! The dashboard under `/admin`: pages rendered here, forms answered with a 303, nothing fetched from elsewhere.
//!
//! Which right a page or an action needs is said here and nowhere else: a route stands in the group of its right, and
//! [`gate`] lets nobody past without it; [`right`] says the same of the navigation's entries. Handlers get a
//! [`desk::Desk`]: who asks, the services, the frame around the page.

mod action;
mod advice;
mod alarms;
mod assets;
mod audit;
mod batches;
mod bulk;
mod bulk_page;
mod chart;
mod columns;
mod desk;
mod diff;
mod edit;
mod emails;
mod eml;
mod errors;
mod exports;
mod facts;
mod fault;
mod filter;
mod flow;
mod forms;
mod frame;
mod framed;
mod gate;
mod invoice;
mod invoices;
mod job;
mod jobs;
mod kinds;
mod live;
mod login;
mod look;
pub mod lost;
mod mailbox;
mod marks;
mod note;
mod order;
mod orders;
mod overview;
mod pager;
mod pulse;
mod queues;
mod relations;
mod renewal;
mod request;
mod requests;
mod rights;
mod row;
mod saved;
mod schedules;
mod session;
mod settings;
mod stats;
mod stripe_events;
mod suppressions;
mod templates;
mod timeline;
mod user;
mod users;
mod words;
mod workers;

use axum::Router;
use axum::http::HeaderMap;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Redirect;
use axum::routing::{MethodRouter, any, get, post};
use shared::domain::identity::permissions::Permissions;
use shared::kernel::Error;
pub use shared::kernel::mask;

use crate::app::App;
use crate::dashboard::desk::{Desk, see_other};
use crate::dashboard::frame::Place;
use crate::dashboard::gate::Gate;
use crate::dashboard::live::Live;
use crate::dashboard::pulse::Pulse;
use crate::dashboard::renewal::Renewals;
use crate::error::Answer;

/// To see jobs, queues, workers and mails.
pub const READ: &str = "jobs.read";
/// To change anything about them.
pub const MANAGE: &str = "jobs.manage";
/// To read payloads without masks.
pub use shared::platform::jobs::admin::REVEAL;
/// To change more than 10,000 jobs at once.
pub const LARGE: &str = "bulk.large";
/// To read what people write to the house.
pub const ANSWER: &str = "requests.manage";

/// To see orders and move them on.
pub const ORDERS: &str = "orders.manage";
/// To give money back.
pub const REFUND: &str = "payments.refund";
/// To have Stripe's events handled again.
pub const REPLAY: &str = "stripe_events.manage";
/// To see invoices, issue and send them.
pub const BILL: &str = "invoices.manage";
/// To see people and what they may do.
pub const PEOPLE: &str = "users.read";
/// To suspend them, sign them out, delete them.
pub const KEEP: &str = "users.manage";
/// To lend them permissions.
pub const GRANT: &str = "users.grant";

/// To see who did what.
pub const AUDIT: &str = "audit.read";
/// To change settings.
pub const SET: &str = "settings.manage";
/// To export lists and figures.
pub use shared::flows::export_requested::RUN as EXPORT;
/// To see figures.
pub const COUNT: &str = "stats.read";

/// The ways in: any of these rights opens the dashboard, and the first that is held says where one begins.
const DOORS: &[(&str, &str)] = &[
    (READ, "/admin"),
    (ANSWER, "/admin/requests"),
    (ORDERS, "/admin/orders"),
    (BILL, "/admin/invoices"),
    (AUDIT, "/admin/audit"),
    (COUNT, "/admin/stats"),
    (SET, "/admin/settings"),
    (EXPORT, "/admin/exports"),
    (PEOPLE, "/admin/users"),
];

/// The pages, the actions, signing in and out, the assets.
pub fn router(app: &App) -> Router<App> {
    let pulse = Pulse::default();
    let gate = |right| Gate { app: app.clone(), pulse: pulse.clone(), right };
    let group = |right: Option<&'static str>, routes: Vec<(&str, MethodRouter<App>)>| {
        let router = routes.into_iter().fold(Router::new(), |router, (path, handler)| router.route(path, handler));
        router.route_layer(from_fn_with_state(gate(right), gate::pass))
    };
    let open = Router::new()
        .route("/admin/", get(|| async { Redirect::permanent("/admin") }))
        .route("/admin/login", get(login::form).post(login::sign_in))
        .route("/admin/assets/{name}", get(assets::serve));
    let (outside, live) = (gate(None), Live::new(pulse.clone()));
    let events = get(async move |desk: Desk, headers: HeaderMap| live.open(&desk, &headers));
    open.merge(group(None, common()))
        .merge(group(Some(READ), pages()))
        .merge(group(Some(READ), vec![("/admin/events", events)]))
        .merge(group(Some(MANAGE), actions()))
        .merge(group(Some(REVEAL), vec![("/admin/jobs/{id}/reveal", post(edit::reveal))]))
        .merge(group(Some(ANSWER), letters()))
        .merge(group(Some(BILL), bills()))
        .merge(group(Some(ORDERS), shop()))
        .merge(group(Some(REFUND), vec![("/admin/orders/{id}/refund", post(orders::refund))]))
        .merge(group(Some(REPLAY), replays()))
        .merge(group(Some(AUDIT), log()))
        .merge(group(Some(SET), knobs()))
        .merge(group(Some(COUNT), figures()))
        .merge(group(Some(EXPORT), files()))
        .merge(group(Some(PEOPLE), people()))
        .merge(group(Some(KEEP), keeping()))
        .merge(group(Some(GRANT), lending()))
        .method_not_allowed_fallback(move |request| gate::wrong_method(outside, request))
        .layer(from_fn_with_state(Renewals::default(), renewal::share))
        .layer(from_fn_with_state(app.clone(), look::dress))
        .layer(from_fn(gate::dress))
}

/// Where somebody with these rights begins; none: the dashboard is not for them.
pub fn home(permissions: &Permissions) -> Option<&'static str> {
    DOORS.iter().find(|(right, _)| permissions.can(right)).map(|(_, page)| *page)
}

/// What an entry of the navigation needs to be shown.
pub const fn right(place: Place) -> &'static str {
    match place {
        Place::Requests => ANSWER,
        Place::Orders => ORDERS,
        Place::Invoices => BILL,
        Place::Audit => AUDIT,
        Place::Stats => COUNT,
        Place::Settings => SET,
        Place::Exports => EXPORT,
        Place::Users | Place::Roles | Place::Erasures => PEOPLE,
        _ => READ,
    }
}

/// The first page of whoever asks.
async fn begin(desk: Desk) -> Answer {
    match home(&desk.me.permissions) {
        Some("/admin") => overview::show(desk).await,
        Some(elsewhere) => see_other(elsewhere),
        None => Err(Error::Forbidden(READ.into()).into()),
    }
}

/// For everybody who is signed in.
fn common() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/admin", get(begin)),
        ("/admin/logout", post(login::sign_out)),
        ("/admin/look", post(look::choose)),
        ("/admin/{*rest}", any(gate::nothing)),
    ]
}

/// What people write.
fn letters() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![("/admin/requests", get(requests::list)), ("/admin/requests/{id}", get(request::show))]
}

/// What is invoiced: looked at, issued, sent, drawn again, taken back.
fn bills() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/admin/invoices", get(invoices::list)),
        ("/admin/invoices/{id}", get(invoice::show)),
        ("/admin/invoices/{id}/page.png", get(invoice::png)),
        ("/admin/invoices/{id}/pdf", get(invoice::pdf)),
        ("/admin/invoices/{id}/xml", get(invoice::xml)),
        ("/admin/invoices/{id}/former/{revision}", get(invoice::former)),
        ("/admin/invoices/{id}/issue", post(invoice::issue)),
        ("/admin/invoices/{id}/send", post(invoice::send)),
        ("/admin/invoices/{id}/render", post(invoice::render)),
        ("/admin/invoices/{id}/credit", post(invoice::credit)),
    ]
}

/// What was ordered.
fn shop() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/admin/orders", get(orders::list)),
        ("/admin/orders/{id}", get(orders::show)),
        ("/admin/orders/{id}/cancel", post(orders::cancel)),
    ]
}

/// What Stripe told, once more.
fn replays() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/admin/stripe-events/{id}/replay", post(stripe_events::replay)),
        ("/admin/stripe-events/replay/preview", post(stripe_events::preview)),
        ("/admin/stripe-events/replay", post(stripe_events::replay_all)),
        ("/admin/stripe-events/compare", post(stripe_events::take)),
    ]
}

/// Who did what.
fn log() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/admin/audit", get(audit::list)),
        ("/admin/audit/verification", get(audit::verification)),
        ("/admin/audit/{id}", get(audit::show)),
    ]
}

/// What may be changed without a restart.
fn knobs() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![("/admin/settings", get(settings::list)), ("/admin/settings/{key}", post(settings::set))]
}

/// Figures.
fn figures() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![("/admin/stats", get(stats::show))]
}

/// What is exported: asked for, followed, fetched, taken away.
fn files() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/admin/exports", get(exports::list).post(exports::ask)),
        ("/admin/exports/{id}/file", get(exports::file)),
        ("/admin/exports/{id}/drop", post(exports::remove)),
    ]
}

/// Who is here, and what they may do.
fn people() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/admin/users", get(users::list)),
        ("/admin/users/{id}", get(user::show)),
        ("/admin/roles", get(rights::list)),
        ("/admin/erasures", get(rights::erasures)),
    ]
}

/// What is done to an account.
fn keeping() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/admin/users/{id}/role", post(user::set_role)),
        ("/admin/users/{id}/suspend", post(user::suspend)),
        ("/admin/users/{id}/open", post(user::open)),
        ("/admin/users/{id}/sign-out", post(user::sign_out)),
        ("/admin/users/{id}/sessions/{session}/end", post(user::end_session)),
        ("/admin/users/{id}/delete", post(user::forget)),
        ("/admin/users/{id}/keep", post(user::keep)),
    ]
}

/// What is lent to somebody.
fn lending() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/admin/users/{id}/grants", post(user::lend)),
        ("/admin/users/{id}/grants/{grant}/end", post(user::take_back)),
    ]
}

/// What one may look at.
fn pages() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/admin/jobs", get(jobs::list)),
        ("/admin/jobs/{id}", get(job::show)),
        ("/admin/views", post(saved::keep)),
        ("/admin/views/{id}/forget", post(saved::forget)),
        ("/admin/bulk", get(bulk_page::list)),
        ("/admin/bulk/{id}", get(bulk_page::show)),
        ("/admin/errors", get(errors::list)),
        ("/admin/errors/{fingerprint}", get(errors::show)),
        ("/admin/queues", get(queues::list)),
        ("/admin/kinds/{kind}", get(kinds::show)),
        ("/admin/batches", get(batches::list)),
        ("/admin/batches/{id}", get(batches::show)),
        ("/admin/workers", get(workers::list)),
        ("/admin/alarms", get(alarms::list)),
        ("/admin/schedules", get(schedules::list)),
        ("/admin/emails", get(emails::list)),
        ("/admin/emails/{id}", get(emails::show)),
        ("/admin/emails/{id}/preview.html", get(emails::preview)),
        ("/admin/emails/{id}/attachments/{file}", get(emails::attachment)),
        ("/admin/stripe-events", get(stripe_events::list)),
        ("/admin/stripe-events/compare", get(stripe_events::compare)),
        ("/admin/stripe-events/{id}", get(stripe_events::show)),
        ("/admin/suppressions", get(suppressions::list)),
        ("/admin/templates", get(templates::list)),
        ("/admin/templates/{name}", get(templates::show)),
        ("/admin/templates/{name}/preview.html", get(templates::preview)),
        ("/admin/mailbox", get(mailbox::list)),
        ("/admin/mailbox/{name}", get(mailbox::show)),
        ("/admin/mailbox/{name}/body.html", get(mailbox::body)),
        ("/admin/mailbox/{name}/attachments/{number}", get(mailbox::attachment)),
    ]
}

/// What one may do.
fn actions() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/admin/jobs/{id}/edit", get(edit::form).post(edit::save)),
        ("/admin/jobs/{id}/edit/check", post(edit::check)),
        ("/admin/jobs/{id}/retry", post(action::retry)),
        ("/admin/jobs/{id}/cancel", post(action::cancel)),
        ("/admin/jobs/{id}/discard", post(action::discard)),
        ("/admin/emails/{id}/again", post(emails::again)),
        ("/admin/emails/{id}/vars", post(emails::mend)),
        ("/admin/emails/release", post(emails::release)),
        ("/admin/suppressions", post(suppressions::add)),
        ("/admin/suppressions/release", post(suppressions::release)),
        ("/admin/templates/{name}/test", post(templates::test)),
        ("/admin/bulk/preview", post(bulk::preview)),
        ("/admin/bulk/{id}/start", post(bulk::start)),
        ("/admin/bulk/{id}/pause", post(bulk::pause)),
        ("/admin/bulk/{id}/resume", post(bulk::resume)),
        ("/admin/bulk/{id}/cancel", post(bulk::end)),
        ("/admin/bulk/{id}/undo", post(bulk::undo)),
        ("/admin/workers/{id}/stop", post(workers::stop)),
        ("/admin/alarms/test", post(alarms::test)),
        ("/admin/queues/{name}/pause", post(queues::pause)),
        ("/admin/queues/{name}/resume", post(queues::resume)),
        ("/admin/schedules/{name}/run", post(schedules::run)),
        ("/admin/schedules/{name}/pause", post(schedules::pause)),
        ("/admin/schedules/{name}/resume", post(schedules::resume)),
        ("/admin/queues/{name}/limits", post(queues::limit)),
        ("/admin/kinds/debug.probe/test", post(kinds::test)),
        ("/admin/kinds/{kind}/fuse", post(kinds::blow)),
        ("/admin/kinds/{kind}/clear", post(kinds::clear)),
        ("/admin/errors/{fingerprint}/resolve", post(errors::resolve)),
        ("/admin/errors/{fingerprint}/mute", post(errors::mute)),
        ("/admin/errors/{fingerprint}/unmute", post(errors::unmute)),
        ("/admin/errors/{fingerprint}/note", post(errors::note)),
    ]
}
