//! Condition variables: waiting, with a lock, for a change of what the lock protects.

use std::panic::Location;

use super::mutex::MutexGuard;
use crate::contain::assert_outside;
use crate::deadline;
use crate::deadlock::{WaitObject, WaitSite, WaitsOn};
use crate::error::WaitError;
use crate::observe::Verb;
use crate::park::Parker;
use crate::primitive::{Duration, Instant, Mutex, now};
use crate::wait::{Heed, WaitOutcome, wait};
use crate::wait_queue::{Spot, WaitQueue};

/// Lets tasks wait for a change that other tasks announce.
///
/// Every wait may end without a reason: check the condition in a loop, or use [`wait_while`](Self::wait_while). For
/// most uses of condition variables a [channel](crate::channel) does the same, and is easier to use correctly.
///
/// ```
/// use reunite::sync::{Condvar, Mutex};
/// let (ready, changed) = (Mutex::new(false), Condvar::new());
/// reunite::scope(|s| {
///     s.spawn(|| {
///         *ready.lock().unwrap() = true;
///         changed.notify_all();
///     });
///     let mut guard = ready.lock().unwrap();
///     changed.wait_while(&mut guard, |ready| !*ready).unwrap();
///     assert!(*guard);
/// });
/// ```
///
/// # Protocol
/// A waiter leaves its parker in the queue before it releases the lock, so a notification made with the
/// lock held finds it there. A notification takes waiters out of the queue; a waiter that is no longer in
/// the queue was notified. A waiter that gives up although it was notified passes the notification on.
#[derive(Debug)]
pub struct Condvar {
    queue: Mutex<WaitQueue<Parker>>,
    made_at: &'static Location<'static>,
}

impl Default for Condvar {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl Condvar {
    /// Makes a condition variable without waiters.
    #[track_caller]
    pub const fn new() -> Self {
        Self {
            queue: Mutex::new(WaitQueue::new()),
            made_at: Location::caller(),
        }
    }

    /// Releases the lock, waits for a notification, and takes the lock again.
    ///
    /// # Errors
    /// The current task was cancelled; the wait was [refused](crate::sync); or the lock was poisoned in the meantime.
    /// Even then this call takes the lock again before it returns, however long that takes. There is one exception: the
    /// lock can never be taken again, because its holder waits for this task in a wait that cannot return an error,
    /// such as the end of a scope ([`is_deadlock`](WaitError::is_deadlock)). Then the guard does not hold the lock:
    /// drop it. It panics when it is dereferenced.
    #[track_caller]
    pub fn wait<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>) -> Result<(), WaitError> {
        self.wait_until(guard, None, Location::caller())
    }

    /// Does what [`wait`](Self::wait) does, but waits at most `timeout`.
    ///
    /// # Errors
    /// The errors of [`wait`](Self::wait), or the time ran out.
    #[track_caller]
    pub fn wait_timeout<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        self.wait_until(guard, deadline::after(timeout), Location::caller())
    }

    /// Does what [`wait`](Self::wait) does, but waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`wait`](Self::wait), or the time ran out.
    #[track_caller]
    pub fn wait_deadline<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Instant,
    ) -> Result<(), WaitError> {
        self.wait_until(guard, Some(deadline), Location::caller())
    }

    /// Waits until `condition` returns false. Checks it at first, and after each notification.
    ///
    /// # Errors
    /// The errors of [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_while<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> Result<(), WaitError> {
        self.wait_while_until(guard, condition, None, Location::caller())
    }

    /// Does what [`wait_while`](Self::wait_while) does, but waits at most `timeout` in all.
    ///
    /// # Errors
    /// The errors of [`wait`](Self::wait), or the time ran out while the condition still returns true.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use reunite::sync::{Condvar, Mutex};
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// let mut guard = ready.lock().unwrap();
    /// let waited = changed.wait_while_timeout(&mut guard, |ready| !*ready, Duration::from_millis(5));
    /// assert!(waited.unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn wait_while_timeout<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        condition: impl FnMut(&mut T) -> bool,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        let deadline = deadline::after(timeout);
        self.wait_while_until(guard, condition, deadline, Location::caller())
    }

    /// Does what [`wait_while`](Self::wait_while) does, but waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`wait_while_timeout`](Self::wait_while_timeout).
    #[track_caller]
    pub fn wait_while_deadline<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        condition: impl FnMut(&mut T) -> bool,
        deadline: Instant,
    ) -> Result<(), WaitError> {
        self.wait_while_until(guard, condition, Some(deadline), Location::caller())
    }

    fn wait_while_until<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        mut condition: impl FnMut(&mut T) -> bool,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<(), WaitError> {
        assert_outside();
        while condition(guard) {
            match self.wait_until(guard, deadline, at) {
                // The condition may have changed when the time ran out. If so, that takes precedence.
                Err(error) if error.is_timeout() && !condition(guard) => break,
                ended => ended?,
            }
        }
        Ok(())
    }

    /// Wakes one waiter, the one that has waited longest.
    pub fn notify_one(&self) {
        let first = self.queue.lock().pop_front();
        first.iter().for_each(Parker::unpark);
    }

    /// Wakes all waiters.
    pub fn notify_all(&self) {
        let all = self.queue.lock().take_all();
        all.for_each(|waiter| waiter.unpark());
    }

    fn wait_until<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<(), WaitError> {
        let since = now();
        let site = WaitSite {
            verb: Verb::Wait,
            object: WaitObject::Made("a condition variable", self.made_at),
            at,
            on: WaitsOn::Anyone,
        };
        // This comes before the waiter is queued: if it panics, no waiter must remain in the queue.
        guard.must_hold();
        let spot = self.queue.lock().push_back(Parker::current());
        let mut ended = WaitOutcome::Ready;
        let taken_again = guard.unlocked(at, || {
            ended = wait(site, deadline, Heed::Task, |_| !self.is_queued(spot));
        });
        if let Err(refused) = taken_again {
            if !self.leave(spot) {
                self.notify_one();
            }
            return Err(refused);
        }
        match ended {
            WaitOutcome::Ready if guard.is_poisoned() => Err(WaitError::poisoned()),
            WaitOutcome::Ready => Ok(()),
            gave_up => {
                if !self.leave(spot) {
                    self.notify_one();
                }
                Err(match gave_up {
                    WaitOutcome::Cancelled(cancelled) => WaitError::cancelled(cancelled),
                    WaitOutcome::Refused(refusal) => WaitError::refused(refusal),
                    WaitOutcome::TimedOut | WaitOutcome::Ready => {
                        WaitError::timed_out(now().saturating_duration_since(since))
                    }
                })
            }
        }
    }

    fn is_queued(&self, spot: Spot) -> bool {
        self.queue.lock().contains(spot)
    }

    /// Removes a waiter. Returns true if it was still queued, and so not notified.
    fn leave(&self, spot: Spot) -> bool {
        self.queue.lock().remove(spot).is_some()
    }
}
