//! The state of a job, and the items of a batch.

use std::panic::Location;
use std::sync::Arc;

use loom::thread;

use self::claim::Share;
use self::job::{Private, StackJob};
use crate::park::{Parker, park_until};
use crate::primitive::LightBarrier;
use crate::{Watched, check};

#[path = "../../src/pool/claim.rs"]
mod claim;

#[path = "../../src/pool/job.rs"]
mod job;

#[path = "../../src/pool/lineage.rs"]
mod lineage;

/// A thread that finds the job done, at once or after having slept, sees what the closure did and returned.
#[test]
fn a_job_that_is_done_shows_what_it_did() {
    check(3, || {
        let watched = Arc::new(Watched::new());
        let theirs = Arc::clone(&watched);
        let list: &Private = Box::leak(Box::new(Private::unbegun()));
        list.begin();
        // SAFETY: the job has begun.
        let below = unsafe { list.newest() };
        let job = StackJob::new(move || theirs.touch(), below, Location::caller());
        let shared = job.as_ref();
        // SAFETY: the job is private to this thread.
        unsafe { shared.make_public(None) };
        // SAFETY: it was made public just now.
        assert!(!unsafe { job.public() }.is_done());
        let owner = Parker::current();
        owner.begin_check();
        let thief = thread::spawn(move || {
            // SAFETY: this thread alone has it, and runs it once.
            unsafe { shared.run(&mut || {}) };
            // SAFETY: it comes after `run`, and only once.
            if unsafe { shared.finish() } {
                owner.unpark();
            }
        });
        // SAFETY: it was made public above.
        let public = unsafe { job.public() };
        while !public.is_done_or_wake() {
            park_until(None);
        }
        assert_eq!(watched.touch(), 1);
        // SAFETY: the job is done, and its result is taken once.
        assert_eq!(unsafe { job.take_result() }.unwrap(), 0);
        thief.join().unwrap();
    });
}

/// Counts as used when it is dropped, by the thread that has it.
struct Item(Arc<[Watched]>, usize);

impl Drop for Item {
    fn drop(&mut self) {
        assert_eq!(
            self.0[self.1].touch(),
            0,
            "two threads have had item {}",
            self.1
        );
    }
}

/// `cuts` threads cut while the runner takes at most `taken` of `count` items and one before: each item has one owner.
fn check_cuts(count: usize, cuts: usize, taken: usize) {
    check(3, move || {
        let watched: Arc<[Watched]> = (0..=count).map(|_| Watched::new()).collect();
        let items = (0..=count).map(|n| Item(Arc::clone(&watched), n)).collect();
        let memory = Box::into_raw(Box::new(Share::new(items)));
        // SAFETY: it lives until the end of this closure, and it is not used otherwise before it is split.
        let (mut runner, share) = unsafe { &mut *memory }.split(LightBarrier);
        assert_eq!(runner.next().unwrap().1, 0);
        assert_eq!(share.claimed(), Some(1));
        let cutters: Vec<_> = (0..cuts)
            .map(|_| {
                thread::spawn(move || {
                    let mut rest = Vec::new();
                    share.cut(|_, items| rest = items);
                    // In their order, up to the last that was there.
                    assert!(rest.windows(2).all(|pair| pair[0].1 + 1 == pair[1].1));
                })
            })
            .collect();
        for (n, item) in runner.take(taken).enumerate() {
            assert_eq!(item.1, n + 1);
        }
        for cutter in cutters {
            cutter.join().unwrap();
        }
        // SAFETY: it was made by a box above; the other threads are gone, and this one no longer uses it.
        drop(unsafe { Box::from_raw(memory) });
        assert!(watched.iter().all(|item| item.touch() == 1), "one was lost");
    });
}

#[test]
fn an_item_is_claimed_or_cut_off() {
    check_cuts(1, 1, 9);
    check_cuts(3, 1, 9);
    check_cuts(2, 2, 9);
}

#[test]
fn a_share_that_is_left_drops_what_nobody_has_taken() {
    check_cuts(3, 1, 1);
    check_cuts(2, 2, 0);
}
