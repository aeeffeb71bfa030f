//! Condition variables: what a wait returns when it ends, and which waits a notification reaches.

mod common;

use std::time::Instant;

use common::{LONG, watchdog};
use reunite::WaitError;
use reunite::sync::{Condvar, Mutex, MutexGuard};

type Wait = fn(&Condvar, &mut MutexGuard<'_, bool>) -> Result<(), WaitError>;

const WAITS: [Wait; 3] = [
    |changed, guard| changed.wait(guard),
    |changed, guard| changed.wait_timeout(guard, LONG),
    |changed, guard| changed.wait_deadline(guard, Instant::now() + LONG),
];

#[test]
fn a_notification_ends_a_wait_without_an_error() {
    let _watchdog = watchdog();
    for wait in WAITS {
        let (ready, changed) = (Mutex::new(false), Condvar::new());
        reunite::scope(|s| {
            let mut guard = ready.lock().unwrap();
            // It can take the lock only once this task waits.
            s.spawn(|| {
                *ready.lock().unwrap() = true;
                changed.notify_one();
            });
            while !*guard {
                wait(&changed, &mut guard).unwrap();
            }
        });
    }
}

#[test]
fn a_wait_reports_that_its_lock_was_poisoned_meanwhile() {
    let _watchdog = watchdog();
    for wait in WAITS {
        let (ready, changed) = (Mutex::new(false), Condvar::new());
        reunite::scope(|s| {
            let mut guard = ready.lock().unwrap();
            let panics = s.spawn(|| {
                let mut guard = ready.lock().unwrap();
                *guard = true;
                changed.notify_all();
                panic!("with the lock");
            });
            let mut ended = Ok(());
            while !*guard && ended.is_ok() {
                ended = wait(&changed, &mut guard);
            }
            assert!(ended.unwrap_err().is_poisoned());
            assert!(*guard, "the guard holds the lock all the same");
            drop(guard);
            assert!(panics.join().unwrap_err().is_panic());
        });
    }
}

/// The first in the queue is notified, but can never have the lock again: the second is woken in its place.
#[test]
fn a_notification_passes_to_the_next_waiter_if_the_first_is_refused_the_lock() {
    let _watchdog = watchdog();
    let (ready, changed) = (Mutex::new(false), Condvar::new());
    let (ready, changed) = (&ready, &changed);
    reunite::scope(|outer| {
        let mut held = None;
        let (waits, waiting) = std::sync::mpsc::channel();
        let second = waits.clone();
        let next = reunite::scope(|inner| {
            inner.spawn(move || {
                let mut guard = ready.lock().unwrap();
                waits.send(()).unwrap();
                assert!(changed.wait(&mut guard).unwrap_err().is_deadlock());
            });
            waiting.recv().unwrap();
            let next = outer.spawn(move || {
                let mut guard = ready.lock().unwrap();
                second.send(()).unwrap();
                changed.wait(&mut guard).map(|()| *guard)
            });
            waiting.recv().unwrap();
            let mut guard = ready.lock().unwrap();
            *guard = true;
            changed.notify_one();
            held = Some(guard);
            next
        });
        drop(held);
        assert!(next.join().unwrap().unwrap());
    });
}
