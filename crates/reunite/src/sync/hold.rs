//! Holds of locks: the right and duty to release a lock, which a guard of a part of the value takes over from the guard
//! of the whole. A hold releases its lock when it is dropped, and poisons it where the guard would.
//!
//! A hold does not say that it must stay on its thread, as guards must; who keeps one is not `Send`.

use std::panic::Location;

use super::raw::Raw;
use super::raw_rw::RawRw;
use super::rw_queue::Access;
use crate::primitive::panicking;
use crate::unwind::is_leaving;

/// The state of a mutex guard, in one byte. A guard is often written and read back at once; with two fields the
/// processor would read both in one step, and wait until both were written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum GuardState {
    /// A panic poisons the lock.
    Sound,
    /// The thread was already unwinding when it took the lock: that panic does not poison the lock.
    Unwinding,
    /// The lock was released for a wait and could not be taken again: the guard gives no access.
    Lost,
}

/// The hold of a mutex.
pub(super) struct MutexHold<'a> {
    pub(super) raw: &'a Raw,
    pub(super) state: GuardState,
}

impl Drop for MutexHold<'_> {
    #[inline]
    fn drop(&mut self) {
        match self.state {
            GuardState::Lost => return,
            GuardState::Sound if panicking() && !is_leaving() => self.raw.poison(),
            GuardState::Sound | GuardState::Unwinding => {}
        }
        self.raw.unlock();
    }
}

/// The hold of a read-write lock for reading.
pub(super) struct ReadHold<'a>(pub(super) &'a RawRw);

impl Drop for ReadHold<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.unlock(Access::Read);
    }
}

/// The hold of a read-write lock for writing.
pub(super) struct WriteHold<'a> {
    pub(super) raw: &'a RawRw,
    /// True if the thread was already unwinding when it took the lock: that panic does not poison the lock.
    pub(super) unwound: bool,
}

impl WriteHold<'_> {
    /// Poisons the lock if the thread unwinds because of a panic that began while it held the lock.
    #[inline]
    pub(super) fn poison_if_panicked(&self) {
        if !self.unwound && panicking() && !is_leaving() {
            self.raw.poison();
        }
    }
}

impl<'a> WriteHold<'a> {
    /// Turns the hold into a weaker one. The caller must make a guard of it, or release it.
    pub(super) fn downgrade(self, to: Access, at: &'static Location<'static>) {
        self.poison_if_panicked();
        self.raw.downgrade(Access::Write, to, at);
        std::mem::forget(self);
    }
}

impl Drop for WriteHold<'_> {
    #[inline]
    fn drop(&mut self) {
        self.poison_if_panicked();
        self.raw.unlock(Access::Write);
    }
}
