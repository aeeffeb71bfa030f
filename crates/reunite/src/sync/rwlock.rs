//! The read-write lock: many readers, or one writer.
//!
//! # Access rules
//! 1. The value is reached only through a guard, or through `&mut RwLock` or the lock itself.
//! 2. A [`WriteGuard`] exists only while `raw` is held for writing: there is no other guard then.
//! 3. A [`ReadGuard`] exists only while `raw` is held for reading, upgradably or not: there are only read guards then,
//!    which give access to `&T`.
//! 4. The drop of a guard releases `raw`, and later holders see everything written before that.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use super::hold::{ReadHold, WriteHold};
use super::raw_rw::RawRw;
use super::rw_queue::Access;
use crate::deadline;
use crate::error::WaitError;
use crate::primitive::{Duration, Instant, panicking};
use crate::unwind::clear_marks;

/// A value that many tasks may read at the same time, or one task may change. Requests are served in the order in which
/// they came, so a reader waits for a writer that came before it. Therefore a task that takes the lock for reading
/// twice could wait for ever, if a writer came in between; that wait is refused.
///
/// A panic that unwinds past a write guard poisons the lock. A task that leaves because it was cancelled
/// ([`Cancelled::unwind`](crate::Cancelled::unwind)) does not poison it.
///
/// ```
/// use reunite::sync::RwLock;
/// let config = RwLock::new(String::from("fast"));
/// {
///     let (one, two) = (config.read().unwrap(), config.read().unwrap());
///     assert_eq!(*one, *two);
/// }
/// config.write().unwrap().push_str(" and safe");
/// assert_eq!(*config.read().unwrap(), "fast and safe");
/// ```
pub struct RwLock<T: ?Sized> {
    pub(super) raw: RawRw,
    value: UnsafeCell<T>,
}

// SAFETY: by rules 2 and 4 a writer has the value alone, on any thread, so it must be `Send`; by rule 3 readers share
// it among threads, so it must be `Sync`.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
// A panic of a thread that holds the lock for writing poisons it, so no thread can use a half-updated value without
// noticing.
impl<T: ?Sized> std::panic::RefUnwindSafe for RwLock<T> {}
impl<T: ?Sized> std::panic::UnwindSafe for RwLock<T> {}

/// A guard for reading the value of an [`RwLock`]. Dropping it releases the lock.
#[must_use = "the lock is released when this is dropped"]
pub struct ReadGuard<'a, T: ?Sized> {
    pub(super) lock: &'a RwLock<T>,
    /// A lock must be released on the thread that took it, because it is in the list of that thread.
    stays: PhantomData<*const ()>,
}

/// A guard for changing the value of an [`RwLock`]. Dropping it releases the lock.
#[must_use = "the lock is released when this is dropped"]
pub struct WriteGuard<'a, T: ?Sized> {
    pub(super) lock: &'a RwLock<T>,
    /// True if the thread was already unwinding when it took the lock: that panic does not poison the lock.
    unwound: bool,
    stays: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives access to `&T` only.
unsafe impl<T: ?Sized + Sync> Sync for ReadGuard<'_, T> {}
// SAFETY: a shared guard gives access to `&T` only.
unsafe impl<T: ?Sized + Sync> Sync for WriteGuard<'_, T> {}

impl<T> RwLock<T> {
    /// Makes a lock with this value.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Self {
            raw: RawRw::new(Location::caller()),
            value: UnsafeCell::new(value),
        }
    }

    /// Returns the value, even if the lock is poisoned.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Takes the lock for reading. Waits until no task writes, and no task in front waits to write.
    ///
    /// # Errors
    /// The current task was cancelled while it waited; the wait was [refused](crate::sync), for example as a deadlock
    /// ([`is_deadlock`](WaitError::is_deadlock)); or a task panicked while holding the lock for writing
    /// ([`is_poisoned`](WaitError::is_poisoned)).
    #[inline]
    #[track_caller]
    pub fn read(&self) -> Result<ReadGuard<'_, T>, WaitError> {
        self.read_until(None, Location::caller())
    }

    /// Takes the lock for reading. Waits at most `timeout`.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn read_timeout(&self, timeout: Duration) -> Result<ReadGuard<'_, T>, WaitError> {
        self.read_until(deadline::after(timeout), Location::caller())
    }

    /// Takes the lock for reading. Waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn read_deadline(&self, deadline: Instant) -> Result<ReadGuard<'_, T>, WaitError> {
        self.read_until(Some(deadline), Location::caller())
    }

    /// Takes the lock for reading if no task writes or waits to write. Does not wait.
    ///
    /// # Errors
    /// A task writes or waits to write ([`is_busy`](WaitError::is_busy)); or a task panicked while holding the lock for
    /// writing ([`is_poisoned`](WaitError::is_poisoned)).
    #[track_caller]
    pub fn try_read(&self) -> Result<ReadGuard<'_, T>, WaitError> {
        self.try_take(Access::Read, Location::caller(), Self::read_guard)
    }

    /// Takes the lock for writing. Waits until no task reads or writes.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read).
    #[inline]
    #[track_caller]
    pub fn write(&self) -> Result<WriteGuard<'_, T>, WaitError> {
        self.write_until(None, Location::caller())
    }

    /// Takes the lock for writing. Waits at most `timeout`.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn write_timeout(&self, timeout: Duration) -> Result<WriteGuard<'_, T>, WaitError> {
        self.write_until(deadline::after(timeout), Location::caller())
    }

    /// Takes the lock for writing. Waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn write_deadline(&self, deadline: Instant) -> Result<WriteGuard<'_, T>, WaitError> {
        self.write_until(Some(deadline), Location::caller())
    }

    /// Takes the lock for writing if no other task reads, writes or waits. Does not wait.
    ///
    /// # Errors
    /// A task reads, writes or waits ([`is_busy`](WaitError::is_busy)); or a task panicked while holding the lock for
    /// writing ([`is_poisoned`](WaitError::is_poisoned)).
    ///
    /// ```
    /// let config = reunite::sync::RwLock::new(1);
    /// let reader = config.read().unwrap();
    /// assert!(config.try_write().unwrap_err().is_busy());
    /// drop(reader);
    /// *config.try_write().unwrap() = 2;
    /// ```
    #[track_caller]
    pub fn try_write(&self) -> Result<WriteGuard<'_, T>, WaitError> {
        self.try_take(Access::Write, Location::caller(), Self::write_guard)
    }

    pub(super) fn try_take<'a, G>(
        &'a self,
        access: Access,
        at: &'static Location<'static>,
        guard: impl FnOnce(&'a Self) -> G,
    ) -> Result<G, WaitError> {
        if !self.raw.try_lock(access, at) {
            return Err(WaitError::busy());
        }
        self.unless_poisoned(guard(self))
    }

    /// Returns the guard of a lock that was taken, unless the lock is poisoned.
    pub(super) fn unless_poisoned<G>(&self, guard: G) -> Result<G, WaitError> {
        if self.is_poisoned() {
            return Err(WaitError::poisoned());
        }
        Ok(guard)
    }

    #[inline]
    fn read_until(
        &self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<ReadGuard<'_, T>, WaitError> {
        if self.raw.take(Access::Read, at) {
            return Ok(self.read_guard());
        }
        self.wait(Access::Read, deadline, at, Self::read_guard)
    }

    #[cold]
    pub(super) fn wait<'a, G>(
        &'a self,
        access: Access,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
        guard: impl FnOnce(&'a Self) -> G,
    ) -> Result<G, WaitError> {
        self.raw.lock(access, deadline, at)?;
        self.unless_poisoned(guard(self))
    }

    #[inline]
    fn write_until(
        &self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<WriteGuard<'_, T>, WaitError> {
        if self.raw.take(Access::Write, at) {
            return Ok(self.write_guard());
        }
        self.wait(Access::Write, deadline, at, Self::write_guard)
    }

    /// The guard of the calling thread, which has just taken the lock for reading.
    #[inline]
    pub(super) fn read_guard(&self) -> ReadGuard<'_, T> {
        ReadGuard {
            lock: self,
            stays: PhantomData,
        }
    }

    /// The guard of the calling thread, which has just taken the lock for writing.
    #[inline]
    pub(super) fn write_guard(&self) -> WriteGuard<'_, T> {
        let unwound = panicking();
        if !unwound {
            clear_marks();
        }
        WriteGuard {
            lock: self,
            unwound,
            stays: PhantomData,
        }
    }

    /// Returns the value without locking: `&mut self` excludes all other access.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Returns true if a task panicked while holding the lock for writing.
    pub fn is_poisoned(&self) -> bool {
        self.raw.is_poisoned()
    }

    /// Removes the poison, so that the lock can be taken again. To be called when the value is known to be consistent,
    /// or was repaired: see [`ignore_poison`](Self::ignore_poison).
    pub fn clear_poison(&self) {
        self.raw.clear_poison();
    }
}

impl<T: ?Sized> Drop for ReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        drop(ReadHold(&self.lock.raw));
    }
}

impl<T: ?Sized> Drop for WriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        drop(WriteHold {
            raw: &self.lock.raw,
            unwound: self.unwound,
        });
    }
}

impl<'a, T: ?Sized> ReadGuard<'a, T> {
    /// Turns the guard into its hold of the lock.
    pub(super) fn into_hold(self) -> ReadHold<'a> {
        let hold = ReadHold(&self.lock.raw);
        std::mem::forget(self);
        hold
    }
}

impl<'a, T: ?Sized> WriteGuard<'a, T> {
    /// Turns the guard into a guard for reading. No other task writes in between, and other readers may come in. It is
    /// an associated function, so that it hides no method of the value.
    ///
    /// ```
    /// use reunite::sync::{RwLock, WriteGuard};
    /// let config = RwLock::new(1);
    /// let mut writer = config.write().unwrap();
    /// *writer = 2;
    /// let reader = WriteGuard::downgrade(writer);
    /// assert_eq!((*reader, *config.read().unwrap()), (2, 2));
    /// ```
    #[track_caller]
    pub fn downgrade(guard: Self) -> ReadGuard<'a, T> {
        let lock = guard.lock;
        guard
            .into_hold()
            .downgrade(Access::Read, Location::caller());
        lock.read_guard()
    }

    /// Turns the guard into its hold of the lock.
    pub(super) fn into_hold(self) -> WriteHold<'a> {
        let hold = WriteHold {
            raw: &self.lock.raw,
            unwound: self.unwound,
        };
        std::mem::forget(self);
        hold
    }
}

impl<T: ?Sized> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: by rule 3, there are only read guards while this one lives, so nothing changes the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: by rule 2, there is no other guard while this one lives.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by rule 2; and the guard is borrowed mutably, so this is the only reference to the value.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_read() {
            Ok(guard) => f.debug_tuple("RwLock").field(&&*guard).finish(),
            Err(error) if error.is_poisoned() => f.write_str("RwLock(poisoned)"),
            Err(_) => f.write_str("RwLock(locked)"),
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for WriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
