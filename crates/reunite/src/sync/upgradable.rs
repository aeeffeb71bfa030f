//! Upgradable reads of a read-write lock.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::panic::Location;

use super::rw_queue::Access;
use super::rwlock::{ReadGuard, RwLock, WriteGuard};
use crate::deadline;
use crate::error::WaitError;
use crate::primitive::{Duration, Instant};

/// A guard for reading the value of an [`RwLock`], and perhaps changing it later without releasing the lock. Made by
/// [`RwLock::upgradable_read`]. Dropping it releases the lock.
#[must_use = "the lock is released when this is dropped"]
pub struct UpgradableGuard<'a, T: ?Sized> {
    /// Gives access to the value. It is never dropped, because it would release another kind of hold.
    value: ManuallyDrop<ReadGuard<'a, T>>,
}

/// The error of an upgrade: why the lock could not be taken for writing, and the guard, which still holds the lock for
/// reading. It can be turned into a [`WaitError`], which drops the guard.
///
/// ```
/// use reunite::sync::{RwLock, UpgradableGuard};
/// let config = RwLock::new(1);
/// let reader = config.read().unwrap();
/// let failed = UpgradableGuard::try_upgrade(config.upgradable_read().unwrap()).unwrap_err();
/// assert!(failed.error().is_busy());
/// drop(reader);
/// *UpgradableGuard::upgrade(failed.into_guard()).unwrap() = 2;
/// ```
pub struct UpgradeError<'a, T: ?Sized> {
    guard: UpgradableGuard<'a, T>,
    error: WaitError,
}

impl<T: ?Sized> RwLock<T> {
    /// Takes the lock for an upgradable read. Waits until no task writes or holds the lock for an upgradable read, and
    /// no task in front waits to write. Other tasks may [`read`](Self::read) at the same time.
    ///
    /// Only one task at a time holds an upgradable read. Therefore nothing changes between its reads and its writes,
    /// and two tasks that want to write after they have read do not wait for each other's reads.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read).
    ///
    /// ```
    /// use reunite::sync::{RwLock, UpgradableGuard};
    /// let names = RwLock::new(vec!["a"]);
    /// let reader = names.upgradable_read().unwrap();
    /// if !reader.contains(&"b") {
    ///     UpgradableGuard::upgrade(reader).unwrap().push("b");
    /// }
    /// assert_eq!(*names.read().unwrap(), ["a", "b"]);
    /// ```
    #[track_caller]
    pub fn upgradable_read(&self) -> Result<UpgradableGuard<'_, T>, WaitError> {
        self.upgradable_read_until(None, Location::caller())
    }

    /// Takes the lock for an upgradable read. Waits at most `timeout`.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn upgradable_read_timeout(
        &self,
        timeout: Duration,
    ) -> Result<UpgradableGuard<'_, T>, WaitError> {
        self.upgradable_read_until(deadline::after(timeout), Location::caller())
    }

    /// Takes the lock for an upgradable read. Waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn upgradable_read_deadline(
        &self,
        deadline: Instant,
    ) -> Result<UpgradableGuard<'_, T>, WaitError> {
        self.upgradable_read_until(Some(deadline), Location::caller())
    }

    /// Takes the lock for an upgradable read if no task writes, waits to write, or holds or waits for an upgradable
    /// read. Does not wait.
    ///
    /// # Errors
    /// A task does ([`is_busy`](WaitError::is_busy)); or a task panicked while holding the lock for writing
    /// ([`is_poisoned`](WaitError::is_poisoned)).
    #[track_caller]
    pub fn try_upgradable_read(&self) -> Result<UpgradableGuard<'_, T>, WaitError> {
        let at = Location::caller();
        self.try_take(Access::Upgradable, at, Self::upgradable_guard)
    }

    fn upgradable_read_until(
        &self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<UpgradableGuard<'_, T>, WaitError> {
        if self.raw.take(Access::Upgradable, at) {
            return Ok(self.upgradable_guard());
        }
        self.wait(Access::Upgradable, deadline, at, Self::upgradable_guard)
    }

    /// The guard of the calling thread, which has just taken the lock for an upgradable read.
    fn upgradable_guard(&self) -> UpgradableGuard<'_, T> {
        UpgradableGuard {
            value: ManuallyDrop::new(self.read_guard()),
        }
    }
}

impl<'a, T: ?Sized> UpgradableGuard<'a, T> {
    /// Turns the guard into a guard for writing. Waits until no other task reads; tasks that want to read now wait
    /// until the write is over. This and the others are associated functions, so that they hide no method of the value.
    ///
    /// # Errors
    /// The current task was cancelled while it waited, or the wait was [refused](crate::sync), for example because this
    /// task itself has another guard for reading ([`is_deadlock`](WaitError::is_deadlock)). The error contains the
    /// guard.
    #[track_caller]
    pub fn upgrade(guard: Self) -> Result<WriteGuard<'a, T>, UpgradeError<'a, T>> {
        guard.upgrade_until(None, Location::caller())
    }

    /// Does what [`upgrade`](Self::upgrade) does, but waits at most `timeout`.
    ///
    /// # Errors
    /// The errors of [`upgrade`](Self::upgrade), or the time ran out.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use reunite::WaitError;
    /// use reunite::sync::{RwLock, UpgradableGuard};
    /// # fn main() -> Result<(), WaitError> {
    /// let config = RwLock::new(1);
    /// let reader = config.upgradable_read()?;
    /// *UpgradableGuard::upgrade_timeout(reader, Duration::from_secs(1))? += 1;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn upgrade_timeout(
        guard: Self,
        timeout: Duration,
    ) -> Result<WriteGuard<'a, T>, UpgradeError<'a, T>> {
        guard.upgrade_until(deadline::after(timeout), Location::caller())
    }

    /// Does what [`upgrade`](Self::upgrade) does, but waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`upgrade`](Self::upgrade), or the time ran out.
    #[track_caller]
    pub fn upgrade_deadline(
        guard: Self,
        deadline: Instant,
    ) -> Result<WriteGuard<'a, T>, UpgradeError<'a, T>> {
        guard.upgrade_until(Some(deadline), Location::caller())
    }

    /// Turns the guard into a guard for writing if no other task reads. Does not wait.
    ///
    /// # Errors
    /// A task reads ([`is_busy`](WaitError::is_busy)). The error contains the guard.
    #[track_caller]
    pub fn try_upgrade(guard: Self) -> Result<WriteGuard<'a, T>, UpgradeError<'a, T>> {
        if guard.value.lock.raw.try_upgrade(Location::caller()) {
            return Ok(guard.into_writer());
        }
        let error = WaitError::busy();
        Err(UpgradeError { guard, error })
    }

    /// Turns the guard into a guard for reading. No task writes in between, and another task may take the lock for an
    /// upgradable read.
    ///
    /// ```
    /// use reunite::sync::{RwLock, UpgradableGuard};
    /// let config = RwLock::new(1);
    /// let reader = UpgradableGuard::downgrade(config.upgradable_read().unwrap());
    /// assert_eq!(*config.try_upgradable_read().unwrap(), *reader);
    /// ```
    #[track_caller]
    pub fn downgrade(guard: Self) -> ReadGuard<'a, T> {
        let lock = guard.forget();
        let at = Location::caller();
        lock.raw.downgrade(Access::Upgradable, Access::Read, at);
        lock.read_guard()
    }

    fn upgrade_until(
        self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<WriteGuard<'a, T>, UpgradeError<'a, T>> {
        match self.value.lock.raw.upgrade(deadline, at) {
            Ok(()) => Ok(self.into_writer()),
            Err(error) => Err(UpgradeError { guard: self, error }),
        }
    }

    /// Makes the guard for writing of a hold that was upgraded.
    fn into_writer(self) -> WriteGuard<'a, T> {
        self.forget().write_guard()
    }

    /// Gives the guard up without releasing the lock.
    fn forget(self) -> &'a RwLock<T> {
        let lock = self.value.lock;
        std::mem::forget(self);
        lock
    }
}

impl<'a, T: ?Sized> WriteGuard<'a, T> {
    /// Turns the guard into a guard for an upgradable read. No other task writes in between, and readers may come in.
    ///
    /// ```
    /// use reunite::sync::{RwLock, UpgradableGuard, WriteGuard};
    /// let config = RwLock::new(1);
    /// let reader = WriteGuard::downgrade_to_upgradable(config.write().unwrap());
    /// assert_eq!(*config.read().unwrap(), 1);
    /// *UpgradableGuard::upgrade(reader).unwrap() = 2;
    /// ```
    #[track_caller]
    pub fn downgrade_to_upgradable(guard: Self) -> UpgradableGuard<'a, T> {
        let lock = guard.lock;
        let at = Location::caller();
        guard.into_hold().downgrade(Access::Upgradable, at);
        lock.upgradable_guard()
    }
}

impl<T: ?Sized> Drop for UpgradableGuard<'_, T> {
    fn drop(&mut self) {
        self.value.lock.raw.unlock(Access::Upgradable);
    }
}

impl<T: ?Sized> Deref for UpgradableGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for UpgradableGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<'a, T: ?Sized> UpgradeError<'a, T> {
    /// Returns why the upgrade failed.
    pub fn error(&self) -> &WaitError {
        &self.error
    }

    /// Returns the guard, which still holds the lock for an upgradable read.
    pub fn into_guard(self) -> UpgradableGuard<'a, T> {
        self.guard
    }
}

impl<T: ?Sized> From<UpgradeError<'_, T>> for WaitError {
    /// Drops the guard.
    fn from(failed: UpgradeError<'_, T>) -> Self {
        failed.error
    }
}

impl<T: ?Sized> fmt::Display for UpgradeError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T: ?Sized> fmt::Debug for UpgradeError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UpgradeError").field(&self.error).finish()
    }
}

impl<T: ?Sized> std::error::Error for UpgradeError<'_, T> {}
