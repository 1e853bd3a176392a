//! The rules, operation by operation.

use super::ops::{Act, Admin, KEYS, Sweep, Work};
use super::rules::{Answer, Job, Model, alone};

/// States that only an administrator's word leaves.
pub const FINAL: [&str; 4] = ["succeeded", "dead", "cancelled", "gone"];

impl Job {
    fn goes(&mut self, state: &'static str, rank: i64) {
        (self.state, self.rank, self.place.0) = (state, rank, rank);
    }

    /// The run leaves a row, and what was asked of it is answered.
    fn ends(&mut self, outcome: &'static str, state: &'static str) {
        self.runs.push((self.fence, self.attempt, outcome));
        self.state = state;
    }

    /// Not run again, when it was asked to stop.
    fn unless_asked_to_stop(&self, state: &'static str) -> &'static str {
        if self.asked_to_stop { "cancelled" } else { state }
    }

    fn due_state(&self) -> &'static str {
        if self.waits || self.new.key.is_some() { "blocked" } else { "queued" }
    }
}

impl Model {
    fn rank(&self, job: usize, wait: i64) -> i64 {
        (self.now + wait + 60 * i64::from(self.jobs[job].new.priority)) * 1000
    }

    /// The first so many by rank that may be taken, or those of them that were seen to be.
    fn take(&self, seen: Option<&Answer>, most: usize, may: impl Fn(&Job) -> bool) -> Vec<usize> {
        let free = |n: &usize| may(&self.jobs[*n]) && seen.is_none_or(|seen| seen.contains_key(n));
        let mut free: Vec<usize> = (0..self.jobs.len()).filter(free).collect();
        free.sort_by_key(|n| (self.jobs[*n].place, *n));
        free.truncate(most);
        free
    }

    /// Deadlines, pauses and fuses hold at once; a lane with a limit gives by its own door only.
    fn open(&self, job: &Job, rationed: bool) -> bool {
        job.state == "queued"
            && job.deadline.is_none_or(|deadline| deadline > self.now)
            && self.paused_until <= self.now
            && (rationed || self.limit.is_none())
            && !(job.new.fused && matches!(self.fuse, "hold" | "dead") && self.fused_until > self.now)
    }

    pub(super) fn work(&mut self, worker: usize, work: &Work, fences: &[i32], seen: Option<&Answer>) -> Answer {
        let (named, rationed) = match work {
            Work::Hold { job, behind, act } => {
                let known = fences.get(*job).map_or(0, |fence| fence - behind);
                let mine = |held: &&mut Job| (held.state, held.worker, held.fence) == ("running", worker, known);
                return match self.jobs.get_mut(*job).filter(mine) {
                    Some(_) => self.act(*job, *act),
                    None => Answer::new(),
                };
            }
            Work::Claim(ids) => (ids.clone(), false),
            Work::ClaimNext(most) => (self.take(seen, *most, |job| job.state == "queued"), false),
            Work::ClaimRationed(most) => {
                let running = self.jobs.iter().filter(|job| job.state == "running").count();
                let room = self.limit.map_or(*most, |limit| (limit as usize).saturating_sub(running));
                (self.take(seen, room.min(*most), |job| job.state == "queued"), true)
            }
        };
        let mut answer = Answer::new();
        for n in named {
            if self.jobs.get(n).is_some_and(|job| self.open(job, rationed)) {
                let job = &mut self.jobs[n];
                (job.state, job.worker, job.begun, job.lease_over) = ("running", worker, false, false);
                (job.attempt, job.fence) = (job.attempt + 1, job.fence + 1);
                answer.insert(n, format!("attempt {}, fence {}, deaths {}", job.attempt, job.fence, job.deaths));
            }
        }
        answer
    }

    /// By the holder. A lease that ran out may still be renewed or settled while nobody has taken notice.
    fn act(&mut self, n: usize, act: Act) -> Answer {
        let wait = if let Act::Retry(wait) | Act::Snooze(wait) = act { wait } else { 0 };
        let (rank, run_at) = (self.rank(n, wait), self.now + wait);
        let job = &mut self.jobs[n];
        match act {
            Act::Renew => {
                job.lease_over = false;
                return alone(n, job.asked_to_stop);
            }
            Act::Note => {
                job.noted = job.fence;
                return Answer::new();
            }
            Act::Begin | Act::StillMine if job.lease_over => return Answer::new(),
            Act::Begin => job.begun = true,
            Act::StillMine => {}
            Act::Release => {
                job.attempt -= 1;
                job.state = job.unless_asked_to_stop("queued");
            }
            Act::Done => {
                job.state = "succeeded";
                if job.fence > 1 {
                    job.ends("ok", "succeeded");
                }
            }
            Act::Retry(_) | Act::Snooze(_) | Act::Again => {
                let (outcome, state, counts) = match act {
                    Act::Snooze(_) => ("snoozed", "scheduled", 0),
                    Act::Retry(_) => ("error", "retrying", 1),
                    _ => ("error", "queued", 0),
                };
                job.ends(outcome, job.unless_asked_to_stop(state));
                job.attempt -= 1 - counts;
                (job.rank, job.place.0, job.run_at, job.deaths) = (rank, rank, run_at, 0);
            }
            Act::Cancel | Act::Dead => {
                let (outcome, state) =
                    if matches!(act, Act::Dead) { ("error", "dead") } else { ("cancelled", "cancelled") };
                job.ends(outcome, state);
                job.deaths = 0;
            }
        }
        alone(n, "")
    }

    pub(super) fn sweep(&mut self, sweep: Sweep, seen: Option<&Answer>) -> Answer {
        let now = self.now;
        let all = usize::MAX;
        match sweep {
            Sweep::Due => {
                let due = |job: &Job| matches!(job.state, "scheduled" | "retrying") && job.run_at <= now;
                let due = self.take(seen, all, due);
                due.iter().for_each(|n| self.jobs[*n].state = self.jobs[*n].due_state());
                due.into_iter().map(|n| (n, String::new())).collect()
            }
            Sweep::Expire => {
                let waiting = |job: &Job| matches!(job.state, "scheduled" | "blocked" | "queued" | "retrying");
                let late = self.take(None, all, |job| waiting(job) && job.deadline.is_some_and(|end| end <= now));
                late.iter().for_each(|n| self.jobs[*n].state = "cancelled");
                alone(usize::MAX, late.len())
            }
            Sweep::Fused => {
                let blown = self.fuse == "dead" && self.fused_until > now;
                let led = self.take(seen, all, |job| blown && job.state == "queued" && job.new.fused);
                led.iter().for_each(|n| self.jobs[*n].state = "dead");
                led.into_iter().map(|n| (n, "dead".into())).collect()
            }
            Sweep::Lost => {
                let lost = self.take(seen, all, |job| job.state == "running" && job.lease_over);
                lost.into_iter().map(|n| (n, self.jobs[n].dies().to_owned())).collect()
            }
            Sweep::Grant(key) => {
                let keyed = |job: &&Job| job.new.key == Some(key) && matches!(job.state, "queued" | "running");
                let room = (KEYS[key].1 as usize).saturating_sub(self.jobs.iter().filter(keyed).count());
                let next = |job: &Job| job.new.key == Some(key) && job.state == "blocked" && !job.waits;
                let granted = self.take(seen, room, next);
                granted.iter().for_each(|n| self.jobs[*n].state = "queued");
                granted.into_iter().map(|n| (n, String::new())).collect()
            }
            Sweep::Close => self.close(seen),
        }
    }

    /// A batch finishes when all of its jobs are final; only then its callback may run, if there is room under its key.
    fn close(&mut self, seen: Option<&Answer>) -> Answer {
        let mut answer = Answer::new();
        for batch in 0..self.batches.len() {
            let callback = self.batches[batch].callback;
            let blocked = self.jobs[callback].state == "blocked";
            let of = |job: &&Job| job.batch == Some(batch);
            let open = self.jobs.iter().filter(of).any(|job| !FINAL.contains(&job.state));
            let passed_over = blocked && seen.is_some_and(|seen| !seen.contains_key(&callback));
            if open || self.batches[batch].finished.is_some() || passed_over {
                continue;
            }
            let count = |state| self.jobs.iter().filter(of).filter(|job| job.state == state).count();
            self.batches[batch].finished = Some(["succeeded", "dead", "cancelled"].map(count));
            let rank = self.rank(callback, 0);
            let job = &mut self.jobs[callback];
            job.waits = false;
            if blocked {
                job.goes(job.due_state(), rank);
                answer.insert(callback, String::new());
            }
        }
        answer
    }

    pub(super) fn admin(&mut self, admin: Admin) -> Answer {
        let until = |until: Option<i64>| until.map_or(i64::MAX, |wait| self.now + wait);
        match admin {
            Admin::Pause(end) => self.paused_until = until(end),
            Admin::Resume => self.paused_until = 0,
            Admin::Fuse(fuse, end) => (self.fused_until, self.fuse) = (until(end), fuse),
            Admin::Limit(limit) => self.limit = limit,
            Admin::Retry(n) | Admin::Cancel(n) | Admin::Discard(n) if n < self.jobs.len() => {
                return self.admin_of(n, admin);
            }
            Admin::Retry(_) | Admin::Cancel(_) | Admin::Discard(_) => {}
        }
        Answer::new()
    }

    fn admin_of(&mut self, n: usize, admin: Admin) -> Answer {
        let (rank, now) = (self.rank(n, 0), self.now);
        let job = &mut self.jobs[n];
        match (admin, job.state) {
            (Admin::Retry(_), "dead" | "cancelled" | "retrying" | "scheduled") => {
                if FINAL.contains(&job.state) {
                    job.attempt = 0;
                }
                job.goes(job.due_state(), rank);
                (job.deaths, job.run_at, job.asked_to_stop) = (0, now, false);
                // A person decided: a deadline that has passed stands no longer against it.
                job.deadline = job.deadline.filter(|deadline| *deadline > now);
                alone(n, "retried")
            }
            (Admin::Cancel(_), "running") => {
                job.asked_to_stop = true;
                alone(n, "running")
            }
            (Admin::Cancel(_), "scheduled" | "blocked" | "queued" | "retrying") => {
                job.state = "cancelled";
                alone(n, "cancelled")
            }
            (Admin::Discard(_), "dead" | "cancelled") => {
                *job = Job { state: "gone", fence: job.fence, new: job.new, ..Job::default() };
                alone(n, "discarded")
            }
            _ => Answer::new(),
        }
    }
}

impl Job {
    /// Its lease ran out. The first death always counts, a later one when the job had certainly begun.
    fn dies(&mut self) -> &'static str {
        self.deaths += i32::from(self.deaths == 0 || self.begun);
        let state = if self.deaths >= 3 { "dead" } else { self.unless_asked_to_stop("queued") };
        self.ends("lost", state);
        self.attempt -= 1;
        state
    }
}
