//! Guards of a part of a locked value.
//!
//! # Access rules
//! 1. The pointer of a mapped guard comes from a reference that a closure made of the reference that the guard of the
//!    whole gives. The closure works for references of every lifetime, so what it returns is valid as long as the guard
//!    gives access: while the lock is held. The mapped guard keeps the hold of the lock, and releases it when it is
//!    dropped.
//! 2. The guard of the whole is gone, so the mapped guard is the only one of its hold. If the hold is exclusive (of a
//!    mutex, or for writing), no other reference to the value exists. If it is shared, there are only shared ones, and
//!    the closure got and returned a shared one.
//! 3. A mapped guard stays on its thread, as all guards do: `NonNull` is not `Send`.
//!
//! If the closure panics, the guard of the whole is dropped by the unwinding, and poisons the lock if it would poison
//! it in any other panic.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::hold::{MutexHold, WriteHold};

/// A pointer to a part of a locked value, and the hold of the lock.
pub(super) struct Mapped<'a, T: ?Sized, H> {
    value: NonNull<T>,
    hold: H,
    borrows: PhantomData<&'a mut T>,
}

// SAFETY: a shared guard gives access to `&T` only.
unsafe impl<T: ?Sized + Sync, H: Sync> Sync for Mapped<'_, T, H> {}

impl<T: ?Sized, H> Mapped<'_, T, H> {
    /// `value` and `hold` must come from one guard, by rule 1.
    pub(super) fn new(value: NonNull<T>, hold: H) -> Self {
        Self {
            value,
            hold,
            borrows: PhantomData,
        }
    }
}

impl<'a, T: ?Sized, H> Mapped<'a, T, H> {
    /// Makes a guard of a part of this part. `value` must point into it, by rule 1.
    pub(super) fn with<U: ?Sized>(self, value: NonNull<U>) -> Mapped<'a, U, H> {
        Mapped::new(value, self.hold)
    }
}

impl<T: ?Sized, H> Deref for Mapped<'_, T, H> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: by rules 1 and 2, the value is valid and not changed while `self` is borrowed.
        unsafe { self.value.as_ref() }
    }
}

/// A hold that excludes all other holds of its lock.
pub(super) trait Exclusive {}

impl Exclusive for MutexHold<'_> {}
impl Exclusive for WriteHold<'_> {}

impl<T: ?Sized, H: Exclusive> DerefMut for Mapped<'_, T, H> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by rules 1 and 2, and as `self` is borrowed mutably, this is the only reference to the value.
        unsafe { self.value.as_mut() }
    }
}

impl<T: ?Sized + fmt::Debug, H> fmt::Debug for Mapped<'_, T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
