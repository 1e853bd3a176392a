//! The stream: Server-Sent Events for whoever is connected, in whichever process.
//!
//! News only says that something changed; what, is asked of PostgreSQL when the reader has taken what was sent before.
//! So nothing piles up for a slow reader, and every look first asks whether the session still counts. A client opens the
//! stream, then fetches its list; after a break it names the last `id` in `Last-Event-ID` and gets what came since, a few
//! of the last rows perhaps once more.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::stream;
use serde_json::json;
use shared::domain::identity::sessions;
use shared::kernel::ids::{NotificationId, SessionId};
use shared::kernel::{Error, Result};
use shared::platform::Platform;
use shared::platform::notifications::{self, PAGE, Reader, Trail};
use shared::platform::realtime::Follower;
use tokio::time::{Instant, sleep_until};

use crate::app::App;
use crate::auth::Caller;
use crate::error::Answer;

/// A comment comes this often, so that proxies keep the connection and a dead one is noticed.
const BEAT: Duration = Duration::from_secs(15);
/// Between two looks, however fast news comes.
const BREATH: Duration = Duration::from_millis(200);
/// A client that lost the stream comes back after this.
const RETRY: Duration = Duration::from_secs(3);

/// Opens it.
pub(super) async fn open(State(app): State<App>, caller: Caller, headers: HeaderMap) -> Answer {
    let reader = super::reader(&caller);
    let last = headers.get("last-event-id").map(|id| {
        let id = id.to_str().ok().and_then(|id| id.parse::<NotificationId>().ok()).and_then(Trail::after);
        id.ok_or_else(|| Error::field("Last-Event-ID", "id", "is no id of an event of ours"))
    });
    let last = last.transpose()?;
    // First the ear, then the look: what commits between the two is told.
    let follower = app.platform.realtime.follow(reader.user, reader.admin)?;
    let trail = match last {
        Some(trail) => trail,
        None => Trail::from_now(&mut *app.db().await?, reader).await?,
    };
    let now = Instant::now();
    let open = Open {
        platform: app.platform,
        session: caller.session,
        reader,
        follower,
        trail,
        ready: VecDeque::new(),
        unread: None,
        more: true,
        looked: now,
        beat: now + BEAT,
    };
    let events = stream::unfold(open, |mut open| async move { Some((Ok::<_, Infallible>(open.next().await?), open)) });
    let headers = [("cache-control", "no-store, no-transform"), ("x-accel-buffering", "no")];
    Ok((headers, Sse::new(events)).into_response())
}

struct Open {
    platform: Platform,
    session: SessionId,
    reader: Reader,
    follower: Follower,
    trail: Trail,
    /// Asked for and not yet taken: one page at most.
    ready: VecDeque<Event>,
    /// As last sent.
    unread: Option<i64>,
    /// Look without waiting for news.
    more: bool,
    looked: Instant,
    beat: Instant,
}

impl Open {
    /// The next event. None: the session has ended, or the process stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.follower.closing() {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if !self.more && !self.follower.news(self.beat - Instant::now()).await {
                return None;
            }
            if !self.more {
                sleep_until(self.looked + BREATH).await;
            }
            match self.look().await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    tracing::debug!(%error, "a stream could not look");
                    self.more = false;
                }
            }
            self.looked = Instant::now();
            if self.looked >= self.beat {
                self.beat = self.looked + BEAT;
                self.ready.push_back(Event::default().comment("beat"));
            }
        }
    }

    /// Asks PostgreSQL. False: the session has ended, or its holder's rights have changed: who comes back is told anew.
    async fn look(&mut self) -> Result<bool> {
        let _turn = self.follower.turn().await;
        let mut db = self.platform.db.acquire().await?;
        let identity = sessions::identify(&mut db, self.session, self.reader.user).await?;
        if identity.is_none_or(|identity| identity.permissions.can("*") != self.reader.admin) {
            return Ok(false);
        }
        let unread = notifications::unread(&mut db, self.reader).await?;
        let rows = self.trail.next(&mut db, self.reader).await?;
        self.more = rows.len() as i64 == PAGE;
        for row in rows {
            let event = Event::default().event("notification").id(row.id.to_string());
            self.ready.push_back(event.json_data(row).map_err(Error::internal)?);
        }
        if self.unread != Some(unread) {
            let event = Event::default().event("unread").retry(RETRY);
            self.ready.push_back(event.json_data(json!({ "count": unread })).map_err(Error::internal)?);
            self.unread = Some(unread);
        }
        Ok(true)
    }
}
