//! The spin lock around the state that the ends of a channel share. It is held for a few instructions, several times
//! per message.
//!
//! Its release is a plain store, so it costs half as much as a lock that can put a thread to sleep. A thread waits for
//! the lock only during those few instructions: no user code runs under the lock, and a thread that has to wait for a
//! message parks in `wait`, without the lock. If the holder loses its processor in the meantime, the waiting threads
//! yield theirs.
//!
//! # Access rules
//! 1. The value is reached only through a [`Guard`], or through `&mut Lock`.
//! 2. A guard is made only after the exchange in [`Lock::take`] has set `is_held`. It is then the only guard, because
//!    the next exchange succeeds only after the guard's drop has stored false.
//! 3. That store releases and the exchange acquires, so a holder sees everything that earlier holders wrote.

use std::ops::{Deref, DerefMut};

use super::backoff::Backoff;
use crate::primitive::{AtomicBool, Inside, Ordering, UnsafeCell};

pub(super) struct Lock<T> {
    is_held: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: by rules 2 and 3, only the holder of the guard uses the value, on whatever thread that is. So threads that
// share the lock only send the value from one to the next.
unsafe impl<T: Send> Sync for Lock<T> {}

pub(super) struct Guard<'a, T> {
    lock: &'a Lock<T>,
    _inside: Inside,
}

// SAFETY: a shared guard gives access to `&T` only.
unsafe impl<T: Sync> Sync for Guard<'_, T> {}

impl<T> Lock<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            is_held: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    #[inline]
    pub(super) fn lock(&self) -> Guard<'_, T> {
        if !self.take() {
            self.lock_slow();
        }
        Guard {
            lock: self,
            _inside: Inside::mark(),
        }
    }

    #[inline]
    fn take(&self) -> bool {
        let taken =
            self.is_held
                .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok()
    }

    #[cold]
    fn lock_slow(&self) {
        let mut patience = Backoff::new();
        while self.is_held.load(Ordering::Relaxed) || !self.take() {
            patience.pause();
        }
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.is_held.store(false, Ordering::Release);
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: by rule 2, there is no other guard while this one lives, so nothing changes the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by rule 2, and the guard is borrowed mutably, so this is the only reference to the value.
        unsafe { &mut *self.lock.value.get() }
    }
}
