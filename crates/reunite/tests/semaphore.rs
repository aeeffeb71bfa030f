//! Semaphores that are budgets, and semaphores that count releases.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use reunite::sync::Semaphore;

mod common;
use common::watchdog;

#[test]
fn a_semaphore_made_with_none_counts_what_is_released() {
    let _watchdog = watchdog();
    let count = Semaphore::new(0);
    assert!(count.try_acquire().unwrap_err().is_busy());
    count.release(3).unwrap();
    assert_eq!((count.available(), count.permits()), (3, 3));
    let permit = count.try_acquire().unwrap();
    assert_eq!((count.available(), permit.count()), (2, 1));
    drop(permit);
    let permit = count.acquire_many(2).unwrap();
    assert_eq!((count.available(), count.permits()), (1, 3));
    drop(permit);
    assert_eq!(count.available(), 3);
    count.acquire().unwrap().forget();
    assert_eq!((count.available(), count.permits()), (2, 2));
    count.release(0).unwrap();
    count.release(1).unwrap();
    assert_eq!((count.available(), count.permits()), (3, 3));
}

#[test]
fn a_request_waits_for_as_many_releases_as_it_takes() {
    let _watchdog = watchdog();
    let count = Semaphore::new(0);
    reunite::scope(|s| {
        let waits = s.spawn(|| count.acquire_many(5).map(|permit| permit.count()));
        for _ in 0..5 {
            count.release(1).unwrap();
        }
        assert_eq!(waits.join().unwrap().unwrap(), 5);
    });
    assert_eq!(count.available(), 5);
}

/// A young wait checks again by itself; after some time only the release ends it.
#[test]
fn a_release_ends_a_wait_that_has_lasted_long() {
    let _watchdog = watchdog();
    let count = Semaphore::new(0);
    for _ in 0..3 {
        reunite::scope(|s| {
            let waits = s.spawn(|| count.acquire().map(|permit| permit.forget()));
            common::until(|| format!("{waits:?}").contains("in acquire"));
            std::thread::sleep(Duration::from_millis(5));
            count.release(1).unwrap();
            waits.join().unwrap().unwrap();
        });
    }
}

#[test]
fn a_large_request_is_not_overtaken_by_a_small_one_while_permits_are_added() {
    let _watchdog = watchdog();
    let count = Semaphore::new(0);
    let (tell, told) = mpsc::channel();
    reunite::scope(|s| {
        let (count, tell) = (&count, &tell);
        s.spawn(move || {
            count.acquire_many(3).unwrap().forget();
            tell.send(3).unwrap();
        });
        // It queues before the small request comes: from then on, an available permit is not handed out.
        count.release(1).unwrap();
        while let Ok(mine) = count.try_acquire() {
            drop(mine);
            std::thread::yield_now();
        }
        let small = s.spawn(move || {
            count.acquire().unwrap().forget();
            tell.send(1).unwrap();
        });
        count.release(2).unwrap();
        assert_eq!(told.recv().unwrap(), 3);
        count.release(1).unwrap();
        small.join().unwrap();
    });
    assert_eq!(told.recv().unwrap(), 1);
    assert_eq!((count.available(), count.permits()), (0, 0));
}

#[test]
fn permits_that_are_too_many_are_refused_and_change_nothing() {
    let count = Semaphore::new(0);
    count.release(u64::MAX).unwrap();
    assert!(count.release(1).unwrap_err().is_refused());
    let held = count.acquire_many(u64::MAX).unwrap();
    assert!(count.release(1).unwrap_err().is_refused());
    drop(held);
    assert_eq!(count.available(), u64::MAX);
    count.acquire().unwrap().forget();
    count.release(1).unwrap();
}

#[test]
fn owned_permits_of_a_counter_come_back_or_are_used_up() {
    let count = Arc::new(Semaphore::new(0));
    count.release(4).unwrap();
    let mut owned = count.acquire_many_owned(4).unwrap();
    owned.shrink_to(2);
    assert_eq!((count.available(), count.permits()), (2, 4));
    owned.forget();
    assert_eq!((count.available(), count.permits()), (2, 2));
}

#[test]
fn a_wait_without_a_release_ends_with_its_time_limit() {
    let count = Semaphore::new(0);
    let error = count.acquire_timeout(Duration::from_millis(1)).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(count.try_acquire_many(0).is_ok());
}

#[test]
fn a_budget_stays_what_it_was() {
    let budget = Semaphore::new(2);
    assert!(budget.acquire_many(3).unwrap_err().is_refused());
    assert!(budget.release(1).unwrap_err().is_refused());
    budget.acquire().unwrap().forget();
    assert_eq!((budget.available(), budget.permits()), (1, 2));
    budget.release(1).unwrap();
    assert_eq!(budget.available(), 2);
}
