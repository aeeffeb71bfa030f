//! Maps, parallel iterators and races.

use std::hint::black_box;

use reunite::prelude::*;
use reunite::{Pool, PoolScope, par};

use crate::meter::Meter;
use crate::operation::{Growth, Operation};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "map/one-of-n-items",
        size: 250,
        growth: Growth::None,
        measure: on_threads,
    },
    Operation {
        name: "map/one-of-n-items-unordered",
        size: 1_000,
        growth: Growth::None,
        measure: on_threads_unordered,
    },
    Operation {
        name: "pool-map/one-of-n-items",
        size: 1_000,
        growth: Growth::None,
        measure: in_a_pool,
    },
    Operation {
        name: "pool-map/one-of-n-items-in-a-window-of-n",
        size: 1_000,
        growth: Growth::None,
        measure: in_a_pool_in_a_window,
    },
    Operation {
        name: "pool-map/one-of-n-maps",
        size: 50,
        growth: Growth::None,
        measure: maps,
    },
    Operation {
        name: "par/one-of-n-items",
        size: 1_000,
        growth: Growth::None,
        measure: in_parallel,
    },
    Operation {
        name: "race/one-of-n-contenders",
        size: 64,
        growth: Growth::None,
        measure: raced,
    },
];

fn consume(values: impl Iterator<Item = usize>) {
    black_box(values.sum::<usize>());
}

fn on_threads(size: usize, meter: &mut Meter) {
    meter.rounds(size, || {
        let map = reunite::map(0..size, |n: usize| n + 1).threads(1);
        consume(map.into_iter().map(|value| value.expect("no panic")));
    });
}

fn on_threads_unordered(size: usize, meter: &mut Meter) {
    meter.rounds(size, || {
        let map = reunite::map(0..size, |n: usize| n + 1)
            .threads(1)
            .unordered();
        consume(map.into_iter().map(|value| value.expect("no panic").1));
    });
}

fn alone(f: impl FnOnce(&Pool)) {
    let pool = Pool::builder().threads(1).build();
    let pool = pool.expect("the system has a thread");
    pool.enter(|| f(&pool));
}

fn map_in<'s>(s: &'s PoolScope<'s, '_>, size: usize, window: Option<usize>) {
    let mut map = s.map(0..size, |n: usize| n + 1);
    if let Some(window) = window {
        map = map.window(window);
    }
    consume(map.map(|value| value.expect("no panic")));
}

fn in_a_pool(size: usize, meter: &mut Meter) {
    alone(|pool| meter.rounds(size, || pool.scope(|s| map_in(s, size, None))));
}

fn in_a_pool_in_a_window(size: usize, meter: &mut Meter) {
    alone(|pool| meter.rounds(size, || pool.scope(|s| map_in(s, size, Some(size)))));
}

/// Maps in one scope.
fn maps(size: usize, meter: &mut Meter) {
    alone(|pool| {
        meter.rounds(size, || {
            pool.scope(|s| (0..size).for_each(|_| map_in(s, 10, None)));
        });
    });
}

fn in_parallel(size: usize, meter: &mut Meter) {
    let numbers: Vec<usize> = (0..size).collect();
    alone(|_| {
        meter.rounds(size, || {
            consume(par(&numbers).map(|n| n + 1).collect::<Vec<_>>().into_iter());
        });
    });
}

fn raced(size: usize, meter: &mut Meter) {
    meter.rounds(size, || {
        let contenders: Vec<_> = (0..size)
            .map(|n| move || Ok::<_, ()>(black_box(n)))
            .collect();
        assert!(reunite::race(contenders).is_ok());
    });
}
