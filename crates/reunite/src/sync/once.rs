//! Values that are made once, by the first task that needs them, or stored once by a task that has them.
//!
//! # Protocol
//! 1. The cell of `std` decides which value is stored. `making` is held by the task that makes a value; the others that
//!    need one wait for it. A task that stores a value which it has already does not take `making`.
//! 2. Whoever has stored the value then takes all waiters out of the queue, and unparks them. A waiter checks for the
//!    value and enters the queue in one critical section. So either it sees the value, or the task that stores it finds
//!    the waiter in the queue.

use std::fmt;
use std::panic::Location;

use super::raw::Raw;
use crate::contain::assert_outside;
use crate::cut_short::reason_left;
use crate::deadline;
use crate::deadlock::{WaitObject, WaitSite, WaitsOn};
use crate::error::WaitError;
use crate::observe::Verb;
use crate::park::Parker;
use crate::primitive::{Duration, Instant, Mutex, OnceLock, now};
use crate::wait::{Heed, WaitOutcome, wait};
use crate::wait_queue::{Spot, WaitQueue};

/// A cell for a value that is made once. Reading the value afterwards costs one load.
///
/// ```
/// use reunite::sync::OnceCell;
/// static CONFIG: OnceCell<String> = OnceCell::new();
/// assert!(CONFIG.get().is_none());
/// assert_eq!(CONFIG.get_or_init(|| "made".to_owned()).unwrap(), "made");
/// assert_eq!(CONFIG.get_or_init(|| "never".to_owned()).unwrap(), "made");
/// ```
pub struct OnceCell<T> {
    value: OnceLock<T>,
    making: Raw,
    waiters: Mutex<WaitQueue<Parker>>,
    made_at: &'static Location<'static>,
}

impl<T> OnceCell<T> {
    /// Makes an empty cell.
    #[track_caller]
    pub const fn new() -> Self {
        Self {
            value: OnceLock::new(),
            making: Raw::new("a once cell", Location::caller()),
            waiters: Mutex::new(WaitQueue::new()),
            made_at: Location::caller(),
        }
    }

    /// Returns the value, if it was made.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Stores a value, if the cell has none. Does not wait: if a task makes a value at the same time, the cell keeps the
    /// one that is stored first, and the other one is dropped. Wakes the tasks in [`wait`](Self::wait). Those that wait in
    /// [`get_or_init`](Self::get_or_init) for the task which makes a value go on when that task has ended, or their time
    /// is over.
    ///
    /// # Errors
    /// The value that was to be stored, if the cell has one already.
    ///
    /// ```
    /// let cell = reunite::sync::OnceCell::new();
    /// assert_eq!(cell.set(1), Ok(()));
    /// assert_eq!(cell.set(2), Err(2));
    /// assert_eq!(cell.get(), Some(&1));
    /// ```
    pub fn set(&self, value: T) -> Result<(), T> {
        self.value.set(value)?;
        self.wake_all();
        Ok(())
    }

    /// Returns the value, if it was made, for changing it.
    ///
    /// ```
    /// let mut cell = reunite::sync::OnceCell::new();
    /// cell.set(1).unwrap();
    /// *cell.get_mut().unwrap() += 1;
    /// assert_eq!(cell.take(), Some(2));
    /// assert_eq!(cell.into_inner(), None);
    /// ```
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Takes the value out, if it was made. Then the cell is empty, and the next value may be made or stored.
    pub fn take(&mut self) -> Option<T> {
        self.value.take()
    }

    /// Returns the value, if it was made.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Waits until the value is there, and returns it. Does not make it. To be called by tasks that do not make the value
    /// themselves: inside its own [`get_or_init`](Self::get_or_init) the value never comes.
    ///
    /// # Errors
    /// The current task was cancelled, or the wait was [refused](crate::sync): as a deadlock when every thread of the
    /// process waits, because then no task can make the value.
    ///
    /// ```
    /// let config = reunite::sync::OnceCell::new();
    /// reunite::scope(|s| {
    ///     let reads = s.spawn(|| config.wait().copied());
    ///     config.set(5).unwrap();
    ///     assert_eq!(reads.join().unwrap().unwrap(), 5);
    /// });
    /// ```
    #[track_caller]
    pub fn wait(&self) -> Result<&T, WaitError> {
        self.wait_until(None, Location::caller())
    }

    /// Waits at most `timeout` until the value is there, and returns it.
    ///
    /// # Errors
    /// The errors of [`wait`](Self::wait), or the time ran out.
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> Result<&T, WaitError> {
        self.wait_until(deadline::after(timeout), Location::caller())
    }

    /// Waits until the value is there, at most until `deadline`, and returns it.
    ///
    /// # Errors
    /// The errors of [`wait`](Self::wait), or the time ran out.
    #[track_caller]
    pub fn wait_deadline(&self, deadline: Instant) -> Result<&T, WaitError> {
        self.wait_until(Some(deadline), Location::caller())
    }

    /// Returns the value. If it was not made yet, calls `make`, and other tasks wait meanwhile. If `make` panics, the
    /// next task that needs the value makes it.
    ///
    /// # Errors
    /// The current task was cancelled, or its wait was [refused](crate::sync), while another task made the value. Or
    /// `make` itself needs the value that it makes ([`is_deadlock`](WaitError::is_deadlock), at once). Where panics
    /// abort, also: `make` returned a partial value, because an iteration in it was [cut
    /// short](crate#partial-results); that value is dropped.
    ///
    /// # Panics
    /// If `make` panics.
    ///
    /// ```
    /// let cell = reunite::sync::OnceCell::new();
    /// assert_eq!(*cell.get_or_init(|| 1).unwrap(), 1);
    /// assert_eq!(*cell.get_or_init(|| 2).unwrap(), 1);
    /// ```
    #[inline]
    #[track_caller]
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> Result<&T, WaitError> {
        self.get_or_init_until(make, None, Location::caller())
    }

    /// Does what [`get_or_init`](Self::get_or_init) does, but waits at most `timeout` while another task makes the
    /// value. If this call runs `make` itself, the time limit does not apply to that.
    ///
    /// # Errors
    /// The errors of [`get_or_init`](Self::get_or_init), or the time ran out.
    #[track_caller]
    pub fn get_or_init_timeout(
        &self,
        make: impl FnOnce() -> T,
        timeout: Duration,
    ) -> Result<&T, WaitError> {
        self.get_or_init_until(make, deadline::after(timeout), Location::caller())
    }

    /// Does what [`get_or_init_timeout`](Self::get_or_init_timeout) does, but waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`get_or_init_timeout`](Self::get_or_init_timeout).
    #[track_caller]
    pub fn get_or_init_deadline(
        &self,
        make: impl FnOnce() -> T,
        deadline: Instant,
    ) -> Result<&T, WaitError> {
        self.get_or_init_until(make, Some(deadline), Location::caller())
    }

    #[inline]
    fn get_or_init_until(
        &self,
        make: impl FnOnce() -> T,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<&T, WaitError> {
        match self.value.get() {
            Some(value) => Ok(value),
            None => self.make(make, deadline, at),
        }
    }

    #[cold]
    fn make(
        &self,
        make: impl FnOnce() -> T,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<&T, WaitError> {
        struct Unlock<'a>(&'a Raw);

        impl Drop for Unlock<'_> {
            fn drop(&mut self) {
                self.0.unlock();
            }
        }

        let locked = self.making.lock(Verb::Initialise, deadline, Heed::Task, at);
        if let (Err(error), value) = (locked, self.value.get()) {
            // Another task may have set the value meanwhile.
            return value.ok_or(error);
        }
        let _unlock = Unlock(&self.making);
        assert_outside();
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let value = make();
        match reason_left() {
            None => {
                let value = self.value.get_or_init(|| value);
                self.wake_all();
                Ok(value)
            }
            Some(why) => Err(WaitError::of_cut_short(why)),
        }
    }

    fn wait_until(
        &self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<&T, WaitError> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let since = now();
        let site = WaitSite {
            verb: Verb::Wait,
            object: WaitObject::Made("a once cell", self.made_at),
            at,
            on: WaitsOn::Anyone,
        };
        let (mut spot, mut found) = (None, None);
        let ended = wait(site, deadline, Heed::Task, |parker| {
            found = self.get_or_queue(parker, &mut spot);
            found.is_some()
        });
        if let Some(value) = found {
            return Ok(value);
        }
        if let Some(spot) = spot {
            let _queued = self.waiters.lock().remove(spot);
        }
        Err(match ended {
            WaitOutcome::Cancelled(cancelled) => WaitError::cancelled(cancelled),
            WaitOutcome::Refused(refusal) => WaitError::refused(refusal),
            WaitOutcome::TimedOut | WaitOutcome::Ready => {
                WaitError::timed_out(now().saturating_duration_since(since))
            }
        })
    }

    fn get_or_queue(&self, parker: &Parker, spot: &mut Option<Spot>) -> Option<&T> {
        let mut waiters = self.waiters.lock();
        let value = self.value.get();
        if value.is_none() && spot.is_none() {
            *spot = Some(waiters.push_back(parker.clone()));
        }
        value
    }

    fn wake_all(&self) {
        let all = self.waiters.lock().take_all();
        all.for_each(|waiter| waiter.unpark());
    }
}

impl<T> Default for OnceCell<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnceCell").field(&self.get()).finish()
    }
}

/// A [`OnceCell`] with the closure that makes its value.
///
/// ```
/// use reunite::sync::Lazy;
/// static PRIMES: Lazy<Vec<u32>> = Lazy::new(|| vec![2, 3, 5]);
/// assert_eq!(PRIMES.force().unwrap().len(), 3);
/// ```
pub struct Lazy<T, F = fn() -> T> {
    cell: OnceCell<T>,
    make: F,
}

impl<T, F: Fn() -> T> Lazy<T, F> {
    /// Makes an empty cell. Its value is made by `make` when it is first needed.
    #[track_caller]
    pub const fn new(make: F) -> Self {
        Self {
            cell: OnceCell::new(),
            make,
        }
    }

    /// Returns the value. Makes it if it was not made yet.
    ///
    /// # Errors
    /// The errors of [`OnceCell::get_or_init`].
    #[inline]
    #[track_caller]
    pub fn force(&self) -> Result<&T, WaitError> {
        self.cell.get_or_init(&self.make)
    }

    /// Does what [`force`](Self::force) does, but waits at most `timeout` while another task makes the value.
    ///
    /// # Errors
    /// The errors of [`OnceCell::get_or_init_timeout`].
    #[track_caller]
    pub fn force_timeout(&self, timeout: Duration) -> Result<&T, WaitError> {
        self.cell.get_or_init_timeout(&self.make, timeout)
    }

    /// Does what [`force_timeout`](Self::force_timeout) does, but waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`OnceCell::get_or_init_timeout`].
    #[track_caller]
    pub fn force_deadline(&self, deadline: Instant) -> Result<&T, WaitError> {
        self.cell.get_or_init_deadline(&self.make, deadline)
    }

    /// Returns the value, if it was made.
    pub fn get(&self) -> Option<&T> {
        self.cell.get()
    }
}

impl<T: fmt::Debug, F> fmt::Debug for Lazy<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lazy").field(&self.cell.get()).finish()
    }
}
