//! Upgradable and recursive reads: who excludes whom, in which order, and which waits are refused.

use std::time::{Duration, Instant};

use crate::common::{LONG, watchdog};
use reunite::sync::{ReadGuard, RwLock, UpgradableGuard, WriteGuard};
use reunite::{JoinHandle, WaitError};

fn waits<T>(task: &JoinHandle<T>, verb: &str) {
    crate::common::until(|| format!("{task:?}").contains(verb));
}

#[test]
fn an_upgradable_read_excludes_all_but_readers() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    let reader = lock.read().unwrap();
    let upgradable = lock.try_upgradable_read().unwrap();
    assert_eq!((*reader, *upgradable), (1, 1));
    assert_eq!(*lock.try_read().unwrap(), 1);
    assert!(lock.try_upgradable_read().unwrap_err().is_busy());
    assert!(lock.try_write().unwrap_err().is_busy());
    assert!(
        lock.upgradable_read_timeout(Duration::ZERO)
            .unwrap_err()
            .is_timeout()
    );
    assert!(
        lock.upgradable_read_deadline(Instant::now())
            .unwrap_err()
            .is_timeout()
    );
    let failed = UpgradableGuard::try_upgrade(upgradable).unwrap_err();
    assert!(failed.error().is_busy());
    assert_eq!(
        failed.to_string(),
        lock.try_write().unwrap_err().to_string()
    );
    drop(reader);
    let mut writer = UpgradableGuard::try_upgrade(failed.into_guard()).unwrap();
    *writer = 2;
    assert!(lock.try_read().unwrap_err().is_busy());
    assert!(lock.try_read_recursive().unwrap_err().is_busy());
    let upgradable = WriteGuard::downgrade_to_upgradable(writer);
    assert!(*lock.try_read().unwrap() == 2 && lock.try_upgradable_read().is_err());
    let reader = UpgradableGuard::downgrade(upgradable);
    drop(lock.try_upgradable_read().unwrap());
    assert!(*reader == 2 && lock.try_write().unwrap_err().is_busy());
    drop(reader);
    assert!(lock.try_write().is_ok());
}

#[test]
fn an_upgrade_waits_for_the_readers_and_new_readers_wait_for_it() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    reunite::scope(|s| {
        let reader = lock.read().unwrap();
        let upgrades = s.spawn(|| {
            let upgradable = lock.upgradable_read().unwrap();
            *UpgradableGuard::upgrade(upgradable).unwrap() += 1;
        });
        waits(&upgrades, "in write");
        assert!(lock.try_read().unwrap_err().is_busy());
        let reads = s.spawn(|| *lock.read().unwrap());
        let other = s.spawn(|| *lock.upgradable_read().unwrap());
        waits(&reads, "in read");
        waits(&other, "in read");
        assert_eq!(*reader, 1);
        drop(reader);
        upgrades.join().unwrap();
        assert_eq!((reads.join().unwrap(), other.join().unwrap()), (2, 2));
    });
    assert!(lock.try_write().is_ok());
}

#[test]
fn an_upgrade_that_gives_up_keeps_the_guard_and_lets_readers_in() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    reunite::scope(|s| {
        let reader = lock.read().unwrap();
        let upgrades = s.spawn(|| {
            let upgradable = lock.upgradable_read().unwrap();
            let failed = UpgradableGuard::upgrade_timeout(upgradable, Duration::ZERO).unwrap_err();
            assert!(failed.error().is_timeout(), "{failed:?}");
            let failed = UpgradableGuard::upgrade(failed.into_guard()).unwrap_err();
            assert!(lock.try_upgradable_read().unwrap_err().is_busy());
            WaitError::from(failed).is_cancelled()
        });
        waits(&upgrades, "in write");
        let reads = s.spawn(|| *lock.read().unwrap());
        waits(&reads, "in read");
        upgrades.cancel();
        assert_eq!(reads.join().unwrap(), 1);
        assert!(upgrades.join().unwrap());
        drop(reader);
    });
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_task_that_waits_for_an_upgradable_read_keeps_no_reader_out() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    reunite::scope(|s| {
        let held = lock.upgradable_read().unwrap();
        let next = s.spawn(|| *lock.upgradable_read().unwrap());
        waits(&next, "in read");
        assert_eq!(*lock.try_read().unwrap(), 1);
        assert_eq!(*lock.read().unwrap(), 1);
        assert!(lock.try_upgradable_read().unwrap_err().is_busy());
        let reader = UpgradableGuard::downgrade(held);
        assert_eq!(next.join().unwrap(), *reader);
    });
}

#[test]
fn those_that_wait_come_in_at_each_downgrade() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    reunite::scope(|s| {
        let writer = lock.write().unwrap();
        let reads = s.spawn(|| *lock.read().unwrap());
        let upgradable = s.spawn(|| *lock.upgradable_read().unwrap());
        waits(&reads, "in read");
        waits(&upgradable, "in read");
        let held = WriteGuard::downgrade_to_upgradable(writer);
        assert_eq!(reads.join().unwrap(), 1);
        assert!(format!("{upgradable:?}").contains("in read"));
        let held = UpgradableGuard::downgrade(held);
        assert_eq!(upgradable.join().unwrap(), *held);
    });
}

#[test]
fn a_recursive_read_does_not_wait_for_those_that_wait() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    reunite::scope(|s| {
        let outer = lock.read().unwrap();
        let writer = s.spawn(|| *lock.write().unwrap() += 1);
        waits(&writer, "in write");
        assert!(lock.try_read().unwrap_err().is_busy());
        let inner = lock.read_recursive().unwrap();
        drop(lock.try_read_recursive().unwrap());
        drop(lock.read_recursive_timeout(Duration::ZERO).unwrap());
        drop(lock.read_recursive_deadline(Instant::now()).unwrap());
        drop(outer);
        assert!(format!("{writer:?}").contains("in write"));
        assert_eq!(*inner, 1);
        drop(inner);
        writer.join().unwrap();

        let reader = lock.read().unwrap();
        let upgrades = s.spawn(|| {
            drop(UpgradableGuard::upgrade(lock.upgradable_read().unwrap()).unwrap());
        });
        waits(&upgrades, "in write");
        drop(lock.read_recursive().unwrap());
        drop(reader);
        upgrades.join().unwrap();
    });
}

#[test]
fn a_recursive_read_waits_for_a_writer() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    reunite::scope(|s| {
        let mut writer = lock.write().unwrap();
        assert!(lock.read_recursive().unwrap_err().is_deadlock());
        let reads = s.spawn(|| *lock.read_recursive_timeout(LONG).unwrap());
        waits(&reads, "in read");
        *writer = 2;
        drop(writer);
        assert_eq!(reads.join().unwrap(), 2);
    });
}

#[test]
fn a_second_upgradable_read_of_one_task_is_refused() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    let held = lock.upgradable_read().unwrap();
    let refused = lock.upgradable_read().unwrap_err();
    assert!(refused.is_deadlock());
    let links = refused.deadlock().unwrap().links();
    assert!(
        links[0].holds[0].contains("for an upgradable read"),
        "{refused}"
    );
    assert!(lock.write().unwrap_err().is_deadlock());
    drop(held);
    drop(lock.write().unwrap());
}

#[test]
fn an_upgrade_that_waits_for_a_read_of_its_own_task_is_refused() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    let reader = lock.read().unwrap();
    let refused = UpgradableGuard::upgrade(lock.upgradable_read().unwrap()).unwrap_err();
    assert!(refused.error().is_deadlock(), "{refused}");
    drop(reader);
    *UpgradableGuard::upgrade(refused.into_guard()).unwrap() = 2;
}

/// The reader waits for the turn of the upgrader, which waits for the reader's first guard. Whichever of the two waits is
/// the newest is refused, and the other one goes on; here the upgrader tries again.
#[test]
fn a_reader_that_reads_again_behind_an_upgrade_is_refused() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    reunite::scope(|s| {
        let reader = lock.read().unwrap();
        let upgrades = s.spawn(|| {
            let mut held = lock.upgradable_read().unwrap();
            loop {
                match UpgradableGuard::upgrade(held) {
                    Ok(mut writer) => break *writer += 1,
                    Err(failed) => {
                        assert!(failed.error().is_deadlock(), "{failed}");
                        held = failed.into_guard();
                    }
                }
            }
        });
        waits(&upgrades, "in write");
        let refused = loop {
            if let Err(refused) = lock.read() {
                break refused;
            }
        };
        assert!(refused.is_deadlock(), "{refused}");
        assert!(refused.to_string().contains("to write first"), "{refused}");
        let refused = loop {
            if let Err(refused) = lock.upgradable_read() {
                break refused;
            }
        };
        assert!(refused.is_deadlock(), "{refused}");
        drop(reader);
        upgrades.join().unwrap();
    });
    assert_eq!(lock.into_inner(), 2);
}

/// Two locks, each held for an upgradable read by a task that wants the other one.
#[test]
fn upgradable_reads_in_opposite_order_are_refused() {
    let _watchdog = watchdog();
    let (a, b) = (RwLock::new(1), RwLock::new(2));
    let met = reunite::sync::Barrier::new(2);
    let refused = reunite::scope(|s| {
        let tasks = [(&a, &b), (&b, &a)].map(|(first, second)| {
            s.spawn(|| {
                let _first = first.upgradable_read().unwrap();
                met.wait().unwrap();
                second.upgradable_read().map(drop)
            })
        });
        tasks.map(|task| task.join().unwrap())
    });
    let errors: Vec<_> = refused.into_iter().filter_map(Result::err).collect();
    assert!(errors.len() == 1 && errors[0].is_deadlock(), "{errors:?}");
}

/// The wait of the reader ends: only a holder of another kind keeps it.
#[test]
fn a_reader_behind_a_writer_that_waits_for_an_upgradable_read_is_no_cycle() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    reunite::scope(|s| {
        let held = lock.upgradable_read().unwrap();
        let writer = s.spawn(|| *lock.write().unwrap() += 1);
        waits(&writer, "in write");
        let reads = s.spawn(|| *lock.read().unwrap());
        waits(&reads, "in read");
        // This task holds what the writer waits for, and joins nobody: no wait is refused.
        let mut held = UpgradableGuard::upgrade(held).unwrap();
        *held += 10;
        drop(held);
        writer.join().unwrap();
        // The reader may be faster than the writer, which was woken first.
        assert!([11, 12].contains(&reads.join().unwrap()));
    });
}

#[test]
fn a_poisoned_lock_gives_no_upgradable_read() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    let outcome = reunite::scope(|s| {
        let fails = s.spawn(|| {
            let _writer = UpgradableGuard::upgrade(lock.upgradable_read().unwrap()).unwrap();
            panic!("half done");
        });
        fails.join()
    });
    assert!(outcome.unwrap_err().is_panic());
    assert!(lock.upgradable_read().unwrap_err().is_poisoned());
    assert!(lock.try_upgradable_read().unwrap_err().is_poisoned());
    assert!(lock.read_recursive().unwrap_err().is_poisoned());
    assert!(lock.try_read_recursive().unwrap_err().is_poisoned());
    lock.clear_poison();
    let part = ReadGuard::map(lock.read_recursive().unwrap(), |value| value);
    assert_eq!(*part, 1);
}

/// A guard that was forgotten holds the lock for ever, and who waits for it is refused.
#[test]
fn a_leaked_upgradable_read_is_told() {
    let _watchdog = watchdog();
    let lock = RwLock::new(1);
    reunite::scope(|s| {
        s.spawn(|| std::mem::forget(lock.upgradable_read().unwrap()))
            .join()
            .unwrap();
    });
    assert_eq!(*lock.read().unwrap(), 1);
    let refused = lock.write().unwrap_err();
    assert!(
        refused.to_string().contains("leaked its guard"),
        "{refused}"
    );
    assert!(lock.upgradable_read().unwrap_err().is_deadlock());
}
