//! Forms: read once, small, from our own pages only; and the selects that filter bars are made of.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::kernel::Error;
use shared::kernel::error::FieldError;

use crate::app::App;
use crate::dashboard::words::word;
use crate::error::ApiError;

/// No form of ours is larger.
const LARGEST: usize = 64 * 1024;

/// The fields of a form, left by the gate for the handler.
#[derive(Clone, Debug, Default)]
pub struct Fields(Arc<Vec<(String, String)>>);

impl Fields {
    /// Reads a body as a form.
    pub async fn read(headers: &HeaderMap, body: Body) -> Result<Self, Error> {
        let media = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let bytes = axum::body::to_bytes(body, LARGEST).await;
        let bytes = bytes.map_err(|_| Error::field("", "body", "the form is too large or was cut off"))?;
        if !media.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
            return Err(Error::Forbidden("form_content_type".into()));
        }
        Ok(Self(Arc::new(form_urlencoded::parse(&bytes).into_owned().collect())))
    }

    /// A field's text; empty when it is absent.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }
}

impl Fields {
    /// Every text under this name: checked boxes.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| &**value)
    }
}

impl<S: Sync> FromRequestParts<S> for Fields {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// A form's fields as a type; empty ones count as absent.
pub struct Sent<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Sent<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let fields = parts.extensions.get::<Fields>().cloned().unwrap_or_default();
        let kept = fields.0.iter().filter(|(name, value)| name != "token" && !value.trim().is_empty());
        let text: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
        let form = serde_urlencoded::Deserializer::new(form_urlencoded::parse(text.as_bytes()));
        serde_path_to_error::deserialize(form).map(Self).map_err(|error| {
            Error::Invalid(vec![FieldError::new(error.path().to_string(), "type", error.inner().to_string())]).into()
        })
    }
}

/// The longest that something ends by itself after: thirty days.
const LONGEST: i64 = 30 * 24 * 60;

/// When so many minutes have passed; none: never by itself.
pub fn after_minutes(app: &App, minutes: Option<i64>) -> Result<Option<DateTime<Utc>>, Error> {
    match minutes {
        Some(minutes) if !(1..=LONGEST).contains(&minutes) => {
            Err(Error::field("minutes", "range", format!("should be 1 to {LONGEST}")))
        }
        minutes => Ok(minutes.map(|minutes| app.platform.clock.now() + Duration::minutes(minutes))),
    }
}

/// A line somebody wrote, trimmed and not too long; none for nothing.
pub fn line(text: Option<&str>) -> Option<String> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    Some(shared::kernel::text::cut(text, 300).into_owned())
}

/// Whether a browser says that one of our pages sent this. Every browser says it with every POST.
pub fn from_our_pages(app: &App, headers: &HeaderMap) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let site = header("sec-fetch-site");
    let origin = header(ORIGIN.as_str());
    let ours = |origin: &str| {
        let authority = origin.parse::<Uri>().ok().and_then(|uri| uri.authority().map(ToString::to_string));
        origin == origin_of(&app.platform.config.http.public_url)
            || (authority.is_some() && authority.as_deref() == header(HOST.as_str()))
    };
    site.is_none_or(|site| site == "same-origin") && origin.is_none_or(ours) && (site.is_some() || origin.is_some())
}

/// `https://api.example.org/base` → `https://api.example.org`.
fn origin_of(address: &str) -> &str {
    let host = address.find("://").map_or(0, |at| at + 3);
    address[host..].find('/').map_or(address, |end| &address[..host + end])
}

/// A choice in a filter bar.
#[derive(Clone, Debug, Serialize)]
pub struct Select {
    name: &'static str,
    label: &'static str,
    options: Vec<Choice>,
}

#[derive(Clone, Debug, Serialize)]
struct Choice {
    value: String,
    text: String,
    chosen: bool,
}

impl Select {
    /// Options as (value, words); a chosen value that is not among them is added.
    pub fn new(
        name: &'static str,
        any: &'static str,
        options: impl IntoIterator<Item = (String, String)>,
        chosen: Option<&str>,
    ) -> Self {
        let chosen = chosen.unwrap_or_default();
        let first = std::iter::once((String::new(), word(any).to_owned()));
        let mut options: Vec<Choice> =
            first.chain(options).map(|(value, text)| Choice { chosen: value == chosen, value, text }).collect();
        if !options.iter().any(|option| option.chosen) {
            options.push(Choice { value: chosen.to_owned(), text: chosen.to_owned(), chosen: true });
        }
        Self { name, label: word(any), options }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(origin_of("https://a.example:8443/base/x"), "https://a.example:8443");
        assert_eq!(origin_of("http://127.0.0.1:3000"), "http://127.0.0.1:3000");
    }
}
