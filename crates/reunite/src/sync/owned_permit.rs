//! Permits that share ownership of their semaphore.

use std::panic::Location;

use super::semaphore::{Permit, Semaphore};
use crate::deadline;
use crate::error::WaitError;
use crate::primitive::{Arc, Duration, Instant};

/// Permits of a semaphore in an `Arc`, for a task that borrows nothing. Dropping this gives the permits back. See
/// [`Semaphore`].
///
/// ```
/// use std::sync::Arc;
/// let memory = Arc::new(reunite::sync::Semaphore::new(100));
/// let mut permit = memory.acquire_many_owned(60).unwrap();
/// let task = reunite::spawn(move || {
///     // … decode, then keep only what the result needs
///     permit.shrink_to(5);
///     permit
/// });
/// assert_eq!(task.join().unwrap().count(), 5);
/// assert_eq!(memory.available(), 100);
/// ```
#[must_use = "the permits are given back when this is dropped"]
#[derive(Debug)]
pub struct OwnedPermit {
    semaphore: Arc<Semaphore>,
    count: u64,
}

impl Semaphore {
    /// Does what [`acquire`](Self::acquire) does, but returns a permit that keeps the semaphore alive and can be moved
    /// to any task.
    ///
    /// # Errors
    /// The errors of [`acquire`](Self::acquire).
    ///
    /// ```
    /// use std::sync::Arc;
    /// let seats = Arc::new(reunite::sync::Semaphore::new(2));
    /// let seat = seats.acquire_owned().unwrap();
    /// let task = reunite::spawn(move || drop(seat)); // the task owns the permit
    /// task.join().unwrap();
    /// assert_eq!(seats.available(), 2);
    /// ```
    #[track_caller]
    pub fn acquire_owned(self: &Arc<Self>) -> Result<OwnedPermit, WaitError> {
        self.acquire_owned_until(1, None, Location::caller())
    }

    /// Does what [`acquire_owned`](Self::acquire_owned) does, but waits at most `timeout`.
    ///
    /// # Errors
    /// The errors of [`acquire`](Self::acquire), or the time ran out.
    #[track_caller]
    pub fn acquire_owned_timeout(
        self: &Arc<Self>,
        timeout: Duration,
    ) -> Result<OwnedPermit, WaitError> {
        self.acquire_owned_until(1, deadline::after(timeout), Location::caller())
    }

    /// Does what [`acquire_owned`](Self::acquire_owned) does, but waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`acquire`](Self::acquire), or the time ran out.
    #[track_caller]
    pub fn acquire_owned_deadline(
        self: &Arc<Self>,
        deadline: Instant,
    ) -> Result<OwnedPermit, WaitError> {
        self.acquire_owned_until(1, Some(deadline), Location::caller())
    }

    /// Does what [`try_acquire`](Self::try_acquire) does, but returns a permit that keeps the semaphore alive and can
    /// be moved to any task.
    ///
    /// # Errors
    /// The errors of [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_owned(self: &Arc<Self>) -> Result<OwnedPermit, WaitError> {
        self.try_acquire_many_owned(1)
    }

    /// Does what [`acquire_many`](Self::acquire_many) does, but returns a permit that keeps the semaphore alive and can
    /// be moved to any task.
    ///
    /// # Errors
    /// The errors of [`acquire_many`](Self::acquire_many).
    #[track_caller]
    pub fn acquire_many_owned(self: &Arc<Self>, count: u64) -> Result<OwnedPermit, WaitError> {
        self.acquire_owned_until(count, None, Location::caller())
    }

    /// Does what [`acquire_many_owned`](Self::acquire_many_owned) does, but waits at most `timeout`.
    ///
    /// # Errors
    /// The errors of [`acquire_many`](Self::acquire_many), or the time ran out.
    #[track_caller]
    pub fn acquire_many_owned_timeout(
        self: &Arc<Self>,
        count: u64,
        timeout: Duration,
    ) -> Result<OwnedPermit, WaitError> {
        self.acquire_owned_until(count, deadline::after(timeout), Location::caller())
    }

    /// Does what [`acquire_many_owned`](Self::acquire_many_owned) does, but waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`acquire_many`](Self::acquire_many), or the time ran out.
    #[track_caller]
    pub fn acquire_many_owned_deadline(
        self: &Arc<Self>,
        count: u64,
        deadline: Instant,
    ) -> Result<OwnedPermit, WaitError> {
        self.acquire_owned_until(count, Some(deadline), Location::caller())
    }

    /// Does what [`try_acquire_many`](Self::try_acquire_many) does, but returns a permit that keeps the semaphore alive
    /// and can be moved to any task.
    ///
    /// # Errors
    /// The errors of [`try_acquire_many`](Self::try_acquire_many).
    pub fn try_acquire_many_owned(self: &Arc<Self>, count: u64) -> Result<OwnedPermit, WaitError> {
        Ok(self.own(self.try_acquire_many(count)?))
    }

    fn acquire_owned_until(
        self: &Arc<Self>,
        count: u64,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<OwnedPermit, WaitError> {
        Ok(self.own(self.acquire_until(count, deadline, at)?))
    }

    fn own(self: &Arc<Self>, permit: Permit<'_>) -> OwnedPermit {
        let count = permit.count();
        // From here on, the owned permit gives the permits back when it is dropped.
        std::mem::forget(permit);
        OwnedPermit {
            semaphore: Arc::clone(self),
            count,
        }
    }
}

impl OwnedPermit {
    /// The number of permits.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Gives back all permits except `count`. Does nothing if this holds no more than `count`.
    pub fn shrink_to(&mut self, count: u64) {
        let back = self.count.saturating_sub(count);
        self.count -= back;
        self.semaphore.give_back(back);
    }

    /// Consumes this without giving the permits back. They stay unavailable until [`Semaphore::release`] gives them
    /// back. If the semaphore was made with 0 permits, they are used up.
    pub fn forget(mut self) {
        let count = std::mem::take(&mut self.count);
        self.semaphore.forget(count);
    }
}

impl Drop for OwnedPermit {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}
