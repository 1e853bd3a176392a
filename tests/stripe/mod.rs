//! A fake Stripe for development and tests. It keeps objects in Stripe's shapes, honours idempotency keys, shows a page
//! on which a checkout session is paid, sends signed events, and fails when it is told to. It listens on loopback only
//! and is no part of any program we deploy.
//!
//! | path            | what                                                                            |
//! |-----------------|---------------------------------------------------------------------------------|
//! | `/v1/…`         | Stripe's API, as far as `routes.rs` goes                                         |
//! | `/c/pay/{id}`   | the page of a checkout session                                                   |
//! | `/_fake/…`      | its control: `GET /_fake` lists it; tests use [`FakeStripe::tell`] and [`FakeStripe::ask`] |
//!
//! Tests have it forget everything; `./dev up` gives it a file that it begins with (`kept.rs`).
//!
//! What it leaves out: taxes, discounts, balance, Connect, sessions of mode `setup` and `subscription`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use state::State;

mod billing;
mod catalogue;
mod checkout;
mod control;
mod courier;
mod customers;
mod deliveries;
mod disputes;
mod faults;
mod form;
mod idempotency;
mod kept;
mod lists;
mod page;
mod payments;
mod refunds;
mod refusal;
mod routes;
mod server;
mod shapes;
mod state;
mod usage;

/// The version of Stripe's API whose shapes these are.
pub const API_VERSION: &str = "2026-09-30.endive";

/// How a fake begins.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The secret key that calls must carry.
    pub key: String,
    /// Where events go.
    pub webhook: Option<Webhook>,
    /// A direct debit is settled after so many seconds of the fake's clock.
    pub sepa_seconds: i64,
    /// What becomes of a refund of a card: `succeed`, `pending` or `failed`.
    pub refunds: String,
    /// The file that keeps what it knows from one start to the next.
    pub kept: Option<PathBuf>,
    /// Prints what is delivered.
    pub talk: bool,
    /// Its own address, without a slash at the end; filled in when it listens.
    pub base: String,
}

impl Default for Settings {
    fn default() -> Self {
        let (key, refunds) = ("sk_test_fake".to_owned(), "succeed".to_owned());
        Self {
            key,
            webhook: None,
            sepa_seconds: 3 * 24 * 60 * 60,
            refunds,
            kept: None,
            talk: false,
            base: String::new(),
        }
    }
}

/// Where events go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The address.
    pub url: String,
    /// `whsec_…`; with several, each signs.
    pub secrets: Vec<String>,
    /// Types it listens to.
    #[serde(default = "everything")]
    pub events: Vec<String>,
    /// The time that signatures carry, in Unix seconds, when it is not now.
    #[serde(default)]
    pub signed_at: Option<i64>,
}

/// Every type of event.
pub fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}

/// The state, shared by all connections.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<State>>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A running fake; it ends with the value.
pub struct FakeStripe {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub url: String,
    client: reqwest::Client,
    shared: Shared,
    tasks: JoinSet<()>,
}

impl FakeStripe {
    /// On a free port.
    pub async fn start() -> Self {
        Self::at(0, Settings::default()).await.expect("a free port on loopback")
    }

    /// On this port of loopback.
    pub async fn at(port: u16, mut settings: Settings) -> std::io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        let url = format!("http://{}", listener.local_addr()?);
        settings.base.clone_from(&url);
        let mut state = State::new(settings);
        if let Some(path) = state.settings.kept.clone() {
            kept::read(&path, &mut state)?;
        }
        let shared = Shared(Arc::new(Mutex::new(state)));
        let mut tasks = JoinSet::new();
        tasks.spawn(courier::run(shared.clone()));
        tasks.spawn(tick(shared.clone()));
        tasks.spawn(server::listen(listener, shared.clone()));
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Ok(Self { url, client, shared, tasks })
    }

    /// Orders something of `/_fake/…`; what it answers. Panics when it refuses.
    pub async fn tell(&self, path: &str, body: Value) -> Value {
        Self::read(self.client.post(format!("{}/_fake/{path}", self.url)).json(&body)).await
    }

    /// Reads something of `/_fake/…`.
    pub async fn ask(&self, path: &str) -> Value {
        Self::read(self.client.get(format!("{}/_fake/{path}", self.url))).await
    }

    async fn read(request: reqwest::RequestBuilder) -> Value {
        let answer = request.send().await.expect("the fake answers");
        let status = answer.status();
        let body = answer.json().await.expect("the fake answers in JSON");
        assert!(status.is_success(), "the fake refuses: {body}");
        body
    }

    /// Runs until then, and keeps what it knows.
    pub async fn serve_until(mut self, end: impl Future) -> std::io::Result<()> {
        let all_ended = async { while self.tasks.join_next().await.is_some() {} };
        tokio::select! {
            _ = end => {}
            () = all_ended => {}
        }
        keep(&self.shared)
    }
}

/// What is due happens; what has changed is kept, once a second at most.
async fn tick(shared: Shared) {
    for round in 0_u64.. {
        tokio::time::sleep(Duration::from_millis(250)).await;
        shared.lock().happen();
        if round % 4 == 3
            && let Err(error) = keep(&shared)
        {
            eprintln!("what the fake knows is not kept: {error}");
        }
    }
}

/// Writes the file, where there is one and something to write.
fn keep(shared: &Shared) -> std::io::Result<()> {
    let (path, news) = {
        let mut state = shared.lock();
        let Some(path) = state.settings.kept.clone() else { return Ok(()) };
        (path, kept::news(&mut state))
    };
    news.map_or(Ok(()), |news| kept::write(&path, &news))
}
