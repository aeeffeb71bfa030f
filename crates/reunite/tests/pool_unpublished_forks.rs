//! A member of a pool that blocks outside the library keeps the forks that no thread had asked for; that is reported.
//! In a process of its own, because the reporter and the threshold are global.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::{stalls_of, until, watchdog};
use reunite::{JoinHandle, Pool};

const THRESHOLD: Duration = Duration::from_millis(40);

fn pool(name: &str) -> Pool {
    reunite::stall_after(THRESHOLD);
    assert!(stalls_of(name).is_empty());
    let pool = Pool::builder().threads(2).name(name);
    pool.build().unwrap()
}

/// A task that runs `first` as one half of a fork whose other half no other thread can take, while all other threads of
/// the pool of two have nothing to do. Returns the line where it was spawned.
fn keeps_a_fork(pool: &Pool, first: impl FnOnce() + Send + 'static) -> (JoinHandle<()>, u32) {
    let (busy, free) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let (is_busy, is_free) = (Arc::clone(&busy), Arc::clone(&free));
    let other = pool.spawn(move || {
        is_busy.store(true, Ordering::SeqCst);
        until(|| is_free.load(Ordering::SeqCst));
    });
    until(|| busy.load(Ordering::SeqCst));
    let inner = move || {
        let first = || {
            free.store(true, Ordering::SeqCst);
            first();
        };
        reunite::join(first, || ());
    };
    // The outer fork may be published; while it is on offer, no later one is.
    let line = line!() + 1;
    let task = pool.spawn(|| {
        reunite::join(inner, || ());
    });
    other.join().unwrap();
    (task, line)
}

#[test]
fn a_fork_that_nobody_can_take_is_reported_with_its_task_once() {
    let _watch = watchdog();
    let [first, second] = ["first", "second"].map(pool);
    for round in 1..=2 {
        let (tx, rx) = mpsc::channel::<()>();
        let (blocks, line) = keeps_a_fork(&first, move || assert!(rx.recv().is_err()));
        until(|| stalls_of("first").len() == round);
        let stall = &stalls_of("first")[round - 1];
        assert!(stall.lasted >= THRESHOLD, "{stall:?}");
        let text = stall.to_string();
        assert!(
            text.contains(&format!("pool_unpublished_forks.rs:{line}")),
            "{text}"
        );
        assert!(text.contains("`reunite::blocking`"), "{text}");
        // As long as another thread takes forks, it is not reported once more.
        let (other_tx, rx) = mpsc::channel::<()>();
        let (other, _) = keeps_a_fork(&second, move || assert!(rx.recv().is_err()));
        until(|| stalls_of("second").len() == round);
        assert_eq!(stalls_of("first").len(), round);
        drop((tx, other_tx));
        blocks.join().unwrap();
        other.join().unwrap();
    }
}

#[test]
fn a_member_that_computes_with_forks_that_nobody_can_take_is_left_alone() {
    let _watch = watchdog();
    let [computes, blocks] = ["computes", "blocks"].map(pool);
    let ends = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&ends);
    let (task, _) = keeps_a_fork(&computes, move || until(|| ends.load(Ordering::SeqCst)));
    for round in 1..=3 {
        let (tx, rx) = mpsc::channel::<()>();
        let (blocked, _) = keeps_a_fork(&blocks, move || assert!(rx.recv().is_err()));
        until(|| stalls_of("blocks").len() == round);
        drop(tx);
        blocked.join().unwrap();
    }
    assert!(stalls_of("computes").is_empty());
    end.store(true, Ordering::SeqCst);
    task.join().unwrap();
}

#[test]
fn forks_shared_by_blocking_are_not_reported() {
    let _watch = watchdog();
    let [shares, blocks] = ["shares", "clock"].map(pool);
    let (tx, rx) = mpsc::channel::<()>();
    let (task, _) = keeps_a_fork(&shares, move || {
        assert!(reunite::blocking(|| rx.recv()).is_err())
    });
    let (other_tx, rx) = mpsc::channel::<()>();
    let (blocked, _) = keeps_a_fork(&blocks, move || assert!(rx.recv().is_err()));
    until(|| stalls_of("clock").len() == 1);
    assert!(stalls_of("shares").is_empty());
    drop((tx, other_tx));
    task.join().unwrap();
    blocked.join().unwrap();
}
