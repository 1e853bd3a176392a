//! People who write to the house at a steady pace, each with an `Idempotency-Key`, and who try again until they are
//! answered. They remember every answer: what was accepted must arrive, what was not must not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::process::busy;

/// One answer, or none.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// When it was asked for.
    pub at: Instant,
    /// How long it took.
    pub took: Duration,
    /// The status; None: no answer.
    pub status: Option<u16>,
    /// Whether it says when to come back.
    pub retry_after: bool,
}

/// So many wait for an answer at most; then nobody new comes, or a house in trouble would only hear of its crowd.
const PATIENT: usize = 40;

/// The people. Cheap to clone.
#[derive(Clone, Default)]
pub struct Crowd(Arc<Inner>);

#[derive(Default)]
struct Inner {
    doors: Mutex<Vec<String>>,
    begun: AtomicUsize,
    accepted: Mutex<BTreeMap<usize, String>>,
    answers: Mutex<Vec<Answer>>,
    closed: AtomicBool,
    people: tokio::sync::Mutex<JoinSet<()>>,
}

impl Crowd {
    /// Where people knock from now on, in turn.
    pub fn knock_at(&self, doors: &[String]) {
        *self.0.doors.lock().expect("the doors") = doors.to_vec();
    }

    /// So many new people a second.
    pub fn start(&self, per_second: u32) {
        let crowd = self.clone();
        tokio::spawn(async move {
            let mut pace = tokio::time::interval(Duration::from_secs(1) / per_second);
            loop {
                pace.tick().await;
                let waiting = crowd.begun() - crowd.accepted().len();
                if waiting < PATIENT && !crowd.come(1).await {
                    return;
                }
            }
        });
    }

    /// So many new people at once; false: it is too late for new people.
    pub async fn come(&self, count: usize) -> bool {
        let mut people = self.0.people.lock().await;
        if self.0.closed.load(Ordering::SeqCst) {
            return false;
        }
        let http = client();
        for _ in 0..count {
            let n = self.0.begun.fetch_add(1, Ordering::SeqCst);
            let (crowd, http) = (self.clone(), http.clone());
            people.spawn(async move { crowd.person(n, &http).await });
        }
        true
    }

    /// Nobody new; those who wait for an answer get it within this time, or never.
    pub async fn finish(&self, patience: Duration) {
        let mut people = self.0.people.lock().await;
        self.0.closed.store(true, Ordering::SeqCst);
        let _ =
            tokio::time::timeout(patience.mul_f64(busy()), async { while people.join_next().await.is_some() {} }).await;
        people.shutdown().await;
    }

    /// Somebody who asked by other means was accepted.
    pub fn note(&self, n: usize, id: &str) {
        self.0.begun.fetch_add(1, Ordering::SeqCst);
        self.0.accepted.lock().expect("the accepted").insert(n, id.to_owned());
    }

    /// The request's id by the person's number.
    pub fn accepted(&self) -> BTreeMap<usize, String> {
        self.0.accepted.lock().expect("the accepted").clone()
    }

    /// How many people have come.
    pub fn begun(&self) -> usize {
        self.0.begun.load(Ordering::SeqCst)
    }

    /// Every answer so far.
    pub fn answers(&self) -> Vec<Answer> {
        self.0.answers.lock().expect("the answers").clone()
    }

    /// Every answer to what was asked after this moment.
    pub fn answers_since(&self, moment: Instant) -> Vec<Answer> {
        self.answers().into_iter().filter(|answer| answer.at >= moment).collect()
    }

    async fn person(&self, n: usize, http: &reqwest::Client) {
        let key = uuid::Uuid::new_v4().to_string();
        loop {
            let door = {
                let doors = self.0.doors.lock().expect("the doors");
                doors.get(n % doors.len().max(1)).cloned().unwrap_or_default()
            };
            let (answer, id) = ask(http, &door, n, &key).await;
            self.0.answers.lock().expect("the answers").push(answer);
            if answer.status == Some(201) {
                self.0.accepted.lock().expect("the accepted").insert(n, id);
                return;
            }
            // Who is told when to come back comes back then, not all at once.
            let wait = if answer.retry_after { 2000 + n as u64 * 37 % 1000 } else { 300 };
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }
}

/// The address of person n.
pub fn address(n: usize) -> String {
    format!("v{n}@example.org")
}

/// Asks once, as person n under this key.
pub async fn ask(http: &reqwest::Client, door: &str, n: usize, key: &str) -> (Answer, String) {
    let body =
        json!({ "kind": "contact", "name": "Camille", "email": address(n), "title": "Devis", "body": "Bonjour" });
    let at = Instant::now();
    let asked = http.post(format!("{door}/api/v1/requests")).header("idempotency-key", key).json(&body).send().await;
    let Ok(response) = asked else {
        return (Answer { at, took: at.elapsed(), status: None, retry_after: false }, String::new());
    };
    let (status, retry_after) = (response.status().as_u16(), response.headers().contains_key("retry-after"));
    let body: Value = response.json().await.unwrap_or_default();
    let id = body["data"]["id"].as_str().unwrap_or_default().to_owned();
    (Answer { at, took: at.elapsed(), status: Some(status), retry_after }, id)
}

/// A client that waits longer than the API lets anybody wait.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(25)).build().expect("a client")
}
