//! A stored file as an answer: RFC 9110's conditions and ranges, RFC 6266's names.
//!
//! Bytes are read when the reader takes them, some 100 KB ahead at most. A file never changes, so its SHA-256 is a strong
//! `ETag`; a browser keeps its copy and asks each time whether it still may (`private, no-cache`).

use std::ops::Range;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE,
    RANGE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use shared::kernel::Error;
use shared::platform::Platform;
use shared::platform::files::{self, Disposition, File};

use crate::error::{self, Answer};
use crate::extract::knows;

/// What a browser may show: nothing in these runs, or calls anybody. Everything else is saved.
const SHOWN: [&str; 6] =
    ["application/pdf", "image/png", "image/jpeg", "image/webp", "text/plain", "text/plain; charset=utf-8"];

/// 200 with the file, 206 with the range that was asked for, 304 when the reader has it, 416 for a range outside of it.
/// HEAD says the same and sends nothing.
pub async fn serve(
    platform: &Platform,
    file: &File,
    disposition: Disposition,
    method: &Method,
    headers: &HeaderMap,
) -> Answer {
    let tag = format!("\"{}\"", file.sha256);
    let size = file.size as u64;
    let range = if if_range(headers, &tag) { range(headers, size) } else { Asked::Whole };
    let mut response = if knows(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match range {
            Asked::Outside => outside(size),
            Asked::Whole => body(platform, file, None, method).await?,
            Asked::Part(range) => body(platform, file, Some(range), method).await?,
        }
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, HeaderValue::from_str(&tag).map_err(Error::internal)?);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if response.status().is_success() {
        dress(&mut response, &file.name, &file.content_type, disposition);
    }
    Ok(response)
}

/// What a download says of itself: its name, its type, and whether it is shown or saved.
pub fn dress(response: &mut Response, name: &str, content_type: &str, disposition: Disposition) {
    let shown = disposition == Disposition::Inline && SHOWN.contains(&content_type);
    let kind = HeaderValue::from_str(content_type);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    headers.insert(CONTENT_DISPOSITION, called(if shown { "inline" } else { "attachment" }, name));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
}

async fn body(platform: &Platform, file: &File, range: Option<Range<u64>>, method: &Method) -> Answer {
    let size = file.size as u64;
    let length = range.as_ref().map_or(size, |range| range.end - range.start);
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let part = range.as_ref().map(|range| format!("bytes {}-{}/{size}", range.start, range.end - 1));
    let body = match *method {
        Method::HEAD => Body::empty(),
        _ => Body::from_stream(files::open(&platform.files, file, range).await.map_err(Error::from)?),
    };
    let mut response = (status, body).into_response();
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(part) = part {
        response.headers_mut().insert(CONTENT_RANGE, HeaderValue::from_str(&part).map_err(Error::internal)?);
    }
    Ok(response)
}

fn outside(size: u64) -> Response {
    let code = "range_not_satisfiable";
    let mut response = error::plain(StatusCode::RANGE_NOT_SATISFIABLE, code, &format!("the file has {size} bytes"));
    if let Ok(length) = HeaderValue::from_str(&format!("bytes */{size}")) {
        response.headers_mut().insert(CONTENT_RANGE, length);
    }
    response
}

/// What a `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(Range<u64>),
    Outside,
}

/// A range counts unless it is for another file than ours. A date names none: we send no `Last-Modified`.
fn if_range(headers: &HeaderMap, tag: &str) -> bool {
    headers.get(IF_RANGE).is_none_or(|known| known.as_bytes() == tag.as_bytes())
}

/// One range of bytes (RFC 9110, 14.1.2). Several, other units and what is no range are not understood, and whoever asks
/// so gets the whole (14.2).
fn range(headers: &HeaderMap, size: u64) -> Asked {
    let Some(asked) = headers.get(RANGE).and_then(|range| range.to_str().ok()) else { return Asked::Whole };
    let Some((unit, span)) = asked.split_once('=') else { return Asked::Whole };
    let Some((first, last)) = span.trim().split_once('-') else { return Asked::Whole };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // More than a u64 holds is more than any file.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Asked::Whole;
    }
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Some(first), None) if last.is_empty() => first..size,
        (None, Some(suffix)) if first.is_empty() => size.saturating_sub(suffix)..size,
        _ => return Asked::Whole,
    };
    if range.start < range.end { Asked::Part(range) } else { Asked::Outside }
}

/// `Content-Disposition`: a name in ASCII for old readers, the true one beside it (RFC 6266, RFC 8187).
fn called(how: &str, name: &str) -> HeaderValue {
    let safe = |c: char| c.is_ascii_graphic() && !"\"\\%".contains(c) || c == ' ';
    let plain: String = name.chars().map(|c| if safe(c) { c } else { '_' }).collect();
    let mut value = format!("{how}; filename=\"{plain}\"");
    if plain != name {
        value.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                value.push(char::from(byte));
            } else {
                value.extend(['%', hex(byte >> 4), hex(byte & 15)]);
            }
        }
    }
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("attachment"))
}

/// A digit from 0 to 15.
fn hex(digit: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(digit)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str, size: u64) -> Asked {
        let value = HeaderValue::from_str(range).expect("a header");
        super::range(&HeaderMap::from_iter([(RANGE, value)]), size)
    }

    #[test]
    fn a_range_is_what_rfc_9110_says() {
        for (range, from, to) in [
            ("bytes=0-0", 0, 1),
            ("bytes=0-99", 0, 100),
            ("bytes=10-19", 10, 20),
            ("bytes=90-", 90, 100),
            ("bytes=90-500", 90, 100),
            ("bytes=-1", 99, 100),
            ("bytes=-500", 0, 100),
            ("Bytes=5-99999999999999999999999", 5, 100),
        ] {
            assert_eq!(asked(range, 100), Asked::Part(from..to), "{range}");
        }
        for range in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(asked(range, 100), Asked::Outside, "{range}");
        }
        for range in ["bytes=0-1,5-6", "bytes=2-1", "bytes=", "bytes=-", "bytes=a-b", "bytes=+1-2", "rows=0-1", "0-1"] {
            assert_eq!(asked(range, 100), Asked::Whole, "{range}");
        }
        assert_eq!((asked("bytes=0-", 0), asked("bytes=-5", 0)), (Asked::Outside, Asked::Outside));
    }

    #[test]
    fn a_name_reaches_old_and_new_readers() {
        let said = |name: &str| called("attachment", name).to_str().expect("ASCII").to_owned();
        assert_eq!(said("FA-2026-0001.pdf"), "attachment; filename=\"FA-2026-0001.pdf\"");
        assert_eq!(
            said("Facture n° \"1\".pdf"),
            "attachment; filename=\"Facture n_ _1_.pdf\"; filename*=UTF-8''Facture%20n%C2%B0%20%221%22.pdf"
        );
        assert_eq!(said("発票.pdf"), "attachment; filename=\"__.pdf\"; filename*=UTF-8''%E7%99%BA%E7%A5%A8.pdf");
        assert!(!said("a\r\nSet-Cookie: x").contains(['\r', '\n']));
    }
}
