//! What waited how long, and ran how long.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::client::Client;

/// Prints every job since `begun`, oldest first.
pub async fn print(admin: &Client, begun: DateTime<Utc>) -> anyhow::Result<()> {
    let list = admin.get("/api/v1/admin/jobs?limit=200").await?;
    let mut jobs: Vec<&Value> = list["data"].as_array().into_iter().flatten().collect();
    jobs.retain(|job| time(&job["created_at"]).is_some_and(|at| at >= begun));
    jobs.reverse();
    println!("  {:>8}  {:<22} {:<26} {:<10} {:>9} {:>9}  attempts", "at", "kind", "what", "state", "waited", "ran");
    for job in jobs {
        let text = |name: &str| job[name].as_str().unwrap_or("–").to_owned();
        let between = |from: &str, to: &str| match (time(&job[from]), time(&job[to])) {
            (Some(a), Some(b)) if b >= a => {
                format!("{:.1} ms", (b - a).num_microseconds().unwrap_or(0) as f64 / 1000.0)
            }
            // a job that waits for its next attempt is not over
            _ => "–".into(),
        };
        let at = time(&job["created_at"]).map_or(0, |at| (at - begun).num_milliseconds());
        println!(
            "  {:>7}ms {:<22} {:<26} {:<10} {:>9} {:>9}  {}",
            at,
            text("kind"),
            text("key_argument"),
            text("state"),
            between("run_at", "started_at"),
            between("started_at", "finished_at"),
            job["attempt"]
        );
    }
    Ok(())
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok()
}
