//! Wait groups: a wait ends when all other values are dropped, however they are dropped.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::{LONG, watchdog};
use reunite::sync::{Barrier, WaitGroup};

#[test]
fn a_wait_ends_after_the_last_other_value_is_dropped() {
    let _watchdog = watchdog();
    let (group, met, dropped) = (WaitGroup::new(), Barrier::new(4), AtomicUsize::new(0));
    reunite::scope(|s| {
        for _ in 0..3 {
            let held = group.clone();
            s.spawn(|| {
                let held = held;
                met.wait().unwrap();
                dropped.fetch_add(1, Ordering::SeqCst);
                drop(held);
            });
        }
        let waits = s.spawn(|| {
            group.wait().unwrap();
            dropped.load(Ordering::SeqCst)
        });
        crate::common::until(|| format!("{waits:?}").contains("in wait"));
        met.wait().unwrap();
        assert_eq!(waits.join().unwrap(), 3);
    });
}

#[test]
fn a_panic_drops_the_value_too() {
    let _watchdog = watchdog();
    let group = WaitGroup::new();
    let held = group.clone();
    let panicked = reunite::scope(|s| {
        let fails = s.spawn(move || {
            let _held = held;
            panic!("half done");
        });
        group.wait().unwrap();
        fails.join().map(drop)
    });
    assert!(panicked.unwrap_err().is_panic());
}

#[test]
fn all_that_wait_go_on_without_waiting_for_each_other() {
    let _watchdog = watchdog();
    let group = WaitGroup::new();
    let (first, second) = (group.clone(), group.clone());
    reunite::scope(|s| {
        let first = s.spawn(|| first.wait());
        let second = s.spawn(|| second.wait());
        crate::common::until(|| format!("{first:?}").contains("in wait"));
        crate::common::until(|| format!("{second:?}").contains("in wait"));
        assert_eq!(format!("{group:?}"), "WaitGroup { holders: 1, .. }");
        drop(group);
        first.join().unwrap().unwrap();
        second.join().unwrap().unwrap();
    });
}

/// A value whose wait gave up counts for nobody, but its clones do, and its next wait is for them.
#[test]
fn a_wait_that_timed_out_can_be_repeated() {
    let _watchdog = watchdog();
    let mut group = WaitGroup::new();
    let held = group.clone();
    assert!(group.wait_timeout(Duration::ZERO).unwrap_err().is_timeout());
    assert!(
        group
            .wait_deadline(Instant::now())
            .unwrap_err()
            .is_timeout()
    );
    // `group` does not count any more.
    held.wait().unwrap();
    group.wait_timeout(LONG).unwrap();
    let again = group.clone();
    assert!(group.wait_timeout(Duration::ZERO).unwrap_err().is_timeout());
    drop(again);
    group.wait().unwrap();
}

/// The group has a holder again when the waiter goes on, but was without any in between.
#[test]
fn a_later_clone_does_not_prolong_a_wait() {
    let _watchdog = watchdog();
    let mut group = WaitGroup::new();
    let held = group.clone();
    let mut waits = group.clone();
    assert!(group.wait_timeout(Duration::ZERO).unwrap_err().is_timeout());
    reunite::scope(|s| {
        let waits = s.spawn(move || waits.wait_timeout(LONG));
        crate::common::until(|| format!("{waits:?}").contains("in wait"));
        drop(held);
        let later = group.clone();
        waits.join().unwrap().unwrap();
        drop(later);
    });
}

#[test]
fn a_cancelled_wait_takes_nothing_from_the_others() {
    let _watchdog = watchdog();
    let group = WaitGroup::new();
    let (first, second) = (group.clone(), group.clone());
    reunite::scope(|s| {
        let first = s.spawn(|| first.wait().unwrap_err());
        let second = s.spawn(|| second.wait());
        crate::common::until(|| format!("{first:?}").contains("in wait"));
        crate::common::until(|| format!("{second:?}").contains("in wait"));
        first.cancel();
        assert!(first.join().unwrap().is_cancelled());
        assert!(format!("{second:?}").contains("in wait"));
        drop(group);
        second.join().unwrap().unwrap();
    });
}
