//! Files by a signed address: for mails, for browsers, for whoever was given it.

use axum::extract::State;
use axum::http::{HeaderMap, Method};
use shared::kernel::Error;
use shared::platform::files::{self, Signed};

use crate::app::App;
use crate::download;
use crate::error::{Answer, ApiError};
use crate::extract::{Path, Query};
use crate::table::{Access, Table};

/// The one endpoint.
pub fn table() -> Table {
    Table::at("/api/v1/files", "files")
        .get("/{id}/content", Access::Public, content)
        .says("A file, by a signed address that works for a while")
        .queries::<Signed>()
        .downloads()
}

/// An address that is wrong, too old, or of a file that is gone is answered the same.
async fn content(
    State(app): State<App>,
    method: Method,
    headers: HeaderMap,
    Path(id): Path<String>,
    signed: Result<Query<Signed>, ApiError>,
) -> Answer {
    let admitted = signed.ok().and_then(|Query(signed)| files::admits(&app.platform, &id, &signed));
    let (id, disposition) = admitted.ok_or(Error::NotFound("file"))?;
    // Given back before the first byte goes out: a slow reader holds no connection.
    let file = files::get(&mut *app.db().await?, id).await?;
    download::serve(&app.platform, &file, disposition, &method, &headers).await
}
