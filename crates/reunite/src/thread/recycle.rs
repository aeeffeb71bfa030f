//! Threads that finished a task wait a while for the next: waking one costs a small part of starting one.
//!
//! # Protocol
//! An idle thread has a mailbox and stands in the stack of idle threads. Whoever pops it from the stack,
//! under the stack's lock, owns the right to put one job into its mailbox, and must. The thread leaves only
//! if it can remove itself from the stack: if it is gone from there, a job is on its way and it goes on
//! waiting. So a job is never given to a thread that leaves.

use crate::deadline;
use crate::deadlock::{idle_one_less, idle_one_more, look_again};
use crate::park::{Parker, park_until};
use crate::primitive::{Arc, Duration, Mutex};
use crate::spin::spin_until;

/// What a thread is given to do.
pub(crate) type Work = Box<dyn FnOnce() + Send>;

pub(crate) struct Idle {
    mailbox: Mutex<Option<Work>>,
    parker: Parker,
}

/// The stack of idle threads: the one that ran last is warmest and is taken first.
pub(crate) struct Recycler {
    idle: Mutex<Vec<Arc<Idle>>>,
    keep_alive: Duration,
}

impl Recycler {
    pub(crate) const fn new(keep_alive: Duration) -> Self {
        Self {
            idle: Mutex::new(Vec::new()),
            keep_alive,
        }
    }

    /// Hands `work` to an idle thread.
    ///
    /// # Errors
    /// Gives it back if none is idle.
    pub(crate) fn reuse(&self, work: Work) -> Result<(), Work> {
        let idle = {
            let mut idle = self.idle.lock();
            let Some(idle) = idle.pop() else {
                return Err(work);
            };
            idle_one_less();
            idle
        };
        *idle.mailbox.lock() = Some(work);
        idle.parker.unpark();
        Ok(())
    }

    /// The life of a recycled thread, from its first job on.
    pub(crate) fn live(&self, first: Work) {
        first();
        let this = Arc::new(Idle {
            mailbox: Mutex::new(None),
            parker: Parker::here(),
        });
        while let Some(work) = self.next(&this) {
            work();
        }
    }

    fn next(&self, this: &Arc<Idle>) -> Option<Work> {
        {
            let mut idle = self.idle.lock();
            idle.push(Arc::clone(this));
            idle_one_more();
        }
        let mut work = None;
        let mut arrived = || {
            work = this.mailbox.lock().take();
            work.is_some()
        };
        if spin_until(&mut arrived) {
            return work;
        }
        look_again();
        let leave_at = deadline::after(self.keep_alive);
        while !arrived() {
            if deadline::has_passed(leave_at) {
                let mut idle = self.idle.lock();
                if let Some(at) = idle.iter().position(|other| Arc::ptr_eq(other, this)) {
                    idle.remove(at);
                    idle_one_less();
                    return None;
                }
            }
            park_until(leave_at);
        }
        work
    }
}

#[cfg(all(test, reunite_model))]
mod model {
    use super::*;
    use crate::primitive::{AtomicUsize, Builder, Ordering};

    /// Work handed to a thread that is about to leave is done all the same: the thread's keep-alive is
    /// over at once, so that leaving and reusing race in every run.
    #[test]
    fn no_work_is_given_to_a_thread_that_leaves() {
        shuttle::check_random(
            || {
                let recycler = Arc::new(Recycler::new(Duration::ZERO));
                let done = Arc::new(AtomicUsize::new(0));
                let work = || {
                    let done = Arc::clone(&done);
                    Box::new(move || {
                        done.fetch_add(1, Ordering::SeqCst);
                    }) as Work
                };
                let start = |first: Work| {
                    let recycler = Arc::clone(&recycler);
                    Builder::new()
                        .spawn(move || recycler.live(first))
                        .expect("a thread")
                };
                let mut threads = vec![start(work())];
                for _ in 0..2 {
                    if let Err(refused) = recycler.reuse(work()) {
                        threads.push(start(refused));
                    }
                }
                for thread in threads {
                    thread.join().expect("a thread that ends");
                }
                assert_eq!(done.load(Ordering::SeqCst), 3);
            },
            20_000,
        );
    }
}
