//! Guards of a part of a read-write lock's value.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::hold::{ReadHold, WriteHold};
use super::mapped::Mapped;
use super::rwlock::{ReadGuard, WriteGuard};

/// A guard for reading a part of the value of an [`RwLock`](super::RwLock), made by [`ReadGuard::map`]. Dropping it
/// releases the lock.
#[must_use = "the lock is released when this is dropped"]
pub struct MappedReadGuard<'a, T: ?Sized>(Mapped<'a, T, ReadHold<'a>>);

/// A guard for changing a part of the value of an [`RwLock`](super::RwLock), made by [`WriteGuard::map`]. Dropping it
/// releases the lock. A panic that unwinds past it poisons the lock. It cannot be downgraded: while others read the
/// whole value, nothing may change the part.
#[must_use = "the lock is released when this is dropped"]
pub struct MappedWriteGuard<'a, T: ?Sized>(Mapped<'a, T, WriteHold<'a>>);

impl<'a, T: ?Sized> ReadGuard<'a, T> {
    /// Turns the guard into a guard of the part of the value that `part` returns. It is an associated function, so that
    /// it hides no method of the value.
    ///
    /// # Panics
    /// If `part` panics. The lock is released then.
    ///
    /// ```
    /// use reunite::sync::{ReadGuard, RwLock};
    /// let pair = RwLock::new((1, 2));
    /// let second = ReadGuard::map(pair.read().unwrap(), |pair| &pair.1);
    /// assert_eq!(*second, 2);
    /// ```
    pub fn map<U: ?Sized>(guard: Self, part: impl FnOnce(&T) -> &U) -> MappedReadGuard<'a, U> {
        let value = NonNull::from(part(&*guard));
        MappedReadGuard(Mapped::new(value, guard.into_hold()))
    }

    /// Turns the guard into a guard of the part of the value that `part` returns, if it returns one.
    ///
    /// # Errors
    /// The guard itself, if `part` returned `None`.
    ///
    /// # Panics
    /// If `part` panics. The lock is released then.
    ///
    /// ```
    /// use reunite::sync::{ReadGuard, RwLock};
    /// let list = RwLock::new(vec![1, 2]);
    /// let third = ReadGuard::filter_map(list.read().unwrap(), |list| list.get(2));
    /// assert_eq!(third.unwrap_err().len(), 2);
    /// ```
    pub fn filter_map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<MappedReadGuard<'a, U>, Self> {
        match part(&*guard).map(NonNull::from) {
            Some(value) => Ok(MappedReadGuard(Mapped::new(value, guard.into_hold()))),
            None => Err(guard),
        }
    }
}

impl<'a, T: ?Sized> MappedReadGuard<'a, T> {
    /// Turns the guard into a guard of the part of the part that `part` returns. It is an associated function, so that
    /// it hides no method of the value.
    ///
    /// # Panics
    /// If `part` panics. The lock is released then.
    ///
    /// ```
    /// use reunite::sync::{MappedReadGuard, ReadGuard, RwLock};
    /// let nested = RwLock::new(((1, 2), 3));
    /// let outer = ReadGuard::map(nested.read().unwrap(), |nested| &nested.0);
    /// assert_eq!(*MappedReadGuard::map(outer, |pair| &pair.1), 2);
    /// ```
    pub fn map<U: ?Sized>(guard: Self, part: impl FnOnce(&T) -> &U) -> MappedReadGuard<'a, U> {
        let value = NonNull::from(part(&*guard));
        MappedReadGuard(guard.0.with(value))
    }

    /// Turns the guard into a guard of the part of the part that `part` returns, if it returns one.
    ///
    /// # Errors
    /// The guard itself, if `part` returned `None`.
    ///
    /// # Panics
    /// If `part` panics. The lock is released then.
    ///
    /// ```
    /// use reunite::sync::{MappedReadGuard, ReadGuard, RwLock};
    /// let lists = RwLock::new((vec![1], 2));
    /// let list = ReadGuard::map(lists.read().unwrap(), |lists| &lists.0);
    /// assert_eq!(*MappedReadGuard::filter_map(list, |list| list.first()).unwrap(), 1);
    /// ```
    pub fn filter_map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<MappedReadGuard<'a, U>, Self> {
        match part(&*guard).map(NonNull::from) {
            Some(value) => Ok(MappedReadGuard(guard.0.with(value))),
            None => Err(guard),
        }
    }
}

impl<'a, T: ?Sized> WriteGuard<'a, T> {
    /// Turns the guard into a guard of the part of the value that `part` returns. It is an associated function, so that
    /// it hides no method of the value.
    ///
    /// # Panics
    /// If `part` panics. The lock is released then, and poisoned.
    ///
    /// ```
    /// use reunite::sync::{RwLock, WriteGuard};
    /// let pair = RwLock::new((1, 2));
    /// *WriteGuard::map(pair.write().unwrap(), |pair| &mut pair.1) += 1;
    /// assert_eq!(*pair.read().unwrap(), (1, 3));
    /// ```
    pub fn map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedWriteGuard<'a, U> {
        let value = NonNull::from(part(&mut *guard));
        MappedWriteGuard(Mapped::new(value, guard.into_hold()))
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
    /// use reunite::sync::{RwLock, WriteGuard};
    /// let list = RwLock::new(vec![1, 2]);
    /// let third = WriteGuard::filter_map(list.write().unwrap(), |list| list.get_mut(2));
    /// third.unwrap_err().push(3);
    /// assert_eq!(*list.read().unwrap(), [1, 2, 3]);
    /// ```
    pub fn filter_map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedWriteGuard<'a, U>, Self> {
        match part(&mut *guard).map(NonNull::from) {
            Some(value) => Ok(MappedWriteGuard(Mapped::new(value, guard.into_hold()))),
            None => Err(guard),
        }
    }
}

impl<'a, T: ?Sized> MappedWriteGuard<'a, T> {
    /// Turns the guard into a guard of the part of the part that `part` returns. It is an associated function, so that
    /// it hides no method of the value.
    ///
    /// # Panics
    /// If `part` panics. The lock is released then, and poisoned.
    ///
    /// ```
    /// use reunite::sync::{MappedWriteGuard, RwLock, WriteGuard};
    /// let nested = RwLock::new(((1, 2), 3));
    /// let outer = WriteGuard::map(nested.write().unwrap(), |nested| &mut nested.0);
    /// *MappedWriteGuard::map(outer, |pair| &mut pair.1) = 4;
    /// assert_eq!(*nested.read().unwrap(), ((1, 4), 3));
    /// ```
    pub fn map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedWriteGuard<'a, U> {
        let value = NonNull::from(part(&mut *guard));
        MappedWriteGuard(guard.0.with(value))
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
    /// use reunite::sync::{MappedWriteGuard, RwLock, WriteGuard};
    /// let lists = RwLock::new((vec![1], 2));
    /// let list = WriteGuard::map(lists.write().unwrap(), |lists| &mut lists.0);
    /// *MappedWriteGuard::filter_map(list, |list| list.first_mut()).unwrap() = 5;
    /// assert_eq!(lists.read().unwrap().0, [5]);
    /// ```
    pub fn filter_map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedWriteGuard<'a, U>, Self> {
        match part(&mut *guard).map(NonNull::from) {
            Some(value) => Ok(MappedWriteGuard(guard.0.with(value))),
            None => Err(guard),
        }
    }
}

impl<T: ?Sized> Deref for MappedReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MappedReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: ?Sized> Deref for MappedWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> DerefMut for MappedWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MappedWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
