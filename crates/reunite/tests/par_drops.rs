//! Each owned item of a parallel iterator is dropped once, wherever it is when an item panics or a search ends.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::watchdog;
use reunite::Pool;
use reunite::prelude::*;

/// An item that owns memory, and is counted while it lives.
#[derive(Debug)]
struct Thing<'a> {
    text: String,
    live: &'a AtomicUsize,
}

impl<'a> Thing<'a> {
    fn new(number: usize, live: &'a AtomicUsize) -> Self {
        live.fetch_add(1, Ordering::Relaxed);
        Self {
            text: number.to_string(),
            live,
        }
    }
}

impl Clone for Thing<'_> {
    fn clone(&self) -> Self {
        self.live.fetch_add(1, Ordering::Relaxed);
        Self {
            text: self.text.clone(),
            live: self.live,
        }
    }
}

impl Drop for Thing<'_> {
    fn drop(&mut self) {
        // Not a panic, which would be taken for the one of an item.
        if self.live.fetch_sub(1, Ordering::Relaxed) == 0 {
            std::process::abort();
        }
    }
}

/// One run of a chain of adaptors.
struct Run<'a> {
    live: &'a AtomicUsize,
    /// The number of items begun at which one panics.
    bad: usize,
    begun: AtomicUsize,
    len: usize,
    size: usize,
    at: usize,
}

impl<'a> Run<'a> {
    fn things(&self) -> Vec<Thing<'a>> {
        (0..self.len).map(|n| Thing::new(n, self.live)).collect()
    }

    /// Takes some time, and panics once.
    fn item<T>(&self, item: T) -> T {
        let begun = self.begun.fetch_add(1, Ordering::Relaxed);
        if begun.is_multiple_of(5) {
            (0..500).for_each(|n| {
                std::hint::black_box(n);
            });
        }
        if begun == self.bad {
            resume_unwind(Box::new("bad"));
        }
        item
    }
}

/// Runs `test` with several lengths and places of a panic, and expects that no item is left.
fn storm(test: impl Fn(&Run<'_>)) {
    let _watch = watchdog();
    let live = AtomicUsize::new(0);
    for threads in [1, 2, 4] {
        let pool = Pool::builder().threads(threads).build().unwrap();
        for round in 0..test_scale::rounds(120) {
            let len = round * 37 % 150;
            let run = Run {
                live: &live,
                bad: round * 53 % 300,
                begun: AtomicUsize::new(0),
                len,
                size: 1 + round % 7,
                at: round * 29 % (len + 3),
            };
            let result = pool.enter(|| catch_unwind(AssertUnwindSafe(|| test(&run))));
            let payload = result.err();
            let has_panicked = run.begun.load(Ordering::Relaxed) > run.bad;
            assert_eq!(payload.is_some(), has_panicked);
            assert!(payload.is_none_or(|payload| payload.downcast_ref() == Some(&"bad")));
            assert_eq!(live.load(Ordering::Relaxed), 0, "round {round}");
        }
    }
}

/// Tests that drop the result of one chain each.
macro_rules! storms {
    ($($name:ident($run:ident) $chain:expr;)*) => {$(
        #[test]
        fn $name() {
            storm(|$run| {
                let _result = $chain;
            });
        }
    )*};
}

storms! {
    collected(r) r.things().into_par_iter().map(|x| r.item(x)).collect::<Vec<_>>();
    collected_from_chains(r) r.things().into_par_iter().chain(r.things()).map(|x| r.item(x)).collect::<Vec<_>>();
    collected_without_a_length(r)
        r.things().into_par_iter().filter(|x| x.text.len() > 1).map(|x| r.item(x)).collect::<Vec<_>>();
    collected_into_maps(r)
        r.things().into_par_iter().map(|x| (x.text.clone(), r.item(x))).collect::<std::collections::BTreeMap<_, _>>();
    chunked(r) r.things().into_par_iter().map(|x| r.item(x)).chunks(r.size).map(|x| r.item(x)).collect::<Vec<_>>();
    reversed(r) r.things().into_par_iter().rev().map(|x| r.item(x)).collect::<Vec<_>>();
    reversed_chunks(r) r.things().into_par_iter().chunks(r.size).rev().map(|x| r.item(x)).collect::<Vec<_>>();
    zipped(r) r.things().into_par_iter().skip(r.at).zip(r.things()).map(|x| r.item(x)).collect::<Vec<_>>();
    zipped_with_shorter(r) r.things().into_par_iter().zip(r.things().into_par_iter().take(r.at)).map(|x| r.item(x)).count();
    sections(r) r.things().into_par_iter().skip(r.at / 2).take(r.at).map(|x| r.item(x)).collect::<Vec<_>>();
    steps(r) r.things().into_par_iter().rev().step_by(r.size).map(|x| r.item(x)).enumerate().collect::<Vec<_>>();
    interleaved(r)
        r.things().into_par_iter().interleave(r.things().into_par_iter().skip(r.at)).map(|x| r.item(x)).collect::<Vec<_>>();
    separated(r)
        r.things().into_par_iter().intersperse(Thing::new(0, r.live)).map(|x| r.item(x)).collect::<Vec<_>>();
    repeated(r) reunite::iter::repeat_n(Thing::new(0, r.live), r.len).rev().map(|x| r.item(x)).collect::<Vec<_>>();
    bridged(r) r.things().into_iter().par_bridge().map(|x| r.item(x)).collect::<Vec<_>>();
    bridged_iterators_that_panic(r) r.things().into_iter().map(|x| r.item(x)).par_bridge().map(|x| x).collect::<Vec<_>>();
    flat_mapped(r)
        r.things().into_par_iter().flat_map(|x| vec![x; r.size]).map(|x| r.item(x)).collect::<Vec<_>>();
    flat_mapped_iterators(r)
        r.things().into_par_iter().flat_map_iter(|x| vec![x; r.size]).map(|x| r.item(x)).collect::<Vec<_>>();
    folded(r) r.things().into_par_iter().fold(Vec::new, |mut all, x| { all.push(r.item(x)); all }).collect::<Vec<_>>();
    reduced(r) r.things().into_par_iter().map(|x| vec![x]).reduce(Vec::new, |mut a, b| { a.extend(r.item(b)); a });
    found(r) r.things().into_par_iter().find_any(|x| r.item(x.text.ends_with('7')));
    found_first(r) r.things().into_par_iter().rev().find_first(|x| r.item(x.text.ends_with('7')));
    found_last(r) r.things().into_par_iter().chunks(r.size).flatten().find_last(|x| r.item(x.text.ends_with('7')));
    some(r) r.things().into_par_iter().map(|x| Some(r.item(x)).filter(|x| x.text != "77")).while_some().collect::<Vec<_>>();
    failed(r)
        r.things().into_par_iter().map(|x| if x.text == "77" { Err(x) } else { Ok(r.item(x)) }).collect::<Result<Vec<_>, _>>();
    tried(r) r.things().into_par_iter().map(|x| if x.text == "77" { Err(x) } else { Ok(r.item(x)) }).try_collect::<Vec<_>>();
    unzipped(r) r.things().into_par_iter().map(|x| (x.clone(), r.item(x))).unzip::<_, _, Vec<_>, Vec<_>>();
    drained(r) {
        let mut things = r.things();
        let drained = things.par_drain(r.at.min(r.len)..).map(|x| r.item(x)).collect::<Vec<_>>();
        (things, drained)
    };
    states(r) r.things().into_par_iter().map_with(Thing::new(1, r.live), |s, x| (s.clone(), r.item(x))).collect::<Vec<_>>();
    made_states(r)
        r.things().into_par_iter().map_init(|| Thing::new(1, r.live), |s, x| (s.clone(), r.item(x))).collect::<Vec<_>>();
    not_driven(r) r.things().into_par_iter().chunks(r.size).rev();
}

#[test]
fn a_vector_that_is_collected_into_again() {
    storm(|r| {
        let mut target = r.things();
        let map = r.things().into_par_iter().map(|x| r.item(x));
        map.rev().collect_into_vec(&mut target);
        assert_eq!(target.len(), r.len);
    });
}

#[test]
fn a_drop_that_panics_drops_the_other_items() {
    struct Bad<'a>(Thing<'a>);
    impl Drop for Bad<'_> {
        fn drop(&mut self) {
            if self.0.text == "7" {
                resume_unwind(Box::new("bad"));
            }
        }
    }
    let _watch = watchdog();
    let live = AtomicUsize::new(0);
    let pool = Pool::builder().threads(3).build().unwrap();
    for len in 8..test_scale::rounds(100) + 8 {
        let things: Vec<Bad<'_>> = (0..len).map(|n| Bad(Thing::new(n, &live))).collect();
        let result = pool.enter(|| {
            catch_unwind(AssertUnwindSafe(|| {
                things.into_par_iter().skip(1).for_each(drop);
            }))
        });
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&"bad"));
        assert_eq!(live.load(Ordering::Relaxed), 0);
    }
}
