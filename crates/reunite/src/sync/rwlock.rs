//! Many readers, or one writer.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use super::raw_rw::{Access, RawRw};
use crate::deadline;
use crate::error::WaitError;
use crate::primitive::{Duration, Instant, panicking};
use crate::unwind::{is_leaving, settled};

/// A value that many tasks may read at a time, or one may change. First come, first served: a reader waits for
/// a writer that came before it, so reading again while reading can wait for ever, and is refused then.
///
/// A panic that unwinds past a guard for writing poisons the lock. A task that leaves because it was cancelled
/// ([`Cancelled::unwind`](crate::Cancelled::unwind)) poisons nothing.
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
    raw: RawRw,
    value: UnsafeCell<T>,
}

// SAFETY: writers have the value alone, so it must be `Send`; readers share it among threads, so `Sync`.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
// A panic while it is held for writing poisons it.
impl<T: ?Sized> std::panic::RefUnwindSafe for RwLock<T> {}
impl<T: ?Sized> std::panic::UnwindSafe for RwLock<T> {}

/// The value of an [`RwLock`], to read; released on drop.
#[must_use = "the lock is released when this is dropped"]
pub struct ReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    /// A lock is released where it was taken: the thread has it in its list.
    stays: PhantomData<*const ()>,
}

/// The value of an [`RwLock`], to change; released on drop.
#[must_use = "the lock is released when this is dropped"]
pub struct WriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    /// Whether the thread unwound already when it took the lock: then a panic is no news.
    unwound: bool,
    stays: PhantomData<*const ()>,
}

// SAFETY: it gives others only `&T`.
unsafe impl<T: ?Sized + Sync> Sync for ReadGuard<'_, T> {}
// SAFETY: it gives others only `&T`.
unsafe impl<T: ?Sized + Sync> Sync for WriteGuard<'_, T> {}

impl<T> RwLock<T> {
    /// A lock with this value.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Self {
            raw: RawRw::new(Location::caller()),
            value: UnsafeCell::new(value),
        }
    }

    /// The value, poisoned or not.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until it can be read.
    ///
    /// # Errors
    /// The current task was cancelled while it waited; waiting would never have ended
    /// ([`is_deadlock`](WaitError::is_deadlock)); or somebody panicked while changing it
    /// ([`is_poisoned`](WaitError::is_poisoned)).
    #[inline]
    #[track_caller]
    pub fn read(&self) -> Result<ReadGuard<'_, T>, WaitError> {
        self.read_until(None, Location::caller())
    }

    /// [`read`](Self::read) for at most `timeout`.
    ///
    /// # Errors
    /// As [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn read_timeout(&self, timeout: Duration) -> Result<ReadGuard<'_, T>, WaitError> {
        self.read_until(deadline::after(timeout), Location::caller())
    }

    /// [`read`](Self::read) until `deadline`.
    ///
    /// # Errors
    /// As [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn read_deadline(&self, deadline: Instant) -> Result<ReadGuard<'_, T>, WaitError> {
        self.read_until(Some(deadline), Location::caller())
    }

    /// Takes the lock for reading if nobody changes the value or waits to. Does not wait.
    ///
    /// # Errors
    /// Somebody changes it or waits to ([`is_busy`](WaitError::is_busy)), or somebody panicked while changing it
    /// ([`is_poisoned`](WaitError::is_poisoned)).
    #[track_caller]
    pub fn try_read(&self) -> Result<ReadGuard<'_, T>, WaitError> {
        self.try_take(Access::Read, Location::caller(), Self::read_guard)
    }

    /// Waits until nobody else reads or changes it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    #[inline]
    #[track_caller]
    pub fn write(&self) -> Result<WriteGuard<'_, T>, WaitError> {
        self.write_until(None, Location::caller())
    }

    /// [`write`](Self::write) for at most `timeout`.
    ///
    /// # Errors
    /// As [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn write_timeout(&self, timeout: Duration) -> Result<WriteGuard<'_, T>, WaitError> {
        self.write_until(deadline::after(timeout), Location::caller())
    }

    /// [`write`](Self::write) until `deadline`.
    ///
    /// # Errors
    /// As [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn write_deadline(&self, deadline: Instant) -> Result<WriteGuard<'_, T>, WaitError> {
        self.write_until(Some(deadline), Location::caller())
    }

    /// Takes the lock for writing if nobody reads or changes the value, or waits to. Does not wait.
    ///
    /// # Errors
    /// Somebody reads or changes it, or waits to ([`is_busy`](WaitError::is_busy)); or somebody panicked while changing
    /// it ([`is_poisoned`](WaitError::is_poisoned)).
    #[track_caller]
    pub fn try_write(&self) -> Result<WriteGuard<'_, T>, WaitError> {
        self.try_take(Access::Write, Location::caller(), Self::write_guard)
    }

    fn try_take<'a, G>(
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

    /// The guard of a lock that was taken.
    fn unless_poisoned<G>(&self, guard: G) -> Result<G, WaitError> {
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
    fn wait<'a, G>(
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

    /// For the calling thread, which has just taken the lock for reading.
    #[inline]
    fn read_guard(&self) -> ReadGuard<'_, T> {
        ReadGuard {
            lock: self,
            stays: PhantomData,
        }
    }

    /// For the calling thread, which has just taken the lock for writing.
    #[inline]
    fn write_guard(&self) -> WriteGuard<'_, T> {
        let unwound = panicking();
        if !unwound {
            settled();
        }
        WriteGuard {
            lock: self,
            unwound,
            stays: PhantomData,
        }
    }

    /// The value, without locking: nobody else can have it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Whether somebody panicked while changing it.
    pub fn is_poisoned(&self) -> bool {
        self.raw.is_poisoned()
    }

    /// What it protects is whole after all, or will be made so: it can be locked again.
    pub fn clear_poison(&self) {
        self.raw.clear_poison();
    }
}

impl<T: ?Sized> Drop for ReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.unlock(Access::Read);
    }
}

impl<T: ?Sized> Drop for WriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !self.unwound && panicking() && !is_leaving() {
            self.lock.raw.poison();
        }
        self.lock.raw.unlock(Access::Write);
    }
}

impl<T: ?Sized> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: while the guard lives, the lock is held for reading, and nobody changes the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: while the guard lives, its thread alone holds the lock.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and the guard is borrowed alone, so this is the only way to the value.
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
