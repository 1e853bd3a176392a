//! Roles, groups and the catalogue of permissions; and who wants to be forgotten, with the legal deadline.

use axum::response::Response;
use serde_json::json;
use shared::domain::identity::erasures::{self, Erasure, ErasureFilter};
use shared::domain::identity::{catalogue, groups, roles};
use shared::kernel::page::PageRequest;

use crate::dashboard::desk::Desk;
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Count};
use crate::dashboard::pager::Pager;
use crate::dashboard::session;
use crate::error::ApiError;
use crate::extract::{Paging, Query};

/// `GET /admin/roles`
pub async fn list(desk: Desk) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let roles = roles::list(&mut db).await?;
    let groups = groups::list(&mut db).await?;
    drop(db);
    let roles = roles.iter().map(|role| {
        let users = Count::linked(role.users, format!("/admin/users?role={}", role.code));
        json!({ "code": role.code, "label": role.label, "permissions": role.permissions, "users": users })
    });
    let view = json!({
        "roles": roles.collect::<Vec<_>>(),
        "groups": groups,
        "permissions": catalogue::PERMISSIONS,
    });
    desk.page("roles", Place::Roles, "Roles", &view).await
}

/// `GET /admin/erasures`
pub async fn erasures(
    desk: Desk,
    Query(filter): Query<ErasureFilter>,
    Paging(wanted): Paging,
) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let page = erasures::list(&mut db, &filter, wanted).await?;
    let pressing = erasures::list(&mut db, &ErasureFilter { open: Some(true), user_id: None }, PageRequest::default());
    let late = pressing.await?.rows.iter().filter(|one| one.days_left < 0).count();
    let names = session::names(&mut db, page.rows.iter().filter_map(|one| one.requested_by).map(|by| by.0)).await?;
    drop(db);
    let row = |one: &Erasure| {
        json!({
            "id": one.id,
            "who": one.address,
            "href": one.user_id.map(|user| format!("/admin/users/{user}")),
            "mark": marks::erasure(one),
            "requested_at": one.requested_at,
            "by": one.requested_by.and_then(|by| names.get(&by.0).cloned()),
            "due_by": one.due_by,
            "days_left": one.is_open().then_some(one.days_left),
            "kept": one.kept,
            "job": one.job_id,
        })
    };
    let query = serde_urlencoded::to_string(&filter).unwrap_or_default();
    let view = json!({
        "rows": page.rows.iter().map(row).collect::<Vec<_>>(),
        "late": (late > 0).then_some(late),
        "pager": Pager::new("/admin/erasures", &query, wanted, &page),
    });
    desk.page("erasures", Place::Erasures, "Erasures", &view).await
}
