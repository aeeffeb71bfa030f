//! Maps: order, window, outcomes, leaving early.

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use common::{payload_of, until, until_cancelled, watchdog, with_time_enough};

#[test]
fn outcomes_come_in_the_order_of_the_items() {
    let _watchdog = watchdog();
    for threads in [1, 2, 7] {
        let outcomes = reunite::map(0..2000u64, |n| n * 3).threads(threads);
        let values: Vec<u64> = outcomes.into_iter().map(Result::unwrap).collect();
        assert_eq!(values, (0..2000).map(|n| n * 3).collect::<Vec<_>>());
    }
}

/// Checks that the window, if the user has not set it, grows for items that cost next to nothing. In tests that must
/// not depend on time it keeps its size.
#[cfg(not(reunite_no_looks))]
#[test]
fn short_items_are_pulled_further_ahead() {
    let (pulled, mut ahead) = (AtomicU64::new(0), 0);
    reunite::scope(|s| {
        let source = (0..1_000_000_u64).inspect(|_| {
            pulled.fetch_add(1, Ordering::SeqCst);
        });
        let outcomes = s.map(source, |n| n).threads(2).into_iter();
        for (taken, outcome) in outcomes.enumerate() {
            assert_eq!(outcome.unwrap(), taken as u64);
            ahead = pulled.load(Ordering::SeqCst) - taken as u64 - 1;
            assert!(ahead <= 1_024);
            if ahead > 4 {
                break;
            }
        }
    });
    assert!(ahead > 4, "never more than twice the threads");
}

/// Item k + window is not pulled before item k was taken, and no item before the first `next`.
#[test]
fn the_window_is_strict() {
    let _watchdog = watchdog();
    for window in [1, 2, 5] {
        let pulled = AtomicU64::new(0);
        reunite::scope(|s| {
            let source = (0..300u64).inspect(|n| {
                assert_eq!(pulled.fetch_add(1, Ordering::SeqCst), *n);
            });
            let mut outcomes = s.map(source, |n| n).threads(3).window(window).into_iter();
            assert_eq!(pulled.load(Ordering::SeqCst), 0);
            for taken in 0..300u64 {
                assert!(pulled.load(Ordering::SeqCst) <= taken + window as u64);
                assert_eq!(outcomes.next().unwrap().unwrap(), taken);
                assert!(pulled.load(Ordering::SeqCst) <= taken + 1 + window as u64);
            }
            assert!(outcomes.next().is_none());
            assert!(outcomes.next().is_none());
        });
    }
}

/// A consumer that took item k may wait for every item of the window after it.
#[test]
fn all_of_the_window_begins_once_an_item_was_taken() {
    let _watchdog = watchdog();
    let begun = Arc::new(AtomicU64::new(0));
    let ours = Arc::clone(&begun);
    let begins = move |n: u64| ours.fetch_max(n + 1, Ordering::SeqCst);
    let mut outcomes = reunite::map(0..100, begins)
        .threads(2)
        .window(4)
        .into_iter();
    for taken in 0..100 {
        assert!(outcomes.next().unwrap().is_ok());
        until(|| begun.load(Ordering::SeqCst) >= 100.min(taken + 5));
    }
}

/// The same with a window that was wide, for short items, and no longer is.
#[test]
fn the_least_window_begins_once_an_item_was_taken() {
    let _watchdog = watchdog();
    for quick in 40..80 {
        let begun = Arc::new(AtomicU64::new(0));
        let ours = Arc::clone(&begun);
        let begins = move |n: u64| {
            ours.fetch_max(n + 1, Ordering::SeqCst);
            let since = Instant::now();
            let takes = Duration::from_micros(if n < quick { 0 } else { 100 });
            while since.elapsed() < takes {}
        };
        let mut outcomes = reunite::map(0..300, begins).threads(2).into_iter();
        for taken in 0..quick + 6 {
            assert!(outcomes.next().unwrap().is_ok());
            until(|| begun.load(Ordering::SeqCst) >= taken + 5);
        }
    }
}

#[test]
fn unordered_items_that_are_all_stuck_time_out() {
    let _watchdog = watchdog();
    for threads in [1, 2] {
        let (go, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let stuck = move |_: u64| {
            let _closed = gate.lock().unwrap().recv();
        };
        let outcomes = reunite::map(0..3, stuck).threads(threads).unordered();
        let outcomes = outcomes.item_timeout(Duration::from_millis(20));
        let mut outcomes = outcomes.into_iter();
        for _ in 0..3 {
            assert!(outcomes.next().unwrap().unwrap_err().is_timeout());
        }
        drop(go);
        assert!(outcomes.next().is_none());
    }
}

#[test]
fn unordered_outcomes_overtake_a_stuck_item() {
    let _watchdog = watchdog();
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let outcomes = reunite::map(0..10u64, move |n| {
        if n == 0 {
            wait.lock().unwrap().recv().unwrap();
        }
        n
    });
    let mut outcomes = outcomes.threads(2).unordered().into_iter();
    let mut seen: Vec<_> = outcomes.by_ref().take(9).map(Result::unwrap).collect();
    assert!(!seen.contains(&(0, 0)));
    go.send(()).unwrap();
    seen.extend(outcomes.map(Result::unwrap));
    seen.sort_unstable();
    assert_eq!(seen, (0..10).zip(0..10).collect::<Vec<_>>());
}

#[test]
fn unordered_outcomes_tell_the_index_of_their_item() {
    let _watchdog = watchdog();
    let halves = |n: u64| match n % 10 {
        3 => panic!("three"),
        4 => Err("four"),
        _ => Ok(n / 2),
    };
    let mut seen = [0; 100];
    for outcome in reunite::try_map(200..300, halves).threads(3).unordered() {
        match outcome {
            Ok((index, half)) => {
                assert_eq!(half, (200 + index as u64) / 2);
                seen[index] += 1;
            }
            Err(error) => {
                let index = error.item().unwrap();
                match index % 10 {
                    3 => assert!(error.is_panic()),
                    4 => assert!(error.is_error()),
                    _ => panic!("{error}"),
                }
                seen[index] += 1;
            }
        }
    }
    assert_eq!(seen, [1; 100]);
    let mut values = reunite::map(0..5, |n| n * n)
        .unordered()
        .into_iter()
        .collect_values()
        .unwrap();
    values.sort_unstable();
    assert_eq!(values, [(0, 0), (1, 1), (2, 4), (3, 9), (4, 16)]);
}

#[test]
fn the_error_of_a_map_belongs_to_no_item() {
    let _watchdog = watchdog();
    reunite::scope(|s| {
        // The source never ends, so the map cannot be over before it is cancelled.
        let mut outcomes = s.map(0..u64::MAX, |n| n).unordered().into_iter();
        assert!(outcomes.next().unwrap().is_ok());
        s.cancel("a test");
        let errors: Vec<_> = outcomes.by_ref().filter_map(Result::err).collect();
        let (end, of_items) = errors.split_last().unwrap();
        assert!(end.is_interrupted() && end.item().is_none(), "{end}");
        assert!(of_items.iter().all(|error| error.item().is_some()));
        assert!(outcomes.next().is_none());
    });
}

#[test]
fn one_panic_is_one_outcome() {
    let _watchdog = watchdog();
    let outcomes = reunite::map(0..20u64, |n| if n == 7 { panic!("seven") } else { n }).threads(3);
    for (n, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(value) => assert_eq!(value, n as u64),
            Err(error) => assert_eq!((n, error.panic_message()), (7, Some("seven"))),
        }
    }
}

#[test]
fn a_stuck_item_times_out_and_the_others_do_not_wait_for_it() {
    let _watchdog = watchdog();
    with_time_enough(|time| {
        let (go, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let outcomes = reunite::map(0..6u64, move |n| {
            if n == 1 {
                // Not a wait of the library: only the sender can wake it.
                wait.lock().unwrap().recv().unwrap();
            }
            n
        });
        // One thread: another one has to replace the stuck one.
        let mut outcomes = outcomes.threads(1).item_timeout(time).into_iter();
        let all: Vec<_> = outcomes.by_ref().collect();
        assert_eq!(all.len(), 6);
        let mut late = Vec::new();
        for (n, outcome) in all.into_iter().enumerate() {
            match outcome {
                Ok(value) => assert_eq!(value, n as u64),
                Err(error) => {
                    let item = format!("item {n} of map");
                    assert!(error.is_timeout(), "{error}");
                    assert!(error.to_string().contains(&item), "{error}");
                    late.push(n);
                }
            }
        }
        go.send(()).unwrap();
        drop(outcomes);
        assert!(late.contains(&1), "{late:?}");
        (late == [1]).then_some(())
    });
}

#[test]
fn an_item_that_heeds_its_deadline_is_a_timeout_too() {
    let _watchdog = watchdog();
    with_time_enough(|time| {
        let outcomes = reunite::map(0..3u64, |n| {
            if n == 1 {
                until_cancelled().unwind();
            }
            n
        });
        let outcomes = outcomes.threads(1).item_timeout(time);
        let timed_out: Vec<bool> = outcomes
            .into_iter()
            .map(|outcome| outcome.is_err_and(|e| e.is_timeout()))
            .collect();
        assert!(timed_out.len() == 3 && timed_out[1], "{timed_out:?}");
        (timed_out == [false, true, false]).then_some(())
    });
}

#[test]
fn dropping_it_early_cancels_and_joins() {
    let _watchdog = watchdog();
    let inside = Arc::new(AtomicUsize::new(0));
    let ours = Arc::clone(&inside);
    let mut outcomes = reunite::map(0.., move |n: u64| {
        ours.fetch_add(1, Ordering::SeqCst);
        if n > 0 {
            until_cancelled();
        }
        ours.fetch_sub(1, Ordering::SeqCst);
        n
    })
    .threads(4)
    .into_iter();
    assert_eq!(outcomes.next().unwrap().unwrap(), 0);
    drop(outcomes);
    assert_eq!(inside.load(Ordering::SeqCst), 0);
}

#[test]
fn a_source_that_panics_panics_in_the_consumer_after_the_items_before_it() {
    let _watchdog = watchdog();
    let source = (0..9u64).inspect(|n| assert!(*n < 4, "no fourth"));
    let mut outcomes = reunite::map(source, |n| n).threads(2).into_iter();
    for n in 0..4 {
        assert_eq!(outcomes.next().unwrap().unwrap(), n);
    }
    let payload = payload_of(|| outcomes.next());
    assert_eq!(payload.downcast_ref(), Some(&"no fourth"));
    assert!(outcomes.next().is_none());
}

#[test]
fn fail_fast_pulls_no_further_and_loses_no_outcome() {
    let _watchdog = watchdog();
    let pulled = AtomicU64::new(0);
    reunite::scope(|s| {
        let source = (0..).inspect(|_| {
            pulled.fetch_add(1, Ordering::SeqCst);
        });
        let outcomes = s
            .try_map(source, |n: u64| if n == 5 { Err("five") } else { Ok(n) })
            .threads(2)
            .fail_fast();
        let all: Vec<_> = outcomes.into_iter().collect();
        assert_eq!(all.len() as u64, pulled.load(Ordering::SeqCst));
        assert!(all.len() < 20);
        assert_eq!(all[5].as_ref().unwrap_err().error(), Some(&"five"));
    });
}

#[test]
fn values_are_collected_or_all_failures_are() {
    let _watchdog = watchdog();
    let ok = reunite::map(0..50u64, |n| n)
        .into_iter()
        .collect_values()
        .unwrap();
    assert_eq!(ok.len(), 50);
    let odd = |n: u64| if n % 10 == 3 { Err(n) } else { Ok(n) };
    let error = reunite::try_map(0..50, odd)
        .into_iter()
        .collect_values()
        .unwrap_err();
    let mut failed: Vec<u64> = error
        .failures()
        .iter()
        .map(|e| *e.error().unwrap())
        .collect();
    failed.sort_unstable();
    assert_eq!(failed, [3, 13, 23, 33, 43]);
}

#[test]
fn for_each_borrows_and_stops_at_the_first_failure() {
    let _watchdog = watchdog();
    let words = ["a", "bb", "ccc"];
    let total = AtomicUsize::new(0);
    reunite::try_for_each(&words, |word| {
        total.fetch_add(word.len(), Ordering::Relaxed);
        Ok::<(), String>(())
    })
    .unwrap();
    assert_eq!(total.into_inner(), 6);
    let error = reunite::try_for_each(0.., |n: u64| if n == 3 { Err("three") } else { Ok(()) });
    assert_eq!(error.unwrap_err().into_error().unwrap(), "three");
}

#[test]
fn a_cancelled_consumer_is_told_once_and_the_map_ends() {
    let _watchdog = watchdog();
    reunite::scope(|s| {
        let started = AtomicBool::new(false);
        let started = &*Box::leak(Box::new(started));
        let mut outcomes = s
            .map(0..4u64, |n| {
                started.store(true, Ordering::SeqCst);
                until_cancelled();
                n
            })
            .into_iter();
        let canceller = s.canceller();
        s.spawn(move || {
            while !started.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            canceller.cancel("enough");
        });
        let all: Vec<_> = outcomes.by_ref().collect();
        let last = all.last().unwrap().as_ref();
        assert!(last.is_err_and(|error| error.is_interrupted()) || all.len() == 4);
        assert!(outcomes.next().is_none());
    });
}

/// A cancelled map would drop the items that it pulls without running them.
#[test]
fn a_cancelled_map_leaves_its_source_alone() {
    let _watchdog = watchdog();
    for window in [None, Some(8)] {
        let pulled = AtomicU64::new(0);
        reunite::scope(|s| {
            let source = (0_u64..).inspect(|_| {
                pulled.fetch_add(1, Ordering::SeqCst);
            });
            let mut map = s.map(source, |n| n).threads(2);
            if let Some(window) = window {
                map = map.window(window);
            }
            let mut outcomes = map.into_iter();
            for _ in 0..100 {
                assert!(outcomes.next().unwrap().is_ok());
            }
            s.canceller().cancel("enough");
            let before = pulled.load(Ordering::SeqCst);
            assert!(outcomes.last().unwrap().unwrap_err().is_interrupted());
            // One pull may have been in progress.
            assert!(pulled.load(Ordering::SeqCst) <= before + 1);
        });
    }
}

#[test]
fn two_maps_in_a_row_are_a_pipeline() {
    let _watchdog = watchdog();
    let total: u64 = reunite::scope(|s| {
        let first = s.map(0..500u64, |n| n + 1).threads(2);
        let second = s
            .map(first.into_iter().map(Result::unwrap), |n| n * 2)
            .threads(2);
        second.into_iter().map(Result::unwrap).sum()
    });
    assert_eq!(total, 500 * 501);
}

#[test]
fn the_root_cause_of_a_map_is_the_failure_that_happened_first() {
    let _watchdog = watchdog();
    let both_run = std::sync::Barrier::new(2);
    let outcomes = reunite::try_map(0..2, move |n| {
        both_run.wait();
        if n == 0 {
            // Sees without being told of its own cancellation that its sibling has failed.
            reunite::scope(|s| common::until(|| s.is_cancelled()));
            return Err::<(), _>("second");
        }
        Err("first")
    });
    let outcomes = outcomes.threads(2).fail_fast().into_iter();
    let error = outcomes.collect_values().unwrap_err();
    let errors: Vec<_> = error
        .failures()
        .iter()
        .map(|e| *e.error().unwrap())
        .collect();
    assert_eq!(errors, ["first", "second"]);
}

#[test]
fn an_outcome_that_is_not_there_in_time_comes_later() {
    let _watchdog = watchdog();
    let (go, wait) = reunite::channel::unbounded::<()>();
    let gated = move |n: u32| {
        wait.recv().unwrap();
        n
    };
    let mut outcomes = reunite::map(0..3, gated).threads(2).window(1).into_iter();
    for n in 0..3 {
        let late = outcomes.next_timeout(Duration::from_millis(1)).unwrap_err();
        assert!(late.is_timeout(), "{late}");
        let late = outcomes.next_deadline(Instant::now()).unwrap_err();
        assert!(late.is_timeout(), "{late}");
        go.send(()).unwrap();
        let next = outcomes.next_timeout(Duration::MAX).unwrap();
        assert_eq!(next.unwrap().unwrap(), n);
    }
    assert!(outcomes.next_timeout(Duration::MAX).unwrap().is_none());
}

/// The item's time and the consumer's time limit run out together: the outcome takes precedence.
#[test]
fn a_stuck_item_is_reported_while_its_consumer_waits_with_a_limit() {
    let _watchdog = watchdog();
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    // It heeds no cancellation: an item that stops in time may have a value before its consumer looks.
    let stuck = move |n: u64| {
        if n == 0 {
            let _closed = gate.lock().unwrap().recv();
        }
        n
    };
    let outcomes = reunite::map(0..3, stuck).threads(1);
    let mut outcomes = outcomes.item_timeout(Duration::from_millis(20)).into_iter();
    let first = loop {
        match outcomes.next_timeout(Duration::from_millis(1)) {
            Ok(first) => break first.unwrap(),
            Err(error) => assert!(error.is_timeout(), "{error}"),
        }
    };
    assert!(first.unwrap_err().is_timeout());
    drop(go);
    assert!(outcomes.map(Result::unwrap).eq([1, 2]));
}
