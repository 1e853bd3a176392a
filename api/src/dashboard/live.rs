//! Live pages: a stream per tab that says *that* something has changed; the tab then fetches its page again.
//!
//! All streams of a process share one reading: while anybody listens, one task reads the queue's health, what
//! PostgreSQL has written since, and whether the listeners' sessions still count. It does so every two seconds, at once
//! when somebody acts in this process, never more than four times a second. So ten tabs cost the database what one
//! does: what they fetch after the news is made once for all of them too (`renewal.rs`).
//!
//! An event's id is a digest of what was read, not a counter: it says the same in every process, so a tab that lost its
//! stream names it in `Last-Event-ID` and hears only whether it has missed anything. A stream is a convenience: where it
//! cannot be had, the script asks every five seconds instead.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::stream;
use serde_json::{Value, json};
use shared::domain::identity::sessions;
use shared::kernel::ids::SessionId;
use shared::kernel::{Error, Result, secret, task};
use shared::platform::Platform;
use shared::reports::changes;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::dashboard::desk::Desk;
use crate::dashboard::pulse::{Health, Pulse};
use crate::dashboard::{READ, session};
use crate::error::Answer;

/// How often is read while somebody listens.
const OFTEN: Duration = Duration::from_secs(2);
/// Between two readings, however much happens.
const BREATH: Duration = Duration::from_millis(250);
/// A stream says something this often, so that its silence means something; relative times are renewed with it.
const BEAT: Duration = Duration::from_secs(10);
/// A browser that lost the stream comes back after this.
const RETRY: Duration = Duration::from_secs(3);
/// Streams of a process, and of one session in it.
const PLACES: (usize, usize) = (200, 16);

/// The streams of this process and what they share.
#[derive(Clone)]
pub struct Live(Arc<Hub>);

struct Hub {
    pulse: Pulse,
    told: watch::Sender<Option<Arc<Reading>>>,
    /// Readings so far.
    tick: AtomicU64,
    guests: Mutex<Guests>,
}

#[derive(Default)]
struct Guests {
    /// Who listens: the cookie by which the session is asked again, and in how many tabs.
    sessions: HashMap<SessionId, (String, usize)>,
    /// Whether the task runs.
    read: bool,
}

/// What was read at one moment.
struct Reading {
    /// The same for the same state, in every process.
    id: String,
    /// Grows with every reading: what tabs fetch because of one event they fetch together.
    tick: u64,
    counters: Value,
    /// Sessions that do not count any more, or may not look.
    ended: HashSet<SessionId>,
}

impl Live {
    /// No streams yet.
    pub fn new(pulse: Pulse) -> Self {
        Self(Arc::new(Hub { pulse, told: watch::Sender::new(None), tick: AtomicU64::new(0), guests: Mutex::default() }))
    }

    /// `GET /admin/events`. 429 when there is no place.
    pub fn open(&self, desk: &Desk, headers: &HeaderMap) -> Answer {
        let cookie = session::read_cookie(&desk.app, headers, "").unwrap_or_default();
        let seat = self.sit(desk, cookie)?;
        let mut told = self.0.told.subscribe();
        told.mark_changed();
        let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let open = Stream { told, closing: desk.app.platform.realtime.closing(), last, greeted: false, seat };
        let events =
            stream::unfold(open, |mut open| async move { Some((Ok::<_, Infallible>(open.next().await?), open)) });
        let headers = [("cache-control", "no-store, no-transform"), ("x-accel-buffering", "no")];
        Ok((headers, Sse::new(events)).into_response())
    }

    /// Takes a place; the first one starts the reading.
    fn sit(&self, desk: &Desk, cookie: String) -> Result<Seat> {
        let mut guests = self.0.guests();
        let all: usize = guests.sessions.values().map(|(_, tabs)| tabs).sum();
        let own = guests.sessions.get(&desk.me.session).map_or(0, |(_, tabs)| *tabs);
        if all >= PLACES.0 || own >= PLACES.1 {
            return Err(Error::TooMany { retry_after: BEAT });
        }
        guests.sessions.entry(desk.me.session).or_insert((cookie, 0)).1 += 1;
        if !std::mem::replace(&mut guests.read, true) {
            task::spawn("dashboard: live", self.0.clone().read(desk.app.platform.clone()));
        }
        drop(guests);
        metrics::gauge!("facteur_dashboard_streams").increment(1.0);
        Ok(Seat { hub: self.0.clone(), session: desk.me.session })
    }
}

impl Hub {
    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().expect("no code panics while holding this lock")
    }

    /// Reads as long as somebody listens.
    async fn read(self: Arc<Self>, platform: Platform) {
        let _given_up = GivenUp(&self);
        let mut said = Instant::now();
        while let Some(listeners) = self.listeners() {
            let begun = Instant::now();
            match self.look(&platform, listeners).await {
                Ok(reading) => {
                    let last = self.told.borrow().as_ref().map(|last| last.id.clone());
                    let news = last.as_ref() != Some(&reading.id) || !reading.ended.is_empty();
                    if news || said.elapsed() >= BEAT {
                        said = Instant::now();
                        self.told.send_replace(Some(Arc::new(reading)));
                    }
                }
                // Streams fall silent, and the pages say so.
                Err(error) => tracing::debug!(%error, "the dashboard's streams could not look"),
            }
            tokio::select! {
                () = sleep(OFTEN) => {}
                () = self.pulse.stirred() => sleep_until(begun + BREATH).await,
            }
        }
    }

    /// Who listens; none: nobody, and the reading ends.
    fn listeners(&self) -> Option<Vec<(SessionId, String)>> {
        let mut guests = self.guests();
        guests.read = !guests.sessions.is_empty();
        if !guests.read {
            // What was read grows old: who comes next waits for a reading of its own.
            self.told.send_replace(None);
        }
        guests.read.then(|| guests.sessions.iter().map(|(id, (cookie, _))| (*id, cookie.clone())).collect())
    }

    async fn look(&self, platform: &Platform, listeners: Vec<(SessionId, String)>) -> Result<Reading> {
        let health = self.pulse.fresh(platform).await?;
        let mut db = platform.db.acquire().await?;
        let written = changes::written(&mut db).await?;
        let mut ended = HashSet::new();
        for (id, cookie) in listeners {
            let identity = sessions::by_cookie(&mut db, &cookie).await?;
            if !identity.is_some_and(|identity| identity.permissions.can(READ)) {
                ended.insert(id);
            }
        }
        let counters = counters(&health);
        let id = hex::encode(&secret::sha256(format!("{written} {counters}"))[..8]);
        let tick = self.tick.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Reading { id, tick, counters, ended })
    }
}

/// What changes in the frame and in the tables of lanes; no ages, which always change.
fn counters(health: &Health) -> Value {
    let lane = |lane: &shared::platform::jobs::health::LaneView| {
        json!({
            "name": lane.name, "waiting": lane.waiting, "blocked": lane.blocked, "running": lane.running,
            "retrying": lane.retrying, "scheduled": lane.scheduled, "dead": lane.dead, "workers": lane.workers,
            "paused": lane.paused_at, "limited_by": lane.limited_by,
        })
    };
    let workers = health.workers.iter().map(|worker| (&worker.id, &worker.state)).collect::<HashMap<_, _>>();
    let mut workers: Vec<_> = workers.into_iter().map(|(id, state)| format!("{id} {state}")).collect();
    workers.sort_unstable();
    let (dead, _) = health.total(|lane| lane.dead);
    json!({
        "dead": dead, "alarms": health.alarms().len(), "raised": health.raised.len(),
        "lanes": health.lanes.iter().map(lane).collect::<Vec<_>>(), "workers": workers,
    })
}

/// When the reading panics, whoever sits down next starts it again. It ends otherwise in [`Hub::listeners`] alone, which
/// knows that nobody came meanwhile.
struct GivenUp<'a>(&'a Hub);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.guests().read = false;
        }
    }
}

/// A place; dropped: free.
struct Seat {
    hub: Arc<Hub>,
    session: SessionId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        metrics::gauge!("facteur_dashboard_streams").decrement(1.0);
        let mut guests = self.hub.guests();
        if let Some((_, tabs)) = guests.sessions.get_mut(&self.session) {
            *tabs -= 1;
            if *tabs == 0 {
                guests.sessions.remove(&self.session);
            }
        }
    }
}

/// One tab's stream.
struct Stream {
    told: watch::Receiver<Option<Arc<Reading>>>,
    closing: watch::Receiver<bool>,
    /// The id that the tab has.
    last: Option<String>,
    greeted: bool,
    seat: Seat,
}

impl Stream {
    /// The next event. None: the session has ended, or the process stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            tokio::select! {
                biased;
                _ = self.closing.wait_for(|closing| *closing) => return None,
                changed = self.told.changed() => changed.ok()?,
            }
            let reading = self.told.borrow_and_update().clone();
            let Some(reading) = reading else { continue };
            if reading.ended.contains(&self.seat.session) {
                return None;
            }
            let name = match &self.last {
                None => "hello",
                Some(last) if *last == reading.id => "beat",
                Some(_) => "news",
            };
            self.last = Some(reading.id.clone());
            let event = Event::default().event(name).id(&*reading.id);
            let event = if std::mem::replace(&mut self.greeted, true) { event } else { event.retry(RETRY) };
            let data = json!({ "tick": reading.tick, "now": reading.counters });
            return event.json_data(data).ok();
        }
    }
}
