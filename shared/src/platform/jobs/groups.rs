//! Failures that are the same failure: same kind, same code, same message once numbers and names are taken out.

use sqlx::PgConnection;

use super::VERSION;
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::kernel::{secret, text};

/// A failure, as it is counted.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it has in common with its like.
    pub fingerprint: String,
    /// The job's kind.
    pub kind: String,
    /// A stable word.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// The job.
    pub job: JobId,
}

/// A group that was resolved and came back.
pub struct Regressed {
    /// Which.
    pub fingerprint: String,
    /// The kind.
    pub kind: String,
    /// What all have in common.
    pub message: String,
}

/// What failures have in common, 32 hexadecimal digits.
pub fn fingerprint(kind: &str, code: &str, message: &str) -> String {
    let whole = format!("{kind}\u{1f}{code}\u{1f}{}", normalised(message));
    hex::encode(&secret::sha256(whole.as_bytes())[..16])
}

/// The message without what differs from one time to the next: `#` for numbers and ids, `<address>` for addresses.
/// A status of HTTP or SMTP stays: three digits at the beginning, or after `status` or `code`.
pub fn normalised(message: &str) -> String {
    let mut before = "status";
    let mut words = Vec::new();
    for word in message.split_whitespace() {
        let status = word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit()) && matches!(before, "status" | "code");
        words.push(match word {
            _ if status => word.to_owned(),
            _ if word.contains('@') => "<address>".to_owned(),
            _ => masked(word),
        });
        before = word;
    }
    text::cut(&words.join(" "), 300).into_owned()
}

fn masked(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let alike = |c: char| c.is_alphanumeric() == first.is_alphanumeric();
        let (run, after) = rest.split_at(rest.find(|c| !alike(c)).unwrap_or(rest.len()));
        let varies = first.is_alphanumeric() && run.chars().any(|c| c.is_ascii_digit());
        match (varies, out.ends_with("#-") || out.ends_with("#.")) {
            (true, true) => drop(out.pop()), // the parts of a UUID, a date or a decimal are one
            (true, false) => out.push('#'),
            (false, _) => out.push_str(run),
        }
        rest = after;
    }
    out
}

fn list<T>(seen: &[&Seen], column: impl Fn(&Seen) -> T) -> Vec<T> {
    seen.iter().map(|s| column(s)).collect()
}

/// Counts failures into their groups. Answers those that had been resolved: they have regressed.
pub async fn record(db: &mut PgConnection, seen: &[Seen]) -> Result<Vec<Regressed>> {
    let mut seen: Vec<&Seen> = seen.iter().filter(|s| !s.fingerprint.is_empty()).collect();
    seen.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint)); // all processes lock in one order
    let rows = sqlx::query_as!(
        Regressed,
        r#"
        with was as (
            select fingerprint from error_groups where fingerprint = any($1) and state = 'resolved'
        ), counted as (
            insert into error_groups (fingerprint, kind, code, message, count, first_version, last_version, last_job)
            select fingerprint, min(kind), min(code), min(message), count(*), $6, $6, (array_agg(job))[1]
            from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[]) as s (fingerprint, kind, code, message, job)
            group by fingerprint order by fingerprint
            on conflict (fingerprint) do update
                set count = error_groups.count + excluded.count, last_seen = now(), last_version = $6,
                    last_job = excluded.last_job,
                    state = case when error_groups.state = 'resolved' then 'regressed'
                                 when error_groups.state = 'muted' and error_groups.muted_until <= now() then 'known'
                                 else error_groups.state end
            returning fingerprint, kind, message, state
        )
        select fingerprint as "fingerprint!", kind as "kind!", message as "message!"
        from counted join was using (fingerprint) where state = 'regressed'
        "#,
        &list(&seen, |s| s.fingerprint.clone()),
        &list(&seen, |s| s.kind.clone()),
        &list(&seen, |s| s.code.clone()),
        &list(&seen, |s| normalised(&s.message)),
        &list(&seen, |s| s.job.0),
        VERSION
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}
