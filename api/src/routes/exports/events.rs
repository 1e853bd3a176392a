//! An export while it is made, as Server-Sent Events: the row as it is now, at each change, until it has ended.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::stream;
use serde_json::Value;
use shared::domain::exports::{self, ExportStatus, Scope};
use shared::domain::identity::sessions;
use shared::kernel::ids::ExportId;
use shared::kernel::{Error, Result};
use shared::platform::realtime::Follower;
use tokio::time::{Instant, sleep_until};

use super::View;
use crate::app::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Path;

/// A comment comes this often, so that proxies keep the connection.
const BEAT: Duration = Duration::from_secs(15);
/// Between two looks, however fast it moves.
const BREATH: Duration = Duration::from_millis(200);

/// Opens the stream. 404 for somebody else's export.
pub(super) async fn open(State(app): State<App>, caller: Caller, Path(id): Path<ExportId>) -> Answer {
    // First the ear, then the look: what commits between the two is told.
    let follower = app.platform.realtime.follow(caller.user, false)?;
    exports::get(&mut *app.db().await?, Scope::Mine(caller.user), id).await?;
    let open = Open { app, caller, id, follower, sent: None, ended: false, looked: None };
    let events = stream::unfold(open, |mut open| async move { Some((Ok::<_, Infallible>(open.next().await?), open)) });
    let headers = [("cache-control", "no-store, no-transform"), ("x-accel-buffering", "no")];
    Ok((headers, Sse::new(events)).into_response())
}

struct Open {
    app: App,
    caller: Caller,
    id: ExportId,
    follower: Follower,
    /// As last sent, without its address, which is another one each time.
    sent: Option<Value>,
    ended: bool,
    looked: Option<Instant>,
}

impl Open {
    /// The next event. None: it has ended, the session has, or the process stops.
    async fn next(&mut self) -> Option<Event> {
        let beat = Instant::now() + BEAT;
        loop {
            if self.ended || self.follower.closing() {
                return None;
            }
            if let Some(looked) = self.looked {
                if !self.follower.news(beat - Instant::now()).await {
                    return None;
                }
                sleep_until(looked + BREATH).await;
            }
            match self.look().await {
                Ok(Some(event)) => return Some(event),
                Ok(None) => {}
                Err(Error::NotFound(_)) => return None,
                Err(error) => tracing::debug!(%error, "a stream could not look"),
            }
            if Instant::now() >= beat {
                return Some(Event::default().comment("beat"));
            }
        }
    }

    /// Asks PostgreSQL; an event when it is not as it was.
    async fn look(&mut self) -> Result<Option<Event>> {
        self.looked = Some(Instant::now());
        let _turn = self.follower.turn().await;
        let platform = &self.app.platform;
        let mut db = platform.db.acquire().await?;
        let session = sessions::identify(&mut db, self.caller.session, self.caller.user).await?;
        session.ok_or(Error::NotFound("session"))?;
        let export = exports::get(&mut db, Scope::Mine(self.caller.user), self.id).await?;
        let now = serde_json::to_value(&export).map_err(Error::internal)?;
        if self.sent.as_ref() == Some(&now) {
            return Ok(None);
        }
        self.sent = Some(now);
        self.ended = !matches!(export.status, ExportStatus::Requested | ExportStatus::Running);
        let view = View::of(platform, &mut db, export).await?;
        Ok(Some(Event::default().event("export").json_data(view).map_err(Error::internal)?))
    }
}
