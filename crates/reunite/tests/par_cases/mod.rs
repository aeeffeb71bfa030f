//! Random data for tests of parallel iterators, and pools to run these in.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reunite::Pool;

use crate::common::watchdog;

/// Random data and parameters.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) items: Vec<u32>,
    pub(crate) others: Vec<u32>,
    pub(crate) text: String,
    /// Less than the number of items, or a little more.
    pub(crate) a: usize,
    pub(crate) b: usize,
    /// The size of chunks and steps, at least 1.
    pub(crate) size: usize,
    /// Each item of this many lasts long.
    pub(crate) slow: usize,
}

fn case() -> impl Strategy<Value = Case> {
    let items = || vec(0..1_000_u32, 0..200);
    let chars = prop_oneof![
        Just('a'),
        Just('é'),
        Just('漢'),
        Just('𝄞'),
        Just(','),
        Just(' '),
        Just('\n'),
        Just('\r'),
        Just('\u{2003}'),
    ];
    let text = vec(chars, 0..300).prop_map(String::from_iter);
    let numbers = (0..220_usize, 0..220_usize, 1..9_usize, 1..60_usize);
    (items(), items(), text, numbers).prop_map(|(items, others, text, (a, b, size, slow))| Case {
        items,
        others,
        text,
        a,
        b,
        size,
        slow,
    })
}

fn pools() -> &'static [Pool] {
    static POOLS: OnceLock<Vec<Pool>> = OnceLock::new();
    POOLS.get_or_init(|| {
        let pool = |threads| Pool::builder().threads(threads).build().unwrap();
        [1, 2, 4].into_iter().map(pool).collect()
    })
}

/// Runs `test` with random cases in all pools.
pub(crate) fn check(rounds: usize, test: impl Fn(&Case)) {
    let _watch = watchdog();
    let cases = test_scale::rounds(rounds) as u32;
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(cases)
    });
    let result = runner.run(&case(), |case| {
        pools().iter().for_each(|pool| pool.enter(|| test(&case)));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

impl Case {
    /// Returns `item`; some calls last some microseconds.
    pub(crate) fn spin<T>(&self, item: T) -> T {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        if CALLS
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(self.slow)
        {
            (0..2_000).for_each(|n| {
                std::hint::black_box(n);
            });
        }
        item
    }

    /// A predicate that differs from case to case.
    pub(crate) fn picks<T: Debug>(&self, item: &T) -> bool {
        let sum: usize = format!("{item:?}").bytes().map(usize::from).sum();
        (sum + self.a).is_multiple_of(self.size + 2)
    }

    /// The items in a deque whose memory wraps around.
    pub(crate) fn rotated(&self) -> VecDeque<u32> {
        let mut deque = VecDeque::with_capacity(self.items.len());
        let (left, right) = self.items.split_at(self.items.len() / 3);
        deque.extend(right);
        left.iter().rev().for_each(|item| deque.push_front(*item));
        deque
    }
}
