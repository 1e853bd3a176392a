//! Names, addresses, client secrets and our key: in no log at TRACE, in no error, and in nothing that is printed.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use shared::kernel::Error;
use shared::platform::stripe::NewCustomer;
use tracing_subscriber::fmt::MakeWriter;

use super::server::{CANARIES, Fault, refusal};
use super::{Fixture, KEY, refund, session};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn canaries(text: &str) -> Vec<&str> {
    let known = CANARIES.into_iter().chain([KEY, "whsec_x", "canary"]);
    known.filter(|canary| text.to_lowercase().contains(&canary.to_lowercase())).collect()
}

#[tokio::test]
async fn nobody_is_given_away() {
    let f = Fixture::new().await;
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    tracing::trace!("listening");
    let stripe = f.restarted();
    let mut shown = vec![format!("{:?}", f.app.platform.config)];
    let made = stripe.create_session(&session()).await.expect("a session");
    let new = NewCustomer { customer: "0196", email: CANARIES[1], name: Some(CANARIES[0]), locale: "fr", after: None };
    shown.push(format!("{made:#?} {:?}", stripe.create_customer(&new).await.expect("a customer")));
    f.server.put(json!({ "id": "evt_1", "type": "x", "data": { "object": { "name": CANARIES[0] } } }));
    shown.push(format!("{:?}", stripe.events(chrono::DateTime::UNIX_EPOCH, None).await.expect("a list")));
    let html = format!("<html>{} {KEY}</html>", CANARIES[1]);
    let wild = json!({ "error": { "type": CANARIES[0], "code": CANARIES[1], "param": CANARIES[3], "message": KEY,
                                  "decline_code": CANARIES[2].to_uppercase() } });
    for faults in [
        vec![refusal(402, "card_error", "card_declined")],
        vec![Fault::Answer(400, "request-id: canary@example.org\r\n", wild.to_string())],
        vec![Fault::Answer(502, "", html.clone()); 3],
        vec![Fault::DoneBut(200, html)],
        vec![Fault::DoneBut(200, json!({ "id": CANARIES[1], "amount": CANARIES[0] }).to_string())],
        vec![Fault::Lost; 3],
    ] {
        let at_stripe = f.server.seen().len();
        f.server.fail(faults);
        let error = stripe.create_refund(&refund(500)).await.expect_err("a failure");
        assert!(f.server.seen().len() > at_stripe, "it went out");
        shown.push(format!("{error} {error:?} {error:#?}"));
        let error = Error::from(error);
        shown.push(format!("{error} {error:?}"));
    }
    let log = String::from_utf8(log.0.lock().expect("the log").clone()).expect("text");
    let log = log.replace(module_path!(), "this test");
    assert!(log.contains("POST /refunds") && log.contains("req_402") && log.contains("TRACE"), "the log is one: {log}");
    for text in shown.iter().chain([&log]) {
        assert_eq!(canaries(text), [""; 0], "{text}");
    }
    let kept = f.app.sql("select * from outgoing_calls").await.to_string();
    assert_eq!(canaries(&kept), [""; 0], "{kept}");
    assert!(canaries(&format!("{} {KEY}", CANARIES[3])).len() >= 2, "the search finds what is there");
}
