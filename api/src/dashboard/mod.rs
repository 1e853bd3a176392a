//! The dashboard under `/admin`: pages rendered here, forms answered with a 303, nothing fetched from elsewhere.
//!
//! Which right a page or an action needs is said here and nowhere else: a route stands in the group of its right, and
//! [`gate`] lets nobody past without it. Handlers get a [`desk::Desk`]: who asks, the services, the frame around the page.

mod action;
mod assets;
mod audit;
mod bulk;
mod desk;
mod emails;
mod facts;
mod fault;
mod filter;
mod forms;
mod frame;
mod framed;
mod gate;
mod job;
mod jobs;
mod login;
mod mailbox;
mod marks;
mod mask;
mod note;
mod overview;
mod pager;
mod pulse;
mod queues;
mod row;
mod session;
mod timeline;
mod workers;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Redirect;
use axum::routing::{MethodRouter, any, get, post};

use crate::app::App;
use crate::dashboard::gate::Gate;
use crate::dashboard::pulse::Pulse;

/// To see anything here.
pub const READ: &str = "jobs.read";
/// To change anything here.
pub const MANAGE: &str = "jobs.manage";

/// The pages, the actions, signing in and out, the assets.
pub fn router(app: &App) -> Router<App> {
    let pulse = Pulse::default();
    let group = |right: &'static str, routes: Vec<(&str, MethodRouter<App>)>| {
        let gate = Gate { app: app.clone(), pulse: pulse.clone(), right };
        let router = routes.into_iter().fold(Router::new(), |router, (path, handler)| router.route(path, handler));
        router.route_layer(from_fn_with_state(gate, gate::pass))
    };
    let open = Router::new()
        .route("/admin/", get(|| async { Redirect::permanent("/admin") }))
        .route("/admin/login", get(login::form).post(login::sign_in))
        .route("/admin/assets/{name}", get(assets::serve));
    open.merge(group(READ, pages())).merge(group(MANAGE, actions())).layer(from_fn(gate::dress))
}

/// What one may look at.
fn pages() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/admin", get(overview::show)),
        ("/admin/jobs", get(jobs::list)),
        ("/admin/jobs/{id}", get(job::show)),
        ("/admin/queues", get(queues::list)),
        ("/admin/workers", get(workers::list)),
        ("/admin/emails", get(emails::list)),
        ("/admin/emails/{id}", get(emails::show)),
        ("/admin/emails/{id}/preview.html", get(emails::preview)),
        ("/admin/mailbox", get(mailbox::list)),
        ("/admin/mailbox/{name}", get(mailbox::show)),
        ("/admin/mailbox/{name}/body.html", get(mailbox::body)),
        ("/admin/audit", get(audit::list)),
        ("/admin/logout", post(login::sign_out)),
        ("/admin/{*rest}", any(gate::nothing)),
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
    ]
}
