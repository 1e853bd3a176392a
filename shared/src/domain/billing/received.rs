//! What Stripe told us, byte for byte, and what became of it. Owns `stripe_events`, `stripe_sweeps`.
//!
//! An event is a signal, not the truth: whoever handles one asks Stripe for the object as it is now.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::StripeEventId;
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::words;
use crate::platform::stripe::Envelope;

words! {
    /// How an event came.
    Source {
        /// Posted by Stripe.
        Webhook = "webhook",
        /// Found in Stripe's list.
        Reconcile = "reconcile",
        /// Made up, in development.
        Simulate = "simulate",
    }

    /// What became of an event.
    EventStatus {
        /// Nothing yet.
        Received = "received",
        /// Handled.
        Processed = "processed",
        /// Of a type that concerns nothing here, or of an object that is gone.
        Ignored = "ignored",
        /// About an object that nobody here knows.
        Unmatched = "unmatched",
        /// Its job died.
        Failed = "failed",
        /// Of the other mode (test or live) than ours.
        Quarantined = "quarantined",
    }
}

/// An event.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StripeEvent {
    /// Our id.
    pub id: StripeEventId,
    /// `evt_…`
    pub event_id: String,
    /// `checkout.session.completed` …
    #[serde(rename = "type")]
    pub kind: String,
    /// Real money.
    pub livemode: Option<bool>,
    /// The version its object is written in.
    pub api_version: Option<String>,
    /// What it is about: `payment_intent` …
    pub object_type: Option<String>,
    /// `pi_…`
    pub object_id: Option<String>,
    /// How it came.
    pub source: Source,
    /// How often it came.
    pub deliveries: i32,
    /// What became of it.
    pub status: EventStatus,
    /// Why it did not work.
    pub error_code: Option<String>,
    /// How often somebody had it handled again.
    pub replays: i32,
    /// When it happened at Stripe, to the second.
    pub created_at: DateTime<Utc>,
    /// When it came first.
    pub received_at: DateTime<Utc>,
    /// When it came, or was last asked for.
    pub asked_at: DateTime<Utc>,
    /// When it was handled.
    pub processed_at: Option<DateTime<Utc>>,
}

/// A statement around the columns of a [`StripeEvent`].
macro_rules! event {
    ($head:tt $tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            StripeEvent,
            $head + r#" id as "id: _", event_id, type as kind, livemode, api_version, object_type, object_id,
                        source as "source: _", deliveries, status as "status: _", error_code, replays, created_at,
                        received_at, asked_at, processed_at "# + $tail,
            $($argument),*
        )
    };
}

/// Keeps an event once, however often it comes. Its id and whether it is new.
pub async fn keep(
    db: &mut PgConnection,
    envelope: &Envelope<'_>,
    payload: Option<&[u8]>,
    source: Source,
    status: EventStatus,
) -> Result<(StripeEventId, bool)> {
    let row = sqlx::query!(
        r#"insert into stripe_events (id, event_id, type, livemode, account, api_version, object_type, object_id,
                                      created_at, payload, source, status)
           values ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9, now()), $10, $11, $12)
           on conflict (event_id) do update set deliveries = stripe_events.deliveries + 1
           returning id as "id: StripeEventId", deliveries"#,
        StripeEventId::new().0,
        envelope.id.as_ref(),
        envelope.kind.as_ref(),
        envelope.livemode,
        envelope.account.as_deref(),
        envelope.api_version.as_deref(),
        envelope.object_type.as_deref(),
        envelope.object_id.as_deref(),
        envelope.created,
        payload,
        source.name(),
        status.name()
    );
    let row = row.fetch_one(db).await?;
    Ok((row.id, row.deliveries == 1))
}

/// One event, or 404.
pub async fn get(db: &mut PgConnection, id: StripeEventId) -> Result<StripeEvent> {
    let row = event!("select" "from stripe_events where id = $1", id.0);
    row.fetch_optional(db).await?.ok_or(Error::NotFound("stripe event"))
}

/// One event by Stripe's name of it, or 404.
pub async fn find(db: &mut PgConnection, event_id: &str) -> Result<StripeEvent> {
    let row = event!("select" "from stripe_events where event_id = $1", event_id);
    row.fetch_optional(db).await?.ok_or(Error::NotFound("stripe event"))
}

/// An event's end.
pub async fn finish(db: &mut PgConnection, id: StripeEventId, status: EventStatus, code: Option<&str>) -> Result<()> {
    sqlx::query!(
        "update stripe_events set status = $2, error_code = $3, processed_at = now() where id = $1",
        id.0,
        status.name(),
        code
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Which events. Everything is optional and narrows.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EventFilter {
    /// Of this type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What became of them.
    pub status: Option<EventStatus>,
    /// About this object: `pi_…`
    pub object_id: Option<String>,
    /// Received since then.
    pub since: Option<DateTime<Utc>>,
    /// Received before then.
    pub until: Option<DateTime<Utc>>,
}

/// Events that match, newest first.
pub async fn list(db: &mut PgConnection, filter: &EventFilter, page: PageRequest) -> Result<Page<StripeEvent>> {
    let rows = event!(
        "select" "from stripe_events
         where ($1::text is null or type = $1) and ($2::text is null or status = $2)
           and ($3::text is null or object_id = $3) and ($4::timestamptz is null or received_at >= $4)
           and ($5::timestamptz is null or received_at < $5) and ($6::uuid is null or id < $6)
         order by id desc limit $7",
        filter.kind,
        filter.status.map(EventStatus::name),
        filter.object_id,
        filter.since,
        filter.until,
        page.after,
        page.limit + 1
    );
    Ok(Page::cut(rows.fetch_all(db).await?, page, |event| event.id.0))
}

/// Events of the last seven days about something that nobody here knew, counted up to 1,000.
pub async fn strangers(db: &mut PgConnection) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "n!" from (
               select from stripe_events where status = 'unmatched' and received_at > now() - interval '7 days' limit 1000) x"#
    );
    Ok(count.fetch_one(db).await?)
}

/// Events that match, to be handled again, in the order in which they happened; at most so many. Without `change` they
/// are only named.
pub async fn again(
    db: &mut PgConnection,
    filter: &EventFilter,
    limit: i64,
    change: bool,
) -> Result<Vec<(StripeEventId, String, i32)>> {
    let rows = sqlx::query!(
        r#"with chosen as (
               select id, created_at as happened from stripe_events
               where status <> 'quarantined' and ($1::text is null or type = $1) and ($2::text is null or status = $2)
                 and ($3::text is null or object_id = $3) and ($4::timestamptz is null or received_at >= $4)
                 and ($5::timestamptz is null or received_at < $5)
               order by created_at, id limit $6
           ), changed as (
               update stripe_events e set status = 'received', error_code = null, asked_at = now(), replays = replays + 1
               from chosen where $7 and e.id = chosen.id
           )
           select e.id as "id!: StripeEventId", e.event_id as "event_id!", e.replays + 1 as "replay!"
           from chosen join stripe_events e using (id) order by chosen.happened, e.id"#,
        filter.kind,
        filter.status.map(EventStatus::name),
        filter.object_id,
        filter.since,
        filter.until,
        limit,
        change
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.id, row.event_id, row.replay)).collect())
}

/// One event, to be handled again; which time this is.
pub async fn again_one(db: &mut PgConnection, id: StripeEventId) -> Result<i32> {
    let row = sqlx::query_scalar!(
        "update stripe_events set status = 'received', error_code = null, asked_at = now(), replays = replays + 1
         where id = $1 returning replays",
        id.0
    );
    Ok(row.fetch_one(db).await?)
}

/// Of these events of Stripe's, those that we have.
pub async fn known(db: &mut PgConnection, events: &[String]) -> Result<Vec<String>> {
    let rows = sqlx::query_scalar!("select event_id from stripe_events where event_id = any($1)", events);
    Ok(rows.fetch_all(db).await?)
}

/// The payload as it came; none after its term, or when nobody needs it. 404 for no such event.
pub async fn payload(db: &mut PgConnection, id: StripeEventId) -> Result<Option<Vec<u8>>> {
    let row = sqlx::query_scalar!("select payload from stripe_events where id = $1", id.0);
    row.fetch_optional(db).await?.ok_or(Error::NotFound("stripe event"))
}

/// How far this sweep has read.
pub async fn read_until(db: &mut PgConnection, sweep: &str) -> Result<Option<DateTime<Utc>>> {
    let row = sqlx::query_scalar!("select read_until from stripe_sweeps where name = $1", sweep);
    Ok(row.fetch_optional(db).await?)
}

/// This sweep has read so far.
pub async fn has_read(db: &mut PgConnection, sweep: &str, until: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "insert into stripe_sweeps (name, read_until) values ($1, $2)
         on conflict (name) do update set read_until = greatest(stripe_sweeps.read_until, excluded.read_until)",
        sweep,
        until
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Empties payloads that came 90 days ago: who did what stays, what was said goes. Returns how many.
pub async fn purge(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        "update stripe_events set payload = null where id = any(array(
             select id from stripe_events where payload is not null and received_at < now() - interval '90 days'
             limit 1000))"
    );
    Ok(done.execute(db).await?.rows_affected())
}

/// Empties the payload of one event.
pub async fn empty(db: &mut PgConnection, id: StripeEventId) -> Result<()> {
    sqlx::query!("update stripe_events set payload = null where id = $1", id.0).execute(db).await?;
    Ok(())
}

/// Empties the payloads that say one of these words, a thousand events at a time. Where the next thousand begin; none:
/// all were read.
pub async fn forget(db: &mut PgConnection, words: &[String], after: Option<Uuid>) -> Result<Option<Uuid>> {
    let read = sqlx::query!(
        r#"with page as materialized (
               select id, payload from stripe_events where payload is not null and ($2::uuid is null or id > $2)
               order by id limit 1000
           ), emptied as (
               update stripe_events set payload = null where id in (
                   select id from page
                   where exists (select from unnest($1::text[]) w where position(convert_to(w, 'UTF8') in payload) > 0))
           )
           select count(*) as "read!", (select id from page order by id desc limit 1) as last from page"#,
        words,
        after
    );
    let read = read.fetch_one(db).await?;
    Ok(read.last.filter(|_| read.read == 1000))
}
