//! Kinds of jobs, on the page of the queues: policy, the last hour, and a fuse for each.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::kernel::Error;
use shared::platform::jobs::admin::kinds::{Fuse, KindView, span};
use shared::platform::jobs::kinds;

use crate::acts;
use crate::dashboard::desk::Desk;
use crate::dashboard::forms::{self, Sent};
use crate::dashboard::marks::{self, Mark, capped};
use crate::dashboard::note::What;
use crate::dashboard::words::{in_french, say};
use crate::error::Answer;
use crate::extract::Path;

/// A kind as its table shows it.
#[derive(Serialize)]
pub struct Row<'a> {
    kind: &'a str,
    lane: &'a str,
    mark: Mark,
    held: bool,
    until: Option<DateTime<Utc>>,
    reason: Option<&'a str>,
    succeeded: String,
    failed: String,
    dead: String,
    run_ms: Option<f64>,
    timeout: u64,
    policy: String,
}

impl<'a> From<&'a KindView> for Row<'a> {
    fn from(kind: &'a KindView) -> Self {
        Self {
            kind: kind.kind,
            lane: kind.lane,
            mark: marks::fuse(&kind.fuse),
            held: kind.fuse != "closed",
            until: kind.fuse_until,
            reason: kind.fuse_reason.as_deref(),
            succeeded: capped(kind.succeeded, false),
            failed: capped(kind.failed, false),
            dead: capped(kind.dead, false),
            run_ms: kind.run_ms,
            timeout: kind.timeout_seconds * 1000,
            policy: policy(kind),
        }
    }
}

/// When a failed run is tried again, in words.
fn policy(kind: &KindView) -> String {
    let Some(retry) = kinds::find(kind.kind).map(|known| known.retry).filter(|_| in_french()) else {
        return kind.policy.clone();
    };
    let [base, cap, patience] = [retry.base, retry.cap, retry.patience].map(|wait| span(wait.as_secs()));
    let mut said = say!(
        "{n} attempts; again within {base}, ×{factor} each time, {cap} at most",
        n = retry.max_attempts,
        base = base,
        factor = retry.factor,
        cap = cap,
    );
    if !retry.patience.is_zero() {
        said.push_str(&say!("; for {patience} at least", patience = patience));
    }
    said
}

/// Every kind, as the table shows them.
pub fn rows(kinds: &[KindView]) -> Vec<Row<'_>> {
    kinds.iter().map(Row::from).collect()
}

/// The form.
#[derive(Debug, Deserialize)]
pub struct Blow {
    fuse: Fuse,
    reason: Option<String>,
    minutes: Option<i64>,
}

/// `POST /admin/kinds/{kind}/fuse`
pub async fn blow(desk: Desk, Path(kind): Path<String>, Sent(form): Sent<Blow>) -> Answer {
    let until = forms::after_minutes(&desk.app, form.minutes)?;
    let reason = forms::line(form.reason.as_deref()).ok_or_else(|| Error::field("reason", "required", "is missing"))?;
    let mut tx = desk.begin().await?;
    acts::fuse(&mut tx, &kind, form.fuse, until, &reason).await?;
    tx.commit().await?;
    desk.go("/admin/queues#kinds", What::Fused).await
}

/// `POST /admin/kinds/{kind}/clear`
pub async fn clear(desk: Desk, Path(kind): Path<String>) -> Answer {
    let mut tx = desk.begin().await?;
    acts::clear_fuse(&mut tx, &kind).await?;
    tx.commit().await?;
    desk.go("/admin/queues#kinds", What::Cleared).await
}
