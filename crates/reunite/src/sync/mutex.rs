//! The mutex.
//!
//! # Access rules
//! 1. The value is reached only through a [`MutexGuard`], or through `&mut Mutex` or the mutex itself.
//! 2. While a guard that is not `GuardState::Lost` can be dereferenced, its thread holds `raw`, which one thread at a time
//!    holds. So it is the only such guard. (`unlocked` releases `raw` for a while, and borrows the guard mutably for
//!    that time.)
//! 3. A guard stays on its thread (`PhantomData<*const ()>`), which releases `raw` when the guard is dropped. The next
//!    holder sees everything written before that.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use super::hold::{GuardState, MutexHold};
use super::raw::Raw;
use crate::deadline;
use crate::error::WaitError;
use crate::observe::Verb;
use crate::primitive::{Duration, Instant, panicking};
use crate::unwind::clear_marks;
use crate::wait::Heed;

/// A value that one task at a time may use. A wait for the lock ends early when the task is cancelled, and is refused
/// if it would never end, with an error that names each task and lock involved.
///
/// A panic that unwinds past a guard poisons the lock, because the value may be half-updated. A task that leaves
/// because it was cancelled ([`Cancelled::unwind`](crate::Cancelled::unwind)) does not poison it.
///
/// Use a lock where joins do not suffice: prefer to give each task its own value and to join.
///
/// ```
/// use reunite::sync::Mutex;
/// static HITS: Mutex<u64> = Mutex::new(0);
/// reunite::scope(|s| {
///     for _ in 0..4 {
///         s.spawn(|| *HITS.lock().unwrap() += 1);
///     }
/// });
/// assert_eq!(*HITS.lock().unwrap(), 4);
/// ```
pub struct Mutex<T: ?Sized> {
    pub(super) raw: Raw,
    value: UnsafeCell<T>,
}

// SAFETY: by rules 2 and 3, one guard at a time has the value, on any thread, so sharing the mutex is sending the
// value.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// A panic of the thread that holds the lock poisons it, so no thread can use a half-updated value without noticing.
impl<T: ?Sized> std::panic::RefUnwindSafe for Mutex<T> {}
impl<T: ?Sized> std::panic::UnwindSafe for Mutex<T> {}

/// A guard: access to the value of a [`Mutex`], for the task that holds it. Dropping it releases the lock.
#[must_use = "the lock is released when this is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    hold: GuardState,
    /// A lock must be released on the thread that took it, because it is in the list of that thread.
    stays: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives access to `&T` only.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<T> Mutex<T> {
    /// Makes a mutex with this value.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Self {
            raw: Raw::new("a mutex", Location::caller()),
            value: UnsafeCell::new(value),
        }
    }

    /// Returns the value, even if the lock is poisoned.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Takes the lock. Waits until it is free.
    ///
    /// # Errors
    /// The current task was cancelled while it waited; the wait was [refused](crate::sync), for example as a deadlock
    /// ([`is_deadlock`](WaitError::is_deadlock)); or a task panicked while holding the lock
    /// ([`is_poisoned`](WaitError::is_poisoned)).
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, WaitError> {
        self.lock_until(None, Location::caller())
    }

    /// Takes the lock. Waits at most `timeout` until it is free.
    ///
    /// # Errors
    /// The errors of [`lock`](Self::lock), or the time ran out.
    ///
    /// ```
    /// use std::time::Duration;
    /// let counter = reunite::sync::Mutex::new(1);
    /// let _guard = counter.lock().unwrap();
    /// let waited = reunite::scope(|s| s.spawn(|| counter.lock_timeout(Duration::from_millis(1)).is_err()).join());
    /// assert!(waited.unwrap());
    /// ```
    #[track_caller]
    pub fn lock_timeout(&self, timeout: Duration) -> Result<MutexGuard<'_, T>, WaitError> {
        self.lock_until(deadline::after(timeout), Location::caller())
    }

    /// Takes the lock. Waits until it is free, at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`lock`](Self::lock), or the time ran out.
    #[track_caller]
    pub fn lock_deadline(&self, deadline: Instant) -> Result<MutexGuard<'_, T>, WaitError> {
        self.lock_until(Some(deadline), Location::caller())
    }

    /// Takes the lock if it is free. Does not wait.
    ///
    /// # Errors
    /// The lock is held, possibly by the caller itself ([`is_busy`](WaitError::is_busy)); or a task panicked while
    /// holding it ([`is_poisoned`](WaitError::is_poisoned)).
    ///
    /// ```
    /// let counter = reunite::sync::Mutex::new(0);
    /// match counter.try_lock() {
    ///     Ok(mut counter) => *counter += 1,
    ///     Err(error) if error.is_busy() => println!("try again later"),
    ///     Err(error) => panic!("{error}"),
    /// }
    /// ```
    #[track_caller]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, WaitError> {
        if !self.raw.try_lock(Location::caller()) {
            return Err(WaitError::busy());
        }
        self.unless_poisoned(self.guard())
    }

    #[inline]
    fn lock_until(
        &self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<MutexGuard<'_, T>, WaitError> {
        if self.raw.take(at) {
            return Ok(self.guard());
        }
        self.wait(deadline, at)
    }

    #[cold]
    fn wait(
        &self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<MutexGuard<'_, T>, WaitError> {
        self.raw.lock(Verb::Lock, deadline, Heed::Task, at)?;
        self.unless_poisoned(self.guard())
    }

    fn unless_poisoned<'a>(
        &self,
        guard: MutexGuard<'a, T>,
    ) -> Result<MutexGuard<'a, T>, WaitError> {
        if self.is_poisoned() {
            return Err(WaitError::poisoned());
        }
        Ok(guard)
    }

    /// The guard of the calling thread, which has just taken the lock.
    #[inline]
    pub(super) fn guard(&self) -> MutexGuard<'_, T> {
        MutexGuard {
            mutex: self,
            hold: if panicking() {
                GuardState::Unwinding
            } else {
                clear_marks();
                GuardState::Sound
            },
            stays: PhantomData,
        }
    }

    /// Returns the value without locking: `&mut self` excludes all other access.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Returns true if a task panicked while holding the lock.
    pub fn is_poisoned(&self) -> bool {
        self.raw.is_poisoned()
    }

    /// Removes the poison, so that the lock can be taken again. To be called when the value is known to be consistent,
    /// or was repaired: see [`ignore_poison`](Self::ignore_poison).
    ///
    /// ```
    /// let mutex = reunite::sync::Mutex::new(1);
    /// let outcome = reunite::scope(|s| {
    ///     s.spawn(|| { let _guard = mutex.lock().unwrap(); panic!("half-updated") }).join()
    /// });
    /// assert!(outcome.is_err() && mutex.lock().unwrap_err().is_poisoned());
    /// mutex.clear_poison();
    /// assert_eq!(*mutex.lock().unwrap(), 1);
    /// ```
    pub fn clear_poison(&self) {
        self.raw.clear_poison();
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Releases the lock while `wait` runs, and takes it again however `wait` ends. For condition variables.
    ///
    /// # Errors
    /// The lock can never be taken again, and no other wait can be refused instead. From then on the guard does not
    /// hold the lock.
    pub(super) fn unlocked(
        &mut self,
        at: &'static Location<'static>,
        wait: impl FnOnce(),
    ) -> Result<(), WaitError> {
        /// Takes the lock again even if `wait` unwinds, because the guard releases it when it is dropped.
        struct Again<'g, 'a, T: ?Sized> {
            guard: &'g mut MutexGuard<'a, T>,
            at: &'static Location<'static>,
            refused: &'g mut Option<WaitError>,
        }

        impl<T: ?Sized> Drop for Again<'_, '_, T> {
            fn drop(&mut self) {
                let raw = &self.guard.mutex.raw;
                let taken = raw.lock(Verb::Lock, None, Heed::UnlessForEver, self.at);
                *self.refused = taken.err();
                if self.refused.is_some() {
                    self.guard.hold = GuardState::Lost;
                }
            }
        }

        self.must_hold();
        let mut refused = None;
        self.mutex.raw.unlock();
        let again = Again {
            guard: self,
            at,
            refused: &mut refused,
        };
        wait();
        drop(again);
        refused.map_or(Ok(()), Err)
    }

    #[inline]
    pub(super) fn must_hold(&self) {
        assert!(
            self.hold != GuardState::Lost,
            "this guard has lost its lock: a condition variable could not take it again, and returned that error"
        );
    }

    pub(super) fn is_poisoned(&self) -> bool {
        self.mutex.is_poisoned()
    }

    /// Turns the guard into its hold of the lock.
    pub(super) fn into_hold(self) -> MutexHold<'a> {
        let hold = MutexHold {
            raw: &self.mutex.raw,
            state: self.hold,
        };
        std::mem::forget(self);
        hold
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        drop(MutexHold {
            raw: &self.mutex.raw,
            state: self.hold,
        });
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.must_hold();
        // SAFETY: by rule 2, as the guard is not `Lost`, there is no other guard that could change the value.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.must_hold();
        // SAFETY: by rule 2, as the guard is not `Lost`; and it is borrowed mutably, so this is the only reference to
        // the value.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Ok(guard) => f.debug_tuple("Mutex").field(&&*guard).finish(),
            Err(error) if error.is_poisoned() => f.write_str("Mutex(poisoned)"),
            Err(_) => f.write_str("Mutex(locked)"),
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
