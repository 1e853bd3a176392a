//! The audit log: nothing of it changes unnoticed, people can be forgotten in it, and grave entries are told.

mod guard;
mod retention;
mod whole;

use harness::TestApp;
use serde_json::json;
use shared::platform::audit::{self, Anchor, Entry, Severity, Verdict};
use shared::platform::tx::Tx;

/// Gives every entry its place, as the sweeper does every second.
pub async fn seal(app: &TestApp) -> usize {
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let sealed = audit::seal(&mut tx).await.expect("a chain");
    tx.commit().await.expect("a commit");
    sealed
}

async fn verify(app: &TestApp, anchor: Option<&Anchor>) -> Verdict {
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let verdict = audit::verify(&mut tx, anchor).await.expect("a verdict");
    tx.rollback().await.expect("a rollback");
    verdict
}

/// Writes an entry of nobody.
async fn write(app: &TestApp, action: &str, id: &str) {
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let details = json!({ "reason": "Hélène a demandé: « 4:5 »", "before": { "a": 1 }, "after": null });
    let entry = Entry { action, severity: Severity::Low, target: "thing", id: id.to_owned(), details };
    audit::record(&mut tx, entry).await.expect("an entry");
    tx.commit().await.expect("a commit");
}

/// What a superuser may do whom no trigger stops.
async fn force(app: &TestApp, statement: &str) {
    app.execute(&format!("set session_replication_role = replica; {statement}; set session_replication_role = origin"))
        .await;
}
