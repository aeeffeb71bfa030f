//! The state of a job.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use loom::thread;

use self::job::StackJob;
use crate::cut_short::Part;
use crate::park::{Parker, park_until};
use crate::{Watched, check};

#[path = "../../src/pool/job.rs"]
mod job;

/// What the closure did and returned is there for whoever finds the job done, at once or after having slept.
#[test]
fn a_job_that_is_done_shows_what_it_did() {
    check(3, || {
        let watched = Arc::new(Watched::new());
        let theirs = Arc::clone(&watched);
        let mut closure = ManuallyDrop::new(move || theirs.touch());
        // SAFETY: the closure stays in this frame, which does not end before the job is done.
        let job = unsafe { StackJob::new(&mut closure, std::ptr::null(), None) };
        let shared = job.as_ref();
        // SAFETY: private, and ours.
        unsafe { shared.make_public(None) };
        // SAFETY: made public right now.
        assert!(!unsafe { job.public() }.is_done());
        let owner = Parker::here();
        owner.begin_to_ask();
        let thief = thread::spawn(move || {
            // SAFETY: nobody else has it, once.
            unsafe { shared.run(0) };
            // SAFETY: after `run`, once.
            if unsafe { shared.finish() } {
                owner.unpark();
            }
        });
        // SAFETY: made public above.
        let public = unsafe { job.public() };
        while !public.is_done_or_wake() {
            park_until(None);
        }
        assert_eq!(watched.touch(), 1);
        // SAFETY: it is done, once.
        let result = unsafe { job.take_result() };
        assert!(matches!(result, Part::Value(0)));
        thief.join().unwrap();
    });
}
