//! Recursive reads of a read-write lock.

use std::panic::Location;

use super::rw_queue::Access;
use super::rwlock::{ReadGuard, RwLock};
use crate::deadline;
use crate::error::WaitError;
use crate::primitive::{Duration, Instant};

impl<T: ?Sized> RwLock<T> {
    /// Takes the lock for reading if no task writes, also if tasks wait to write or to upgrade. So a task that reads
    /// already, or whose caller does, never waits here. If a task writes, this waits as [`read`](Self::read) does, behind
    /// the tasks that came before.
    ///
    /// Use [`read`](Self::read) where the task does not hold the lock: while some task always reads in this way, no
    /// task can write.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read).
    ///
    /// ```
    /// let config = reunite::sync::RwLock::new(1);
    /// reunite::scope(|s| {
    ///     let outer = config.read().unwrap();
    ///     let writer = s.spawn(|| *config.write().unwrap() += 1);
    ///     let inner = config.read_recursive().unwrap(); // does not wait for the writer
    ///     assert_eq!((*outer, *inner), (1, 1));
    ///     drop((outer, inner));
    ///     writer.join().unwrap();
    /// });
    /// ```
    #[track_caller]
    pub fn read_recursive(&self) -> Result<ReadGuard<'_, T>, WaitError> {
        self.read_recursive_until(None, Location::caller())
    }

    /// Does what [`read_recursive`](Self::read_recursive) does, but waits at most `timeout`.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn read_recursive_timeout(&self, timeout: Duration) -> Result<ReadGuard<'_, T>, WaitError> {
        self.read_recursive_until(deadline::after(timeout), Location::caller())
    }

    /// Does what [`read_recursive`](Self::read_recursive) does, but waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), or the time ran out.
    #[track_caller]
    pub fn read_recursive_deadline(
        &self,
        deadline: Instant,
    ) -> Result<ReadGuard<'_, T>, WaitError> {
        self.read_recursive_until(Some(deadline), Location::caller())
    }

    /// Takes the lock for reading if no task writes, also if tasks wait to write or to upgrade. Does not wait.
    ///
    /// # Errors
    /// A task writes ([`is_busy`](WaitError::is_busy)); or a task panicked while holding the lock for writing
    /// ([`is_poisoned`](WaitError::is_poisoned)).
    #[track_caller]
    pub fn try_read_recursive(&self) -> Result<ReadGuard<'_, T>, WaitError> {
        if !self.raw.try_read_recursive(Location::caller()) {
            return Err(WaitError::busy());
        }
        self.unless_poisoned(self.read_guard())
    }

    fn read_recursive_until(
        &self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<ReadGuard<'_, T>, WaitError> {
        if self.raw.try_read_recursive(at) {
            return self.unless_poisoned(self.read_guard());
        }
        self.wait(Access::Read, deadline, at, Self::read_guard)
    }
}
