//! The state words of locks.

use std::panic::Location;
use std::sync::Arc;

use loom::thread;

use self::raw::Raw;
use self::raw_rw::RawRw;
use self::rw_queue::Access;
use crate::observe::Verb;
use crate::primitive::now;
use crate::wait::Heed;
use crate::{Watched, check};

#[path = "../../src/sync/raw.rs"]
mod raw;
#[path = "../../src/sync/raw_rw.rs"]
mod raw_rw;
#[path = "../../src/sync/rw_queue.rs"]
mod rw_queue;

fn lock(raw: &Raw) {
    let at = Location::caller();
    if !raw.take(at) {
        raw.lock(Verb::Lock, None, Heed::Task, at).unwrap();
    }
}

fn mutex() -> Arc<(Raw, Watched)> {
    let both = Arc::new((Raw::new("a lock", Location::caller()), Watched::new()));
    assert!(!both.0.is_poisoned());
    both
}

#[test]
fn a_mutex_shows_what_was_done_under_it() {
    check(3, || {
        let both = mutex();
        let others = [(); 2].map(|()| {
            let both = Arc::clone(&both);
            thread::spawn(move || {
                let (raw, watched) = &*both;
                lock(raw);
                watched.touch();
                raw.unlock();
            })
        });
        let (raw, watched) = &*both;
        // The other ways to take it.
        if raw.try_lock(Location::caller()) {
            watched.touch();
            raw.unlock();
        }
        for other in others {
            other.join().unwrap();
        }
        assert!(watched.touch() >= 2);
    });
}

#[test]
fn who_gives_a_mutex_up_takes_no_release_with_it() {
    check(3, || {
        let both = mutex();
        let waits = thread::spawn({
            let both = Arc::clone(&both);
            move || {
                let (raw, watched) = &*both;
                lock(raw);
                watched.touch();
                raw.unlock();
            }
        });
        let gives_up = thread::spawn({
            let both = Arc::clone(&both);
            move || {
                let (raw, watched) = &*both;
                let at = Location::caller();
                if raw.lock(Verb::Lock, Some(now()), Heed::Task, at).is_ok() {
                    watched.touch();
                    raw.unlock();
                }
            }
        });
        waits.join().unwrap();
        gives_up.join().unwrap();
        assert!(both.1.touch() >= 1);
    });
}

fn lock_for(raw: &RawRw, access: Access) {
    let at = Location::caller();
    if !raw.take(access, at) {
        raw.lock(access, None, at).unwrap();
    }
}

#[test]
fn a_reader_sees_what_was_written_and_a_writer_waits_for_it() {
    check(2, || {
        let all = Arc::new((RawRw::new(Location::caller()), Watched::new()));
        assert!(!all.0.is_poisoned());
        let writers = [(); 2].map(|()| {
            let all = Arc::clone(&all);
            thread::spawn(move || {
                let (raw, watched) = &*all;
                lock_for(raw, Access::Write);
                watched.touch();
                raw.unlock(Access::Write);
            })
        });
        let (raw, watched) = &*all;
        // Both ways to take it.
        if raw.try_lock(Access::Read, Location::caller()) {
            watched.look();
            raw.unlock(Access::Read);
        }
        lock_for(raw, Access::Read);
        watched.look();
        raw.unlock(Access::Read);
        for writer in writers {
            writer.join().unwrap();
        }
        assert_eq!(watched.touch(), 2);
    });
}
