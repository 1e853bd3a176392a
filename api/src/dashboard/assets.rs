//! The style sheet, the script and the icon, compiled in. Their names carry a hash of their content, so that browsers
//! may keep them for ever and a new version is a new name.

use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use shared::kernel::secret;

use crate::error;
use crate::extract::Path;

/// One embedded file.
struct Asset {
    name: String,
    media: &'static str,
    body: &'static str,
}

impl Asset {
    fn new(stem: &str, extension: &str, media: &'static str, body: &'static str) -> Self {
        let hash = hex::encode(&secret::sha256(body)[..6]);
        Self { name: format!("{stem}.{hash}.{extension}"), media, body }
    }

    fn address(&self) -> String {
        format!("/admin/assets/{}", self.name)
    }
}

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("admin", "css", "text/css; charset=utf-8", include_str!("assets/admin.css")));
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("admin", "js", "text/javascript; charset=utf-8", include_str!("assets/admin.js")));
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("assets/icon.svg")));

/// Where the style sheet is.
pub fn style() -> String {
    STYLE.address()
}

/// Where the script is.
pub fn script() -> String {
    SCRIPT.address()
}

/// Where the icon is.
pub fn icon() -> String {
    ICON.address()
}

/// `GET /admin/assets/{name}`. An old name answers 404: its page is asked for again with the new one.
pub async fn serve(Path(name): Path<String>) -> Response {
    let found = [&STYLE, &SCRIPT, &ICON].into_iter().find(|asset| asset.name == name);
    let Some(asset) = found else {
        return error::plain(StatusCode::NOT_FOUND, "not_found", "there is no such asset in this version");
    };
    let headers = [(CONTENT_TYPE, asset.media), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, asset.body).into_response()
}
