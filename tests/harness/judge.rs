//! The judge of a scenario, who looks from outside.
//!
//! *Lost*: accepted, and its mails never arrived. *Stuck*: not final in time. *Phantom*: an effect that nobody
//! accepted, or a second one. *Repeated*: a Message-ID that arrived again. Every scenario adds a line to the file that
//! `FACTEUR_FAULTS` names; `./dev faults` prints them as a table.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::time::{Duration, Instant};

use crate::crowd::{Answer, address};
use crate::process::busy;
use crate::world::World;

/// Jobs that are not final.
pub const OPEN: &str = "select count(*) from jobs where state not in ('succeeded', 'dead', 'cancelled')";

struct Verdict {
    lost: Vec<String>,
    stuck: usize,
    phantom: Vec<String>,
    repeated: usize,
}

impl World {
    /// Ends the scenario: within this time everything must be final and everybody answered; nothing may be lost, stuck
    /// or phantom, and at most so many mails may have come again.
    pub async fn judge(mut self, patience: Duration, repeats: usize) {
        let from = Instant::now();
        self.crowd.finish(patience).await;
        while self.stage.count(OPEN).await > 0 && from.elapsed() < patience.mul_f64(busy()) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let Verdict { lost, stuck, phantom, repeated } = self.verdict().await;
        let unanswered = self.crowd.begun() - self.crowd.accepted().len();
        let odd = odd(&self.crowd.answers());
        let fine = lost.len() + stuck + phantom.len() + unanswered + odd.len() == 0 && repeated <= repeats;
        let counts = [lost.len(), stuck, phantom.len(), repeated].map(|n| n.to_string());
        self.tell(&counts, if fine { "ok" } else { "FAILED" });
        let log = self.stage.log.display();
        assert_eq!(stuck, 0, "stuck: {:?}; log: {log}", self.unfinished().await);
        assert!(lost.is_empty(), "lost: {lost:?}; log: {log}");
        assert!(phantom.is_empty(), "nobody asked for {phantom:?}; log: {log}");
        assert!(repeated <= repeats, "{repeated} mails repeated, {repeats} may; log: {log}");
        assert_eq!(unanswered, 0, "people without an answer; log: {log}");
        assert!(odd.is_empty(), "answers that promise nothing: {odd:?}; log: {log}");
    }

    async fn verdict(&self) -> Verdict {
        let (arrived, refused) = (self.stage.relay.arrived(), self.stage.relay.refused());
        let mut copies: HashMap<&str, usize> = HashMap::new();
        let mut letters: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for mail in &arrived {
            *copies.entry(&mail.message_id).or_default() += 1;
            let about =
                if mail.to.starts_with("admin@") { format!("about {}", mail.reply_to()) } else { mail.to.clone() };
            letters.entry(about).or_default().insert(&mail.message_id);
        }
        let visitors = self.crowd.accepted();
        let visitors = visitors.keys().flat_map(|n| [address(*n), format!("about {}", address(*n))]);
        let owed: BTreeSet<String> = visitors.chain((0..self.mails).map(|n| format!("p{n}@example.org"))).collect();
        let mut lost: Vec<String> =
            owed.iter().filter(|to| !letters.contains_key(*to) && !refused.contains(*to)).cloned().collect();
        lost.extend(self.unsuccessful().await);
        // "about " and nothing is an alarm of the house to its administrators.
        letters.retain(|to, _| to != "about ");
        let phantom = letters.iter().filter(|(to, ids)| ids.len() > 1 || !owed.contains(*to));
        Verdict {
            lost,
            stuck: self.stage.count(OPEN).await as usize,
            phantom: phantom.map(|(to, _)| to.clone()).collect(),
            repeated: copies.values().map(|n| n - 1).sum(),
        }
    }

    /// Jobs that had to succeed and did not.
    async fn unsuccessful(&self) -> Vec<String> {
        let owed: Vec<uuid::Uuid> = self.owed.iter().map(|id| id.0).collect();
        let failed = "select o.id::text || ' ' || coalesce(j.state, 'gone') from unnest($1::uuid[]) as o (id)
                      left join jobs j on j.id = o.id where j.state is distinct from 'succeeded'";
        sqlx::query_scalar(failed).bind(&owed).fetch_all(&self.stage.platform.db).await.expect("the jobs")
    }

    /// What is not final, for people.
    async fn unfinished(&self) -> Vec<String> {
        let open = "select format('%s %s, attempt %s, fence %s, due since %s, lease until %s, %s', kind, state, attempt, fence,
                                  now() - run_at, lease_until - now(), last_error)
                    from jobs where state not in ('succeeded', 'dead', 'cancelled') limit 20";
        sqlx::query_scalar(open).fetch_all(&self.stage.platform.db).await.expect("the jobs")
    }

    fn tell(&mut self, counts: &[String; 4], verdict: &str) {
        self.told = true;
        let recovery = self.recovery.map(|took| format!("{:.1}", took.as_secs_f64())).unwrap_or_default();
        report(self.fault, counts, &recovery, verdict);
    }
}

/// The line of a scenario that judges itself: ok when it is dropped, failed when that is in a panic.
pub struct Line(&'static str, &'static str);

impl Line {
    /// Begins the scenario of a fault.
    #[must_use = "it is told when it is dropped"]
    pub const fn of(id: &'static str, fault: &'static str) -> Self {
        Self(id, fault)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let verdict = if std::thread::panicking() { "FAILED" } else { "ok" };
        report((self.0, self.1), &Default::default(), "", verdict);
    }
}

/// A scenario that this machine cannot play: said aloud, and in the table.
pub fn skip(id: &str, fault: &str, why: &str) {
    eprintln!("SKIPPED {id} {fault}: {why}");
    report((id, fault), &Default::default(), "", &format!("skipped: {why}"));
}

fn report((id, fault): (&str, &str), counts: &[String; 4], recovery: &str, verdict: &str) {
    let line = format!("{id}\t{fault}\t{}\t{recovery}\t{verdict}\n", counts.join("\t"));
    eprint!("{line}");
    if let Ok(path) = std::env::var("FACTEUR_FAULTS") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("the report");
        file.write_all(line.as_bytes()).expect("the report");
    }
}

/// Answers that are neither a result nor a "come back later".
fn odd(answers: &[Answer]) -> BTreeMap<String, usize> {
    let mut odd = BTreeMap::new();
    for answer in answers {
        match answer.status {
            None | Some(201 | 409 | 429) => {}
            Some(503) if answer.retry_after => {}
            Some(503) => *odd.entry("503 without Retry-After".to_owned()).or_default() += 1,
            Some(other) => *odd.entry(other.to_string()).or_default() += 1,
        }
    }
    odd
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.told {
            self.tell(&["-"; 4].map(str::to_owned), "FAILED");
        }
    }
}
