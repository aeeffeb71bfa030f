//! Guards of parts, downgraded guards, and guards of poisoned locks.

use std::time::{Duration, Instant};

use crate::common::watchdog;
use reunite::sync::{
    MappedMutexGuard, MappedReadGuard, MappedWriteGuard, Mutex, MutexGuard, ReadGuard, RwLock,
    WriteGuard,
};

/// Runs `f` in a task, which must panic.
fn panics(f: impl FnOnce() + Send) {
    let outcome = reunite::scope(|s| s.spawn(f).join());
    assert!(outcome.unwrap_err().is_panic());
}

#[test]
fn a_mapped_guard_keeps_the_lock_until_it_is_dropped() {
    let _watchdog = watchdog();
    let pair = Mutex::new(((1, 2), 3));
    let outer = MutexGuard::map(pair.lock().unwrap(), |pair| &mut pair.0);
    let mut inner = MappedMutexGuard::map(outer, |pair| &mut pair.1);
    *inner += 10;
    assert_eq!(format!("{inner:?}"), "12");
    assert!(pair.try_lock().unwrap_err().is_busy());
    drop(inner);
    assert_eq!(*pair.try_lock().unwrap(), ((1, 12), 3));

    let lock = RwLock::new(((1, 2), 3));
    let outer = ReadGuard::map(lock.read().unwrap(), |pair| &pair.0);
    let inner = MappedReadGuard::map(outer, |pair| &pair.1);
    assert!(lock.try_read().is_ok() && lock.try_write().unwrap_err().is_busy());
    assert_eq!(*inner, 2);
    drop(inner);
    let outer = WriteGuard::map(lock.write().unwrap(), |pair| &mut pair.0);
    let mut inner = MappedWriteGuard::map(outer, |pair| &mut pair.1);
    *inner += 10;
    assert!(lock.try_read().unwrap_err().is_busy());
    drop(inner);
    assert_eq!(*lock.try_write().unwrap(), ((1, 12), 3));
}

#[test]
fn a_guard_that_is_not_mapped_comes_back() {
    let _watchdog = watchdog();
    let list = Mutex::new(vec![1]);
    let none = MutexGuard::filter_map(list.lock().unwrap(), |list| list.get_mut(1));
    let mut guard = none.unwrap_err();
    guard.push(2);
    let all = MutexGuard::map(guard, |list| &mut list[..]);
    let last = MappedMutexGuard::filter_map(all, |list| list.last_mut()).unwrap();
    let none = MappedMutexGuard::filter_map(last, |_| None::<&mut u8>).unwrap_err();
    assert_eq!(*none, 2);
    assert!(list.try_lock().unwrap_err().is_busy());
    drop(none);

    let lock = RwLock::new(vec![1]);
    let none = ReadGuard::filter_map(lock.read().unwrap(), |list| list.get(1)).unwrap_err();
    let first = ReadGuard::filter_map(none, |list| list.first()).unwrap();
    let none = MappedReadGuard::filter_map(first, |_| None::<&u8>).unwrap_err();
    assert!(*none == 1 && lock.try_write().is_err());
    drop(none);
    let none = WriteGuard::filter_map(lock.write().unwrap(), |list| list.get_mut(1));
    let first = WriteGuard::filter_map(none.unwrap_err(), |list| list.first_mut()).unwrap();
    let none = MappedWriteGuard::filter_map(first, |_| None::<&mut u8>).unwrap_err();
    assert!(*none == 1 && lock.try_read().is_err());
    drop(none);
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_panic_past_a_mapped_guard_poisons_as_one_past_the_guard_does() {
    let _watchdog = watchdog();
    let mutex = Mutex::new((1, 2));
    panics(|| {
        let _part = MutexGuard::map(mutex.lock().unwrap(), |pair| &mut pair.0);
        panic!("half done");
    });
    assert!(mutex.try_lock().unwrap_err().is_poisoned());
    let lock = RwLock::new((1, 2));
    panics(|| {
        let _part = ReadGuard::map(lock.read().unwrap(), |pair| &pair.0);
        panic!("only read");
    });
    assert!(lock.try_write().is_ok());
    panics(|| {
        let _part = WriteGuard::map(lock.write().unwrap(), |pair| &mut pair.0);
        panic!("half done");
    });
    assert!(lock.try_read().unwrap_err().is_poisoned());
}

#[test]
fn a_panic_in_the_closure_releases_the_lock() {
    let _watchdog = watchdog();
    let mutex = Mutex::new(1);
    panics(|| {
        drop(MutexGuard::map(mutex.lock().unwrap(), |_| -> &mut u8 {
            panic!("no part")
        }))
    });
    assert!(mutex.try_lock().unwrap_err().is_poisoned());
    assert_eq!(*mutex.ignore_poison().try_lock().unwrap(), 1);
    let lock = RwLock::new(1);
    panics(|| {
        drop(ReadGuard::map(lock.read().unwrap(), |_| -> &u8 {
            panic!("no part")
        }))
    });
    assert_eq!(*lock.try_write().unwrap(), 1);
}

#[test]
fn a_task_that_was_cancelled_does_not_poison_with_a_mapped_guard() {
    let _watchdog = watchdog();
    let (mutex, lock) = (Mutex::new((1, 2)), RwLock::new((1, 2)));
    let outcome = reunite::scope(|s| {
        let leaves = s.spawn(|| {
            let _part = MutexGuard::map(mutex.lock().unwrap(), |pair| &mut pair.0);
            let _other = WriteGuard::map(lock.write().unwrap(), |pair| &mut pair.0);
            let error = reunite::sleep(Duration::from_secs(3600)).unwrap_err();
            error.unwind()
        });
        crate::common::until(|| format!("{leaves:?}").contains("sleep"));
        leaves.cancel();
        leaves.join()
    });
    assert!(outcome.unwrap_err().is_cancelled());
    assert!(mutex.try_lock().is_ok() && lock.try_write().is_ok());
}

#[test]
fn a_deadlock_through_a_mapped_guard_is_refused() {
    let _watchdog = watchdog();
    let mutex = Mutex::new((1, 2));
    let part = MutexGuard::map(mutex.lock().unwrap(), |pair| &mut pair.0);
    assert!(mutex.lock().unwrap_err().is_deadlock());
    drop(part);
    let lock = RwLock::new((1, 2));
    let part = ReadGuard::map(lock.read().unwrap(), |pair| &pair.0);
    let error = lock.write().unwrap_err();
    assert!(error.to_string().contains("guards.rs"), "{error}");
    drop(part);
    drop(lock.write().unwrap());
}

#[test]
fn readers_that_wait_come_in_when_the_writer_downgrades() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    reunite::scope(|s| {
        let mut writer = lock.write().unwrap();
        let reads = s.spawn(|| *lock.read().unwrap());
        crate::common::until(|| format!("{reads:?}").contains("in read"));
        *writer = 2;
        let reader = WriteGuard::downgrade(writer);
        assert_eq!(reads.join().unwrap(), 2);
        assert!(lock.try_write().unwrap_err().is_busy());
        // The graph knows the guard as a reader now.
        let held = lock.write().unwrap_err();
        assert!(held.is_deadlock(), "{held}");
        assert!(held.deadlock().unwrap().links()[0].holds[0].contains("for reading"));
        drop(reader);
    });
    *lock.try_write().unwrap() = 3;
}

#[test]
fn a_writer_that_downgrades_while_it_panics_poisons() {
    struct Downgrades<'a>(Option<WriteGuard<'a, u8>>);
    impl Drop for Downgrades<'_> {
        fn drop(&mut self) {
            drop(self.0.take().map(WriteGuard::downgrade));
        }
    }
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    panics(|| {
        let _held = Downgrades(Some(lock.write().unwrap()));
        panic!("half done");
    });
    assert!(lock.try_read().unwrap_err().is_poisoned());
}

#[test]
fn a_poisoned_lock_gives_its_value_to_who_ignores_that() {
    let _watchdog = watchdog();
    let mutex = Mutex::new(1);
    panics(|| {
        *mutex.lock().unwrap() = 2;
        let _held = mutex.lock().unwrap();
        panic!("half done");
    });
    let later = || Instant::now() + Duration::from_secs(3600);
    let hour = Duration::from_secs(3600);
    let all = mutex.ignore_poison();
    assert_eq!(*all.lock().unwrap(), 2);
    assert_eq!(*all.lock_timeout(hour).unwrap(), 2);
    assert_eq!(*all.lock_deadline(later()).unwrap(), 2);
    let mut guard = all.try_lock().unwrap();
    assert!(all.try_lock().unwrap_err().is_busy());
    assert!(all.lock().unwrap_err().is_deadlock());
    assert!(all.lock_timeout(Duration::ZERO).unwrap_err().is_timeout());
    // It stays poisoned until the holder says otherwise.
    assert!(mutex.is_poisoned());
    *guard = 3;
    mutex.clear_poison();
    drop(guard);
    assert_eq!(*mutex.lock().unwrap(), 3);
}

#[test]
fn a_poisoned_read_write_lock_gives_its_value_to_who_ignores_that() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    panics(|| {
        let _held = lock.write().unwrap();
        panic!("half done");
    });
    let later = || Instant::now() + Duration::from_secs(3600);
    let hour = Duration::from_secs(3600);
    let all = lock.ignore_poison();
    assert_eq!(*all.read().unwrap() + *all.try_read().unwrap(), 2);
    assert_eq!(*all.read_timeout(hour).unwrap(), 1);
    assert_eq!(*all.read_deadline(later()).unwrap(), 1);
    *all.write().unwrap() += 1;
    *all.write_timeout(hour).unwrap() += 1;
    *all.write_deadline(later()).unwrap() += 1;
    let guard = all.try_write().unwrap();
    assert!(all.try_read().unwrap_err().is_busy() && all.try_write().unwrap_err().is_busy());
    assert!(all.read().unwrap_err().is_deadlock());
    assert!(lock.is_poisoned());
    lock.clear_poison();
    drop(guard);
    assert_eq!(*lock.read().unwrap(), 4);
}
