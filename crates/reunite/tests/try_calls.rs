//! Calls that do not wait: what they take, and what their errors tell.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reunite::channel::{rendezvous, try_select, unbounded};
use reunite::sync::{Mutex, RwLock, Semaphore};

mod common;
use common::watchdog;

/// Panics in a task that holds the guard that `take` returns.
fn poison<G>(take: impl FnOnce() -> G + Send) {
    let outcome = reunite::scope(|s| {
        let task = s.spawn(|| {
            let _held = take();
            panic!("half done");
        });
        task.join()
    });
    assert!(outcome.is_err_and(|error: reunite::JoinError| error.is_panic()));
}

#[test]
fn try_lock_tells_busy_from_poisoned() {
    let _watchdog = watchdog();
    let mutex = Mutex::new(1);
    let guard = mutex.lock().unwrap();
    let busy = mutex.try_lock().unwrap_err();
    assert!(busy.is_busy() && !busy.is_poisoned(), "{busy}");
    assert_eq!(format!("{mutex:?}"), "Mutex(locked)");
    drop(guard);
    assert_eq!(*mutex.try_lock().unwrap(), 1);

    poison(|| mutex.lock().unwrap());
    let poisoned = mutex.try_lock().unwrap_err();
    assert!(poisoned.is_poisoned() && !poisoned.is_busy(), "{poisoned}");
    assert_eq!(poisoned.to_string(), mutex.lock().unwrap_err().to_string());
    assert_eq!(format!("{mutex:?}"), "Mutex(poisoned)");
    // The failed attempt has released the lock again: the lock can be repaired.
    mutex.clear_poison();
    assert_eq!(*mutex.try_lock().unwrap(), 1);
}

#[test]
fn try_read_and_try_write_tell_busy_from_poisoned() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    let reader = lock.read().unwrap();
    assert_eq!(*lock.try_read().unwrap(), 1);
    assert!(lock.try_write().unwrap_err().is_busy());
    drop(reader);
    let writer = lock.try_write().unwrap();
    assert!(lock.try_read().unwrap_err().is_busy());
    assert!(lock.try_write().unwrap_err().is_busy());
    assert_eq!(format!("{lock:?}"), "RwLock(locked)");
    drop(writer);

    poison(|| lock.write().unwrap());
    assert!(lock.try_read().unwrap_err().is_poisoned());
    assert!(lock.try_write().unwrap_err().is_poisoned());
    assert_eq!(format!("{lock:?}"), "RwLock(poisoned)");
    lock.clear_poison();
    assert_eq!(*lock.try_write().unwrap(), 1);
}

#[test]
fn a_cancelled_task_may_take_what_is_available() {
    let _watchdog = watchdog();
    let (mutex, permits) = (Mutex::new(1), Semaphore::new(1));
    let (tx, rx) = unbounded();
    tx.send(1).unwrap();
    reunite::scope(|s| {
        s.cancel("a test");
        assert!(reunite::checkpoint().is_err());
        assert!(mutex.try_lock().is_ok());
        assert!(permits.try_acquire().is_ok());
        assert!(try_select(&[&rx]).unwrap().1.is_ok());
        assert!(try_select(&[&rx]).unwrap_err().is_empty());
    });
}

#[test]
fn try_acquire_tells_busy_from_what_never_comes() {
    let _watchdog = watchdog();
    let permits = Arc::new(Semaphore::new(2));
    assert!(permits.try_acquire_many(3).unwrap_err().is_refused());
    assert!(permits.try_acquire_many_owned(3).unwrap_err().is_refused());
    let held = permits.try_acquire_many(2).unwrap();
    assert!(permits.try_acquire().unwrap_err().is_busy());
    assert!(permits.try_acquire_owned().unwrap_err().is_busy());
    drop(held);
    // A counter may still get more permits.
    assert!(Semaphore::new(0).try_acquire_many(3).unwrap_err().is_busy());
}

#[test]
fn try_acquire_does_not_overtake() {
    let _watchdog = watchdog();
    let permits = Semaphore::new(2);
    let mut held = permits.acquire_many(2).unwrap();
    reunite::scope(|s| {
        let first = s.spawn(|| permits.acquire_many(2).map(|permit| permit.count()));
        held.shrink_to(1);
        while permits.try_acquire().is_ok() {
            std::thread::yield_now();
        }
        assert_eq!(permits.available(), 1, "it is for the first");
        assert!(permits.try_acquire().unwrap_err().is_busy());
        drop(held);
        assert_eq!(first.join().unwrap().unwrap(), 2);
    });
}

#[test]
fn an_owned_permit_goes_along_with_a_task() {
    let _watchdog = watchdog();
    let permits = Arc::new(Semaphore::new(1));
    let permit = permits.acquire_owned().unwrap();
    let short = Duration::from_millis(1);
    let late = permits.acquire_owned_timeout(short).unwrap_err();
    assert!(late.is_timeout(), "{late}");
    let soon = Instant::now() + short;
    let late = permits.acquire_owned_deadline(soon).unwrap_err();
    assert!(late.is_timeout(), "{late}");
    let task = reunite::spawn(move || permit.count());
    assert_eq!(task.join().unwrap(), 1);
    let permit = permits.acquire_owned_timeout(Duration::MAX).unwrap();
    drop(permits);
    drop(permit); // the last owner of the semaphore
}

#[test]
fn try_select_takes_the_first_that_has_something() {
    let _watchdog = watchdog();
    let none: [&reunite::channel::Receiver<u8>; 0] = [];
    assert!(try_select(&none).unwrap_err().is_closed());
    let ((one, from_one), (two, from_two)) = (unbounded(), unbounded());
    assert!(try_select(&[&from_one, &from_two]).unwrap_err().is_empty());
    two.send(2).unwrap();
    let (which, message) = try_select(&[&from_one, &from_two]).unwrap();
    assert_eq!((which, message.unwrap()), (1, 2));
    drop(one);
    let (which, message) = try_select(&[&from_one, &from_two]).unwrap();
    assert!(which == 0 && message.unwrap_err().is_closed());
}

#[test]
fn try_select_takes_from_a_sender_that_waits() {
    let _watchdog = watchdog();
    let (tx, rx) = rendezvous();
    reunite::scope(|s| {
        let sender = s.spawn(move || tx.send(1));
        let taken = loop {
            match try_select(&[&rx]) {
                Ok((_, message)) => break message,
                Err(error) => assert!(error.is_empty(), "{error}"),
            }
            std::thread::yield_now();
        };
        assert_eq!(taken.unwrap(), 1);
        sender.join().unwrap().unwrap();
    });
}
