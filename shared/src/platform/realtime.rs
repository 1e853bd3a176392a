//! News for those who are connected: whose rows have changed, never what they say.
//!
//! A topic is told after the commit (`Signal::Live`) and may be lost. Who follows it asks PostgreSQL when told, and from
//! time to time besides: no loss costs more than seconds, and nobody is shown what is not theirs. Redis carries topics to
//! all processes over one pub/sub channel; while it is away this process still hears of its own, and followers ask often.
//!
//! Nothing is queued for a follower: news is one bit that stays set until it is looked at, however slow they read.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, watch};
use tokio::time::timeout;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::UserId;
use crate::kernel::task;

/// Our bound on any answer from Redis.
const ANSWER: Duration = Duration::from_millis(1500);
/// After a failure Redis is left alone for so long.
const PAUSE: Duration = Duration::from_secs(1);
/// The connection that listens is asked so often whether it lives.
const PING: Duration = Duration::from_secs(5);
/// Topics waiting to be sent; beyond this they are dropped.
const BACKLOG: usize = 10_000;
/// Followers per person and process.
const FOLLOWERS: usize = 8;
/// Followers of a process who ask PostgreSQL at once: a crowd that wakes up leaves connections to those who call.
const LOOKS: usize = 4;
/// How often a follower asks without being told, with Redis and without.
const OFTEN: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(3));

/// What one can follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// What one person sees.
    User(UserId),
    /// What all administrators see.
    Admins,
}

impl Topic {
    fn write(self) -> String {
        match self {
            Self::User(user) => user.to_string(),
            Self::Admins => "admins".into(),
        }
    }

    /// None for anything we did not write.
    fn read(bytes: &[u8]) -> Option<Self> {
        match std::str::from_utf8(bytes).ok()? {
            "admins" => Some(Self::Admins),
            user => user.parse().ok().map(Self::User),
        }
    }
}

/// Who tells and who listens. Cheap to clone.
#[derive(Clone)]
pub struct Realtime(Arc<Hub>);

struct Hub {
    topics: Mutex<HashMap<Topic, watch::Sender<()>>>,
    closing: watch::Sender<bool>,
    looks: Semaphore,
    redis: Option<Redis>,
}

struct Redis {
    client: Client,
    channel: String,
    /// Whether we hear what other processes tell.
    heard: AtomicBool,
    outbox: OnceLock<mpsc::Sender<Topic>>,
    listening: OnceLock<()>,
}

impl Realtime {
    /// News over this Redis, or of this process alone.
    pub fn new(url: Option<&str>, namespace: &str) -> Result<Self> {
        let client = url.map(Client::open).transpose().map_err(|e| Error::internal(format_args!("REDIS_URL: {e}")))?;
        let redis = client.map(|client| Redis {
            client,
            channel: format!("{{{namespace}}}:live"),
            heard: AtomicBool::new(false),
            outbox: OnceLock::new(),
            listening: OnceLock::new(),
        });
        let (topics, closing) = (Mutex::default(), watch::Sender::new(false));
        Ok(Self(Arc::new(Hub { topics, closing, looks: Semaphore::new(LOOKS), redis })))
    }

    /// Tells. Returns at once.
    pub fn tell(&self, topics: &[Topic]) {
        for topic in topics {
            if !self.0.hears() {
                self.0.wake(*topic);
            }
            if let Some(redis) = &self.0.redis {
                redis.send(*topic);
            }
        }
    }

    /// Follows what somebody sees. 429: they follow in too many windows already.
    pub fn follow(&self, user: UserId, admin: bool) -> Result<Follower> {
        self.listen();
        let topics = [Some(Topic::User(user)), admin.then_some(Topic::Admins)];
        let mut held = self.0.held();
        if held.get(&Topic::User(user)).is_some_and(|own| own.receiver_count() >= FOLLOWERS) {
            return Err(Error::TooMany { retry_after: OFTEN.0 });
        }
        let ears = topics.into_iter().flatten().map(|topic| {
            let told = held.entry(topic).or_insert_with(|| watch::Sender::new(()));
            (topic, told.subscribe())
        });
        let ears = ears.collect();
        drop(held);
        metrics::gauge!("facteur_streams").increment(1.0);
        Ok(Follower { ears, closing: self.0.closing.subscribe(), hub: self.0.clone() })
    }

    /// The process is told to stop: every follower hears of it at once.
    pub fn close(&self) {
        self.0.closing.send_replace(true);
    }

    /// Turns true when the process is told to stop: for streams that follow something else.
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.0.closing.subscribe()
    }

    fn listen(&self) {
        let Some(redis) = &self.0.redis else { return };
        redis.listening.get_or_init(|| {
            let (client, channel) = (redis.client.clone(), redis.channel.clone());
            task::spawn("realtime: listen", listen(Arc::downgrade(&self.0), client, channel));
        });
    }
}

impl Hub {
    fn held(&self) -> MutexGuard<'_, HashMap<Topic, watch::Sender<()>>> {
        self.topics.lock().expect("no code panics while holding this lock")
    }

    fn hears(&self) -> bool {
        self.redis.as_ref().is_some_and(|redis| redis.heard.load(Ordering::Acquire))
    }

    fn wake(&self, topic: Topic) {
        if let Some(told) = self.held().get(&topic) {
            told.send_replace(());
        }
    }

    /// From now on we hear others, or do not: what was told in between is found by looking.
    fn switch(&self, hears: bool) {
        if let Some(redis) = &self.redis {
            redis.heard.store(hears, Ordering::Release);
        }
        self.held().values().for_each(|told| {
            told.send_replace(());
        });
    }
}

/// Somebody connected. Dropped: gone.
pub struct Follower {
    ears: Vec<(Topic, watch::Receiver<()>)>,
    closing: watch::Receiver<bool>,
    hub: Arc<Hub>,
}

impl Follower {
    /// Waits until told, until it is time to look without being told, or at most so long. False: the process stops.
    pub async fn news(&mut self, patience: Duration) -> bool {
        let often = if self.hub.hears() { OFTEN.0 } else { OFTEN.1 };
        let told = self.ears.iter_mut().map(|(_, ear)| Box::pin(ear.changed()));
        tokio::select! {
            biased;
            _ = self.closing.wait_for(|closing| *closing) => return false,
            _ = futures_util::future::select_all(told) => {}
            () = tokio::time::sleep(patience.min(often)) => {}
        }
        true
    }

    /// Whether the process stops.
    pub fn closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Waits for a turn to ask PostgreSQL, kept until dropped.
    pub async fn turn(&self) -> SemaphorePermit<'_> {
        self.hub.looks.acquire().await.expect("nobody closes this semaphore")
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        metrics::gauge!("facteur_streams").decrement(1.0);
        let mut held = self.hub.held();
        for (topic, ear) in self.ears.drain(..) {
            drop(ear);
            if held.get(&topic).is_some_and(|told| told.receiver_count() == 0) {
                held.remove(&topic);
            }
        }
    }
}

impl Redis {
    fn send(&self, topic: Topic) {
        let outbox = self.outbox.get_or_init(|| {
            let (sender, receiver) = mpsc::channel(BACKLOG);
            task::spawn("realtime: tell", deliver(self.client.clone(), self.channel.clone(), receiver));
            sender
        });
        if outbox.try_send(topic).is_err() {
            metrics::counter!("facteur_realtime_dropped_total").increment(1);
        }
    }
}

/// Sends what has come together, each topic once.
async fn deliver(client: Client, channel: String, mut inbox: mpsc::Receiver<Topic>) {
    let (mut connection, mut batch) = (None, Vec::new());
    while inbox.recv_many(&mut batch, 1000).await > 0 {
        let topics: HashSet<Topic> = batch.drain(..).collect();
        if let Err(error) = publish(&client, &mut connection, &channel, &topics).await {
            connection = None;
            metrics::counter!("facteur_realtime_dropped_total").increment(topics.len() as u64);
            tracing::debug!(%error, "Redis is away: other processes look without being told");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn publish(
    client: &Client,
    held: &mut Option<MultiplexedConnection>,
    channel: &str,
    topics: &HashSet<Topic>,
) -> RedisResult<()> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(ANSWER)).set_response_timeout(Some(ANSWER));
    let connection = match held {
        Some(connection) => connection,
        None => held.insert(client.get_multiplexed_async_connection_with_config(&config).await?),
    };
    let mut pipe = redis::pipe();
    for topic in topics {
        pipe.publish(channel, topic.write()).ignore();
    }
    pipe.query_async(connection).await
}

/// Listens as long as somebody holds the hub, whatever becomes of Redis.
async fn listen(hub: Weak<Hub>, client: Client, channel: String) {
    let mut away = false;
    loop {
        let ended = hear(&hub, &client, &channel).await;
        let Some(hub) = hub.upgrade() else { return };
        if hub.hears() {
            hub.switch(false);
            away = false;
        }
        if let (false, Err(error)) = (away, ended) {
            tracing::warn!(%error, "Redis is away: streams ask PostgreSQL every {} s", OFTEN.1.as_secs());
            away = true;
        }
        drop(hub);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Listens until the connection fails, or nobody holds the hub any more.
async fn hear(hub: &Weak<Hub>, client: &Client, channel: &str) -> anyhow::Result<()> {
    let connect = async {
        let mut connection = client.get_async_pubsub().await?;
        connection.subscribe(channel).await?;
        RedisResult::Ok(connection.split())
    };
    let (mut line, mut messages) = timeout(ANSWER, connect).await??;
    let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + PING, PING);
    if let Some(hub) = hub.upgrade() {
        hub.switch(true);
    }
    loop {
        tokio::select! {
            message = messages.next() => {
                let message = message.ok_or_else(|| anyhow::anyhow!("the connection ended"))?;
                let Some(hub) = hub.upgrade() else { return Ok(()) };
                if let Some(topic) = Topic::read(message.get_payload_bytes()) {
                    hub.wake(topic);
                }
            }
            _ = ping.tick() => {
                if hub.strong_count() == 0 {
                    return Ok(());
                }
                timeout(ANSWER, line.ping::<redis::Value>()).await??;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub() -> Realtime {
        Realtime::new(None, "test").expect("no Redis")
    }

    #[test]
    fn a_topic_is_read_as_it_was_written_and_nothing_else_is_one() {
        for topic in [Topic::Admins, Topic::User(UserId::new())] {
            assert_eq!(Topic::read(topic.write().as_bytes()), Some(topic));
        }
        for garbage in [&b""[..], b"admin", b"\xff\xfe", b"0190a000", b"*"] {
            assert_eq!(Topic::read(garbage), None);
        }
    }

    #[tokio::test]
    async fn who_follows_hears_of_their_own_once_however_often_it_was_told() {
        let (hub, one, other) = (hub(), UserId::new(), UserId::new());
        let mut follower = hub.follow(one, false).expect("a place");
        for _ in 0..1000 {
            hub.tell(&[Topic::User(one)]);
        }
        assert!(follower.ears[0].1.has_changed().expect("open"));
        assert!(follower.news(Duration::ZERO).await);
        hub.tell(&[Topic::User(other), Topic::Admins]);
        assert!(!follower.ears[0].1.has_changed().expect("open"), "told once, and others' news is not theirs");
    }

    #[tokio::test]
    async fn closing_is_heard_before_everything_else() {
        let (hub, user) = (hub(), UserId::new());
        let mut follower = hub.follow(user, true).expect("a place");
        hub.tell(&[Topic::User(user), Topic::Admins]);
        hub.close();
        assert!(!follower.news(Duration::from_mins(1)).await && follower.closing());
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let (hub, user) = (hub(), UserId::new());
        let mut followers: Vec<Follower> = (0..FOLLOWERS).map(|_| hub.follow(user, true).expect("a place")).collect();
        assert!(matches!(hub.follow(user, true), Err(Error::TooMany { .. })));
        hub.follow(UserId::new(), true).expect("others have their own");
        followers.pop();
        followers.push(hub.follow(user, true).expect("a place that became free"));
        drop(followers);
        assert!(hub.0.held().is_empty(), "nothing is kept of those who left");
    }
}
