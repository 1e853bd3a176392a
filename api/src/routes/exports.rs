//! Exports: one's own personal data, and what administrators export; followed, fetched, cancelled, taken away.
//!
//! Only who asked for an export fetches it, by their token or by the signed address that they are given here; it is nobody
//! else's, an administrator's neither.

mod events;

use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::domain::exports::{self, Export, ExportFilter, ExportFormat, ExportKind, Scope};
use shared::domain::identity::users;
use shared::flows::export_requested::{self, Dropped, RUN};
use shared::flows::{password, reauthentication};
use shared::kernel::Error;
use shared::kernel::ids::ExportId;
use shared::platform::Platform;
use shared::platform::files::{self, Disposition, Signed};
use shared::platform::tx::Origin;
use sqlx::PgConnection;
use validator::Validate;

use crate::app::App;
use crate::auth::Caller;
use crate::download;
use crate::error::{Answer, ApiError};
use crate::exports::Wish;
use crate::extract::{Nothing, Paging, Path, Post, Query, data, listed};
use crate::table::{Access, Table};

/// One's own.
pub fn mine() -> Table {
    Table::at("/api/v1/me/exports", "exports")
        .get("", Access::Caller, list_mine)
        .says("The exports I asked for, newest first")
        .queries::<ExportFilter>()
        .paged()
        .gives::<Export>(200)
        .post("", Access::Caller, ask_mine)
        .says("Export everything the house knows of me (GDPR); my password is asked once more")
        .takes::<OwnWish>()
        .gives::<Export>(202)
}

/// Any of mine.
pub fn table() -> Table {
    Table::at("/api/v1/exports", "exports")
        .get("/{id}", Access::Caller, show)
        .says("An export I asked for; when it is ready, with an address of its file that works for a while")
        .gives::<View>(200)
        .delete("/{id}", Access::Caller, remove)
        .says("Cancel an export while it is made, or take its file away; mine, or anybody's with `exports.run`")
        .gives_nothing(204)
        .get("/{id}/events", Access::Caller, events::open)
        .says("Follow an export of mine: an event `export` at each change, until it is ready or has ended")
        .streams()
        .get("/{id}/file", Access::Public, file)
        .says("Its file: with my token, or by the signed address")
        .queries::<Signed>()
        .downloads()
}

/// All of them.
pub fn admin() -> Table {
    Table::at("/api/v1/admin/exports", "exports")
        .get("", Access::Can(RUN), list)
        .says("All exports, newest first; only who asked for one fetches it")
        .queries::<ExportFilter>()
        .paged()
        .gives::<Export>(200)
        .post("", Access::Can(RUN), ask)
        .says(
            "Export orders, invoices, accounts, figures, the audit log (with `audit.read`), or somebody's personal data \
             (with `audit.read` and `users.manage`, and all that they may do)",
        )
        .takes::<Wish>()
        .gives::<Export>(202)
}

/// One's own data, about to be asked for.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OwnWish {
    /// One's password, once more.
    #[validate(length(min = 1, max = 1024))]
    password: String,
    /// `zip` (data.json, a CSV for each table, the files), `json` or `xlsx`; absent: `zip`.
    format: Option<ExportFormat>,
}

async fn ask_mine(State(app): State<App>, caller: Caller, post: Post<OwnWish>) -> Answer {
    post.begin().await?.rollback().await?; // a repeated key is answered before anything is hashed
    password::confirm(&app.platform, caller.user, &post.body.password).await?;
    let mut tx = post.begin().await?;
    let wish = Wish {
        kind: ExportKind::PersonalData,
        format: post.body.format.unwrap_or(ExportFormat::Zip),
        filters: None,
        columns: None,
        excel: None,
        locale: None,
        subject_user_id: Some(caller.user),
        password: None,
    };
    let locale = users::get(&mut tx, caller.user).await?.locale;
    let export = export_requested::request(&mut tx, caller.user, wish.checked(&locale)?).await?;
    post.accepted(tx, Some(address(export.id)), &export).await
}

async fn ask(State(app): State<App>, caller: Caller, post: Post<Wish>) -> Answer {
    if post.body.kind == ExportKind::PersonalData {
        post.begin().await?.rollback().await?; // a repeated key is answered before anything is hashed
        let who = (caller.user, caller.session);
        reauthentication::check(&app.platform, &post.origin, who, post.body.password.as_deref()).await?;
    }
    let mut tx = post.begin().await?;
    let locale = users::get(&mut tx, caller.user).await?.locale;
    let export = export_requested::request(&mut tx, caller.user, post.body.clone().checked(&locale)?).await?;
    post.accepted(tx, Some(address(export.id)), &export).await
}

fn address(id: ExportId) -> String {
    format!("/api/v1/exports/{id}")
}

/// Where its file is.
fn place(id: ExportId) -> String {
    format!("{}/file", address(id))
}

async fn list_mine(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<ExportFilter>,
    Paging(page): Paging,
) -> Answer {
    listed(&exports::list(&mut *app.db().await?, Scope::Mine(caller.user), &filter, page).await?)
}

async fn list(State(app): State<App>, Query(filter): Query<ExportFilter>, Paging(page): Paging) -> Answer {
    listed(&exports::list(&mut *app.db().await?, Scope::All, &filter, page).await?)
}

/// An export in the eyes of who asked for it.
#[derive(Serialize, JsonSchema)]
pub(super) struct View {
    /// The export.
    #[serde(flatten)]
    export: Export,
    /// An address of its file that works for a while and needs no account; none unless it is ready.
    url: Option<String>,
}

impl View {
    /// With a fresh address.
    async fn of(platform: &Platform, db: &mut PgConnection, export: Export) -> Result<Self, Error> {
        let url = export_requested::file(db, &export).await?.map(|file| {
            let query = files::signed_query(platform, file, Disposition::Attachment);
            format!("{}{}?{query}", platform.config.http.public_url, place(export.id))
        });
        Ok(Self { export, url })
    }
}

async fn show(State(app): State<App>, caller: Caller, Path(id): Path<ExportId>) -> Answer {
    let mut db = app.db().await?;
    let export = exports::get(&mut db, Scope::Mine(caller.user), id).await?;
    data(&View::of(&app.platform, &mut db, export).await?)
}

async fn remove(State(app): State<App>, caller: Caller, Path(id): Path<ExportId>, post: Post<Nothing>) -> Answer {
    let scope = if caller.can(RUN) { Scope::All } else { Scope::Mine(caller.user) };
    let mut tx = post.begin().await?;
    let dropped = export_requested::drop(&mut tx, scope, id).await?;
    let answer = post.done(tx).await?;
    if matches!(dropped, Dropped::Cancelled) {
        app.platform.files.discard_parts(&export_requested::folder(id)).await;
    }
    Ok(answer)
}

/// An address that is wrong or too old, somebody else's export, one whose file is gone, and one that its owner is not
/// allowed any more are answered the same.
async fn file(
    State(app): State<App>,
    axum::Extension(origin): axum::Extension<Origin>,
    (method, uri, headers): (Method, Uri, HeaderMap),
    Path(id): Path<ExportId>,
    signed: Result<Query<Signed>, ApiError>,
) -> Answer {
    let mut db = app.db().await?;
    let signed = signed.map(|Query(signed)| signed).unwrap_or_default();
    let scope = match origin.actor {
        _ if !signed.signature.is_empty() => Scope::All,
        Some(user) => Scope::Mine(user),
        None => return Err(Error::NotFound("export").into()),
    };
    let export = exports::get(&mut db, scope, id).await?;
    let file = export_requested::file(&mut db, &export).await?.ok_or(Error::NotFound("export"))?;
    // An id has more than one spelling; only that of the address was given out.
    let admitted = uri.path() == place(id) && files::admits(&app.platform, &file.to_string(), &signed).is_some();
    if matches!(scope, Scope::All) && !admitted {
        return Err(Error::NotFound("export").into());
    }
    send(&app, db, &export, file, &method, &headers).await
}

/// The file; a download that begins at its beginning counts. The connection goes back before the first byte goes out.
pub async fn send(
    app: &App,
    mut db: sqlx::pool::PoolConnection<sqlx::Postgres>,
    export: &Export,
    file: shared::kernel::ids::FileId,
    method: &Method,
    headers: &HeaderMap,
) -> Answer {
    let file = files::get(&mut db, file).await?;
    let goes_on = headers.get("range").is_some_and(|range| !range.as_bytes().starts_with(b"bytes=0-"));
    if *method == Method::GET && !goes_on {
        exports::downloaded(&mut db, export.id).await?;
    }
    drop(db);
    download::serve(&app.platform, &file, Disposition::Attachment, method, headers).await
}
