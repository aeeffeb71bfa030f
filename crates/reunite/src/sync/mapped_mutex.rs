//! Guards of a part of a mutex's value.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::hold::MutexHold;
use super::mapped::Mapped;
use super::mutex::MutexGuard;

/// A guard: access to a part of the value of a [`Mutex`](super::Mutex), made by [`MutexGuard::map`]. Dropping it
/// releases the lock. A panic that unwinds past it poisons the lock.
///
/// A [`Condvar`](super::Condvar) takes only guards of the whole value, because another task may change all of it during
/// the wait.
#[must_use = "the lock is released when this is dropped"]
pub struct MappedMutexGuard<'a, T: ?Sized>(Mapped<'a, T, MutexHold<'a>>);

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Turns the guard into a guard of the part of the value that `part` returns. It is an associated function, so that
    /// it hides no method of the value.
    ///
    /// # Panics
    /// If `part` panics. The lock is released then, and poisoned.
    ///
    /// ```
    /// use reunite::sync::{Mutex, MutexGuard};
    /// let pair = Mutex::new((1, 2));
    /// *MutexGuard::map(pair.lock().unwrap(), |pair| &mut pair.1) += 1;
    /// assert_eq!(*pair.lock().unwrap(), (1, 3));
    /// ```
    pub fn map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, U> {
        let value = NonNull::from(part(&mut *guard));
        MappedMutexGuard(Mapped::new(value, guard.into_hold()))
    }

    /// Turns the guard into a guard of the part of the value that `part` returns, if it returns one.
    ///
    /// # Errors
    /// The guard itself, if `part` returned `None`.
    ///
    /// # Panics
    /// If `part` panics. The lock is released then, and poisoned.
    ///
    /// ```
    /// use reunite::sync::{Mutex, MutexGuard};
    /// let list = Mutex::new(vec![1, 2]);
    /// let third = MutexGuard::filter_map(list.lock().unwrap(), |list| list.get_mut(2));
    /// let list = third.unwrap_err();
    /// assert_eq!(list.len(), 2);
    /// ```
    pub fn filter_map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedMutexGuard<'a, U>, Self> {
        match part(&mut *guard).map(NonNull::from) {
            Some(value) => Ok(MappedMutexGuard(Mapped::new(value, guard.into_hold()))),
            None => Err(guard),
        }
    }
}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// Turns the guard into a guard of the part of the part that `part` returns. It is an associated function, so that
    /// it hides no method of the value.
    ///
    /// # Panics
    /// If `part` panics. The lock is released then, and poisoned.
    ///
    /// ```
    /// use reunite::sync::{MappedMutexGuard, Mutex, MutexGuard};
    /// let nested = Mutex::new(((1, 2), 3));
    /// let outer = MutexGuard::map(nested.lock().unwrap(), |nested| &mut nested.0);
    /// *MappedMutexGuard::map(outer, |pair| &mut pair.1) = 4;
    /// assert_eq!(*nested.lock().unwrap(), ((1, 4), 3));
    /// ```
    pub fn map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, U> {
        let value = NonNull::from(part(&mut *guard));
        MappedMutexGuard(guard.0.with(value))
    }

    /// Turns the guard into a guard of the part of the part that `part` returns, if it returns one.
    ///
    /// # Errors
    /// The guard itself, if `part` returned `None`.
    ///
    /// # Panics
    /// If `part` panics. The lock is released then, and poisoned.
    ///
    /// ```
    /// use reunite::sync::{MappedMutexGuard, Mutex, MutexGuard};
    /// let lists = Mutex::new((vec![1], 2));
    /// let list = MutexGuard::map(lists.lock().unwrap(), |lists| &mut lists.0);
    /// let first = MappedMutexGuard::filter_map(list, |list| list.first_mut());
    /// assert_eq!(*first.unwrap(), 1);
    /// ```
    pub fn filter_map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedMutexGuard<'a, U>, Self> {
        match part(&mut *guard).map(NonNull::from) {
            Some(value) => Ok(MappedMutexGuard(guard.0.with(value))),
            None => Err(guard),
        }
    }
}

impl<T: ?Sized> Deref for MappedMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> DerefMut for MappedMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MappedMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
