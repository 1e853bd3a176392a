//! Events of every shape Stripe has sent: what is needed of them is read, and what is no event is refused.

use chrono::DateTime;
use serde_json::{Value, json};
use shared::platform::stripe::{Envelope, NoEvent};

fn bytes(event: Value) -> Vec<u8> {
    event.to_string().into_bytes()
}

#[test]
fn an_event_of_today_is_borrowed_from_its_bytes() {
    let event = bytes(json!({
        "id": "evt_1", "object": "event", "api_version": "2026-09-30.endive", "created": 1_790_000_000,
        "type": "payment_intent.succeeded", "livemode": true, "pending_webhooks": 1, "account": "acct_1",
        "data": { "object": { "id": "pi_1", "object": "payment_intent", "amount": 1, "deep": { "id": "no" } },
                  "previous_attributes": {} },
        "request": { "id": "req_1", "idempotency_key": null }, "new_field": [1],
    }));
    let read = Envelope::read(&event).expect("an event");
    let text = (&*read.id, &*read.kind, read.object_id.as_deref(), read.object_type.as_deref());
    assert_eq!(text, ("evt_1", "payment_intent.succeeded", Some("pi_1"), Some("payment_intent")));
    assert_eq!((read.livemode, read.account.as_deref()), (Some(true), Some("acct_1")));
    assert_eq!(read.api_version.as_deref(), Some("2026-09-30.endive"));
    assert_eq!(read.created, DateTime::from_timestamp(1_790_000_000, 0));
    let range = event.as_ptr_range();
    assert!(range.contains(&read.id.as_ptr()) && range.contains(&read.object_id.expect("an id").as_ptr()), "borrowed");
}

#[test]
fn thin_old_unknown_and_odd_events_are_read() {
    let id = |event: Value| {
        let event = bytes(event);
        let read = Envelope::read(&event).unwrap_or_else(|_| panic!("refused: {}", String::from_utf8_lossy(&event)));
        (read.created.map(|at| at.timestamp()), read.object_id.map(String::from), read.object_type.map(String::from))
    };
    let some = |text: &str| Some(text.to_owned());
    // Thin: no data, an ISO date, a type of the object beside its id.
    let thin = json!({
        "id": "evt_65R", "object": "v2.core.event", "type": "v2.core.health.event_generation_failure.resolved",
        "created": "2026-09-22T09:33:20.123Z", "livemode": false, "context": null, "reason": { "type": "request" },
        "related_object": { "id": "pi_1", "type": "payment_intent", "url": "/v1/payment_intents/pi_1" },
    });
    assert_eq!(id(thin), (Some(1_790_069_600), some("pi_1"), some("payment_intent")));
    let thin_data = json!({ "id": "evt_1", "type": "v2.x", "created": "2026-09-22T09:33:20Z", "data": { "developer_message": "x" } });
    assert_eq!(id(thin_data), (Some(1_790_069_600), None, None));
    // Before 2017 `request` was text; `invoice.upcoming` has no id.
    let old = json!({ "id": "evt_1", "type": "invoice.upcoming", "created": 1, "request": "req_1", "api_version": null,
                      "data": { "object": { "object": "invoice", "lines": {} } } });
    assert_eq!(id(old), (Some(1), None, some("invoice")));
    // An object's own `type` is not what it is, and may be no text at all.
    let typed = json!({ "id": "evt_1", "type": "payment_method.attached",
                        "data": { "object": { "id": "pm_1", "object": "payment_method", "type": "card" } } });
    assert_eq!(id(typed), (None, some("pm_1"), some("payment_method")));
    let odd =
        json!({ "id": "evt_1", "type": "x", "created": [], "data": { "object": { "id": "x_1", "type": { "a": 1 } } } });
    assert_eq!(id(odd), (None, some("x_1"), None));
    assert_eq!(id(json!({ "id": "evt_1", "type": "never.heard.of", "data": null })), (None, None, None));
    assert_eq!(id(json!({ "id": "evt_1", "type": "x", "data": { "object": null } })), (None, None, None));
    let escaped = br#"{"id":"evt_\u0031","type":"x","created":1e3}"#;
    assert_eq!(Envelope::read(escaped).expect("an event").id, "evt_1");
}

#[test]
fn what_is_no_event_is_refused() {
    let deep = format!(r#"{{"id":"evt_1","type":"x","data":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let deep_object = format!(r#"{{"id":"evt_1","type":"x","data":{{"object":{}}}}}"#, r#"{"object":"#.repeat(100_000));
    for bad in [
        b"".as_slice(),
        b"null",
        b"[]",
        b"\xff\xfe",
        b"{}",
        br#"{"id":"evt_1"}"#,
        br#"{"type":"x"}"#,
        br#"{"id":"","type":"x"}"#,
        br#"{"id":"evt_1","type":""}"#,
        br#"{"id":null,"type":"x"}"#,
        br#"{"id":1,"type":"x"}"#,
        br#"{"id":"evt 1","type":"x"}"#,
        br#"{"id":"evt_\u0000","type":"x"}"#,
        br#"{"id":"evt_1","type":"x","id":"evt_2"}"#,
        br#"{"id":"evt_1","type":"x"} x"#,
        br#"{"id":"evt_1","type":"x""#,
        deep.as_bytes(),
        deep_object.as_bytes(),
    ] {
        assert_eq!(Envelope::read(bad).err(), Some(NoEvent), "{}", String::from_utf8_lossy(&bad[..bad.len().min(80)]));
    }
    let long = bytes(json!({ "id": "e".repeat(256), "type": "x" }));
    assert_eq!(Envelope::read(&long).err(), Some(NoEvent));
}
