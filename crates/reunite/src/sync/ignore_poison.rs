//! Access to poisoned locks.

use std::panic::Location;

use super::mutex::{Mutex, MutexGuard};
use super::rw_queue::Access;
use super::rwlock::{ReadGuard, RwLock, WriteGuard};
use crate::deadline;
use crate::error::WaitError;
use crate::observe::Verb;
use crate::primitive::{Duration, Instant};
use crate::wait::Heed;

/// A reference to a lock through which the lock can be taken also if it is poisoned. Made by [`Mutex::ignore_poison`]
/// and [`RwLock::ignore_poison`]. Its methods return the guards and the errors of the lock's own methods, except the
/// error of a poisoned lock.
///
/// The lock stays poisoned for other tasks. The value can be repaired under the guard, and then the poison removed:
///
/// ```
/// use reunite::sync::Mutex;
/// let list = Mutex::new(vec![1]);
/// let outcome = reunite::scope(|s| {
///     s.spawn(|| { let mut list = list.lock().unwrap(); list.push(2); panic!("half-updated") }).join()
/// });
/// assert!(outcome.is_err() && list.lock().unwrap_err().is_poisoned());
///
/// let mut guard = list.ignore_poison().lock().unwrap();
/// assert_eq!(*guard, [1, 2]);
/// guard.clear();
/// list.clear_poison();
/// drop(guard);
/// assert!(list.lock().unwrap().is_empty());
/// ```
#[derive(Debug)]
pub struct IgnorePoison<'a, L: ?Sized>(&'a L);

impl<L: ?Sized> Clone for IgnorePoison<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: ?Sized> Copy for IgnorePoison<'_, L> {}

impl<T: ?Sized> Mutex<T> {
    /// Returns a reference through which the lock can be taken also if it is poisoned.
    ///
    /// ```
    /// let counter = reunite::sync::Mutex::new(1);
    /// *counter.ignore_poison().lock().unwrap() += 1;
    /// assert_eq!(*counter.lock().unwrap(), 2);
    /// ```
    pub fn ignore_poison(&self) -> IgnorePoison<'_, Self> {
        IgnorePoison(self)
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Returns a reference through which the lock can be taken also if it is poisoned.
    ///
    /// ```
    /// let config = reunite::sync::RwLock::new(1);
    /// *config.ignore_poison().write().unwrap() += 1;
    /// assert_eq!(*config.ignore_poison().read().unwrap(), 2);
    /// ```
    pub fn ignore_poison(&self) -> IgnorePoison<'_, Self> {
        IgnorePoison(self)
    }
}

impl<'a, T: ?Sized> IgnorePoison<'a, Mutex<T>> {
    /// Takes the lock. Waits until it is free.
    ///
    /// # Errors
    /// The errors of [`Mutex::lock`] for waits.
    #[track_caller]
    pub fn lock(self) -> Result<MutexGuard<'a, T>, WaitError> {
        self.lock_until(None, Location::caller())
    }

    /// Takes the lock. Waits at most `timeout` until it is free.
    ///
    /// # Errors
    /// The errors of [`lock`](Self::lock), or the time ran out.
    #[track_caller]
    pub fn lock_timeout(self, timeout: Duration) -> Result<MutexGuard<'a, T>, WaitError> {
        self.lock_until(deadline::after(timeout), Location::caller())
    }

    /// Takes the lock. Waits until it is free, at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`lock`](Self::lock), or the time ran out.
    #[track_caller]
    pub fn lock_deadline(self, deadline: Instant) -> Result<MutexGuard<'a, T>, WaitError> {
        self.lock_until(Some(deadline), Location::caller())
    }

    /// Takes the lock if it is free. Does not wait.
    ///
    /// # Errors
    /// The lock is held, possibly by the caller itself ([`is_busy`](WaitError::is_busy)).
    #[track_caller]
    pub fn try_lock(self) -> Result<MutexGuard<'a, T>, WaitError> {
        if !self.0.raw.try_lock(Location::caller()) {
            return Err(WaitError::busy());
        }
        Ok(self.0.guard())
    }

    fn lock_until(
        self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<MutexGuard<'a, T>, WaitError> {
        let raw = &self.0.raw;
        if !raw.take(at) {
            raw.lock(Verb::Lock, deadline, Heed::Task, at)?;
        }
        Ok(self.0.guard())
    }
}

impl<'a, T: ?Sized> IgnorePoison<'a, RwLock<T>> {
    /// Takes the lock for reading. Waits until no task writes, and no task in front waits to write.
    ///
    /// # Errors
    /// The errors of [`RwLock::read`] for waits.
    #[track_caller]
    pub fn read(self) -> Result<ReadGuard<'a, T>, WaitError> {
        self.read_until(None, Location::caller())
    }

    /// Takes the lock for reading. Waits at most `timeout`.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn read_timeout(self, timeout: Duration) -> Result<ReadGuard<'a, T>, WaitError> {
        self.read_until(deadline::after(timeout), Location::caller())
    }

    /// Takes the lock for reading. Waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn read_deadline(self, deadline: Instant) -> Result<ReadGuard<'a, T>, WaitError> {
        self.read_until(Some(deadline), Location::caller())
    }

    /// Takes the lock for reading if no task writes or waits to write. Does not wait.
    ///
    /// # Errors
    /// A task writes or waits to write ([`is_busy`](WaitError::is_busy)).
    #[track_caller]
    pub fn try_read(self) -> Result<ReadGuard<'a, T>, WaitError> {
        self.try_take(Access::Read, Location::caller())?;
        Ok(self.0.read_guard())
    }

    /// Takes the lock for writing. Waits until no task reads or writes.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read).
    #[track_caller]
    pub fn write(self) -> Result<WriteGuard<'a, T>, WaitError> {
        self.write_until(None, Location::caller())
    }

    /// Takes the lock for writing. Waits at most `timeout`.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn write_timeout(self, timeout: Duration) -> Result<WriteGuard<'a, T>, WaitError> {
        self.write_until(deadline::after(timeout), Location::caller())
    }

    /// Takes the lock for writing. Waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn write_deadline(self, deadline: Instant) -> Result<WriteGuard<'a, T>, WaitError> {
        self.write_until(Some(deadline), Location::caller())
    }

    /// Takes the lock for writing if no other task reads, writes or waits. Does not wait.
    ///
    /// # Errors
    /// A task reads, writes or waits ([`is_busy`](WaitError::is_busy)).
    #[track_caller]
    pub fn try_write(self) -> Result<WriteGuard<'a, T>, WaitError> {
        self.try_take(Access::Write, Location::caller())?;
        Ok(self.0.write_guard())
    }

    fn read_until(
        self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<ReadGuard<'a, T>, WaitError> {
        self.take(Access::Read, deadline, at)?;
        Ok(self.0.read_guard())
    }

    fn write_until(
        self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<WriteGuard<'a, T>, WaitError> {
        self.take(Access::Write, deadline, at)?;
        Ok(self.0.write_guard())
    }

    fn take(
        self,
        access: Access,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<(), WaitError> {
        if self.0.raw.take(access, at) {
            return Ok(());
        }
        self.0.raw.lock(access, deadline, at)
    }

    fn try_take(self, access: Access, at: &'static Location<'static>) -> Result<(), WaitError> {
        if self.0.raw.try_lock(access, at) {
            return Ok(());
        }
        Err(WaitError::busy())
    }
}
