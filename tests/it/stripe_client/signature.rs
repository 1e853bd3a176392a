//! Who may post events: forgeries, replays, secrets that are being replaced, and bodies that passed through a parser.

use chrono::DateTime;
use proptest::prelude::*;
use secrecy::SecretString;
use shared::kernel::secret;
use shared::platform::stripe::{Rejected, verify};

const NOW: i64 = 1_790_000_000;
const BODY: &[u8] = br#"{ "id": "evt_1",  "type": "charge.refunded", "data": {"object": {"id": "ch_1"}} }"#;

fn sign(secret: &str, time: i64, body: &[u8]) -> String {
    secret::keyed(secret.as_bytes(), &[format!("{time}.").as_bytes(), body].concat())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn check(header: &str, body: &[u8], secrets: &[&str]) -> Result<(), Rejected> {
    let secrets: Vec<SecretString> = secrets.iter().map(|&secret| secret.into()).collect();
    verify(Some(header), body, &secrets, DateTime::from_timestamp(NOW, 0).expect("a time"))
}

#[test]
fn a_signature_made_elsewhere_is_accepted() {
    // openssl: printf '1790000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_known
    let header = "t=1790000000,v1=9b658ee1a66f3233d76d5c0a9e0b2396aac35d5825b14ad24c57b453e2590949";
    assert_eq!(check(header, br#"{"id":"evt_1"}"#, &["whsec_known"]), Ok(()));
}

#[test]
fn what_is_accepted_and_what_is_not() {
    let own = ["whsec_a"];
    let at = |time: i64| sign("whsec_a", time, BODY);
    let good = at(NOW);
    let other = sign("whsec_b", NOW, BODY);
    let bad = "00".repeat(32);
    let cases: Vec<(String, Result<(), Rejected>)> = vec![
        (format!("t={NOW},v1={good}"), Ok(())),
        (format!("v1={good},t={NOW}"), Ok(())),
        (format!("t={NOW},v1={bad},v1={good}"), Ok(())),
        (format!("t={NOW},v1={good},v1={bad}"), Ok(())),
        (format!("t={NOW},v1={good},v2={bad},v0=x"), Ok(())),
        (format!("t={NOW},v1={}", good.to_uppercase()), Ok(())),
        (format!("t={NOW},v1={good},"), Ok(())),
        (format!("t={NOW}, v1={good}"), Ok(())),
        (format!("t={NOW},v1=zz,v1={good}"), Ok(())),
        (format!("t={},v1={}", NOW - 300, at(NOW - 300)), Ok(())),
        (format!("t={},v1={}", NOW + 300, at(NOW + 300)), Ok(())),
        (format!("t={},v1={}", NOW - 301, at(NOW - 301)), Err(Rejected::Stale)),
        (format!("t={},v1={}", NOW + 301, at(NOW + 301)), Err(Rejected::Future)),
        (format!("t={NOW},v1={other}"), Err(Rejected::Forged)),
        (format!("t={NOW},v1={bad}"), Err(Rejected::Forged)),
        (format!("t={NOW},v1={}", &good[..62]), Err(Rejected::Forged)),
        (format!("t={NOW},v1={good}00"), Err(Rejected::Forged)),
        (format!("t={NOW},v1="), Err(Rejected::Forged)),
        (format!("t={},v1={good}", NOW + 1), Err(Rejected::Forged)),
        (format!("t=0{NOW},v1={good}"), Err(Rejected::Forged)),
        (format!("t={NOW},v0={good}"), Err(Rejected::NoScheme)),
        (format!("t={NOW}"), Err(Rejected::NoScheme)),
        (format!("v1={good}"), Err(Rejected::Malformed)),
        (format!("t={NOW},t={NOW},v1={good}"), Err(Rejected::Malformed)),
        (format!("t={},t={NOW},v1={good}", NOW - 9), Err(Rejected::Malformed)),
        (format!("t=+{NOW},v1={good}"), Err(Rejected::Malformed)),
        (format!("t=-{NOW},v1={good}"), Err(Rejected::Malformed)),
        (format!("t=,v1={good}"), Err(Rejected::Malformed)),
        (format!("t=99999999999999999999,v1={good}"), Err(Rejected::Malformed)),
        (format!("{NOW},{good}"), Err(Rejected::Malformed)),
        ("garbage".into(), Err(Rejected::Malformed)),
        (String::new(), Err(Rejected::Malformed)),
        (",".repeat(5000), Err(Rejected::Malformed)),
    ];
    for (header, expected) in cases {
        assert_eq!(check(&header, BODY, &own), expected, "{header}");
    }
    assert_eq!(verify(None, BODY, &["whsec_a".into()], DateTime::default()), Err(Rejected::Missing));
}

#[test]
fn any_of_the_secrets_will_do_while_one_replaces_another() {
    let header = format!("t={NOW},v1={}", sign("whsec_old", NOW, BODY));
    assert_eq!(check(&header, BODY, &["whsec_new", "whsec_old"]), Ok(()));
    assert_eq!(check(&header, BODY, &["whsec_old", "whsec_new"]), Ok(()));
    let both = format!("t={NOW},v1={},v1={}", sign("whsec_new", NOW, BODY), sign("whsec_old", NOW, BODY));
    assert_eq!(check(&both, BODY, &["whsec_new"]), Ok(()));
    assert_eq!(check(&header, BODY, &["whsec_new"]), Err(Rejected::Forged), "once it is gone, it is gone");
    assert_eq!(check(&header, BODY, &[]), Err(Rejected::Forged));
}

#[test]
fn an_empty_secret_opens_nothing() {
    let header = format!("t={NOW},v1={}", sign("", NOW, BODY));
    assert_eq!(check(&header, BODY, &[""]), Err(Rejected::Forged));
}

#[test]
fn a_body_that_went_through_a_parser_is_another_body() {
    let header = format!("t={NOW},v1={}", sign("whsec_a", NOW, BODY));
    let parsed: serde_json::Value = serde_json::from_slice(BODY).expect("json");
    assert_eq!(check(&header, parsed.to_string().as_bytes(), &["whsec_a"]), Err(Rejected::Forged));
    assert_eq!(check(&header, &[BODY, b"\n"].concat(), &["whsec_a"]), Err(Rejected::Forged));
    // The point between time and body cannot be moved.
    let moved = format!("t={},v1={}", NOW / 10, sign("whsec_a", NOW, BODY));
    assert_eq!(check(&moved, &[b"0.", BODY].concat(), &["whsec_a"]), Err(Rejected::Forged));
    // What is signed is bytes, text or not.
    let bytes = [0xff, 0x00, 0x0a];
    let header = format!("t={NOW},v1={}", sign("whsec_a", NOW, &bytes));
    assert_eq!(check(&header, &bytes, &["whsec_a"]), Ok(()));
}

proptest! {
    #[test]
    fn no_byte_may_change(body in proptest::collection::vec(any::<u8>(), 1..400), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let header = format!("t={NOW},v1={}", sign("whsec_a", NOW, &body));
        prop_assert_eq!(check(&header, &body, &["whsec_a"]), Ok(()));
        let mut changed = body.clone();
        changed[at.index(body.len())] ^= flip;
        prop_assert_eq!(check(&header, &changed, &["whsec_a"]), Err(Rejected::Forged));
        let mut shorter = body.clone();
        shorter.remove(at.index(body.len()));
        prop_assert_eq!(check(&header, &shorter, &["whsec_a"]), Err(Rejected::Forged));
    }

    #[test]
    fn no_digit_of_the_signature_may_change(at in 0..64_usize, digit in 1..16_u8) {
        let mut signature = sign("whsec_a", NOW, BODY).into_bytes();
        let old = (signature[at] as char).to_digit(16).expect("hex") as u8;
        signature[at] = char::from_digit(u32::from(old ^ digit), 16).expect("hex") as u8;
        let header = format!("t={NOW},v1={}", String::from_utf8(signature).expect("hex"));
        prop_assert_eq!(check(&header, BODY, &["whsec_a"]), Err(Rejected::Forged));
    }

    #[test]
    fn any_header_is_answered(header in "(t|v1|v0|=|,|[0-9a-f]{0,70}|[^a]){0,12}") {
        prop_assert!(check(&header, BODY, &["whsec_a"]).is_err());
    }
}
