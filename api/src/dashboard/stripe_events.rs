//! What Stripe told us: the list, one event, having it handled again, and Stripe's own list beside ours.

use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::domain::billing::payments::{self, Payment};
use shared::domain::billing::received::{self, EventFilter, EventStatus, StripeEvent};
use shared::flows::{stripe_compared, stripe_event, stripe_replayed};
use shared::kernel::Error;
use shared::platform::audit;
use shared::platform::tx::Origin;
use sqlx::PgConnection;

use crate::dashboard::desk::Desk;
use crate::dashboard::facts::Fact;
use crate::dashboard::filter::{Chip, with};
use crate::dashboard::forms::{Select, Sent};
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Mark};
use crate::dashboard::note::{Note, What};
use crate::dashboard::pager::{Empty, Pager};
use crate::dashboard::words::{say, word};
use crate::dashboard::{REPLAY, mask};
use crate::error::{Answer, ApiError};
use crate::extract::{Paging, Path, Query};

/// The list.
pub const LIST: &str = "/admin/stripe-events";
/// Days back that one may choose.
const CHOICES: [i64; 4] = [1, 3, 7, 30];
/// Characters of a payload that the page shows.
const SHOWN: usize = 60_000;
const STATUSES: [EventStatus; 6] = [
    EventStatus::Received,
    EventStatus::Processed,
    EventStatus::Ignored,
    EventStatus::Unmatched,
    EventStatus::Failed,
    EventStatus::Quarantined,
];

#[derive(Serialize)]
struct Row<'a> {
    event: &'a StripeEvent,
    mark: Mark,
    mode: &'static str,
}

fn mode(event: &StripeEvent) -> &'static str {
    match event.livemode {
        Some(true) => "live",
        Some(false) => "test",
        None => "",
    }
}

fn query(filter: &EventFilter) -> String {
    serde_urlencoded::to_string(filter).unwrap_or_default()
}

fn chips(given: &EventFilter) -> Vec<Chip> {
    let chip =
        |words: Option<String>, rest: EventFilter| words.map(|words| Chip { words, href: with(LIST, &query(&rest)) });
    let all = [
        chip(given.kind.clone(), EventFilter { kind: None, ..given.clone() }),
        chip(given.status.map(|s| marks::event(s).word.to_lowercase()), EventFilter { status: None, ..given.clone() }),
        chip(given.object_id.clone(), EventFilter { object_id: None, ..given.clone() }),
        chip(
            given.since.map(|at| say!("since {at}", at = at.format("%F %H:%M"))),
            EventFilter { since: None, ..given.clone() },
        ),
        chip(
            given.until.map(|at| say!("until {at}", at = at.format("%F %H:%M"))),
            EventFilter { until: None, ..given.clone() },
        ),
    ];
    all.into_iter().flatten().collect()
}

fn selects(given: &EventFilter) -> Vec<Select> {
    let types = stripe_event::TYPES.map(|(kind, _)| (kind.to_owned(), kind.to_owned()));
    let statuses = STATUSES.map(|status| (status.name().to_owned(), marks::event(status).word.to_owned()));
    vec![
        Select::new("type", "Every type", types, given.kind.as_deref()),
        Select::new("status", "Every status", statuses, given.status.map(EventStatus::name)),
    ]
}

/// `GET /admin/stripe-events`
pub async fn list(desk: Desk, Query(given): Query<EventFilter>, Paging(wanted): Paging) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let page = received::list(&mut db, &given, wanted).await?;
    let refused = audit::lately(&mut db, "WEBHOOK_REFUSED").await?;
    drop(db);
    let narrowed = !query(&given).is_empty();
    let empty = Empty {
        icon: "stripe",
        title: word(if narrowed { "No event matches." } else { "Stripe has told nothing yet." }).into(),
        text: word(if narrowed {
            "Others may be hidden by the filters."
        } else {
            "Each event is a row here before it is answered."
        }),
        href: narrowed.then(|| LIST.to_owned()),
        action: word("Clear them"),
    };
    let rows = page.rows.iter().map(|event| Row { event, mark: marks::event(event.status), mode: mode(event) });
    let view = json!({
        "refused": refused,
        "selects": selects(&given), "object": given.object_id, "chips": chips(&given),
        "rows": rows.collect::<Vec<_>>(), "empty": empty, "pager": Pager::new(LIST, &query(&given), wanted, &page),
        "may_replay": narrowed && desk.me.permissions.can(REPLAY), "filter": hidden(&given),
    });
    desk.page("stripe_events", Place::StripeEvents, "Stripe events", &view).await
}

/// The filter as the fields of a form.
fn hidden(given: &EventFilter) -> Vec<Value> {
    let pairs = form_urlencoded::parse(query(given).as_bytes()).into_owned().collect::<Vec<_>>();
    pairs.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

/// `GET /admin/stripe-events/{id}`, by Stripe's name of it
pub async fn show(desk: Desk, Path(id): Path<String>) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let event = received::find(&mut db, &id).await?;
    let payload = received::payload(&mut db, event.id).await?;
    let payload: Option<Value> = payload.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let payment = paid_by(&mut db, &event, payload.as_ref()).await?;
    drop(db);
    let body = payload.as_ref().map(|payload| {
        let (text, _) = mask::shown(payload);
        shared::kernel::text::cut(&text, SHOWN).into_owned()
    });
    let meaning = meaning(&event, payment.is_some());
    let order =
        payment.map(|payment| Fact::link("Order", payment.order_id, format!("/admin/orders/{}", payment.order_id)));
    let view = json!({
        "event": event, "mark": marks::event(event.status), "mode": mode(&event), "body": body,
        "changes": payload.as_ref().map(changes).unwrap_or_default(),
        "facts": facts(&event).into_iter().chain(order).collect::<Vec<_>>(),
        "jobs": format!("/admin/jobs?subject={}", event.id),
        "meaning": meaning,
        "may_replay": event.status != EventStatus::Quarantined && desk.me.permissions.can(REPLAY),
    });
    desk.page("stripe_event", Place::StripeEvents, &event.event_id, &view).await
}

/// The payment that an event is about, as far as it is known here: by Stripe's name of it, or by ours, which Stripe repeats.
async fn paid_by(
    db: &mut PgConnection,
    event: &StripeEvent,
    payload: Option<&Value>,
) -> Result<Option<Payment>, ApiError> {
    if let Some(object) = &event.object_id
        && let Some(payment) = payments::of_stripe(db, object).await?
    {
        return Ok(Some(payment));
    }
    let ours = payload.and_then(|payload| payload["data"]["object"]["metadata"]["payment_id"].as_str()?.parse().ok());
    match ours {
        Some(id) => match payments::get(db, id).await {
            Err(Error::NotFound(_)) => Ok(None),
            payment => Ok(Some(payment?)),
        },
        None => Ok(None),
    }
}

/// What its status means, and what to do.
fn meaning(event: &StripeEvent, known: bool) -> Option<&'static str> {
    match (event.status, known) {
        (EventStatus::Unmatched, true) => Some(word(
            "When it came, nobody here knew what it is about: it was early, or a row was late. By now it is known, see the \
             order. Handle it again: a job asks Stripe how things stand, and order, payment and mails follow.",
        )),
        (EventStatus::Unmatched, false) => Some(word(
            "When it came, nobody here knew what it is about. Handle it again: a job asks Stripe how things stand, and whose it \
             is. If it stays unmatched, it is of something else that uses the same account of Stripe.",
        )),
        (EventStatus::Failed, _) => Some(word(
            "The job that handles it is dead. Its jobs say why; once the cause is gone, handle it again: Stripe is asked how \
             things stand then, so nothing is done twice.",
        )),
        (EventStatus::Quarantined, _) => {
            Some(word("It is of Stripe's other mode (test or live) than this house, and is left alone."))
        }
        (EventStatus::Received, _) => Some(word("It waits for its job.")),
        _ => None,
    }
}

fn facts(event: &StripeEvent) -> Vec<Fact> {
    let signed = event.source.name() == "webhook";
    let object = event.object_id.as_ref().map(|id| Fact::link("About", id, format!("{LIST}?object_id={id}")));
    let facts = [
        Some(Fact::code("Type", &event.kind)),
        object,
        event.error_code.as_ref().map(|code| Fact::code("Why not", code)),
        Some(Fact::text("Came by", event.source.name())),
        Some(Fact::text(
            "Delivered",
            if event.deliveries == 1 { say!("once") } else { say!("{n} times", n = event.deliveries) },
        )),
        Some(Fact::text("Signature", word(if signed { "verified" } else { "none: read from Stripe" }))),
        event.api_version.as_ref().map(|version| Fact::text("Version", version)),
        Some(Fact::at("At Stripe", event.created_at)),
        Some(Fact::at("Received", event.received_at)),
        event.processed_at.map(|at| Fact::at("Handled", at)),
        (event.replays > 0).then(|| Fact::text("Handled again", event.replays)),
    ];
    facts.into_iter().flatten().collect()
}

/// What an update changed, before and after (`data.previous_attributes`).
fn changes(payload: &Value) -> Vec<Value> {
    let data = &payload["data"];
    let before = data["previous_attributes"].as_object().into_iter().flatten();
    before
        .map(|(name, before)| {
            let (mut before, mut after) = (json!({ name: before }), json!({ name: data["object"][name] }));
            mask::hide(&mut before);
            mask::hide(&mut after);
            json!({ "name": name, "before": before[name].to_string(), "after": after[name].to_string() })
        })
        .collect()
}

/// `POST /admin/stripe-events/{id}/replay`
pub async fn replay(desk: Desk, Path(id): Path<String>) -> Answer {
    let mut tx = desk.begin().await?;
    let event = received::find(&mut tx, &id).await?;
    let page = format!("{LIST}/{id}");
    match stripe_replayed::one(&mut tx, &event).await {
        Err(Error::Conflict { .. }) => return desk.go(&page, What::ReplayRefused).await,
        done => done?,
    }
    tx.commit().await?;
    desk.go(&page, Note { what: What::Replayed, n: 1, m: 0 }).await
}

/// `POST /admin/stripe-events/replay/preview`: how many that would be.
pub async fn preview(desk: Desk, Sent(filter): Sent<EventFilter>) -> Answer {
    let mut tx = desk.begin().await?;
    let events = stripe_replayed::all(&mut tx, &filter, false).await?;
    tx.rollback().await?;
    let view = json!({
        "events": events, "filter": hidden(&filter), "back": with(LIST, &query(&filter)),
        "words": chips(&filter).iter().map(Chip::words).collect::<Vec<_>>().join(" · "),
    });
    desk.page("stripe_replay", Place::StripeEvents, "Handle events again", &view).await
}

/// `POST /admin/stripe-events/replay`
pub async fn replay_all(desk: Desk, Sent(filter): Sent<EventFilter>) -> Answer {
    if query(&filter).is_empty() {
        return desk.go(LIST, What::ReplayRefused).await;
    }
    let mut tx = desk.begin().await?;
    let n = stripe_replayed::all(&mut tx, &filter, true).await?;
    tx.commit().await?;
    desk.go(&with(LIST, &query(&filter)), Note { what: What::Replayed, n, m: 0 }).await
}

/// How far back.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Since {
    days: Option<i64>,
}

impl Since {
    fn moment(&self, desk: &Desk) -> DateTime<Utc> {
        let days = self.days.unwrap_or(1).clamp(1, 30);
        // A minute less than the 30 days that Stripe keeps: its clock is not ours.
        desk.app.platform.clock.now() - TimeDelta::days(days) + TimeDelta::minutes(1)
    }
}

/// `GET /admin/stripe-events/compare`
pub async fn compare(desk: Desk, Query(since): Query<Since>) -> Result<Response, ApiError> {
    let asked = stripe_compared::compare(&desk.app.platform, &Origin::default(), since.moment(&desk), false).await;
    let (compared, error) = match asked {
        Ok(compared) => (Some(compared), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let days = since.days.unwrap_or(1).clamp(1, 30);
    let view = json!({
        "compared": compared, "error": error, "days": days,
        "choices": CHOICES.map(|n| json!({ "n": n, "chosen": n == days })),
        "may_take": desk.me.permissions.can(REPLAY),
    });
    desk.page("stripe_compare", Place::StripeEvents, "Compare with Stripe", &view).await
}

/// `POST /admin/stripe-events/compare`
pub async fn take(desk: Desk, Sent(since): Sent<Since>) -> Answer {
    let done = stripe_compared::compare(&desk.app.platform, &desk.origin, since.moment(&desk), true).await?;
    desk.go(LIST, Note { what: What::TakenIn, n: done.taken, m: 0 }).await
}
