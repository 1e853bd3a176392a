//! How lanes and kinds flow, as tables show it: rates, percentiles, when a queue will be empty.

use serde::Serialize;
use shared::platform::jobs::flow::{FEW, Flow, Spread};
use shared::platform::jobs::health::{COUNT_CAP, LaneView};

use crate::dashboard::pulse::Health;
use crate::dashboard::words::word;

/// A lane or a kind.
#[derive(Serialize)]
pub struct Row {
    name: String,
    arriving: String,
    leaving: String,
    samples: i64,
    /// Too few to go by.
    few: bool,
    wait: Option<Spread>,
    run: Option<Spread>,
    /// Until what waits is worked off, in ms.
    drain_ms: Option<i64>,
    /// The rest of the answer, or all of it.
    drain: &'static str,
    /// Workers alive that serve it.
    workers: Vec<String>,
}

/// A kind, or a lane of which nothing more is known.
pub fn row(name: &str, flow: &Flow) -> Row {
    Row {
        name: name.to_owned(),
        arriving: rate(flow.arriving),
        leaving: rate(flow.leaving),
        samples: flow.samples,
        few: flow.samples < FEW,
        wait: flow.wait,
        run: flow.run,
        drain_ms: None,
        drain: "",
        workers: Vec::new(),
    }
}

/// A lane, with what waits in it and who serves it.
pub fn lane(lane: &LaneView, flow: &Flow, health: &Health) -> Row {
    let drain = flow.drains_in(lane.waiting);
    let serving = health.alive().filter(|worker| worker.lanes.contains(&lane.name));
    Row {
        drain_ms: drain.map(|seconds| (seconds * 1000.0) as i64),
        drain: match (lane.waiting, drain) {
            (0, _) => word("nothing waits"),
            (_, None) => word("not at this pace"),
            (n, Some(_)) if n > COUNT_CAP => word("or more"),
            (_, Some(_)) => "",
        },
        workers: serving.map(|worker| worker.id.clone()).collect(),
        ..row(&lane.name, flow)
    }
}

/// `1,204`, `3.4`
pub fn rate(per_minute: f64) -> String {
    if per_minute == 0.0 || per_minute >= 10.0 {
        crate::dashboard::marks::capped(per_minute.round() as i64, false)
    } else {
        format!("{per_minute:.1}")
    }
}
