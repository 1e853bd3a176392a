//! `audit.verify`: reads the audit log and its chain again, nightly. What does not fit is a breach: it is recorded, and
//! the administrators are told.

use serde_json::json;
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::kinds::VerifyAudit;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

/// Findings that the entry names.
const NAMED: usize = 5;

impl Run for VerifyAudit {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut snapshot = cx.begin().await?;
        let verdict = audit::verify(&mut snapshot, None).await?;
        snapshot.rollback().await?;
        cx.log(format_args!(
            "{} links, {} entries, {} findings",
            verdict.links,
            verdict.entries,
            verdict.findings.len()
        ));
        cx.result(json!({ "intact": verdict.intact, "head": verdict.head }));
        let mut tx = cx.begin().await?;
        if !verdict.intact {
            let findings: Vec<&str> = verdict.findings.iter().take(NAMED).map(|finding| &*finding.said).collect();
            let details = json!({ "reason": "the audit log was tampered with", "findings": findings });
            let id = verdict.head.seq.to_string();
            let entry = Entry { action: "SECURITY_BREACH", severity: Severity::Critical, target: "audit", id, details };
            audit::record(&mut tx, entry).await?;
        }
        cx.complete_in(tx).await
    }
}
