//! One application for one test: its database, its clock, mails in memory, no Redis, jobs on demand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::app::App;
use axum::Router;
use serde_json::Value;
use shared::kernel::config::Config;
use shared::platform::Platform;
use shared::platform::jobs::{Lane, batches, ledger, permits, sweep};
use shared::platform::tx::{Signal, Tx};
use worker::lease::{Grip, Leases};
use worker::registry::Registry;
use worker::runner::Runner;
use worker::settle::{Ledger, Settlement, Settler};
use worker::smtp::{Letter, Smtp};
use worker::tally::Tallies;

use crate::db::TestDb;
use crate::env;
use crate::people::Client;

/// The application under test.
pub struct TestApp {
    /// The services.
    pub platform: Platform,
    /// The API, called without a socket.
    pub router: Router,
    sent: Arc<Mutex<Vec<Letter>>>,
    runner: Runner,
    settler: Settler,
    leases: Leases,
    leave_jobs: bool,
    db: TestDb,
}

impl TestApp {
    /// An application as configured by default.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same with some variables changed.
    pub async fn with(changes: &[(&str, &str)]) -> Self {
        let db = TestDb::new().await;
        let mut vars = env::base(&db.url);
        vars.push(("REDIS_URL".into(), String::new()));
        vars.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let config = Config::read(|name| env::lookup(&vars, name)).expect("a complete configuration");
        let platform = Platform::new(config).expect("a platform");
        let sent = Arc::new(Mutex::new(Vec::new()));
        let registry: Arc<Registry> = Arc::new(worker::jobs::registry());
        let (name, leases): (Arc<str>, _) = ("test".into(), Leases::default());
        let (settler, _) = Settler::start(
            Ledger {
                settlements: platform.db.clone(),
                platform: platform.clone(),
                registry: registry.clone(),
                worker: name.clone(),
                tallies: Tallies::default(),
            },
            leases.clone(),
        );
        // Mails stay in memory unless a test names a relay of its own.
        let smtp = match platform.config.mail.smtp {
            Some(_) => Smtp::new(&platform.config.mail).expect("a relay"),
            None => Smtp::Memory(sent.clone()),
        };
        let runner = Runner::new(platform.clone(), smtp, registry, name);
        let router = App::new(platform.clone()).router();
        Self { platform, router, sent, runner, settler, leases, leave_jobs: false, db }
    }

    /// The database's address, for processes.
    pub fn database_url(&self) -> &str {
        &self.db.url
    }

    /// Somebody without an account.
    pub fn anonymous(&self) -> Client {
        Client::new(self.router.clone())
    }

    /// Mails sent so far, taken out.
    pub fn mails(&self) -> Vec<Letter> {
        std::mem::take(&mut *self.sent.lock().expect("the list of mails"))
    }

    /// The jobs left at the end are meant to be left.
    pub fn leave_jobs(&mut self) {
        self.leave_jobs = true;
    }

    /// Runs every due job through the real runner, one after the other, until none is due. Returns how many ran.
    pub async fn drain(&self) -> usize {
        let mut ran = 0;
        loop {
            let mut tx = Tx::begin(&self.platform).await.expect("a transaction");
            sweep::due(&mut tx).await.expect("due jobs").into_iter().for_each(|t| tx.after_commit(Signal::Ticket(t)));
            sweep::expire(&mut tx).await.expect("expired jobs");
            batches::close(&mut tx).await.expect("finished batches");
            let keys = permits::waiting(&mut tx, "").await.expect("keys");
            tx.commit().await.expect("a commit");
            permits::grant(&self.platform.db, &keys).await.expect("permits");
            let before = ran;
            for lane in Lane::ALL {
                ran += self.run_lane(lane).await;
            }
            if ran == before {
                return ran;
            }
        }
    }

    async fn run_lane(&self, lane: Lane) -> usize {
        let kinds = self.runner.registry.kinds();
        let (db, name) = (&self.platform.db, &*self.runner.worker);
        let claimed = ledger::claim_next(db, name, lane.name(), &kinds, 1).await.expect("a claim");
        let ran = claimed.len();
        for job in claimed {
            let job = Arc::new(job);
            self.leases.hold(std::slice::from_ref(&job));
            let outcome = self.runner.run(job.clone(), Grip::default()).await;
            self.settler.send(Settlement { job, outcome, ran: Duration::ZERO }).await;
        }
        while self.leases.count().1 > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        ran
    }

    /// Lets time pass: every time in the database moves back, and the application's clock forward; but for the times of
    /// the audit log, which does not change.
    pub async fn advance(&self, by: Duration) {
        let sql = format!(
            "do $$ declare c record; begin
               for c in select table_name t, string_agg(format('%1$I = %1$I - interval ''{s} seconds''', column_name), ', ') s
                        from information_schema.columns where table_schema = 'public' and data_type = 'timestamp with time zone'
                          and is_generated = 'NEVER' and table_name not like '\\_sqlx%' and table_name <> 'audit_log'
                        group by table_name
               loop execute format('update %I set %s', c.t, c.s); end loop;
             end $$",
            s = by.as_secs_f64()
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&self.platform.db).await.expect("time passes");
        self.platform.clock.advance(by);
    }

    /// A value from the database.
    pub async fn sql(&self, query: &'static str) -> Value {
        let query = format!("select to_jsonb(q) from ({query}) q");
        let rows: Vec<Value> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_all(&self.platform.db).await.expect("a query");
        Value::Array(rows)
    }

    /// Changes something in the database.
    pub async fn execute(&self, statement: &str) {
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        sqlx::raw_sql(statement).execute(&self.platform.db).await.expect("a statement");
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if self.leave_jobs || std::thread::panicking() {
            return;
        }
        let url = self.db.url.clone();
        let forgotten = crate::db::block(async move {
            use sqlx::Connection;
            let mut db = sqlx::PgConnection::connect(&url).await.expect("the test's database");
            sqlx::query_scalar::<_, String>(
                "select kind || ' ' || state from jobs where state in ('queued', 'running')",
            )
            .fetch_all(&mut db)
            .await
            .expect("the ledger")
        });
        let forgotten = forgotten.unwrap_or_default();
        assert!(forgotten.is_empty(), "jobs were forgotten (drain, or say leave_jobs): {forgotten:?}");
    }
}

/// Asserts that a job of this kind with (at least) these payload fields is in the ledger.
pub async fn assert_enqueued(app: &TestApp, kind: &str, payload: Value) {
    let found: i64 = sqlx::query_scalar("select count(*) from jobs where kind = $1 and payload @> $2")
        .bind(kind)
        .bind(&payload)
        .fetch_one(&app.platform.db)
        .await
        .expect("the ledger");
    assert!(found > 0, "no {kind} with {payload} was enqueued");
}
