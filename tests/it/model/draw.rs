//! How operations are drawn: anything by anybody, though mostly what makes a difference where the model stands.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use super::ops::{Act, Admin, KEYS, New, Op, Sweep, WORKERS, Work};
use super::rules::{Job, Model};

/// No more jobs than this are written.
const MOST: usize = 9;

fn new() -> impl Strategy<Value = New> {
    let delay = select(vec![0, 0, 0, 0, 30, 90]);
    let expires = weighted(0.2, select(vec![30, 90]));
    let (key, unique) = (weighted(0.35, 0..KEYS.len()), weighted(0.15, 0..2_usize));
    (prop::bool::weighted(0.2), delay, -1..=1_i16, key, unique, expires)
        .prop_map(|(fused, delay, priority, key, unique, expires)| New { fused, delay, priority, key, unique, expires })
}

fn batch() -> impl Strategy<Value = Op> {
    let plain = || new().prop_map(|new| New { unique: None, ..new });
    (vec(plain(), 1..3), plain()).prop_map(|(jobs, callback)| Op::Batch(jobs, New { delay: 0, ..callback }))
}

fn act() -> impl Strategy<Value = Act> {
    let wait = || select(vec![30_i64, 90]);
    prop_oneof![
        4 => Just(Act::Done),
        2 => Just(Act::Release),
        1 => select(vec![Act::Renew, Act::Note, Act::Begin, Act::StillMine]),
        2 => wait().prop_map(Act::Retry),
        1 => wait().prop_map(Act::Snooze),
        2 => select(vec![Act::Again, Act::Cancel, Act::Dead]),
    ]
}

fn claim(jobs: usize) -> impl Strategy<Value = Op> {
    let what = prop_oneof![
        3 => vec(0..=jobs, 1..4).prop_map(Work::Claim),
        3 => (1..4_usize).prop_map(Work::ClaimNext),
        1 => (1..4_usize).prop_map(Work::ClaimRationed),
    ];
    (0..WORKERS.len(), what).prop_map(|(worker, work)| Op::Work(worker, work))
}

/// Mostly by the worker that holds the job, sometimes by another one, sometimes with any fence of any job.
fn hold(model: &Model) -> impl Strategy<Value = Op> + use<> {
    let anybody = (0..WORKERS.len(), 0..model.jobs.len(), 0..3);
    let held: Vec<_> = model.held().collect();
    let who = if held.is_empty() {
        anybody.boxed()
    } else {
        let stranger =
            select(held.clone()).prop_map(|(worker, job, behind)| ((worker + 1) % WORKERS.len(), job, behind));
        prop_oneof![5 => select(held), 2 => stranger, 1 => anybody].boxed()
    };
    (who, act()).prop_map(|((worker, job, behind), act)| Op::Work(worker, Work::Hold { job, behind, act }))
}

fn sweep() -> impl Strategy<Value = Op> {
    let grant = (0..KEYS.len()).prop_map(Sweep::Grant);
    let others = select(vec![Sweep::Due, Sweep::Lost, Sweep::Lost, Sweep::Expire, Sweep::Fused, Sweep::Close]);
    prop_oneof![1 => grant, 2 => others].prop_map(Op::Sweep)
}

fn about(model: &Model) -> impl Strategy<Value = Op> + use<> {
    let what = select(vec![Admin::Retry as fn(usize) -> Admin, Admin::Cancel, Admin::Discard]);
    let running: Vec<_> = model.held().map(|(_, job, _)| Admin::Cancel(job)).collect();
    let any = (what, 0..model.jobs.len()).prop_map(|(what, job)| what(job));
    let admin = if running.is_empty() { any.boxed() } else { prop_oneof![2 => any, 1 => select(running)].boxed() };
    admin.prop_map(Op::Admin)
}

fn order() -> impl Strategy<Value = Op> {
    let until = || weighted(0.5, select(vec![30_i64, 90]));
    prop_oneof![
        1 => until().prop_map(Admin::Pause),
        2 => Just(Admin::Resume),
        1 => (select(vec!["hold", "dead"]), until()).prop_map(|(fuse, until)| Admin::Fuse(fuse, until)),
        1 => Just(Admin::Fuse("closed", None)),
        2 => weighted(0.5, 1..3).prop_map(Admin::Limit),
    ]
    .prop_map(Op::Admin)
}

/// The next step of a long story that chance alone seldom tells to its end: a job that is taken up, ends badly and is
/// brought back, or dies with its worker again and again.
fn story(model: &Model) -> impl Strategy<Value = Op> + use<> {
    let step = |job: usize| {
        let by = model.jobs[job].worker;
        let act = |act| Op::Work(by, Work::Hold { job, behind: 0, act });
        match model.jobs[job].state {
            "running" if model.jobs[job].lease_over => vec![Op::Sweep(Sweep::Lost)],
            "running" => {
                let next = if model.jobs[job].begun { Op::LeaseEnds(job) } else { act(Act::Begin) };
                vec![next.clone(), next.clone(), next.clone(), next, Op::LeaseEnds(job), act(Act::Dead), act(Act::Done)]
            }
            "queued" => vec![Op::Work(by, Work::Claim(vec![job]))],
            "blocked" => {
                vec![Op::Sweep(model.jobs[job].new.key.map_or(Sweep::Close, Sweep::Grant)), Op::Sweep(Sweep::Close)]
            }
            "dead" | "cancelled" => vec![Op::Sweep(Sweep::Close), Op::Admin(Admin::Retry(job))],
            "scheduled" | "retrying" => vec![Op::Pass(60), Op::Sweep(Sweep::Due)],
            _ => vec![Op::Sweep(Sweep::Close)],
        }
    };
    // Of the first jobs only, so that somebody gets far.
    select((0..model.jobs.len().min(if model.keen { 1 } else { 3 })).flat_map(step).collect::<Vec<_>>())
}

fn lease(model: &Model) -> impl Strategy<Value = Op> + use<> {
    let running: Vec<_> = model.held().map(|(_, job, _)| job).collect();
    let any = (0..model.jobs.len()).boxed();
    if running.is_empty() { any } else { select(running).boxed() }.prop_map(Op::LeaseEnds)
}

/// A job, or a batch.
pub fn writing() -> impl Strategy<Value = Op> {
    prop_oneof![4 => new().prop_map(Op::Enqueue), 1 => batch()]
}

/// The next operation.
pub fn one(model: &Model) -> BoxedStrategy<Op> {
    let jobs = model.jobs.len();
    let write = writing();
    if jobs == 0 {
        return write.boxed();
    }
    prop_oneof![
        if jobs < MOST { 6 } else { 1 } => write,
        6 => claim(jobs),
        8 => hold(model),
        6 => sweep(),
        3 => about(model),
        1 => order(),
        3 => lease(model),
        if model.keen { 60 } else { 8 } => story(model),
        1 => (1..3_i64).prop_map(|minutes| Op::Pass(60 * minutes)),
    ]
    .boxed()
}

/// The same by all.
fn rush() -> impl Strategy<Value = Vec<Op>> {
    let sweeps = vec![Sweep::Due, Sweep::Lost, Sweep::Close, Sweep::Grant(0), Sweep::Grant(1)];
    let claims = |work: fn(usize) -> Work, most| (0..WORKERS.len()).map(|by| Op::Work(by, work(most))).collect();
    prop_oneof![
        1 => select(sweeps).prop_map(|sweep| vec![Op::Sweep(sweep); 3]),
        1 => (1..4_usize).prop_map(move |most| claims(Work::ClaimRationed, most)),
        1 => (1..4_usize).prop_map(move |most| claims(Work::ClaimNext, most)),
    ]
}

/// A job that goes before those who wait for room, written while it is given.
fn newcomer(model: &Model) -> impl Strategy<Value = Op> + use<> {
    let waits = |job: &Job, key| job.state == "blocked" && job.new.key == Some(key);
    let first: Vec<_> = (0..KEYS.len()).map(|key| model.jobs.iter().position(|job| waits(job, key))).collect();
    (0..KEYS.len()).prop_map(move |key| {
        let grant = Op::Sweep(Sweep::Grant(key));
        let early = New { key: Some(key), priority: -3, ..New::default() };
        Op::Race(first[key], vec![grant.clone(), Op::Enqueue(early), grant.clone(), grant])
    })
}

/// A few operations at the same time, most of them about the same job. Writers race for a unique key only.
pub fn race(model: &Model) -> BoxedStrategy<Op> {
    let jobs = model.jobs.len();
    let twins = (0..2_usize, vec(new(), 2..4)).prop_map(|(key, jobs)| {
        jobs.into_iter().map(|new| Op::Enqueue(New { unique: Some(key), ..new })).collect::<Vec<_>>()
    });
    if jobs == 0 {
        return twins.prop_map(|ops| Op::Race(None, ops)).boxed();
    }
    // Whoever writes it again while it is being discarded gets either job, never an error.
    let ended = |job: &Job| job.new.unique.is_some() && matches!(job.state, "dead" | "cancelled");
    let ended: Vec<_> = (0..jobs).filter(|n| ended(&model.jobs[*n])).map(|n| (n, model.jobs[n].new)).collect();
    let discards = select(if ended.is_empty() { vec![(0, New::default())] } else { ended.clone() })
        .prop_map(|(job, new)| vec![Op::Enqueue(new), Op::Admin(Admin::Discard(job)), Op::Enqueue(new)]);
    let alike = prop_oneof![1 => twins, if ended.is_empty() { 0 } else { 4 } => discards, 3 => rush()];
    let newcomer = newcomer(model);
    let model = model.clone();
    let focused = (0..jobs).prop_flat_map(move |job| (weighted(0.5, Just(job)), vec(on(&model, job), 2..=4)));
    prop_oneof![
        3 => alike.prop_map(|ops| Op::Race(None, ops)),
        1 => newcomer,
        6 => focused.prop_map(|(held, ops)| Op::Race(held, ops)),
    ]
    .boxed()
}

fn on(model: &Model, job: usize) -> impl Strategy<Value = Op> + use<> {
    let jobs = model.jobs.len();
    let holder = model.jobs[job].worker;
    let worker = prop_oneof![4 => Just(holder), 1 => 0..WORKERS.len()];
    let claims = (0..WORKERS.len(), 0..=jobs).prop_map(move |(worker, other)| {
        Op::Work(worker, Work::Claim(if other % 2 == 0 { vec![job] } else { vec![other, job] }))
    });
    let sweeps = vec![Sweep::Due, Sweep::Lost, Sweep::Lost, Sweep::Close, Sweep::Grant(0), Sweep::Grant(1)];
    prop_oneof![
        3 => claims,
        2 => claim(jobs),
        4 => (worker, act()).prop_map(move |(worker, act)| Op::Work(worker, Work::Hold { job, behind: 0, act })),
        3 => select(sweeps).prop_map(Op::Sweep),
        1 => select(vec![Admin::Retry(job), Admin::Cancel(job), Admin::Discard(job)]).prop_map(Op::Admin),
    ]
}
