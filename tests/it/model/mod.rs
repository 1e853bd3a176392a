//! The ledger against a model of its rules: random histories, whose every answer and every row must be what the rules
//! say, and races, whose outcome must be that of some order of their parts.
//!
//! A failure prints the shortest history found that still fails; its seed is kept in `tests/proptest-regressions`.
//! `PROPTEST_CASES` asks for more than the usual number of histories.

mod chaos;
mod draw;
mod house;
mod ops;
mod rules;
mod system;
mod verdicts;

use std::ops::Range;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use proptest_state_machine::ReferenceStateMachine;

use house::House;
use ops::Op;
use rules::Model;

/// One operation after the other, or with races among them.
struct History<const RACES: bool>;

impl<const RACES: bool> ReferenceStateMachine for History<RACES> {
    type State = Model;
    type Transition = Op;

    fn init_state() -> BoxedStrategy<Model> {
        prop::bool::weighted(0.3).prop_map(|keen| Model { keen, ..Model::default() }).boxed()
    }

    fn transitions(model: &Model) -> BoxedStrategy<Op> {
        if RACES { prop_oneof![3 => draw::one(model), 2 => draw::race(model)].boxed() } else { draw::one(model) }
    }

    fn apply(mut model: Model, op: &Op) -> Model {
        let fences = model.fences();
        model.step(op, &fences, None);
        model
    }
}

fn check<const RACES: bool>(name: &'static str, cases: u32, length: Range<usize>) {
    let usual = Config::default();
    let config = Config {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() { usual.cases } else { cases },
        source_file: Some(file!()),
        test_name: Some(name),
        max_shrink_time: 60_000,
        ..usual
    };
    let house = House::new();
    let mut runner = TestRunner::new(config);
    let tried = runner.run(&History::<RACES>::sequential_strategy(length), |(_, history, applied)| {
        let mut tried = house.begin();
        for op in &history {
            // The shrinker forgets at once what came after the failure.
            if let Some(applied) = &applied {
                applied.fetch_add(1, Ordering::SeqCst);
            }
            house.step(&mut tried, op).map_err(|what| TestCaseError::fail(format!("{op:?}\n{what}")))?;
        }
        Ok(())
    });
    match tried {
        Ok(()) => {}
        Err(TestError::Fail(why, (_, history, _))) => {
            let steps: Vec<_> = history.iter().map(|op| format!("    {op:?}\n")).collect();
            panic!("after\n{}at {why}\n{runner}", steps.concat());
        }
        Err(error) => panic!("{error}\n{runner}"),
    }
}

#[test]
fn every_history_is_one_that_the_rules_allow() {
    check::<false>("every_history_is_one_that_the_rules_allow", 150, 20..60);
}

#[test]
fn what_happens_at_once_happened_in_some_order() {
    check::<true>("what_happens_at_once_happened_in_some_order", 80, 10..30);
}
