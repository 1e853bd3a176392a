//! Who is signed in, by a cookie that no script can read and no other site can send; and what we sign for them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use cookie::{Cookie, SameSite};
use secrecy::ExposeSecret;
use shared::domain::identity::sessions::{self, Identity};
use shared::domain::identity::users;
use shared::kernel::Result;
use shared::kernel::ids::{SessionId, UserId};
use shared::kernel::secret;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::app::App;
use crate::dashboard::words::say;

/// Our cookies; the session's has no further name.
const NAME: &str = "facteur";

/// The session's cookie.
pub fn session_cookie(app: &App, secret: String) -> Cookie<'static> {
    cookie(app, "", secret, None)
}

/// The cookie that ends it in the browser.
pub fn farewell(app: &App) -> Cookie<'static> {
    cookie(app, "", String::new(), Some(0))
}

/// A cookie of ours; without a term it ends with the browser.
pub fn cookie(app: &App, name: &str, value: String, seconds: Option<i64>) -> Cookie<'static> {
    let secure = !app.is_development();
    let mut cookie = Cookie::build((full_name(app, name), value))
        .path("/")
        .http_only(true)
        .secure(secure)
        .same_site(SameSite::Strict)
        .build();
    if let Some(seconds) = seconds {
        cookie.set_max_age(cookie::time::Duration::seconds(seconds));
    }
    cookie
}

/// `__Host-` ties a cookie to this host and to TLS; plain http in development has no TLS to tie it to.
fn full_name(app: &App, name: &str) -> String {
    let prefix = if app.is_development() { "" } else { "__Host-" };
    let dash = if name.is_empty() { "" } else { "-" };
    format!("{prefix}{NAME}{dash}{name}")
}

/// The value of a cookie of ours.
pub fn read_cookie(app: &App, headers: &HeaderMap, name: &str) -> Option<String> {
    let wanted = full_name(app, name);
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(Cookie::split_parse).flatten();
    cookies.find(|cookie| cookie.name() == wanted).map(|cookie| cookie.value().to_owned()).filter(|v| !v.is_empty())
}

/// Who asks; none: nobody, or no longer.
pub async fn operator(app: &App, headers: &HeaderMap) -> Result<Option<Identity>> {
    let Some(cookie) = read_cookie(app, headers, "") else {
        return Ok(None);
    };
    let mut db = app.platform.db.acquire().await?;
    sessions::by_cookie(&mut db, &cookie).await
}

/// Signs something for one purpose; what is signed for another is worth nothing here.
pub fn prove(app: &App, purpose: &str, message: &str) -> String {
    let key = app.platform.config.auth.jwt_secret.expose_secret();
    secret::sign(key.as_bytes(), &format!("facteur dashboard {purpose}\n{message}"))
}

/// What every form of a session carries. It is masked anew on every page: pages are compressed, and the length of one
/// that repeats what somebody sent must not tell, try after try, what its token is (BREACH).
pub fn form_token(app: &App, session: SessionId) -> String {
    let mask = hex::encode(secret::sha256(secret::token()));
    let proof = masked(&prove(app, "form", &session.to_string()), &mask).unwrap_or_default();
    mask + &proof
}

/// Whether a form carries the token of this session.
pub fn is_form_token(app: &App, session: SessionId, given: &str) -> bool {
    let proof = given.split_at_checked(given.len() / 2).and_then(|(mask, proof)| masked(proof, mask));
    proof.is_some_and(|proof| secret::same(&proof, &prove(app, "form", &session.to_string())))
}

/// One hexadecimal text laid over the other: twice is as it was. None unless both are as long.
fn masked(text: &str, mask: &str) -> Option<String> {
    let (text, mask) = (hex::decode(text).ok()?, hex::decode(mask).ok()?);
    let over = text.iter().zip(&mask).map(|(a, b)| a ^ b).collect::<Vec<_>>();
    (text.len() == mask.len()).then(|| hex::encode(over))
}

/// Names of people, for lists of what they did.
pub async fn names(db: &mut PgConnection, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, String>> {
    let mut names = HashMap::new();
    for id in ids {
        if let Entry::Vacant(name) = names.entry(id) {
            let user = users::find(db, UserId(id)).await?;
            name.insert(user.map_or_else(|| say!("somebody gone"), |user| full(&user)));
        }
    }
    Ok(names)
}

/// The name to show: a person's, else their address, else the id.
pub fn full(user: &users::User) -> String {
    let name = format!("{} {}", user.first_name, user.last_name).trim().to_owned();
    let other = || user.email.clone().or_else(|| user.username.clone()).unwrap_or_else(|| user.id.to_string());
    if name.is_empty() { other() } else { name }
}
