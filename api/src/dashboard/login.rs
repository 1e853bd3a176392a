//! Signing in and out. The password is checked by the same story as the API's, with its limits and its even timing;
//! here is only the form: one that another site cannot send, and an answer that does not tell which accounts exist.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use shared::domain::identity::permissions;
use shared::flows::login::{self, Kind, SignedIn};
use shared::kernel::Error;
use shared::kernel::secret;
use shared::platform::tx::{Origin, Tx};

use crate::app::App;
use crate::dashboard::desk::{Desk, see_other, set_cookie};
use crate::dashboard::forms::{self, Fields};
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::words::say;
use crate::dashboard::{READ, fault, home, session};
use crate::error::{Answer, ApiError};
use crate::extract::Query;

/// The cookie that the form's token belongs to: there is no session yet.
const NONCE: &str = "login";
/// How long a form may stand open, in seconds.
const PATIENCE: i64 = 3600;
/// Longest login and password that are looked at.
const LONGEST: (usize, usize) = (254, 128);

#[derive(Default, Serialize)]
struct Page {
    login: String,
    next: String,
    wrong: Option<String>,
    said: Option<String>,
}

/// Where to go afterwards, whether somebody has just left, and whether a session ended under a form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    next: String,
    left: Option<String>,
    ended: Option<String>,
}

/// `GET /admin/login`
pub async fn form(State(app): State<App>, headers: HeaderMap, Query(wanted): Query<Wanted>) -> Response {
    let next = ours(&wanted.next).to_owned();
    if let Ok(Some(_)) = session::operator(&app, &headers).await {
        return see_other(&next).unwrap_or_else(IntoResponse::into_response);
    }
    let said = match (wanted.left, wanted.ended) {
        (Some(_), _) => Some(say!("You are signed out.")),
        (None, Some(_)) => Some(say!("Your session has ended: nothing was changed. Sign in, and do it again.")),
        (None, None) => None,
    };
    show(&app, &headers, StatusCode::OK, &Page { next, said, ..Page::default() })
}

/// `POST /admin/login`
pub async fn sign_in(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let origin = parts.extensions.get::<Origin>().cloned().unwrap_or_default();
    let fields = match Fields::read(&parts.headers, body).await {
        Ok(fields) if is_ours(&app, &parts.headers, &fields) => fields,
        Ok(_) => {
            let wrong = say!("This form was too old or came from another page. Try again.");
            return show(&app, &parts.headers, StatusCode::FORBIDDEN, &Page { wrong: Some(wrong), ..Page::default() });
        }
        Err(error) => return fault::alone(&app, ApiError::from(error).into_response(), &parts.uri).await,
    };
    let (name, next) = (fields.get("login").trim(), ours(fields.get("next")));
    match enter(&app, &origin, name, fields.get("password")).await {
        Ok((signed_in, first)) => welcome(&app, signed_in, if next == "/admin" { first } else { next })
            .unwrap_or_else(IntoResponse::into_response),
        Err(error) => match told(&error) {
            Some((status, wrong)) => {
                let page = Page { login: name.to_owned(), next: next.to_owned(), wrong: Some(wrong), said: None };
                show(&app, &parts.headers, status, &page)
            }
            None => fault::alone(&app, ApiError::from(error).into_response(), &parts.uri).await,
        },
    }
}

/// Checks the password, then whether the dashboard is for them at all, and where in it they begin.
async fn enter(app: &App, origin: &Origin, name: &str, password: &str) -> Result<(SignedIn, &'static str), Error> {
    if name.is_empty() || name.len() > LONGEST.0 || password.is_empty() || password.len() > LONGEST.1 {
        return Err(Error::Unauthenticated("invalid_credentials"));
    }
    let signed_in = login::sign_in(&app.platform, origin, Kind::Dashboard, name, password).await?;
    let mut tx = Tx::begin_for(&app.platform, Origin { actor: Some(signed_in.user.id), ..origin.clone() }).await?;
    if let Some(first) = home(&permissions::of_user(&mut tx, signed_in.user.id).await?) {
        return Ok((signed_in, first));
    }
    login::sign_out(&mut tx, signed_in.user.id, signed_in.session).await?;
    tx.commit().await?;
    Err(Error::Forbidden(READ.into()))
}

fn welcome(app: &App, signed_in: SignedIn, next: &str) -> Answer {
    let mut response = see_other(next)?;
    set_cookie(&mut response, &session::session_cookie(app, signed_in.secret));
    set_cookie(&mut response, &session::cookie(app, NONCE, String::new(), Some(0)));
    Ok(response)
}

/// `POST /admin/logout`
pub async fn sign_out(desk: Desk) -> Answer {
    let mut tx = desk.begin().await?;
    login::sign_out(&mut tx, desk.me.user, desk.me.session).await?;
    tx.commit().await?;
    let mut response = see_other("/admin/login?left=1")?;
    set_cookie(&mut response, &session::farewell(&desk.app));
    Ok(response)
}

/// The form, with a token that belongs to a cookie of this browser.
fn show(app: &App, headers: &HeaderMap, status: StatusCode, page: &Page) -> Response {
    let known = session::read_cookie(app, headers, NONCE);
    let nonce = known.unwrap_or_else(secret::token);
    let frame = Frame::alone(app, "Sign in", session::prove(app, NONCE, &nonce));
    match frame::render(app, "login", &frame, page) {
        Ok(html) => {
            let mut response = (status, Html(html)).into_response();
            set_cookie(&mut response, &session::cookie(app, NONCE, nonce, Some(PATIENCE)));
            response
        }
        Err(error) => ApiError::from(error).into_response(),
    }
}

fn is_ours(app: &App, headers: &HeaderMap, fields: &Fields) -> bool {
    let token = session::read_cookie(app, headers, NONCE).map(|nonce| session::prove(app, NONCE, &nonce));
    forms::from_our_pages(app, headers) && token.is_some_and(|token| secret::same(fields.get("token"), &token))
}

/// What the form says of a refusal; none for what is our own trouble.
fn told(error: &Error) -> Option<(StatusCode, String)> {
    match error {
        Error::Unauthenticated(_) => {
            let text =
                say!("That is no account, or not its password. After several failures an account rests for a while.");
            Some((StatusCode::UNAUTHORIZED, text))
        }
        Error::Forbidden(what) if what == READ => {
            Some((StatusCode::FORBIDDEN, say!("This account has no right to see the dashboard.")))
        }
        Error::Forbidden(_) => Some((StatusCode::FORBIDDEN, say!("This account is not activated yet: see its mail."))),
        Error::TooMany { retry_after } => {
            let minutes = retry_after.as_secs() / 60 + 1;
            let text = match minutes {
                1 => say!("Too many attempts. Try again in a minute."),
                _ => say!("Too many attempts. Try again in {minutes} minutes.", minutes = minutes),
            };
            Some((StatusCode::TOO_MANY_REQUESTS, text))
        }
        _ => None,
    }
}

/// A page of the dashboard; anything else becomes the overview.
pub fn ours(next: &str) -> &str {
    let rest = next.strip_prefix("/admin").unwrap_or("x");
    let fits = rest.is_empty() || rest.starts_with(['/', '?']);
    let plain = !next.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\' || !c.is_ascii());
    let elsewhere = !rest.starts_with("/login") && !rest.starts_with("/logout");
    if fits && plain && elsewhere { next } else { "/admin" }
}

#[cfg(test)]
mod tests {
    use super::ours;

    #[test]
    fn only_pages_of_the_dashboard_come_next() {
        assert_eq!(ours("/admin/jobs?state=dead"), "/admin/jobs?state=dead");
        for other in ["", "//evil.example", "/administrator", "https://evil.example/admin", "/admin\\x", "/admin/login"]
        {
            assert_eq!(ours(other), "/admin", "{other}");
        }
    }
}
