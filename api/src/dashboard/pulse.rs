//! The queue's health, read once for all pages: ten open tabs cost the database what one does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use shared::kernel::Result;
use shared::platform::Platform;
use shared::platform::jobs::alarms::{self, Rule};
use shared::platform::jobs::flow::{self, Flows};
use shared::platform::jobs::health::{self, LaneView, WorkerView};
use tokio::sync::{Mutex, Notify};

use crate::dashboard::words::{in_french, say, word};

/// A reading serves this long.
const FRESH: Duration = Duration::from_secs(2);
/// What moves slowly serves this long.
const STEADY: Duration = Duration::from_secs(10);
/// A sweeper that lives brings every due job into its lane within this many seconds.
const SWEPT: f64 = 60.0;
/// Redis has this long to answer; beyond it counts as down.
const PING: Duration = Duration::from_millis(250);

/// The last reading, shared by every request.
#[derive(Clone, Default)]
pub struct Pulse(Arc<Held>);

#[derive(Default)]
struct Held {
    last: Mutex<Option<Reading>>,
    flows: Mutex<Option<(Instant, Arc<Flows>)>>,
    stirred: Notify,
}

type Reading = (Instant, Arc<Health>);

/// How the queue is doing.
#[derive(Debug)]
pub struct Health {
    /// Every lane.
    pub lanes: Vec<LaneView>,
    /// Workers alive, and those gone within the last hour.
    pub workers: Vec<WorkerView>,
    /// What is raised.
    pub raised: Vec<alarms::Alarm>,
    /// For how many seconds work has been due that only a sweeper can bring into its lane.
    pub unswept: Option<f64>,
    /// Redis is configured and does not answer.
    pub redis_down: bool,
}

/// Something that needs a person, and where to go.
#[derive(Clone, Debug, Serialize)]
pub struct Alarm {
    /// A sentence.
    pub text: String,
    /// The page that shows it.
    pub href: String,
    /// The link's words.
    pub action: &'static str,
    /// Its sign.
    pub icon: &'static str,
}

impl Alarm {
    /// An alarm.
    pub fn new(text: String, href: impl Into<String>, action: &'static str, icon: &'static str) -> Self {
        Self { text, href: href.into(), action: word(action), icon }
    }
}

impl Pulse {
    /// The last reading, or a new one when that is older than two seconds.
    pub async fn read(&self, platform: &Platform) -> Result<Arc<Health>> {
        let mut held = self.0.last.lock().await;
        match &*held {
            Some((at, health)) if at.elapsed() < FRESH => Ok(health.clone()),
            _ => Self::renew(&mut held, platform).await,
        }
    }

    /// A new reading, for the pages that show it in full.
    pub async fn fresh(&self, platform: &Platform) -> Result<Arc<Health>> {
        Self::renew(&mut *self.0.last.lock().await, platform).await
    }

    /// How lanes and kinds flow, read anew every ten seconds at most: it moves by minutes.
    pub async fn flows(&self, platform: &Platform) -> Result<Arc<Flows>> {
        let mut held = self.0.flows.lock().await;
        if let Some((_, flows)) = held.as_ref().filter(|(at, _)| at.elapsed() < STEADY) {
            return Ok(flows.clone());
        }
        let flows = Arc::new(flow::read(&mut *platform.db.acquire().await?).await?);
        *held = Some((Instant::now(), flows.clone()));
        Ok(flows)
    }

    /// Something was changed: the next page reads anew, and the streams at once.
    pub async fn forget(&self) {
        *self.0.last.lock().await = None;
        self.0.stirred.notify_one();
    }

    /// Waits until something was changed here.
    pub async fn stirred(&self) {
        self.0.stirred.notified().await;
    }

    async fn renew(held: &mut Option<Reading>, platform: &Platform) -> Result<Arc<Health>> {
        let mut db = platform.db.acquire().await?;
        let lanes = health::lanes(&mut db).await?;
        let workers = health::workers(&mut db).await?;
        let raised = alarms::open(&mut db).await?;
        let (_, unswept) = alarms::abandoned(&mut db).await?;
        drop(db);
        let redis_down = platform.tickets.in_redis()
            && !matches!(tokio::time::timeout(PING, platform.tickets.ping()).await, Ok(Ok(_)));
        let health = Arc::new(Health { lanes, workers, raised, unswept, redis_down });
        *held = Some((Instant::now(), health.clone()));
        Ok(health)
    }
}

impl Health {
    /// Workers that run or drain.
    pub fn alive(&self) -> impl Iterator<Item = &WorkerView> {
        self.workers.iter().filter(|worker| matches!(worker.state.as_str(), "running" | "draining"))
    }

    /// What stops the queue. Shown on every page.
    pub fn alarms(&self) -> Vec<Alarm> {
        let raised: Vec<_> = self.raised.iter().filter(|alarm| self.still_holds(alarm)).collect();
        let mut alarms = Vec::new();
        if !raised.iter().any(|alarm| alarm.rule == Rule::NoWorker) {
            alarms.extend(self.starving());
        }
        alarms.extend(raised.iter().map(|alarm| Alarm::new(told(alarm), alarm.page(), "See", "alert")));
        if let Some(seconds) = self.unswept.filter(|seconds| *seconds > SWEPT && self.alive().next().is_some()) {
            let text = say!(
                "Jobs that are due are not brought into their queues: the first has waited {minutes} min.",
                minutes = seconds as i64 / 60
            );
            alarms.push(Alarm::new(
                text,
                "/admin/jobs?filter=state:retrying,scheduled,running&sort=-age",
                "See them",
                "scheduled",
            ));
        }
        if self.redis_down {
            let text = say!("Redis is down: accepting jobs, PostgreSQL hands them out.");
            alarms.push(Alarm::new(text, "/admin/workers", "See workers", "lost"));
        }
        alarms
    }

    /// An alarm is cleared some time after its cause; a worker that is back is seen at once.
    fn still_holds(&self, alarm: &alarms::Alarm) -> bool {
        match (alarm.rule, &*alarm.subject) {
            (Rule::NoWorker, "all") => self.alive().next().is_none(),
            (Rule::NoWorker, lane) => self.lanes.iter().any(|known| known.name == lane && starves(known)),
            _ => true,
        }
    }

    /// What is seen at first glance, before it has lasted long enough for an alarm.
    fn starving(&self) -> Option<Alarm> {
        let starved: Vec<&str> = self.lanes.iter().filter(|lane| starves(lane)).map(|lane| &*lane.name).collect();
        if self.alive().next().is_none() {
            let text = say!("No worker is alive: jobs are accepted and wait.");
            return Some(Alarm::new(text, "/admin/workers", "See workers", "workers"));
        }
        let names = starved.join(", ");
        let text = match starved.len() {
            1 => say!("Queue {names} has waiting jobs and no worker.", names = names),
            _ => say!("Queues {names} have waiting jobs and no worker.", names = names),
        };
        (!starved.is_empty()).then(|| Alarm::new(text, "/admin/queues", "See queues", "queues"))
    }

    /// Whether a rule's alarm about this is raised.
    pub fn is_raised(&self, rule: Rule, subject: &str) -> bool {
        self.raised.iter().any(|alarm| alarm.rule == rule && alarm.subject == subject)
    }

    /// Jobs in this state over all lanes, and whether a lane reached the bound of counting; the sum is then round.
    pub fn total(&self, count: impl Fn(&LaneView) -> i64) -> (i64, bool) {
        let counts: Vec<i64> = self.lanes.iter().map(count).collect();
        let sum: i64 = counts.iter().map(|n| (*n).min(health::COUNT_CAP)).sum();
        let more = counts.into_iter().any(|n| n > health::COUNT_CAP);
        (if more { sum - sum % 1000 } else { sum }, more)
    }
}

/// What an alarm says. It was written in English when it was raised; in French it is said anew from what was measured.
pub fn told(alarm: &alarms::Alarm) -> String {
    if !in_french() {
        return alarm.message.clone();
    }
    let value = alarm.value.unwrap_or_default();
    match (alarm.rule, &*alarm.subject) {
        (Rule::NoWorker, "all") => say!("No worker is alive while jobs are due."),
        (Rule::NoWorker, name) => say!("Queue {name} has due jobs and no worker.", name = name),
        (Rule::OldestAge, name) => {
            let minutes = value as i64 / 60;
            say!("Queue {name} is late: its oldest job has waited {minutes} min.", name = name, minutes = minutes)
        }
        (Rule::FailureRate, kind) => say!(
            "{percent} % of the runs of {kind} failed in the last five minutes.",
            percent = value.round(),
            kind = kind,
        ),
        (Rule::DeadCount, kind) => say!("{n} jobs of {kind} died in the last hour.", n = value.round(), kind = kind),
        (Rule::Regression, _) => {
            let error = alarm.message.split_once(": ").map_or(&*alarm.message, |(_, error)| error);
            say!("An error that was resolved is back: {error}", error = error)
        }
    }
}

/// Work waits, nobody takes it, and nobody said so on purpose.
pub fn starves(lane: &LaneView) -> bool {
    lane.waiting > 0 && lane.workers == 0 && lane.paused_at.is_none()
}
