//! The ledger's rules as its documentation states them, over plain values: the model that the real one is held against.
//!
//! Where several operations run at once, a picker may pass over what another one holds in that moment: then the model
//! is told what was `seen` to be taken, and only says whether that was allowed.

use std::collections::BTreeMap;

use super::ops::{New, Op, WORKERS};
use super::verdicts::FINAL;

/// Jobs, and what was said of each. A count without names stands at `usize::MAX`.
pub type Answer = BTreeMap<usize, String>;

#[derive(Clone, Debug, Default)]
pub struct Job {
    pub new: New,
    pub state: &'static str,
    pub fence: i32,
    /// Who claimed it last.
    pub worker: usize,
    /// Due time and priority, in ms.
    pub rank: i64,
    /// The rank to the millisecond and the id, as the ledger has them.
    pub place: (i64, u128),
    pub(super) attempt: i32,
    pub(super) deaths: i32,
    pub begun: bool,
    pub lease_over: bool,
    pub(super) asked_to_stop: bool,
    pub(super) noted: i32,
    pub(super) run_at: i64,
    pub(super) deadline: Option<i64>,
    pub(super) batch: Option<usize>,
    /// A callback whose batch is open.
    pub(super) waits: bool,
    /// Fence, attempt, outcome of each run that leaves a row.
    pub(super) runs: Vec<(i32, i32, &'static str)>,
}

#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) callback: usize,
    /// Succeeded, dead, cancelled.
    pub(super) finished: Option<[usize; 3]>,
}

/// All there is. Times are seconds since the beginning.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub jobs: Vec<Job>,
    pub now: i64,
    pub limit: Option<i32>,
    /// Draws mostly what brings one job on.
    pub keen: bool,
    pub(super) batches: Vec<Batch>,
    pub(super) paused_until: i64,
    pub(super) fuse: &'static str,
    pub(super) fused_until: i64,
}

pub(super) fn alone(job: usize, said: impl ToString) -> Answer {
    Answer::from([(job, said.to_string())])
}

impl Model {
    /// What is held now: worker, job, and how far the fence is behind (it is not).
    pub fn held(&self) -> impl Iterator<Item = (usize, usize, i32)> {
        let running = self.jobs.iter().enumerate().filter(|(_, job)| job.state == "running");
        running.map(|(n, job)| (job.worker, n, 0))
    }

    /// The fences that workers know by now.
    pub fn fences(&self) -> Vec<i32> {
        self.jobs.iter().map(|job| job.fence).collect()
    }

    /// Does it, and says what the ledger is to answer.
    pub fn step(&mut self, op: &Op, fences: &[i32], seen: Option<&Answer>) -> Answer {
        match op {
            Op::Enqueue(new) => alone(self.write(*new, None, false), ""),
            Op::Batch(jobs, callback) => {
                let batch = self.batches.len();
                let mut ids: Vec<_> = jobs.iter().map(|new| self.write(*new, Some(batch), false)).collect();
                ids.push(self.write(*callback, None, true));
                self.batches.push(Batch { callback: ids[jobs.len()], finished: None });
                ids.into_iter().map(|id| (id, String::new())).collect()
            }
            Op::Work(worker, work) => self.work(*worker, work, fences, seen),
            Op::Sweep(sweep) => self.sweep(*sweep, seen),
            Op::Admin(admin) => self.admin(*admin),
            Op::LeaseEnds(job) => {
                self.jobs.get_mut(*job).into_iter().for_each(|job| job.lease_over = true);
                Answer::new()
            }
            Op::Pass(seconds) => {
                self.now += seconds;
                self.jobs.iter_mut().for_each(|job| job.lease_over = true);
                Answer::new()
            }
            Op::Race(_, ops) => {
                ops.iter().for_each(|op| drop(self.step(op, fences, None)));
                Answer::new()
            }
        }
    }

    fn write(&mut self, new: New, batch: Option<usize>, waits: bool) -> usize {
        let known = |job: &Job| job.state != "gone" && job.new.fused == new.fused && job.new.unique == new.unique;
        if let Some(first) = self.jobs.iter().position(known).filter(|_| new.unique.is_some()) {
            return first;
        }
        let run_at = self.now + new.delay;
        let rank = (run_at + 60 * i64::from(new.priority)) * 1000;
        let state = match new {
            _ if waits => "blocked",
            New { delay: 1.., .. } => "scheduled",
            New { key: Some(_), .. } => "blocked",
            _ => "queued",
        };
        let deadline = new.expires.map(|term| self.now + term);
        let job = Job { new, state, run_at, rank, place: (rank, 0), deadline, batch, waits, ..Job::default() };
        self.jobs.push(job);
        self.jobs.len() - 1
    }

    /// What the rows are to say.
    pub fn lines(&self) -> Vec<String> {
        let jobs = self.jobs.iter().map(|job| {
            let runs = job.runs.iter().map(|(fence, attempt, outcome)| format!(" {fence}/{attempt} {outcome}"));
            let holder = if job.state == "running" { WORKERS[job.worker] } else { "nobody" };
            let (state, attempt, fence, deaths, noted) = (job.state, job.attempt, job.fence, job.deaths, job.noted);
            let stop = if job.asked_to_stop && !FINAL.contains(&state) { ", to stop" } else { "" };
            match state {
                "gone" => "gone".to_owned(),
                _ => format!(
                    "{:?}: {state} by {holder}{stop}, attempt {attempt}, fence {fence}, deaths {deaths}, noted {noted}, runs:{}",
                    job.new,
                    runs.collect::<String>()
                ),
            }
        });
        let batches = self.batches.iter().map(|batch| format!("batch {:?}", batch.finished));
        jobs.chain(batches).collect()
    }
}
