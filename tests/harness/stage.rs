//! A stage for real processes: a database and a Redis namespace of its own, a relay, and our binaries on them.

use std::path::PathBuf;
use std::time::Duration;

use shared::kernel::config::Config;
use shared::platform::Platform;
use shared::platform::mail::{self, NewMail, Recipient, catalogue};
use shared::platform::tx::Tx;
use tokio::process::{Child, Command};

use crate::db::TestDb;
use crate::relay::Relay;
use crate::{env, process};

/// Stores, a relay, and the environment of the processes.
pub struct Stage {
    /// The services, for looking and enqueuing from outside the processes.
    pub platform: Platform,
    /// Where mails go.
    pub relay: Relay,
    /// Every process' environment; change it before starting one.
    pub env: Vec<(String, String)>,
    /// Everything the processes logged.
    pub log: PathBuf,
    _db: Option<TestDb>,
}

impl Stage {
    /// With some variables changed.
    pub async fn new(changes: &[(&str, &str)]) -> Self {
        let db = TestDb::new().await;
        let mut stage = Self::at(&db.url, changes).await;
        stage._db = Some(db); // dropped with the stage
        stage
    }

    /// On a migrated database elsewhere.
    pub async fn at(url: &str, changes: &[(&str, &str)]) -> Self {
        let relay = Relay::start().await;
        let mut vars = env::base(url);
        vars.extend(relay.env());
        vars.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let config = Config::read(|name| env::lookup(&vars, name)).expect("a complete configuration");
        let platform = Platform::new(config).expect("a platform");
        let log = std::env::temp_dir().join(format!("facteur-test-{}.log", uuid::Uuid::new_v4().simple()));
        Self { platform, relay, env: vars, log, _db: None }
    }

    /// Starts a process; it is killed with the value.
    pub fn start(&self, binary: &str, args: &[&str], changes: &[(&str, &str)]) -> Child {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log).expect("a log file");
        Command::new(env::binary(binary))
            .args(args)
            .env_clear()
            .envs(self.env.iter().cloned())
            .envs(changes.iter().copied())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("a binary of ours starts")
    }

    /// A worker that serves all lanes.
    pub fn worker(&self) -> Child {
        self.start("facteur-worker", &["run"], &[])
    }

    /// An API process and its address, once it is ready.
    pub async fn api(&self) -> (Child, String) {
        self.api_at(process::free_port(), &[]).await
    }

    /// The same on this port, with some variables changed.
    pub async fn api_at(&self, port: u16, changes: &[(&str, &str)]) -> (Child, String) {
        let port = port.to_string();
        let child = self.start("facteur", &["serve"], &[&[("PORT", port.as_str())], changes].concat());
        let base = format!("http://127.0.0.1:{port}");
        let ready = format!("{base}/health/ready");
        process::eventually(Duration::from_secs(20), "the API is ready", || async {
            reqwest::get(&ready).await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        (child, base)
    }

    /// Queues mails to p0, p1 …, in transactions of 100.
    pub async fn queue_mails(&self, count: usize) {
        self.queue_more_mails(0, count).await;
    }

    /// Queues so many mails from this number on.
    pub async fn queue_more_mails(&self, from: usize, count: usize) {
        let mut next = from;
        while next < from + count {
            let mut tx = self.begin().await;
            for _ in 0..100.min(from + count - next) {
                self.queue_mail(&mut tx, next).await;
                next += 1;
            }
            tx.commit().await.expect("a commit");
        }
    }

    async fn queue_mail(&self, tx: &mut Tx, n: usize) {
        let template = &catalogue::VISITOR_CONTACT;
        let vars = shared::platform::templates::Templates::sample(template.name).expect("every mail has a sample");
        let to = Recipient { address: format!("p{n}@example.org"), name: None, locale: "fr".into(), user: None };
        let new = NewMail {
            template,
            to,
            vars,
            dedupe_key: format!("test:{n}"),
            subject: None,
            reply_to: None,
            attachments: Vec::new(),
        };
        mail::queue(tx, new).await.expect("a mail is queued").expect("its key is new");
    }

    /// A transaction. Who judges waits longer for a connection than the product does.
    pub async fn begin(&self) -> Tx {
        let mut tries = 0;
        loop {
            match Tx::begin(&self.platform).await {
                Err(shared::kernel::Error::Unavailable { .. }) if tries < 20 => tries += 1,
                begun => return begun.expect("a transaction"),
            }
        }
    }

    /// A number from the database.
    pub async fn count(&self, query: &str) -> i64 {
        let mut tries = 0;
        loop {
            let query = sqlx::AssertSqlSafe(query.to_owned());
            match sqlx::query_scalar(query).fetch_one(&self.platform.db).await {
                Err(sqlx::Error::PoolTimedOut) if tries < 20 => tries += 1,
                counted => return counted.expect("a count"),
            }
        }
    }

    /// Waits until a query counts to `wanted`.
    pub async fn until(&self, patience: Duration, query: &str, wanted: i64) {
        let question = format!("{query} = {wanted}; log: {}", self.log.display());
        process::eventually(patience, &question, || async { self.count(query).await == wanted }).await;
    }

    /// What the processes logged.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_file(&self.log);
        }
    }
}
