//! A transaction that tells after it has committed.
//!
//! `tx: &mut Tx` in a signature means: this may enqueue, mail, notify or audit. Everything told is a row of the
//! same transaction; only what says that there is something to do or to see follows the commit, and may be lost.

use std::ops::{Deref, DerefMut};

use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use crate::kernel::Result;
use crate::kernel::ids::{JobId, UserId};
use crate::platform::Platform;
use crate::platform::jobs::alarms::{self, Alarm};
use crate::platform::jobs::tickets::Ticket;
use crate::platform::realtime::Topic;

/// Who asked, kept on the rows this transaction writes.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The signed-in person.
    pub actor: Option<UserId>,
    /// Where from.
    pub ip: Option<std::net::IpAddr>,
    /// With what.
    pub user_agent: Option<String>,
    /// The request.
    pub request_id: Option<Uuid>,
    /// W3C trace context, copied onto jobs.
    pub traceparent: Option<String>,
    /// The job that runs, when it is a job that writes.
    pub parent: Option<JobId>,
}

/// What is told after the commit.
#[derive(Clone, Debug)]
pub enum Signal {
    /// A job may be claimed.
    Ticket(Ticket),
    /// An alarm was raised.
    Alarm(Alarm),
    /// What somebody sees has changed.
    Live(Topic),
}

/// A transaction and the signals that wait for its commit.
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    platform: Platform,
    /// Who asked.
    pub origin: Origin,
    signals: Vec<Signal>,
}

impl Tx {
    /// Begins; dropping without [`Tx::commit`] rolls back and tells nothing.
    #[expect(clippy::disallowed_methods, reason = "the one place that begins a transaction")]
    pub async fn begin(platform: &Platform) -> Result<Self> {
        let inner = platform.db.begin().await?;
        Ok(Self { inner, platform: platform.clone(), origin: Origin::default(), signals: Vec::new() })
    }

    /// The same, on behalf of somebody.
    pub async fn begin_for(platform: &Platform, origin: Origin) -> Result<Self> {
        Ok(Self { origin, ..Self::begin(platform).await? })
    }

    /// The services at hand.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Tells this once the commit has succeeded.
    pub fn after_commit(&mut self, signal: Signal) {
        self.signals.push(signal);
    }

    /// ROLLBACK, at once: a dropped transaction ends only when its connection is next used, and so do its locks.
    pub async fn rollback(self) -> Result<()> {
        Ok(self.inner.rollback().await?)
    }

    /// COMMIT, then the signals. An error means that nothing may be assumed: the caller asks again with the same key.
    pub async fn commit(self) -> Result<()> {
        self.inner.commit().await?;
        let (mut tickets, mut raised, mut topics) = (Vec::new(), Vec::new(), Vec::new());
        for signal in self.signals {
            match signal {
                Signal::Ticket(ticket) => tickets.push(ticket),
                Signal::Alarm(alarm) => raised.push(alarm),
                Signal::Live(topic) => topics.push(topic),
            }
        }
        self.platform.tickets.add(tickets);
        self.platform.realtime.tell(&topics);
        alarms::post(&self.platform, &raised);
        Ok(())
    }
}

impl Deref for Tx {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}
