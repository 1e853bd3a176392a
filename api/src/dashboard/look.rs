//! How the dashboard looks to who asks: its language and its colours. Both are chosen by a form of the frame and kept
//! in cookies, so that they work without a script, before signing in and after signing out; a value we do not know
//! counts as no choice.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::middleware::Next;
use axum::response::Response;
use serde::Serialize;
use shared::kernel::text;
use shared::platform::templates::LOCALES;

use crate::app::App;
use crate::dashboard::desk::{Desk, see_other, set_cookie};
use crate::dashboard::forms::Fields;
use crate::dashboard::login::ours;
use crate::dashboard::session;
use crate::error::Answer;

/// The cookies, before their prefix.
const LANGUAGE: &str = "language";
const THEME: &str = "theme";
/// The themes beside the system's own.
const THEMES: [&str; 2] = ["light", "dark"];
/// A choice is kept for a year, in seconds.
const TERM: i64 = 365 * 24 * 3600;

/// Language and colours of one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Look {
    /// `fr` or `en`.
    pub locale: &'static str,
    /// `light` or `dark`; none: as the system has it.
    pub theme: Option<&'static str>,
}

tokio::task_local! {
    static LOOK: Look;
}

/// The look of the answer that is being made; outside of one, the language of the sources.
pub fn now() -> Look {
    LOOK.try_with(|look| *look).unwrap_or(Look { locale: "en", theme: None })
}

/// Makes an answer with this look. What goes on after the answer (a stream) needs it once more.
pub async fn with<F: Future>(look: Look, answer: F) -> F::Output {
    LOOK.scope(look, answer).await
}

/// For whoever comes: what they chose, else what their browser asks for.
pub async fn dress(State(app): State<App>, request: Request, next: Next) -> Response {
    let asked = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let usual = text::locale(asked);
    with(chosen(&app, request.headers(), usual), next.run(request)).await
}

/// What the cookies say; without one, this language.
pub fn chosen(app: &App, headers: &HeaderMap, usual: &str) -> Look {
    let cookie = |name| session::read_cookie(app, headers, name).unwrap_or_default();
    let locale = known(&LOCALES, &cookie(LANGUAGE)).or_else(|| known(&LOCALES, usual)).unwrap_or(LOCALES[0]);
    Look { locale, theme: known(&THEMES, &cookie(THEME)) }
}

fn known(all: &[&'static str], value: &str) -> Option<&'static str> {
    all.iter().copied().find(|known| *known == value)
}

/// `POST /admin/look`: keeps what was chosen and goes back to the page.
pub async fn choose(desk: Desk, fields: Fields) -> Answer {
    let mut response = see_other(ours(fields.get("back")))?;
    if let Some(locale) = known(&LOCALES, fields.get(LANGUAGE)) {
        set_cookie(&mut response, &session::cookie(&desk.app, LANGUAGE, locale.to_owned(), Some(TERM)));
    }
    // The system's own is no cookie at all.
    let (theme, term) = known(&THEMES, fields.get(THEME)).map_or(("", 0), |theme| (theme, TERM));
    set_cookie(&mut response, &session::cookie(&desk.app, THEME, theme.to_owned(), Some(term)));
    Ok(response)
}
