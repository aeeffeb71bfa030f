//! A part of a map, or of other parallel work, never passes for the whole, wherever the cancelled task runs.

mod common;

use std::sync::atomic::Ordering;

use common::homes::{ALL, in_homes};
use common::{open_channel, until_cancelled};
use reunite::channel::{bounded, unbounded};
use reunite::prelude::*;
use reunite::{JoinError, Pool};

#[test]
fn the_outcomes_of_maps_say_that_they_were_cut_short() {
    in_homes(ALL, |at| {
        let last = |outcomes: Vec<Result<u64, JoinError>>| outcomes.into_iter().last().unwrap();
        let rx = open_channel(8);
        let error = at.cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            reunite::scope(|s| last(s.map(&rx, |n| n).into_iter().collect()))
        });
        // Reported by a value, or, as the map's threads never began, by the scope.
        assert!(error.map_or_else(
            |e| e.is_cancelled(),
            |last| last.unwrap_err().is_cancelled()
        ));
        let error = at.cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            Pool::global().scope(|s| last(s.map(&rx, |n| n).collect()))
        });
        assert!(error.map_or_else(
            |e| e.is_cancelled(),
            |last| last.unwrap_err().is_cancelled()
        ));
        let error = at.cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            reunite::try_for_each(&rx, |_| Ok::<_, String>(()))
        });
        assert!(error.map_or_else(|e| e.is_cancelled(), |ended| ended.is_err()));
        let values = at.cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            let outcomes = reunite::map(0..2, |_| -> u64 { until_cancelled().unwind() });
            outcomes.into_iter().collect_values()
        });
        assert!(values.unwrap().is_err());
    });
}

#[test]
fn a_map_whose_source_is_cut_short_says_so_after_its_outcomes() {
    in_homes(ALL, |at| {
        let cut_short = || {
            let (tx, rx) = bounded(8);
            (0..3).for_each(|n| tx.send(n).unwrap());
            at.cancelled_in(|waits| {
                waits.store(true, Ordering::SeqCst);
                until_cancelled();
                drop(tx);
            })
            .unwrap();
            rx
        };
        let rx = cut_short();
        let outcomes = reunite::scope(|s| s.map(&rx, |n| n).into_iter().collect::<Vec<_>>());
        assert_eq!(outcomes.len(), 4);
        assert!(outcomes[3].as_ref().unwrap_err().is_cancelled());
        let rx = cut_short();
        let outcomes = Pool::global().scope(|s| s.map(&rx, |n| n).collect::<Vec<_>>());
        assert_eq!(outcomes.len(), 4);
        assert!(outcomes[3].as_ref().unwrap_err().is_cancelled());
        let rx = cut_short();
        assert!(reunite::try_for_each(&rx, |_| Ok::<_, String>(())).is_err());
    });
}

#[test]
fn an_item_that_is_left_has_no_other_outcome() {
    in_homes(ALL, |at| {
        let cut_short = || {
            let (tx, rx) = bounded::<u64>(8);
            at.cancelled_in(|waits| {
                waits.store(true, Ordering::SeqCst);
                until_cancelled();
                drop(tx);
            })
            .unwrap();
            rx
        };
        let (a, b, c) = (cut_short(), cut_short(), cut_short());
        let count = |n: u64| if n == 1 { a.iter().count() } else { 0 };
        let cancelled = |outcomes: Vec<Result<usize, JoinError>>| {
            let is_cancelled = |outcome: &Result<_, JoinError>| {
                outcome.as_ref().is_err_and(JoinError::is_cancelled)
            };
            outcomes.iter().map(is_cancelled).collect::<Vec<_>>()
        };
        let outcomes = reunite::scope(|s| s.map(0..3, count).into_iter().collect());
        assert_eq!(cancelled(outcomes), [false, true, false]);
        let outcomes = Pool::global().scope(|s| s.map(0..3, count).collect());
        assert_eq!(cancelled(outcomes), [false, true, false]);
        let joined = Pool::global().scope(|s| s.spawn(|| b.iter().count()).join());
        assert!(joined.unwrap_err().is_cancelled());
        let joined = Pool::global().spawn(move || c.iter().count()).join();
        assert!(joined.unwrap_err().is_cancelled());
    });
}

#[test]
fn collecting_a_map_that_was_cut_short_returns_the_reason() {
    in_homes(ALL, |at| {
        let (tx, rx) = unbounded::<u64>();
        let producer = reunite::spawn(move || {
            tx.send(1).unwrap();
            until_cancelled();
        });
        let first = rx.recv().unwrap();
        producer.cancel();
        assert_eq!(first, 1);
        let of_producer = |error: &reunite::ScopeError<_>| {
            let root = error.root().expect("a reason");
            let why = root.as_cancelled().expect("a cancellation");
            assert_eq!(why.reason(), "cancelled through its handle");
        };
        let values = reunite::scope(|s| {
            let map = s.map(0..2, |_| rx.iter().sum::<u64>());
            map.into_iter().collect_values()
        });
        of_producer(&values.unwrap_err());
        let each = reunite::try_for_each(0..2, |_| {
            rx.iter().for_each(|_| ());
            Ok::<_, std::convert::Infallible>(())
        });
        of_producer(&each.unwrap_err());
        // A cancellation of the map itself is reported as that of its scope, as before.
        let ended = at.cancelled_in(|waits| {
            let each = reunite::try_for_each(0..2, |_| {
                waits.store(true, Ordering::SeqCst);
                until_cancelled().unwind();
                #[allow(unreachable_code, reason = "says the type")]
                Ok::<_, String>(())
            });
            each.unwrap_err()
                .root()
                .is_none_or(JoinError::is_interrupted)
        });
        assert!(ended.unwrap());
    });
}

#[test]
fn parallel_work_that_cannot_fail_is_done_whole_in_a_cancelled_task() {
    in_homes(ALL, |at| {
        let whole = at.cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            until_cancelled();
            let squares: Vec<u64> = reunite::par(0..1000_u64).map(|n| n * n).collect();
            let sum = reunite::par(0..1000_u64).sum::<u64>();
            let first = reunite::par(0..1000_u64).find_first(|n| *n == 999);
            let mut sorted: Vec<_> = (0..10_000).rev().collect();
            sorted.par_sort_unstable();
            let mut stable: Vec<_> = (0..10_000).map(|n| n * 7919 % 10_007).collect();
            stable.par_sort();
            let (a, b) = reunite::join(|| 1, || 2);
            let is_sorted = sorted.is_sorted() && stable.is_sorted();
            (squares.len(), sum, first, is_sorted, a + b)
        });
        assert_eq!(whole.unwrap(), (1000, 499_500, Some(999), true, 3));
        let parts = at.cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            until_cancelled();
            let results = reunite::par(0..1000_u64).map(Ok::<_, String>);
            let collected = results.try_collect::<Vec<u64>>();
            let counted = reunite::par(0..1000_u64).checked(|items| items.count());
            (
                collected.is_err_and(|error| error.is_cancelled()),
                counted.is_err(),
            )
        });
        assert_eq!(parts.unwrap(), (true, true));
    });
}

#[test]
fn parallel_work_that_is_left_leaves_its_task() {
    in_homes(ALL, |at| {
        let rx = open_channel(8);
        let error = at
            .cancelled_in(|waits| {
                let counts = reunite::par(0..4_u64).map(|n| {
                    waits.store(true, Ordering::SeqCst);
                    if n == 3 { rx.iter().count() } else { 0 }
                });
                counts.sum::<usize>()
            })
            .unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        let error = at
            .cancelled_in(|waits| {
                reunite::join(|| waits.store(true, Ordering::SeqCst), || rx.iter().count())
            })
            .unwrap_err();
        assert!(error.is_cancelled(), "{error}");
    });
}

#[test]
fn races_and_quorums_of_a_cancelled_task_are_errors() {
    in_homes(ALL, |at| {
        let ended = at.cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            until_cancelled();
            let won = reunite::race([|| Ok::<_, String>(1), || Ok(2)]).is_err();
            let agreed = reunite::quorum(2, [|| Ok::<_, String>(1), || Ok(2)]).is_err();
            (won, agreed)
        });
        assert_eq!(ended.unwrap(), (true, true));
    });
}
