//! Errors as pages. Handlers give the errors the API gives; here a problem document becomes a page that says what
//! happened, what to do, and the request's id.

use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use crate::app::App;
use crate::dashboard;
use crate::dashboard::desk::Desk;
use crate::dashboard::frame::{self, Frame, Place};
use crate::dashboard::gate::address;
use crate::dashboard::words::{in_french, say, word};
use crate::error::ApiError;

#[derive(Debug, Serialize)]
struct Page {
    status: String,
    title: String,
    detail: String,
    errors: Value,
    request_id: Value,
    retry: Option<String>,
    back: &'static str,
    back_label: &'static str,
}

/// The answer itself, or the page for its problem, in the frame of who is signed in.
pub async fn framed(desk: &Desk, response: Response) -> Response {
    if !is_problem(&response) {
        return response;
    }
    let (status, headers, problem) = take_apart(response).await;
    let home = dashboard::home(&desk.me.permissions).unwrap_or("/admin/login");
    let answers = home == "/admin/requests";
    let back_label = word(if answers { "To the requests" } else { "To the overview" });
    let page = Page { back: home, back_label, ..describe(status, &problem, &desk.uri) };
    match desk.page("error", Place::Nowhere, &page.title, &page).await {
        Ok(page) => put_together(status, headers, page),
        Err(error) => error.into_response(),
    }
}

/// The same for somebody we do not know.
pub async fn alone(app: &App, response: Response, uri: &Uri) -> Response {
    let (status, headers, problem) = take_apart(response).await;
    let page = Page { back: "/admin/login", back_label: word("Sign in"), ..describe(status, &problem, uri) };
    let frame = Frame::alone(app, &page.title, String::new());
    match frame::render(app, "alone", &frame, &page) {
        Ok(html) => put_together(status, headers, Html(html).into_response()),
        Err(error) => ApiError::from(error).into_response(),
    }
}

fn is_problem(response: &Response) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"application/problem+json"))
}

async fn take_apart(response: Response) -> (StatusCode, HeaderMap, Value) {
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 64 * 1024).await.unwrap_or_default();
    (parts.status, parts.headers, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// The page under the problem's status and headers (`Retry-After` above all).
fn put_together(status: StatusCode, headers: HeaderMap, mut page: Response) -> Response {
    *page.status_mut() = status;
    for (name, value) in headers {
        if let Some(name) = name.filter(|name| *name != CONTENT_TYPE && *name != CONTENT_LENGTH) {
            page.headers_mut().insert(name, value);
        }
    }
    page.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    page
}

/// What a link to something that is gone says, where its kind is known.
fn missing(noun: &str) -> Option<String> {
    match noun {
        "job" => Some(say!("There is no such job")),
        "email" => Some(say!("There is no such email")),
        "request" => Some(say!("There is no such request")),
        "error" => Some(say!("There is no such error")),
        "batch" => Some(say!("There is no such batch")),
        _ => None,
    }
}

fn describe(status: StatusCode, problem: &Value, uri: &Uri) -> Page {
    let said = |name: &str| problem[name].as_str().unwrap_or_default();
    let noun = said("detail").strip_suffix(" not found").unwrap_or("page");
    let (title, detail) = match (status.as_u16(), said("code")) {
        (404, "job_discarded") => (say!("This job was discarded"), said("detail").to_owned()),
        (404, "job_pruned") => (say!("This job is not kept any more"), said("detail").to_owned()),
        (404, "job_unknown") => (say!("There is no such job"), said("detail").to_owned()),
        (404, _) => match missing(noun) {
            Some(title) => (title, say!("It never existed, was discarded, or was pruned after its retention.")),
            None => (say!("There is nothing here"), say!("The address is wrong, or what it showed is gone.")),
        },
        (403, "permission_missing") => (
            say!("You are not allowed this"),
            say!("{what} Ask an administrator for the right.", what = said("detail")),
        ),
        (403, _) => {
            let detail =
                say!("The form did not come from a page of this session. Open the page again and repeat the action.");
            (say!("This form was refused"), detail)
        }
        (405, _) => (
            say!("This address is not asked like that"),
            say!(
                "It answers another kind of request. Open the page and use its links and buttons; nothing was changed."
            ),
        ),
        (422, _) => (say!("That does not fit"), say!("Something in the address or the form is not understood.")),
        (503, _) => (say!("Not available just now"), say!("{what}. Nothing was changed.", what = said("detail"))),
        (500.., _) => {
            (say!("Something went wrong on our side"), say!("The error is in the log under the request's id."))
        }
        _ => (said("title").to_owned(), said("detail").to_owned()),
    };
    let again = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    Page {
        // The reason beside it is English in every language.
        status: if in_french() { status.as_str().to_owned() } else { status.to_string() },
        title,
        detail,
        errors: problem["errors"].clone(),
        request_id: problem["request_id"].clone(),
        retry: again.then(|| address(uri).to_owned()),
        back: "/admin",
        back_label: word("To the overview"),
    }
}
