//! The order in which a read-write lock wakes the threads that wait for it.

use std::panic::Location;

use super::raw_rw::RawRw;
use super::rw_queue::{Access, RwWaiter};
use crate::park::Parker;

/// The parker of another thread, which does nothing by itself.
fn somebody() -> Parker {
    std::thread::spawn(Parker::current).join().unwrap()
}

/// The writer in front was woken and is slow. A reader that was unparked for another reason takes the lock instead.
/// The reader behind it may take the lock as well, and no other thread would wake it.
#[test]
fn a_reader_that_comes_out_of_the_queue_lets_in_those_behind_it() {
    let lock = RawRw::new(Location::caller());
    assert!(lock.try_lock(Access::Read, Location::caller()));
    let comes = |(parker, waiter): &mut (Parker, RwWaiter)| {
        lock.take_or_queue(lock.queues.lock(), waiter, parker)
    };
    let all = [Access::Write, Access::Read, Access::Read, Access::Write];
    let [writer, first, second, last] = &mut all.map(|access| {
        let mut waiter = (somebody(), lock.queues.lock().come(access));
        assert!(!comes(&mut waiter));
        waiter
    });
    lock.unlock(Access::Read);
    assert!(writer.0.is_marked() && !first.0.is_marked());
    assert!(comes(first));
    assert!(second.0.is_marked() && !last.0.is_marked());
    assert!(comes(second));
    assert!(!comes(writer));
    (0..2).for_each(|_| lock.unlock(Access::Read));
    assert!(comes(writer));
    lock.unlock(Access::Write);
    assert!(last.0.is_marked());
    assert!(comes(last));
    lock.unlock(Access::Write);
    // The queue is empty, so no thread has to come to it.
    assert!(lock.take(Access::Write, Location::caller()));
    lock.unlock(Access::Write);
}

/// A writer and two threads for upgradable reads wait for the same holder. Each release wakes the one that came
/// first, and no other.
#[test]
fn writers_and_upgradable_reads_go_on_in_the_order_in_which_they_came() {
    for writer_at in 0..3 {
        let lock = RawRw::new(Location::caller());
        assert!(lock.try_lock(Access::Upgradable, Location::caller()));
        let comes = |(parker, waiter): &mut (Parker, RwWaiter)| {
            lock.take_or_queue(lock.queues.lock(), waiter, parker)
        };
        let mut waiting = [0, 1, 2].map(|n| {
            let access = if n == writer_at {
                Access::Write
            } else {
                Access::Upgradable
            };
            let mut waiter = (somebody(), lock.queues.lock().come(access));
            assert!(!comes(&mut waiter));
            waiter
        });
        lock.unlock(Access::Upgradable);
        for n in 0..3 {
            let marked = waiting.each_ref().map(|waiter| waiter.0.is_marked());
            assert_eq!(marked, [0, 1, 2].map(|other| other <= n));
            assert!(comes(&mut waiting[n]));
            lock.unlock(waiting[n].1.access);
        }
        assert!(lock.try_lock(Access::Write, Location::caller()));
        lock.unlock(Access::Write);
    }
}

/// Two threads for upgradable reads and a writer were woken, and another thread was faster. They come back in any
/// order. When the lock is free, one of them goes on.
#[test]
fn threads_that_come_back_do_not_wait_for_each_other() {
    let here = Location::caller();
    let lock = RawRw::new(here);
    assert!(lock.try_lock(Access::Upgradable, here));
    let comes = |(parker, waiter): &mut (Parker, RwWaiter)| {
        parker.begin_check();
        let taken = lock.take_or_queue(lock.queues.lock(), waiter, parker);
        parker.end_check();
        taken
    };
    let all = [
        Access::Upgradable,
        Access::Write,
        Access::Upgradable,
        Access::Read,
    ];
    let [first, writer, last, reader] = &mut all.map(|access| {
        let mut waiter = (somebody(), lock.queues.lock().come(access));
        assert!(!comes(&mut waiter));
        waiter
    });
    lock.unlock(Access::Upgradable);
    assert!(first.0.is_marked());
    for _ in 0..2 {
        // The end of a recursive read wakes the next thread.
        assert!(lock.try_read_recursive(here));
        lock.unlock(Access::Read);
    }
    assert!(writer.0.is_marked() && last.0.is_marked());
    assert!(comes(reader));
    lock.unlock(Access::Read);
    // Another thread is faster than all of them.
    assert!(lock.try_lock(Access::Upgradable, here));
    assert!(!comes(first) && !comes(last));
    lock.unlock(Access::Upgradable);
    // Each thread that is awake comes back; nobody holds the lock.
    let mut taken = false;
    for waiter in [writer, last, first] {
        if waiter.0.is_marked() {
            taken = taken || comes(waiter);
        }
    }
    assert!(taken, "the lock is free and all threads sleep");
}
