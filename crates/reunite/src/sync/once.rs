//! Values that are made once, by whoever needs them first.

use std::fmt;
use std::panic::Location;

use super::raw::Raw;
use crate::contain::assert_outside;
use crate::cut_short::left_here;
use crate::deadline;
use crate::error::WaitError;
use crate::observe::Verb;
use crate::primitive::{Duration, Instant, OnceLock};
use crate::wait::Heed;

/// A place for a value that is made once. Reading it afterwards costs one load.
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
    /// An empty one.
    #[track_caller]
    pub const fn new() -> Self {
        Self {
            value: OnceLock::new(),
            making: Raw::new("a once cell", Location::caller()),
        }
    }

    /// The value, if it was made.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value; `make` makes it if nobody has, while others wait. If `make` panics, the next makes it.
    ///
    /// # Errors
    /// The current task was cancelled while another made it; or, at once, `make` needs what it makes
    /// ([`is_deadlock`](WaitError::is_deadlock)). Where panics abort: or what `make` returned is partial, as an iteration
    /// in it was [cut short](crate#partial-results); it is dropped.
    #[inline]
    #[track_caller]
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> Result<&T, WaitError> {
        self.get_or_init_until(make, None, Location::caller())
    }

    /// [`get_or_init`](Self::get_or_init), but waits for at most `timeout` while another makes it. If it comes to
    /// `make` itself, that takes as long as it takes.
    ///
    /// # Errors
    /// As [`get_or_init`](Self::get_or_init), or the time ran out.
    #[track_caller]
    pub fn get_or_init_timeout(
        &self,
        make: impl FnOnce() -> T,
        timeout: Duration,
    ) -> Result<&T, WaitError> {
        self.get_or_init_until(make, deadline::after(timeout), Location::caller())
    }

    /// [`get_or_init_timeout`](Self::get_or_init_timeout) until `deadline`.
    ///
    /// # Errors
    /// As there.
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
        match left_here() {
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

/// A [`OnceCell`] that knows how to make its value.
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
    /// Made by `make` when it is first needed.
    #[track_caller]
    pub const fn new(make: F) -> Self {
        Self {
            cell: OnceCell::new(),
            make,
        }
    }

    /// The value, made now if it was not before.
    ///
    /// # Errors
    /// As [`OnceCell::get_or_init`].
    #[inline]
    #[track_caller]
    pub fn force(&self) -> Result<&T, WaitError> {
        self.cell.get_or_init(&self.make)
    }

    /// [`force`](Self::force), but waits for at most `timeout` while another makes it.
    ///
    /// # Errors
    /// As [`OnceCell::get_or_init_timeout`].
    #[track_caller]
    pub fn force_timeout(&self, timeout: Duration) -> Result<&T, WaitError> {
        self.cell.get_or_init_timeout(&self.make, timeout)
    }

    /// [`force_timeout`](Self::force_timeout) until `deadline`.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn force_deadline(&self, deadline: Instant) -> Result<&T, WaitError> {
        self.cell.get_or_init_deadline(&self.make, deadline)
    }

    /// The value, if it was made.
    pub fn get(&self) -> Option<&T> {
        self.cell.get()
    }
}

impl<T: fmt::Debug, F> fmt::Debug for Lazy<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lazy").field(&self.cell.get()).finish()
    }
}
