//! The lock around what the ends of a channel share: held for some instructions, several times a message.
//!
//! Its release is a plain store, which makes it half as dear as one that could put a thread to sleep. Nobody
//! waits in here for anything but those few instructions: no code of users runs under it, and whoever has to
//! wait for a message parks at the door, without it. If the holder loses its processor meanwhile, the others
//! offer theirs.

use std::ops::{Deref, DerefMut};

use super::patience::Patience;
use crate::primitive::{AtomicBool, Inside, Ordering, UnsafeCell};

pub(super) struct Lock<T> {
    is_held: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: whoever has a guard has the value alone, on any thread, so sharing the lock is sending the value.
unsafe impl<T: Send> Sync for Lock<T> {}

pub(super) struct Guard<'a, T> {
    lock: &'a Lock<T>,
    _inside: Inside,
}

// SAFETY: it gives others only `&T`.
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
            self.insist();
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
    fn insist(&self) {
        let mut patience = Patience::new();
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
        // SAFETY: while the guard lives, nobody else takes the lock, so nobody changes the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and the guard is borrowed alone, so this is the only way to the value.
        unsafe { &mut *self.lock.value.get() }
    }
}
