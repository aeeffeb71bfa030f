//! A group of holders, and waits until all of them are gone.
//!
//! # States
//! One lock protects the number of *holders*, the values of the group that count, and the queue of waiters. A value
//! counts from the clone that made it to its drop or to its first wait, whichever comes first.
//!
//! # Protocol
//! 1. A clone adds a holder. A drop or a wait of a value that counts removes one, and that value does not count any
//!    more.
//! 2. Whoever removes the last holder takes all waiters out of the queue in the same critical section, and unparks them
//!    afterwards.
//! 3. A waiter checks the number and enters the queue in one critical section. A waiter that is no longer in the queue
//!    has seen the end of its wait, also if the number has grown again since: a value that does not count any more may
//!    be cloned, and that clone counts. So each wait ends at the first moment without holders after it began, and no
//!    later clone can prolong it.
//! 4. A waiter that gives up leaves the queue. It takes nothing from the others.
//!
//! # Deadlocks
//! A clone may be sent to another thread, be stored, or be dropped by any thread that has access to where it is stored.
//! So it is not known which thread will drop it, and a wait is for anyone.

use std::fmt;
use std::panic::Location;

use crate::deadline;
use crate::deadlock::{WaitObject, WaitSite, WaitsOn};
use crate::error::WaitError;
use crate::observe::Verb;
use crate::park::Parker;
use crate::primitive::{Arc, Duration, Instant, Mutex, now};
use crate::wait::{Heed, WaitOutcome, wait};
use crate::wait_queue::{Spot, WaitQueue};

/// Waits until all other clones of it are dropped.
///
/// Give a clone to each piece of work, which drops it when it is done; also a panic drops it. To wait for the ends of
/// tasks that this code starts, use a [`scope`](crate::scope()), which also returns their errors. A wait group is for
/// work whose end is not the end of a task, and for tasks that are started elsewhere.
///
/// ```
/// use reunite::sync::{Mutex, WaitGroup};
/// let (group, sum) = (WaitGroup::new(), std::sync::Arc::new(Mutex::new(0)));
/// for n in 1..=3 {
///     let (done, sum) = (group.clone(), sum.clone());
///     reunite::spawn(move || {
///         *sum.lock().unwrap() += n;
///         drop(done); // the task may go on
///     }).detach();
/// }
/// group.wait().unwrap();
/// assert_eq!(*sum.lock().unwrap(), 6);
/// ```
pub struct WaitGroup {
    shared: Arc<SharedGroup>,
    /// False after a wait of this value has begun.
    counts: bool,
}

struct SharedGroup {
    state: Mutex<Holders>,
    made_at: &'static Location<'static>,
}

struct Holders {
    count: usize,
    waiters: WaitQueue<Parker>,
}

impl WaitGroup {
    /// Makes a group with one holder, the returned value.
    #[track_caller]
    pub fn new() -> Self {
        let state = Holders {
            count: 1,
            waiters: WaitQueue::new(),
        };
        Self {
            shared: Arc::new(SharedGroup {
                state: Mutex::new(state),
                made_at: Location::caller(),
            }),
            counts: true,
        }
    }

    /// Drops this value, and waits until all others of the group are dropped. Values that wait themselves are not
    /// waited for, so several tasks may wait at the same time.
    ///
    /// # Errors
    /// The current task was cancelled, or the wait was [refused](crate::sync): as a deadlock when every thread of the
    /// process waits, because then no thread can drop the others.
    #[track_caller]
    pub fn wait(mut self) -> Result<(), WaitError> {
        self.wait_until(None, Location::caller())
    }

    /// Does what [`wait`](Self::wait) does, but waits at most `timeout`, and keeps the value: after an error, one can
    /// wait again. From the first wait on, others do not wait for this value any more. Clones of it are waited for as
    /// usual.
    ///
    /// # Errors
    /// The errors of [`wait`](Self::wait), or the time ran out.
    ///
    /// ```
    /// use std::time::Duration;
    /// let mut group = reunite::sync::WaitGroup::new();
    /// let other = group.clone();
    /// assert!(group.wait_timeout(Duration::from_millis(1)).unwrap_err().is_timeout());
    /// drop(other);
    /// group.wait_timeout(Duration::from_secs(60)).unwrap();
    /// ```
    #[track_caller]
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<(), WaitError> {
        self.wait_until(deadline::after(timeout), Location::caller())
    }

    /// Does what [`wait_timeout`](Self::wait_timeout) does, but waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`wait_timeout`](Self::wait_timeout).
    #[track_caller]
    pub fn wait_deadline(&mut self, deadline: Instant) -> Result<(), WaitError> {
        self.wait_until(Some(deadline), Location::caller())
    }

    fn wait_until(
        &mut self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<(), WaitError> {
        self.stop_counting();
        let since = now();
        let site = WaitSite {
            verb: Verb::Wait,
            object: WaitObject::Made("a wait group", self.shared.made_at),
            at,
            on: WaitsOn::Anyone,
        };
        let mut spot = None;
        let ended = wait(site, deadline, Heed::Task, |parker| {
            self.shared.is_over_or_queue(parker, &mut spot)
        });
        let gave_up = match ended {
            WaitOutcome::Ready => return Ok(()),
            WaitOutcome::TimedOut => WaitError::timed_out(now().saturating_duration_since(since)),
            WaitOutcome::Cancelled(cancelled) => WaitError::cancelled(cancelled),
            WaitOutcome::Refused(refusal) => WaitError::refused(refusal),
        };
        if let Some(spot) = spot {
            let _queued = self.shared.state.lock().waiters.remove(spot);
        }
        Err(gave_up)
    }

    /// Removes this holder, if it counts.
    fn stop_counting(&mut self) {
        if !std::mem::take(&mut self.counts) {
            return;
        }
        let mut state = self.shared.state.lock();
        state.count -= 1;
        if state.count > 0 {
            return;
        }
        let all = state.waiters.take_all();
        drop(state);
        all.for_each(|waiter| waiter.unpark());
    }
}

impl SharedGroup {
    /// Returns true if the wait is over. `spot` is where the waiter is queued, if it is.
    fn is_over_or_queue(&self, parker: &Parker, spot: &mut Option<Spot>) -> bool {
        let mut state = self.state.lock();
        match *spot {
            Some(spot) => !state.waiters.contains(spot),
            None if state.count == 0 => true,
            None => {
                *spot = Some(state.waiters.push_back(parker.clone()));
                false
            }
        }
    }
}

impl Clone for WaitGroup {
    /// Adds a holder to the group, and returns it.
    fn clone(&self) -> Self {
        self.shared.state.lock().count += 1;
        Self {
            shared: Arc::clone(&self.shared),
            counts: true,
        }
    }
}

impl Drop for WaitGroup {
    fn drop(&mut self) {
        self.stop_counting();
    }
}

impl Default for WaitGroup {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WaitGroup {
    /// Formats the group with the number of holders.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holders = self.shared.state.lock().count;
        f.debug_struct("WaitGroup")
            .field("holders", &holders)
            .finish_non_exhaustive()
    }
}
