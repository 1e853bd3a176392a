//! The dashboard under `/admin`: pages rendered here, forms answered with a 303, nothing fetched from elsewhere.
//!
//! Which right a page or an action needs is said here and nowhere else: a route stands in the group of its right, and
//! [`gate`] lets nobody past without it; [`right`] says the same of the navigation's entries. Handlers get a
//! [`desk::Desk`]: who asks, the services, the frame around the page.

mod action;
mod assets;
mod audit;
mod batches;
mod bulk;
mod desk;
mod emails;
mod eml;
mod errors;
mod exports;
mod facts;
mod fault;
mod filter;
mod forms;
mod frame;
mod framed;
mod gate;
mod invoice;
mod invoices;
mod job;
mod jobs;
mod kinds;
mod login;
mod mailbox;
mod marks;
mod mask;
mod note;
mod overview;
mod pager;
mod pulse;
mod queues;
mod request;
mod requests;
mod row;
mod schedules;
mod session;
mod timeline;
mod workers;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Redirect;
use axum::routing::{MethodRouter, any, get, post};
use shared::domain::identity::permissions::Permissions;
use shared::kernel::Error;

use crate::app::App;
use crate::dashboard::desk::{Desk, see_other};
use crate::dashboard::frame::Place;
use crate::dashboard::gate::Gate;
use crate::dashboard::pulse::Pulse;
use crate::error::Answer;

/// To see jobs, queues, workers and mails.
pub const READ: &str = "jobs.read";
/// To change anything about them.
pub const MANAGE: &str = "jobs.manage";
/// To read what people write to the house.
pub const ANSWER: &str = "requests.manage";

/// To see invoices, issue and send them.
pub const BILL: &str = "invoices.manage";

/// To export lists and figures.
pub use shared::flows::export_requested::RUN as EXPORT;

/// The ways in: any of these rights opens the dashboard, and the first that is held says where one begins.
const DOORS: [(&str, &str); 4] =
    [(READ, "/admin"), (ANSWER, "/admin/requests"), (BILL, "/admin/invoices"), (EXPORT, "/admin/exports")];

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
    let outside = gate(None);
    open.merge(group(None, common()))
        .merge(group(Some(READ), pages()))
        .merge(group(Some(MANAGE), actions()))
        .merge(group(Some(ANSWER), letters()))
        .merge(group(Some(BILL), bills()))
        .merge(group(Some(EXPORT), files()))
        .method_not_allowed_fallback(move |request| gate::wrong_method(outside, request))
        .layer(from_fn(gate::dress))
}

/// Where somebody with these rights begins; none: the dashboard is not for them.
pub fn home(permissions: &Permissions) -> Option<&'static str> {
    DOORS.into_iter().find(|(right, _)| permissions.can(right)).map(|(_, page)| page)
}

/// What an entry of the navigation needs to be shown.
pub const fn right(place: Place) -> &'static str {
    match place {
        Place::Requests => ANSWER,
        Place::Invoices => BILL,
        Place::Exports => EXPORT,
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
    vec![("/admin", get(begin)), ("/admin/logout", post(login::sign_out)), ("/admin/{*rest}", any(gate::nothing))]
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

/// What is exported: asked for, followed, fetched, taken away.
fn files() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/admin/exports", get(exports::list).post(exports::ask)),
        ("/admin/exports/{id}/file", get(exports::file)),
        ("/admin/exports/{id}/drop", post(exports::remove)),
    ]
}

/// What one may look at.
fn pages() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/admin/jobs", get(jobs::list)),
        ("/admin/jobs/{id}", get(job::show)),
        ("/admin/errors", get(errors::list)),
        ("/admin/errors/{fingerprint}", get(errors::show)),
        ("/admin/queues", get(queues::list)),
        ("/admin/batches", get(batches::list)),
        ("/admin/batches/{id}", get(batches::show)),
        ("/admin/workers", get(workers::list)),
        ("/admin/schedules", get(schedules::list)),
        ("/admin/emails", get(emails::list)),
        ("/admin/emails/{id}", get(emails::show)),
        ("/admin/emails/{id}/preview.html", get(emails::preview)),
        ("/admin/emails/{id}/attachments/{file}", get(emails::attachment)),
        ("/admin/mailbox", get(mailbox::list)),
        ("/admin/mailbox/{name}", get(mailbox::show)),
        ("/admin/mailbox/{name}/body.html", get(mailbox::body)),
        ("/admin/mailbox/{name}/attachments/{number}", get(mailbox::attachment)),
        ("/admin/audit", get(audit::list)),
    ]
}

/// What one may do.
fn actions() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/admin/jobs/{id}/retry", post(action::retry)),
        ("/admin/jobs/{id}/cancel", post(action::cancel)),
        ("/admin/jobs/{id}/discard", post(action::discard)),
        ("/admin/jobs/retry/preview", post(bulk::preview).get(bulk::back)),
        ("/admin/jobs/retry", post(bulk::apply).get(bulk::back)),
        ("/admin/queues/{name}/pause", post(queues::pause)),
        ("/admin/queues/{name}/resume", post(queues::resume)),
        ("/admin/schedules/{name}/run", post(schedules::run)),
        ("/admin/schedules/{name}/pause", post(schedules::pause)),
        ("/admin/schedules/{name}/resume", post(schedules::resume)),
        ("/admin/queues/{name}/limits", post(queues::limit)),
        ("/admin/kinds/{kind}/fuse", post(kinds::blow)),
        ("/admin/kinds/{kind}/clear", post(kinds::clear)),
        ("/admin/errors/{fingerprint}/resolve", post(errors::resolve)),
        ("/admin/errors/{fingerprint}/mute", post(errors::mute)),
        ("/admin/errors/{fingerprint}/unmute", post(errors::unmute)),
        ("/admin/errors/{fingerprint}/note", post(errors::note)),
    ]
}
