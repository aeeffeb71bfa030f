//! Many tasks whose waits nothing will end, on all kinds of threads: each must be found as soon as the one before it is
//! over. Nothing here takes long unless a wait has to look up by itself for that.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reunite::channel::{bounded, unbounded};
use reunite::sync::{Barrier, Condvar, Mutex, Semaphore};

pub(crate) const ALL: &[(&str, fn())] = &[
    ("a_crowd_of_a_pools_tasks", a_crowd_of_a_pools_tasks),
    ("a_crowd_in_a_pools_scope", a_crowd_in_a_pools_scope),
    ("a_crowd_on_threads_that_end", a_crowd_on_threads_that_end),
    ("a_crowd_in_a_map", a_crowd_in_a_map),
    (
        "a_crowd_that_waits_for_all_kinds",
        a_crowd_that_waits_for_all_kinds,
    ),
    (
        "a_refusal_that_helps_all_others",
        a_refusal_that_helps_all_others,
    ),
    ("the_last_words_of_a_thread", the_last_words_of_a_thread),
    (
        "the_end_of_a_thread_of_somebody_else",
        the_end_of_a_thread_of_somebody_else,
    ),
];

const CROWD: usize = 64;

fn a_crowd_of_a_pools_tasks() {
    let pool = reunite::Pool::builder().threads(2).build().unwrap();
    let (tx, rx) = unbounded::<u8>();
    let tasks: Vec<_> = (0..CROWD)
        .map(|_| {
            let rx = rx.clone();
            pool.spawn(move || rx.recv().unwrap_err().is_deadlock())
        })
        .collect();
    for task in tasks {
        match task.join() {
            Ok(is_deadlock) => assert!(is_deadlock),
            // The joiner ran it, and its wait was the newest.
            Err(error) => assert!(error.is_deadlock(), "{error}"),
        }
    }
    drop(tx);
}

fn a_crowd_in_a_pools_scope() {
    let pool = reunite::Pool::builder().threads(3).build().unwrap();
    let (_tx, rx) = unbounded::<u8>();
    let refused = AtomicUsize::new(0);
    pool.scope(|s| {
        for _ in 0..CROWD {
            s.spawn(|| refused.fetch_add(usize::from(rx.recv().is_err()), Ordering::Relaxed));
        }
    });
    assert_eq!(refused.into_inner(), CROWD);
}

/// A thread of an unusual stack size is not used again.
fn a_crowd_on_threads_that_end() {
    let (_tx, rx) = unbounded::<u8>();
    let refused = AtomicUsize::new(0);
    reunite::scope(|s| {
        for _ in 0..CROWD {
            let small = reunite::Builder::new().stack_size(256 << 10);
            s.spawn_with(small, || {
                refused.fetch_add(usize::from(rx.recv().is_err()), Ordering::Relaxed)
            });
        }
    });
    assert_eq!(refused.into_inner(), CROWD);
}

fn a_crowd_in_a_map() {
    let (_tx, rx) = unbounded::<u8>();
    let refused = AtomicUsize::new(0);
    reunite::scope(|s| {
        let items = s.map(0..CROWD, |_| {
            refused.fetch_add(usize::from(rx.recv().is_err()), Ordering::Relaxed)
        });
        // The receiver of the results waits, too, and its wait may be the newest.
        items.threads(4).into_iter().for_each(drop);
    });
    assert!(refused.into_inner() > 0);
}

fn a_crowd_that_waits_for_all_kinds() {
    let pool = reunite::Pool::builder().threads(2).build().unwrap();
    let (_tx, rx) = unbounded::<u8>();
    let (full, _rx) = bounded::<u8>(1);
    full.send(0).unwrap();
    let barrier = Barrier::new(CROWD);
    let permits = Semaphore::new(1);
    let _permit = permits.acquire().unwrap();
    let (flag, changed) = (Mutex::new(()), Condvar::new());
    let refused = AtomicUsize::new(0);
    let wait = |kind: usize| {
        let is_refused = match kind % 5 {
            0 => rx.recv().is_err(),
            1 => full.send(1).is_err(),
            2 => barrier.wait().is_err(),
            3 => permits.acquire().is_err(),
            _ => changed.wait(&mut flag.lock().unwrap()).is_err(),
        };
        refused.fetch_add(usize::from(is_refused), Ordering::Relaxed);
    };
    reunite::scope(|threads| {
        let wait = &wait;
        for kind in 0..10 {
            threads.spawn(move || wait(kind));
        }
        pool.scope(|s| {
            for kind in 0..10 {
                s.spawn(move || wait(kind));
            }
        });
    });
    assert_eq!(refused.into_inner(), 20);
}

/// Each waits for the one before it, and would send to the next: refusing the first helps all the others.
fn a_refusal_that_helps_all_others() {
    for in_pool in [false, true] {
        let pool = reunite::Pool::builder().threads(2).build().unwrap();
        let queues: Vec<_> = (0..CROWD).map(|_| bounded::<u8>(1)).collect();
        let refused = AtomicUsize::new(0);
        let link = |n: usize| {
            refused.fetch_add(usize::from(queues[n].1.recv().is_err()), Ordering::Relaxed);
            queues[(n + 1) % CROWD].0.send(1).unwrap();
        };
        if in_pool {
            pool.scope(|s| (0..CROWD).for_each(|n| drop(s.spawn(move || link(n)))));
        } else {
            let link = &link;
            reunite::scope(|s| (0..CROWD).for_each(|n| drop(s.spawn(move || link(n)))));
        }
        assert_eq!(refused.into_inner(), 1);
    }
}

/// Checks that the messages sent by the destructor of a thread-local arrive before the thread counts as ended.
fn the_last_words_of_a_thread() {
    use std::cell::RefCell;

    struct LastWords(reunite::channel::Sender<u8>);
    impl Drop for LastWords {
        fn drop(&mut self) {
            std::thread::sleep(Duration::from_millis(10));
            self.0.send(1).unwrap();
        }
    }
    thread_local! {
        static LAST: RefCell<Option<LastWords>> = const { RefCell::new(None) };
    }
    let (tx, rx) = unbounded();
    let keeps = tx.clone();
    reunite::scope(|s| {
        s.spawn_with(reunite::Builder::new().stack_size(256 << 10), move || {
            LAST.with(|last| *last.borrow_mut() = Some(LastWords(tx)));
        });
    });
    assert_eq!(rx.recv().unwrap(), 1);
    assert!(rx.recv().unwrap_err().is_deadlock());
    drop(keeps);
}

/// Checks that a wait looks up by itself, as the end of a thread outside the library is not reported. Checks nothing
/// in a build in which waits do not look up.
fn the_end_of_a_thread_of_somebody_else() {
    if cfg!(reunite_no_looks) {
        return;
    }
    let (_tx, rx) = unbounded::<u8>();
    let thread = std::thread::spawn(|| std::thread::sleep(Duration::from_millis(30)));
    assert!(rx.recv().unwrap_err().is_deadlock());
    thread.join().unwrap();
}
