//! Threads that have finished a task wait a while for the next one, because to wake a thread costs much less
//! than to start one.
//!
//! # Protocol
//! An idle thread has a mailbox and stands in the stack of idle threads.
//!
//! 1. A thread that pops an idle one from the stack, under the stack's lock, owns the right to put one job
//!    into its mailbox, and must do so.
//! 2. An idle thread leaves only if it can remove itself from the stack. If it is no longer there, a job is
//!    on its way, and the thread goes on waiting. So a job is never given to a thread that leaves.
//! 3. Threads leave one after the other. Only the oldest, at the bottom of the stack, waits for a limited
//!    time; when it leaves, it wakes the thread that is the oldest then.
//! 4. A thread learns under that lock that it is the oldest, when it arrives or when it is woken. It stays
//!    the oldest until it leaves or is given a job, since others come and go above it.
//!
//! So there is always one thread whose wait has a limit, the limits of the others are later, and leaving
//! costs the same however many are idle. If thousands ended at once, they would all wait for the same locks
//! of the allocator and of the system, and each release of such a lock costs time proportional to the number
//! of its waiters.

use crate::deadline;
use crate::deadlock::{count_idle, look_again, uncount_idle};
use crate::park::{Parker, park_until};
use crate::primitive::{Arc, Duration, Instant, Mutex};
use crate::spin::spin_until;
use std::collections::VecDeque;

/// An idle thread.
pub(crate) struct IdleThread<W> {
    mailbox: Mutex<Option<W>>,
    parker: Parker,
}

/// The stack of idle threads, each of which is given a `W`. The one that ran last has the warmest caches and
/// is taken first.
pub(crate) struct Recycler<W> {
    idle: Mutex<VecDeque<Arc<IdleThread<W>>>>,
    keep_alive: Duration,
    run: fn(W),
}

impl<W> Recycler<W> {
    pub(crate) const fn new(keep_alive: Duration, run: fn(W)) -> Self {
        Self {
            idle: Mutex::new(VecDeque::new()),
            keep_alive,
            run,
        }
    }

    /// Hands `work` to an idle thread.
    ///
    /// # Errors
    /// Returns `work` if no thread is idle.
    pub(crate) fn reuse(&self, work: W) -> Result<(), W> {
        let idle = {
            let mut idle = self.idle.lock();
            let Some(idle) = idle.pop_back() else {
                return Err(work);
            };
            uncount_idle();
            idle
        };
        *idle.mailbox.lock() = Some(work);
        idle.parker.unpark();
        Ok(())
    }

    /// Runs a recycled thread's loop, beginning with its first job.
    pub(crate) fn live(&self, first: W) {
        (self.run)(first);
        let this = Arc::new(IdleThread {
            mailbox: Mutex::new(None),
            parker: Parker::current(),
        });
        while let Some(work) = self.next(&this) {
            (self.run)(work);
        }
    }

    fn next(&self, this: &Arc<IdleThread<W>>) -> Option<W> {
        self.list(this);
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
            match self.stay(this, leave_at) {
                Stay::Until(until) => park_until(until),
                Stay::NoLonger => return None,
            }
        }
        work
    }

    fn list(&self, this: &Arc<IdleThread<W>>) {
        let mut idle = self.idle.lock();
        idle.push_back(Arc::clone(this));
        count_idle();
    }

    /// Returns how long the thread waits before it calls this again: without a limit if an older thread is
    /// idle, or if the thread was taken from the stack. If the thread is the oldest and its time is up,
    /// removes it from the stack and wakes the next oldest thread.
    fn stay(&self, this: &Arc<IdleThread<W>>, leave_at: Option<Instant>) -> Stay {
        let mut idle = self.idle.lock();
        if !idle.front().is_some_and(|it| Arc::ptr_eq(it, this)) {
            return Stay::Until(None);
        }
        if !deadline::has_passed(leave_at) {
            return Stay::Until(leave_at);
        }
        idle.pop_front();
        uncount_idle();
        let oldest = idle.front().cloned();
        drop(idle);
        // The next oldest thread may have got a job meanwhile. Then this wake-up is superfluous and
        // harmless.
        if let Some(oldest) = oldest {
            oldest.parker.unpark();
        }
        Stay::NoLonger
    }
}

/// The next step of an idle thread.
#[derive(Debug, PartialEq, Eq)]
enum Stay {
    Until(Option<Instant>),
    NoLonger,
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    #[test]
    fn only_the_oldest_idle_thread_has_a_time_limit_and_wakes_the_next_when_it_leaves() {
        let recycler = Recycler::new(Duration::from_secs(3600), |()| ());
        let threads = [(); 3].map(|()| {
            let this = Arc::new(IdleThread {
                mailbox: Mutex::new(None),
                parker: Parker::separate(),
            });
            recycler.list(&this);
            this
        });
        let later = deadline::after(recycler.keep_alive);
        let over = Some(crate::primitive::now());
        let woken = || {
            threads
                .iter()
                .filter(|this| this.parker.is_marked())
                .count()
        };
        assert_eq!(recycler.stay(&threads[0], later), Stay::Until(later));
        for younger in &threads[1..] {
            assert_eq!(recycler.stay(younger, over), Stay::Until(None));
        }
        assert_eq!(woken(), 0);
        for (this, woken_by_then) in threads.iter().zip([1, 2, 2]) {
            assert_eq!(recycler.stay(this, over), Stay::NoLonger);
            assert_eq!(woken(), woken_by_then);
        }
        assert!(recycler.idle.lock().is_empty());
    }
}

#[cfg(all(test, reunite_model))]
mod model {
    use super::*;
    use crate::primitive::{AtomicUsize, Builder, Ordering};

    type Work = Box<dyn FnOnce() + Send>;

    /// Work that is handed to a thread that is about to leave is done. The keep-alive time is zero, so that
    /// leaving and reusing race in every run.
    #[test]
    fn no_work_is_given_to_a_thread_that_leaves() {
        shuttle::check_random(
            || {
                let recycler = Arc::new(Recycler::new(Duration::ZERO, |work: Work| work()));
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
