//! Values that are made once, by the first task that needs them.

use std::fmt;
use std::panic::Location;

use super::raw::Raw;
use crate::contain::assert_outside;
use crate::cut_short::reason_left;
use crate::deadline;
use crate::error::WaitError;
use crate::observe::Verb;
use crate::primitive::{Duration, Instant, OnceLock};
use crate::wait::Heed;

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
}

impl<T> OnceCell<T> {
    /// Makes an empty cell.
    #[track_caller]
    pub const fn new() -> Self {
        Self {
            value: OnceLock::new(),
            making: Raw::new("a once cell", Location::caller()),
        }
    }

    /// Returns the value, if it was made.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
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

        self.making
            .lock(Verb::Initialise, deadline, Heed::Task, at)?;
        let _unlock = Unlock(&self.making);
        assert_outside();
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let value = make();
        match reason_left() {
            None => Ok(self.value.get_or_init(|| value)),
            Some(why) => Err(WaitError::of_cut_short(why)),
        }
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
