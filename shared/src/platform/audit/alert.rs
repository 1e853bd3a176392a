//! A grave entry tells the administrators: the first three of an action in an hour one by one, then the tenth, the
//! hundredth … A flood is one line in the list, not a mailbox full. What is critical is always told.

use super::{Entry, Severity};
use crate::kernel::Result;
use crate::platform::notifications::{self, NewNotification};
use crate::platform::tx::Tx;

/// Told one by one.
const SINGLY: i64 = 3;

/// Tells of an entry just written, unless enough of its kind were told within this hour. The mail names the role of who
/// acted and leads to the entry; who it was stands there alone.
pub(super) async fn raise(
    tx: &mut Tx,
    id: i64,
    entry: &Entry<'_>,
    severity: Severity,
    role: Option<&str>,
) -> Result<()> {
    let hour = sqlx::query!(
        r#"select count(*) as "count!", to_char(now(), 'YYYY-MM-DD"T"HH24') as "name!" from audit_log
           where action = $1 and severity in ('high', 'critical') and occurred_at >= date_trunc('hour', now())"#,
        entry.action
    )
    .fetch_one(&mut **tx)
    .await?;
    let critical = severity == Severity::Critical;
    if !critical && hour.count > SINGLY && !is_round(hour.count) {
        return Ok(());
    }
    let action = entry.action;
    let actor = role.unwrap_or("-");
    let words = words(action);
    let message = match hour.count {
        1 => format!("{words}: {} {}", entry.target, entry.id),
        n => format!("{words}: {} {} ({n} this hour)", entry.target, entry.id),
    };
    let notification = NewNotification {
        kind: "warning",
        title: &words,
        message: &message,
        action_url: Some(format!("{}/admin/audit/{id}", tx.platform().config.http.public_url)),
        priority: if critical { "urgent" } else { "high" },
        template: Some("admin-warning"),
        vars: serde_json::json!({
            "audit_action": action, "severity": severity, "actor_role": actor,
            "target": format!("{} {}", entry.target, entry.id),
        }),
        dedupe_key: Some(if critical {
            format!("audit:{id}")
        } else {
            format!("audit:{action}:{}:{}", hour.name, hour.count)
        }),
        ..NewNotification::default()
    };
    notifications::notify(tx, notification).await?;
    Ok(())
}

/// 10, 100, 1000 …
fn is_round(count: i64) -> bool {
    let mut round = 10;
    while round < count {
        round *= 10;
    }
    round == count
}

/// `ACCOUNT_LOCKED` → `Account locked`
fn words(action: &str) -> String {
    let lower = action.replace('_', " ").to_lowercase();
    let mut letters = lower.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn powers_of_ten_are_round() {
        let round: Vec<i64> = (1..2000).filter(|n| super::is_round(*n)).collect();
        assert_eq!(round, [10, 100, 1000]);
    }
}
