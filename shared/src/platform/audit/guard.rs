//! What people try and look at, recorded beside the request that did it. Each of these writes a bounded number of
//! entries however often it is called: whoever hammers at the house must not fill its log.

use serde_json::{Value, json};

use super::{Entry, Severity, record};
use crate::kernel::Result;
use crate::platform::Platform;
use crate::platform::tx::{Origin, Tx};

/// So many refusals within [`MINUTES`] are suspicious.
const TEN: i64 = 10;
/// The window of refusals, and of records that are opened again.
const MINUTES: i32 = 10;
/// One suspicion of a kind per target within so many minutes.
const HOUR: i32 = 60;
/// Suspicions of a kind within an hour, whoever causes them.
const MOST: i64 = 20;

/// Somebody signed in asked for what they may not do. The tenth time within ten minutes is `SUSPICIOUS_ACTIVITY`; what
/// follows it within the ten minutes is not written down.
pub async fn refused(platform: &Platform, origin: &Origin, permission: &str, request: &str) -> Result<()> {
    let Some(actor) = origin.actor else { return Ok(()) };
    let id = actor.to_string();
    let mut tx = Tx::begin_for(platform, origin.clone()).await?;
    hold(&mut tx, &format!("refused {id}")).await?;
    let before = count(&mut tx, "UNAUTHORIZED_ACCESS", Some(&id), MINUTES).await?;
    if before >= TEN {
        return tx.rollback().await;
    }
    let details = json!({ "permission": permission, "request": request });
    write(&mut tx, "UNAUTHORIZED_ACCESS", "user", &id, details).await?;
    if before + 1 == TEN {
        let details = json!({ "refusals": TEN, "minutes": MINUTES, "permission": permission });
        write(&mut tx, "SUSPICIOUS_ACTIVITY", "user", &id, details).await?;
    }
    tx.commit().await
}

/// Somebody tried what no honest client does: a forged webhook, a token with a foreign signature. One entry per target
/// (a reason, an address) and hour, [`MOST`] an hour altogether.
pub async fn suspected(
    platform: &Platform,
    origin: &Origin,
    action: &str,
    (target, id): (&str, &str),
    reason: &str,
) -> Result<()> {
    let mut tx = Tx::begin_for(platform, origin.clone()).await?;
    hold(&mut tx, &format!("suspected {action}")).await?;
    let (same, all) = (count(&mut tx, action, Some(id), HOUR).await?, count(&mut tx, action, None, HOUR).await?);
    if same > 0 || all >= MOST {
        return tx.rollback().await;
    }
    write(&mut tx, action, target, id, json!({ "reason": reason })).await?;
    tx.commit().await
}

/// Somebody opened a record. The same one by the same person within ten minutes is one entry, their own account none.
pub async fn opened(platform: &Platform, origin: &Origin, action: &str, target: &str, id: &str) -> Result<()> {
    if origin.actor.is_some_and(|actor| actor.to_string() == id) {
        return Ok(());
    }
    let mut tx = Tx::begin_for(platform, origin.clone()).await?;
    let known = sqlx::query_scalar!(
        r#"select exists (select from audit_log where target_type = $1 and target_id = $2 and action = $3
                          and actor_id is not distinct from $4 and occurred_at > now() - make_interval(mins => $5)) as "known!""#,
        target,
        id,
        action,
        origin.actor.map(|actor| actor.0),
        MINUTES
    )
    .fetch_one(&mut *tx)
    .await?;
    if known {
        return tx.rollback().await;
    }
    write(&mut tx, action, target, id, json!({})).await?;
    tx.commit().await
}

async fn write(tx: &mut Tx, action: &str, target: &str, id: &str, details: Value) -> Result<()> {
    record(tx, Entry { action, severity: Severity::Low, target, id: id.to_owned(), details }).await
}

/// One at a time may count and write.
async fn hold(tx: &mut Tx, what: &str) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('audit ' || $1, 0))", what)
        .fetch_one(&mut **tx)
        .await?;
    Ok(())
}

async fn count(tx: &mut Tx, action: &str, target: Option<&str>, minutes: i32) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from audit_log where action = $1 and ($2::text is null or target_id = $2)
           and occurred_at > now() - make_interval(mins => $3)"#,
        action,
        target,
        minutes
    );
    Ok(count.fetch_one(&mut **tx).await?)
}
