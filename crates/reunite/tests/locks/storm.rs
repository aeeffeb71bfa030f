//! Many tasks take a read-write lock in all ways, with and without time limits, and check who holds it at the same time.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use crate::common::watchdog;
use reunite::WaitError;
use reunite::sync::{RwLock, UpgradableGuard, WriteGuard};

/// The guards of each kind that are alive, counted by their holders.
#[derive(Default)]
struct Alive {
    readers: AtomicUsize,
    upgradable: AtomicUsize,
    writers: AtomicUsize,
}

struct Lcg(u64);

impl Lcg {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

impl Alive {
    fn read(&self, next: &mut Lcg) {
        self.readers.fetch_add(1, SeqCst);
        assert_eq!(self.writers.load(SeqCst), 0, "a writer beside a reader");
        stay(next);
        self.readers.fetch_sub(1, SeqCst);
    }

    fn read_upgradable(&self, next: &mut Lcg) {
        assert_eq!(self.upgradable.fetch_add(1, SeqCst), 0, "two of them");
        assert_eq!(self.writers.load(SeqCst), 0, "a writer beside it");
        stay(next);
        self.upgradable.fetch_sub(1, SeqCst);
    }

    fn write(&self, next: &mut Lcg) {
        assert_eq!(self.writers.fetch_add(1, SeqCst), 0, "two writers");
        assert_eq!(self.readers.load(SeqCst), 0, "a reader beside a writer");
        assert_eq!(self.upgradable.load(SeqCst), 0, "one beside a writer");
        stay(next);
        self.writers.fetch_sub(1, SeqCst);
    }
}

fn stay(next: &mut Lcg) {
    match next.below(4) {
        0 => std::thread::yield_now(),
        1 => (0..next.below(200)).for_each(|_| std::hint::spin_loop()),
        _ => {}
    }
}

/// Takes the lock in a random way, and perhaps turns the guard into others. Returns how often it wrote.
fn step(lock: &RwLock<usize>, alive: &Alive, next: &mut Lcg) -> Result<usize, WaitError> {
    let limit = Duration::from_micros(next.below(60));
    let write = |mut writer: WriteGuard<'_, usize>, next: &mut Lcg| {
        *writer += 1;
        alive.write(next);
        match next.below(3) {
            0 => {
                let reader = WriteGuard::downgrade(writer);
                alive.read(next);
                drop(reader);
            }
            1 => {
                let held = WriteGuard::downgrade_to_upgradable(writer);
                alive.read_upgradable(next);
                drop(held);
            }
            _ => {}
        }
        1
    };
    let upgrade = |held: UpgradableGuard<'_, usize>, next: &mut Lcg| {
        alive.read_upgradable(next);
        let before = *held;
        let upgraded = match next.below(4) {
            0 => UpgradableGuard::upgrade(held),
            1 => UpgradableGuard::upgrade_timeout(held, limit),
            2 => UpgradableGuard::try_upgrade(held),
            _ => {
                let reader = UpgradableGuard::downgrade(held);
                alive.read(next);
                assert_eq!(*reader, before, "a write in between");
                return 0;
            }
        };
        match upgraded {
            Ok(writer) => {
                assert_eq!(*writer, before, "a write in between");
                write(writer, next)
            }
            Err(failed) => {
                let held = failed.into_guard();
                alive.read_upgradable(next);
                assert_eq!(*held, before, "a write in between");
                0
            }
        }
    };
    Ok(match next.below(9) {
        0 => write(lock.write()?, next),
        1 => write(lock.write_timeout(limit)?, next),
        2 => write(lock.try_write()?, next),
        3 => upgrade(lock.upgradable_read()?, next),
        4 => upgrade(lock.upgradable_read_timeout(limit)?, next),
        5 => upgrade(lock.try_upgradable_read()?, next),
        6 => {
            let reader = lock.read_timeout(limit)?;
            alive.read(next);
            drop(reader);
            0
        }
        _ => {
            let reader = lock.read()?;
            let again = lock.read_recursive()?;
            alive.read(next);
            drop((reader, again));
            0
        }
    })
}

#[test]
fn a_lock_that_is_taken_in_all_ways_keeps_its_promises() {
    let _watchdog = watchdog();
    for seed in 0..test_scale::rounds(16) {
        let (lock, alive, done) = (RwLock::new(0), Alive::default(), AtomicUsize::new(0));
        reunite::scope(|s| {
            for task in 0..5 {
                let (lock, alive, done) = (&lock, &alive, &done);
                s.spawn(move || {
                    let mut next = Lcg((seed * 5 + task) as u64);
                    for _ in 0..1_000 {
                        match step(lock, alive, &mut next) {
                            Ok(writes) => {
                                done.fetch_add(writes, SeqCst);
                            }
                            Err(error) => {
                                assert!(error.is_timeout() || error.is_busy(), "{error}");
                            }
                        }
                    }
                });
            }
        });
        assert!(lock.try_write().is_ok(), "a guard is left");
        assert_eq!(lock.into_inner(), done.into_inner());
    }
}
