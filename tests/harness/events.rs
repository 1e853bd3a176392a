//! A reader of Server-Sent Events over a real socket.

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::process::busy;

/// An open stream.
pub struct Events {
    response: Response,
    unread: String,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An event: its name, its id, its data.
    Told(String, Option<String>, Value),
    /// A comment.
    Beat,
    /// The stream has ended.
    End,
}

impl Events {
    /// Asks for a stream; the answer may be a refusal.
    pub async fn ask(url: &str, token: &str, last: Option<&str>) -> Response {
        Self::ask_with(url, ("authorization", &format!("Bearer {token}")), last).await
    }

    /// The same by another header than a token's: a cookie.
    pub async fn ask_with(url: &str, (name, value): (&str, &str), last: Option<&str>) -> Response {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let http = http.expect("a client");
        let mut request = http.get(url).header(name, value).header("accept-encoding", "gzip, br");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        request.send().await.expect("an answer")
    }

    /// Opens a stream.
    pub async fn open(url: &str, token: &str, last: Option<&str>) -> Self {
        Self::of(Self::ask(url, token, last).await)
    }

    /// The stream of an answer.
    #[track_caller]
    pub fn of(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        Self { response, unread: String::new() }
    }

    /// What comes next, within this time.
    #[track_caller]
    pub fn next(&mut self, patience: Duration) -> impl Future<Output = Event> {
        let caller = std::panic::Location::caller();
        async move {
            let next = tokio::time::timeout(patience.mul_f64(busy()), self.read()).await;
            next.unwrap_or_else(|_| panic!("{caller}: nothing within {patience:?}; so far: {:?}", self.unread))
        }
    }

    /// The next notification, within this time; others are skipped.
    #[track_caller]
    pub fn notification(&mut self, patience: Duration) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let next = async {
                loop {
                    match self.read().await {
                        Event::Told(name, id, data) if name == "notification" => {
                            assert_eq!(data["id"].as_str(), id.as_deref(), "an event's id is its row's");
                            return data;
                        }
                        Event::End => panic!("{caller}: the stream has ended"),
                        _ => {}
                    }
                }
            };
            let next = tokio::time::timeout(patience.mul_f64(busy()), next).await;
            next.unwrap_or_else(|_| panic!("{caller}: no notification within {patience:?}"))
        }
    }

    /// Waits until the count is this, within this time; others are skipped.
    #[track_caller]
    pub fn unread(&mut self, count: i64, patience: Duration) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let told = async {
                loop {
                    match self.read().await {
                        Event::Told(name, _, data) if name == "unread" && data["count"] == count => return,
                        Event::End => panic!("{caller}: the stream has ended"),
                        _ => {}
                    }
                }
            };
            let told = tokio::time::timeout(patience.mul_f64(busy()), told).await;
            told.unwrap_or_else(|_| panic!("{caller}: the count was not {count} within {patience:?}"));
        }
    }

    /// Reads to the end, within this time. Gives what came before it.
    #[track_caller]
    pub fn rest(&mut self, patience: Duration) -> impl Future<Output = Vec<Event>> {
        let caller = std::panic::Location::caller();
        async move {
            let rest = async {
                let mut all = Vec::new();
                loop {
                    match self.read().await {
                        Event::End => return all,
                        event => all.push(event),
                    }
                }
            };
            let rest = tokio::time::timeout(patience.mul_f64(busy()), rest).await;
            rest.unwrap_or_else(|_| panic!("{caller}: no end within {patience:?}"))
        }
    }

    async fn read(&mut self) -> Event {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let event = parse(block);
                self.unread = rest.to_owned();
                return event;
            }
            match self.response.chunk().await.expect("a stream that is not cut off") {
                Some(chunk) => self.unread.push_str(&String::from_utf8_lossy(&chunk)),
                None => return Event::End,
            }
        }
    }
}

fn parse(block: &str) -> Event {
    let (mut name, mut id, mut data) = (None, None, None);
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("event", value)) => name = Some(value.to_owned()),
            Some(("id", value)) => id = Some(value.to_owned()),
            Some(("data", value)) => data = Some(serde_json::from_str(value).expect("JSON in one line")),
            Some(("" | "retry", _)) => {}
            _ => panic!("no line of a stream: {line:?}"),
        }
    }
    match (name, data) {
        (Some(name), Some(data)) => Event::Told(name, id, data),
        (None, None) => Event::Beat,
        other => panic!("half an event: {other:?}"),
    }
}
