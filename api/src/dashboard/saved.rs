//! Saved views: a filter and its columns under a name, one's own or everybody's.

use serde::{Deserialize, Serialize};
use shared::kernel::Error;
use shared::platform::jobs::admin::views::{self, View};
use uuid::Uuid;

use crate::dashboard::desk::Desk;
use crate::dashboard::filter;
use crate::dashboard::forms::{Sent, line};
use crate::dashboard::note::What;
use crate::error::Answer;
use crate::extract::Path;

/// What the list shows of them.
#[derive(Serialize)]
pub struct Saved {
    views: Vec<Link>,
    query: String,
    may_share: bool,
}

#[derive(Serialize)]
struct Link {
    id: Uuid,
    name: String,
    href: String,
    shared: bool,
    current: bool,
    /// Theirs to forget.
    theirs: bool,
}

impl Saved {
    /// Beside a list with this query.
    pub fn new(desk: &Desk, views: Vec<View>, query: &str) -> Self {
        let may_share = desk.may_act();
        let link = |view: View| Link {
            href: filter::with("/admin/jobs", &view.query),
            current: view.query == query,
            theirs: !view.shared || may_share,
            id: view.id,
            name: view.name,
            shared: view.shared,
        };
        Self { views: views.into_iter().map(link).collect(), query: query.to_owned(), may_share }
    }
}

/// A view to be kept.
#[derive(Debug, Deserialize)]
pub struct Kept {
    name: Option<String>,
    #[serde(default)]
    query: String,
    shared: Option<String>,
}

/// `POST /admin/views`
pub async fn keep(desk: Desk, Sent(form): Sent<Kept>) -> Answer {
    let name = line(form.name.as_deref()).ok_or_else(|| Error::field("name", "required", "is needed"))?;
    if form.shared.is_some() && !desk.may_act() {
        return Err(Error::Forbidden(crate::dashboard::MANAGE.into()).into());
    }
    let mut tx = desk.begin().await?;
    views::keep(&mut tx, desk.me.user, &name, &form.query, form.shared.is_some()).await?;
    tx.commit().await?;
    desk.go(&filter::with("/admin/jobs", &form.query), What::ViewKept).await
}

/// `POST /admin/views/{id}/forget`
pub async fn forget(desk: Desk, Path(id): Path<Uuid>) -> Answer {
    let mut tx = desk.begin().await?;
    views::forget(&mut tx, desk.me.user, desk.may_act(), id).await?;
    tx.commit().await?;
    desk.go("/admin/jobs", What::ViewForgotten).await
}
