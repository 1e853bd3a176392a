//! Kinds of jobs, on the page of the queues: policy, the last hour, and a fuse for each; and the page of one, with what
//! it does, what its payload looks like, and for the probe a test.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::kernel::Error;
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::admin;
use shared::platform::jobs::admin::kinds::{Fuse, KindView, span};
use shared::platform::jobs::flow::{FEW, Flow, Flows, Spread};
use shared::platform::jobs::kinds::{self as catalogue, Probe, ProbeMode};
use shared::platform::jobs::{Job, enqueue};

use crate::acts;
use crate::dashboard::desk::Desk;
use crate::dashboard::flow;
use crate::dashboard::forms::{self, Sent};
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Mark, capped};
use crate::dashboard::note::What;
use crate::dashboard::words::{in_french, say};
use crate::error::Answer;
use crate::extract::Path;

/// The largest number of a test: an hour of sleep, in ms.
const LONGEST: u64 = 3_600_000;

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
    run: Option<Spread>,
    few: bool,
    timeout: u64,
    policy: String,
}

impl<'a> Row<'a> {
    fn new(kind: &'a KindView, flow: &Flow) -> Self {
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
            run: flow.run,
            few: flow.samples < FEW,
            timeout: kind.timeout_seconds * 1000,
            policy: policy(kind),
        }
    }
}

/// When a failed run is tried again, in words.
fn policy(kind: &KindView) -> String {
    let Some(retry) = catalogue::find(kind.kind).map(|known| known.retry).filter(|_| in_french()) else {
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
pub fn rows<'a>(kinds: &'a [KindView], flows: &Flows) -> Vec<Row<'a>> {
    kinds.iter().map(|kind| Row::new(kind, &flows.kind(kind.kind))).collect()
}

/// `GET /admin/kinds/{kind}`
pub async fn show(desk: Desk, Path(name): Path<String>) -> Answer {
    let known = catalogue::find(&name).ok_or(Error::NotFound("kind"))?;
    let views = admin::kinds::list(&mut *desk.db().await?).await?;
    let view = views.iter().find(|view| view.kind == known.name).ok_or(Error::NotFound("kind"))?;
    let flow = desk.pulse.flows(&desk.app.platform).await?.kind(known.name);
    let mut schema = serde_json::to_value((known.schema)()).map_err(Error::internal)?;
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(schema) = schema.as_object_mut() {
        schema.retain(|name, _| !matches!(&**name, "$schema" | "title" | "description"));
    }
    let lists = ["queued", "running", "retrying", "dead", "succeeded"]
        .map(|state| json!({ "word": marks::job(state).word, "state": state }));
    let page = json!({
        "row": Row::new(view, &flow),
        "flow": flow::row(known.name, &flow),
        "description": description,
        "aliases": known.aliases,
        "schema": serde_json::to_string_pretty(&schema).map_err(Error::internal)?,
        "may_act": desk.may_act(),
        "probe": known.name == Probe::KIND,
        "lists": lists,
    });
    desk.page("kind", Place::Queues, known.name, &page).await
}

/// What a test job does.
#[derive(Debug, Deserialize)]
pub struct Test {
    mode: ProbeMode,
    n: Option<u64>,
}

/// `POST /admin/kinds/debug.probe/test`: a harmless job, to watch the queue at work.
pub async fn test(desk: Desk, Sent(form): Sent<Test>) -> Answer {
    if form.mode == ProbeMode::Abort || form.n.is_some_and(|n| n > LONGEST) {
        return Err(Error::field("mode", "choice", "is not for this form").into());
    }
    let mut tx = desk.begin().await?;
    let job = enqueue(&mut tx, &Probe { mode: form.mode, n: form.n, note: None }).await?;
    let details = json!({ "mode": form.mode, "count": 1 });
    let entry = Entry { action: "JOBS_PROBED", severity: Severity::Low, target: "job", id: job.to_string(), details };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    desk.go(&format!("/admin/jobs/{job}"), What::Probed).await
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
