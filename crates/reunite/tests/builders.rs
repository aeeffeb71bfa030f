//! Choices at and beyond the system's limits: an immediate error, or a defined meaning; never a hang, never a
//! panic.

mod common;

use std::io::ErrorKind;
use std::time::Duration;

use common::{LONG, watchdog};
use reunite::policy::Quorum;
use reunite::{Builder, Pool, PoolBuilder, ScopeBuilder};

const SIZES_THAT_CANNOT_BE: [usize; 4] = [
    usize::MAX,
    usize::MAX - 4095,
    isize::MAX as usize + 1,
    isize::MAX as usize,
];

fn builds(builder: PoolBuilder) -> Result<u32, ErrorKind> {
    let pool = builder.build().map_err(|error| error.kind())?;
    let spawned = pool.spawn(|| 1).join().unwrap();
    let scoped = pool.scope(|s| s.spawn(|| 2).join().unwrap());
    Ok(spawned + scoped)
}

#[test]
fn an_impossible_pool_is_an_error_at_once() {
    let _watchdog = watchdog();
    for name in ["a\0b", "\0", "a\0"] {
        let built = builds(Pool::builder().threads(2).name(name));
        assert_eq!(built, Err(ErrorKind::InvalidInput), "{name:?}");
    }
    for size in SIZES_THAT_CANNOT_BE {
        assert!(builds(Pool::builder().threads(2).stack_size(size)).is_err());
    }
    for threads in [usize::MAX, usize::MAX / 2 + 1, 1_000_000] {
        let built = builds(Pool::builder().threads(threads));
        assert_eq!(built, Err(ErrorKind::InvalidInput), "{threads}");
    }
}

#[test]
fn a_pool_with_tiny_or_unlimited_choices_works() {
    let _watchdog = watchdog();
    assert_eq!(builds(Pool::builder().threads(0)), Ok(3));
    assert_eq!(builds(Pool::builder().threads(1).stack_size(0)), Ok(3));
    assert_eq!(builds(Pool::builder().threads(1).stack_size(1)), Ok(3));
    assert_eq!(builds(Pool::builder().threads(1).spares(0)), Ok(3));
    assert_eq!(builds(Pool::builder().threads(2).spares(usize::MAX)), Ok(3));
    assert_eq!(builds(Pool::builder().threads(1).name("")), Ok(3));
    let long = "n".repeat(100_000);
    assert_eq!(builds(Pool::builder().threads(1).name(long)), Ok(3));
}

#[test]
fn a_hook_that_panics_leaves_a_pool_that_works_and_ends() {
    let _watchdog = watchdog();
    let builder = Pool::builder().threads(2);
    let builder = builder.on_start(|| panic!("a hook"));
    assert_eq!(builds(builder.on_exit(|| panic!("another"))), Ok(3));
}

#[test]
fn a_task_that_cannot_have_its_thread_is_an_error_of_the_join() {
    let _watchdog = watchdog();
    for size in SIZES_THAT_CANNOT_BE {
        let builder = || Builder::new().stack_size(size);
        let error = builder().spawn(|| ()).join().unwrap_err();
        assert!(error.is_refused() && error.io_error().is_some(), "{error}");
        assert!(builder().spawn_checked(|| ()).unwrap_err().is_refused());
        let ended = ScopeBuilder::new()
            .stack_size(size)
            .scope(|s| s.spawn(|| ()).join());
        assert!(ended.unwrap().unwrap_err().is_refused());
        reunite::scope(|s| {
            let refused = s.spawn_with(builder(), || ()).join();
            assert!(refused.unwrap_err().is_refused());
        });
    }
    for size in [0, 1, 4096] {
        let task = Builder::new().stack_size(size).spawn(|| "fits".to_owned());
        assert_eq!(task.join().unwrap(), "fits");
    }
}

#[test]
fn a_task_name_may_contain_a_nul() {
    let _watchdog = watchdog();
    let task = Builder::new().name("a\0b").spawn(|| 1);
    assert_eq!(task.name(), Some("a\0b"));
    assert_eq!(task.join().unwrap(), 1);
    let task = Builder::new()
        .name("a\0b")
        .stack_size(1 << 20)
        .spawn(|| reunite::dump().to_string());
    assert!(task.join().is_ok());
    let named = ScopeBuilder::new().name("a\0b").scope(|s| {
        s.spawn_with(Builder::new().name("\0"), || 2)
            .join()
            .unwrap()
    });
    assert_eq!(named.unwrap(), 2);
    let mapped: Vec<_> = reunite::map(0..3, |n| n).name("a\0b").into_iter().collect();
    assert_eq!(mapped.len(), 3);
}

#[test]
fn maps_with_zero_or_unlimited_threads_and_windows_yield_all_items() {
    let _watchdog = watchdog();
    for threads in [0, 1, usize::MAX] {
        for window in [None, Some(0), Some(1), Some(usize::MAX)] {
            let map = reunite::map(0..5, |n| n).threads(threads);
            let map = match window {
                Some(window) => map.window(window),
                None => map,
            };
            let values: Vec<_> = map.into_iter().map(Result::unwrap).collect();
            assert_eq!(values, [0, 1, 2, 3, 4]);
            let pool = Pool::global();
            let sum: i32 = pool.scope(|s| {
                let map = s.map(0..5, |n| n);
                map.window(window.unwrap_or(4)).map(Result::unwrap).sum()
            });
            assert_eq!(sum, 10);
        }
    }
    let map = reunite::map(0..2, |n| n).item_timeout(Duration::MAX);
    assert_eq!(map.into_iter().filter(Result::is_ok).count(), 2);
    let map = reunite::map(0..2, |_| drop(reunite::sleep(LONG))).item_timeout(Duration::ZERO);
    assert_eq!(map.into_iter().filter(Result::is_err).count(), 2);
}

#[test]
fn scopes_with_zero_or_unlimited_threads_and_timeouts_end() {
    let _watchdog = watchdog();
    for limit in [0, 1, usize::MAX] {
        let ended = ScopeBuilder::new().max_threads(limit).scope(|s| {
            let tasks: Vec<_> = (0..3).map(|n| s.spawn(move || n)).collect();
            tasks.into_iter().map(|t| t.join().unwrap()).sum::<i32>()
        });
        assert_eq!(ended.unwrap(), 3);
    }
    let forever = ScopeBuilder::new()
        .timeout(Duration::MAX)
        .scope(|s| s.spawn(|| 1).join());
    assert_eq!(forever.unwrap().unwrap(), 1);
    // A result that is ready beats a deadline that has passed.
    let at_once = ScopeBuilder::new()
        .timeout(Duration::ZERO)
        .scope(|s| s.spawn(|| reunite::sleep(LONG).is_err()).join().ok());
    assert!(at_once.unwrap_err().is_timeout());
}

#[test]
fn quorums_of_zero_or_of_too_many_contenders_end() {
    let _watchdog = watchdog();
    let three = || [|| Ok::<_, ()>(1), || Ok(2), || Ok(3)];
    assert!(reunite::quorum(usize::MAX, three()).is_err());
    assert!(reunite::quorum(0, three()).is_ok());
    let none: [fn() -> Result<i32, ()>; 0] = [];
    assert!(reunite::race(none).is_err());
    for n in [0, usize::MAX] {
        let ended = ScopeBuilder::new()
            .policy(Quorum::new(n))
            .scope(|s| s.spawn(|| 1).join().ok());
        drop(ended);
    }
}

#[test]
fn channels_barriers_and_semaphores_of_any_size_are_made() {
    let _watchdog = watchdog();
    for capacity in [1, 4096, 4097, usize::MAX] {
        let (tx, rx) = reunite::channel::bounded(capacity);
        tx.send(1).unwrap();
        assert_eq!(rx.recv().unwrap(), 1);
    }
    assert!(reunite::sync::Barrier::new(0).wait().is_ok());
    let (many, timeout) = (reunite::sync::Barrier::new(usize::MAX), Duration::ZERO);
    assert!(many.wait_timeout(timeout).unwrap_err().is_timeout());
    let permits = reunite::sync::Semaphore::new(u64::MAX);
    drop(permits.acquire_many(u64::MAX).unwrap());
    assert_eq!(permits.available(), u64::MAX);
}
