//! A small Stripe on loopback, for the client alone: keeps what it creates, repeats the answer of a known key, counts
//! its connections, and fails in the ways a test names. It answers with more than we read, people's names included.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What happens to the next call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing is done; this status, headers and body.
    Answer(u16, &'static str, String),
    /// It is done, and this is answered instead.
    DoneBut(u16, String),
    /// It is done, and the connection closes without an answer.
    Lost,
    /// It is done, and there is silence.
    Silent,
}

/// A call that arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Instant,
    /// `POST /v1/refunds`
    pub call: String,
    pub query: BTreeMap<String, String>,
    pub form: BTreeMap<String, String>,
    pub headers: HashMap<String, String>,
}

impl Seen {
    pub fn key(&self) -> &str {
        self.headers.get("idempotency-key").map_or("", String::as_str)
    }
}

#[derive(Default)]
struct State {
    connections: usize,
    seen: Vec<Seen>,
    faults: VecDeque<Fault>,
    objects: BTreeMap<String, Value>,
    /// Key → what it was for and what was answered.
    keys: HashMap<String, (String, u16, String)>,
    /// Of keys that created something.
    created: usize,
}

#[derive(Clone)]
pub struct Server {
    pub url: String,
    state: Arc<Mutex<State>>,
}

/// What names a person or opens a door; it is in every answer.
pub const CANARIES: [&str; 4] = ["Canary Alice", "canary@example.org", "secret_canary", "12 Canary Street"];

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Self { url, state: Arc::default() };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                serving.lock().connections += 1;
                let server = serving.clone();
                tokio::spawn(async move { server.talk(socket).await });
            }
        });
        server
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("the state")
    }

    /// The next calls fail like this, one after the other.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().faults.extend(faults);
    }

    /// Puts an object there.
    pub fn put(&self, object: Value) {
        let id = object["id"].as_str().expect("an id").to_owned();
        self.lock().objects.insert(id, object);
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    pub fn connections(&self) -> usize {
        self.lock().connections
    }

    /// How many objects calls have created.
    pub fn created(&self) -> usize {
        self.lock().created
    }

    /// As after a day.
    pub fn forget_keys(&self) {
        self.lock().keys.clear();
    }

    async fn talk(&self, socket: TcpStream) {
        let _ = socket.set_nodelay(true);
        let mut socket = BufReader::new(socket);
        while let Some((seen, raw)) = hear(&mut socket).await {
            let fault = {
                let mut state = self.lock();
                state.seen.push(seen.clone());
                state.faults.pop_front()
            };
            let (status, headers, body) = match fault {
                Some(Fault::Answer(status, headers, body)) => (status, headers, body),
                None => {
                    let (status, body) = self.lock().answer(&seen, &raw);
                    (status, "", body)
                }
                Some(fault) => {
                    self.lock().answer(&seen, &raw);
                    match fault {
                        Fault::DoneBut(status, body) => (status, "", body),
                        Fault::Silent => return tokio::time::sleep(Duration::from_secs(600)).await,
                        _ => return,
                    }
                }
            };
            let length = body.len();
            let head = format!("HTTP/1.1 {status} x\r\nrequest-id: req_{status}\r\ncontent-length: {length}\r\n");
            if socket.write_all(format!("{head}{headers}\r\n{body}").as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// One request and its form as it came.
async fn hear(socket: &mut BufReader<TcpStream>) -> Option<(Seen, String)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let headers: HashMap<String, String> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())))
        .collect();
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    let raw = String::from_utf8(body).expect("a form");
    let mut words = lines[0].split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let call = format!("{method} {path}");
    Some((Seen { at: Instant::now(), call, query: pairs(query), form: pairs(&raw), headers }, raw))
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://x/?{text}")).expect("pairs");
    url.query_pairs().into_owned().collect()
}

fn error(kind: &str, code: &str) -> String {
    let text = format!("{} {}", CANARIES[0], CANARIES[2]);
    json!({ "error": { "type": kind, "code": code, "message": text, "payment_intent": { "client_secret": text } } })
        .to_string()
}

/// An error as Stripe says it.
pub fn refusal(status: u16, kind: &str, code: &str) -> Fault {
    Fault::Answer(status, "", error(kind, code))
}

impl State {
    fn answer(&mut self, seen: &Seen, raw: &str) -> (u16, String) {
        let work = format!("{} {raw}", seen.call);
        if let Some((known, status, body)) = self.keys.get(seen.key()) {
            let same = *known == work;
            return if same { (*status, body.clone()) } else { (400, error("idempotency_error", "idempotency_error")) };
        }
        let (status, body) = self.work(seen);
        if !seen.key().is_empty() {
            self.keys.insert(seen.key().to_owned(), (work, status, body.clone()));
        }
        (status, body)
    }

    fn work(&mut self, seen: &Seen) -> (u16, String) {
        let (method, path) = seen.call.split_once(' ').expect("a call");
        let parts: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
        match (method, parts.as_slice()) {
            ("POST", ["checkout", "sessions"]) => self.create("cs_test", &seen.form),
            ("POST", ["refunds"]) => self.create("re", &seen.form),
            ("POST", ["customers"]) => self.create("cus", &seen.form),
            ("POST", ["products"]) => self.create("prod", &seen.form),
            ("POST", ["prices"]) => self.create("price", &seen.form),
            ("GET", ["refunds" | "prices" | "products" | "events" | "customers"]) => self.list(parts[0], &seen.query),
            ("GET", ["customers", _, "payment_methods"]) => self.list("payment_methods", &seen.query),
            (_, [.., "checkout", "sessions", id, "expire"]) => self.one(id, &[("status", json!("expired"))]),
            (_, ["payment_methods", id, "detach"]) => self.one(id, &[("customer", Value::Null)]),
            ("POST", ["prices", id]) => self.one(id, &[("active", json!(false))]),
            (_, [.., id]) => self.one(id, &[]),
            _ => (404, error("invalid_request_error", "resource_missing")),
        }
    }

    fn create(&mut self, prefix: &str, form: &BTreeMap<String, String>) -> (u16, String) {
        self.created += 1;
        let id = form.get("id").cloned().unwrap_or_else(|| format!("{prefix}_{}", self.created));
        let metadata: BTreeMap<&str, &String> = form
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("metadata[")?.strip_suffix(']')?, value)))
            .collect();
        let number = |name: &str| form.get(name).and_then(|text| text.parse::<i64>().ok());
        let object = json!({
            "id": id, "object": prefix, "metadata": metadata, "livemode": false, "active": true,
            "status": if prefix == "re" { "succeeded" } else { "open" }, "payment_status": "unpaid",
            "url": format!("https://checkout.example/{}", CANARIES[2]), "client_secret": CANARIES[2],
            "amount": number("amount"), "unit_amount": number("unit_amount"), "currency": "eur",
            "payment_intent": form.get("payment_intent"), "product": form.get("product"),
            "expires_at": number("expires_at"), "client_reference_id": form.get("client_reference_id"),
            "customer_details": { "name": CANARIES[0], "email": CANARIES[1], "address": { "line1": CANARIES[3] } },
            "name": CANARIES[0], "email": CANARIES[1], "created": 1_790_000_000,
        });
        self.objects.insert(id, object.clone());
        (200, object.to_string())
    }

    fn list(&self, kind: &str, query: &BTreeMap<String, String>) -> (u16, String) {
        let prefix = match kind {
            "refunds" => "re_",
            "prices" => "price_",
            "products" => "prod_",
            "events" => "evt_",
            "payment_methods" => "pm_",
            _ => "cus_",
        };
        let behind = query.get("starting_after");
        let found = self.objects.iter().rev().filter(|(id, object)| {
            let fits = |name: &str| query.get(name).is_none_or(|value| object[name] == json!(value));
            id.starts_with(prefix)
                && behind.is_none_or(|after| *id < after)
                && fits("payment_intent")
                && fits("product")
        });
        // Small pages, so that whoever looks for something must turn them.
        let mut found: Vec<&Value> = found.map(|(_, object)| object).take(3).collect();
        let has_more = found.len() > 2;
        found.truncate(2);
        (
            200,
            json!({ "object": "list", "url": format!("/v1/{kind}"), "has_more": has_more, "data": found }).to_string(),
        )
    }

    fn one(&mut self, id: &str, changes: &[(&str, Value)]) -> (u16, String) {
        let Some(object) = self.objects.get_mut(id) else {
            return (404, error("invalid_request_error", "resource_missing"));
        };
        changes.iter().for_each(|(name, value)| object[*name] = value.clone());
        (200, object.to_string())
    }
}
