//! What may happen to the ledger, as data: every operation is possible at any time, by anybody.

use std::fmt;

/// Workers, by number.
pub const WORKERS: [&str; 3] = ["a", "b", "c"];
/// Concurrency keys and their limits.
pub const KEYS: [(&str, u32); 2] = [("narrow", 1), ("wide", 2)];

/// A job to be written. Times are odd multiples of 30 s and time passes in whole minutes, so nothing is on the brink.
#[derive(Clone, Copy, Default)]
pub struct New {
    /// Of the kind that has a fuse.
    pub fused: bool,
    pub delay: i64,
    pub priority: i16,
    pub key: Option<usize>,
    pub unique: Option<usize>,
    pub expires: Option<i64>,
}

impl fmt::Debug for New {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fused, delay, priority, key, unique, expires } = self;
        write!(f, "New")?;
        let told = [
            fused.then(|| " fused".to_owned()),
            (*delay > 0).then(|| format!(" delay={delay}")),
            (*priority != 0).then(|| format!(" priority={priority}")),
            key.map(|key| format!(" key={key}")),
            unique.map(|unique| format!(" unique={unique}")),
            expires.map(|expires| format!(" expires={expires}")),
        ];
        told.iter().flatten().try_for_each(|what| f.write_str(what))
    }
}

#[derive(Clone, Debug)]
pub enum Op {
    Enqueue(New),
    /// Jobs and their callback.
    Batch(Vec<New>, New),
    Work(usize, Work),
    Sweep(Sweep),
    Admin(Admin),
    /// The lease of this job runs out.
    LeaseEnds(usize),
    /// So many seconds.
    Pass(i64),
    /// All at once; while they start, somebody holds this job's row, so that they meet there.
    Race(Option<usize>, Vec<Op>),
}

/// What a worker does. Jobs have numbers; one that does not exist is a foreign id.
#[derive(Clone, Debug)]
pub enum Work {
    Claim(Vec<usize>),
    ClaimNext(usize),
    ClaimRationed(usize),
    /// With the fence of the job's present claim, or one so much older.
    Hold {
        job: usize,
        behind: i32,
        act: Act,
    },
}

/// What a worker does with a job that it holds, or held.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    Renew,
    Note,
    Begin,
    StillMine,
    Release,
    Done,
    Retry(i64),
    Snooze(i64),
    Again,
    Cancel,
    Dead,
}

#[derive(Clone, Copy, Debug)]
pub enum Sweep {
    Due,
    Expire,
    Lost,
    Fused,
    Close,
    Grant(usize),
}

#[derive(Clone, Copy, Debug)]
pub enum Admin {
    Retry(usize),
    Cancel(usize),
    Discard(usize),
    /// Until so many seconds from now.
    Pause(Option<i64>),
    Resume,
    Fuse(&'static str, Option<i64>),
    Limit(Option<i32>),
}

impl Op {
    /// Whether this, or a part of it, is such an operation.
    pub fn any(&self, such: &impl Fn(&Op) -> bool) -> bool {
        such(self) || matches!(self, Op::Race(_, ops) if ops.iter().any(|op| op.any(such)))
    }
}
