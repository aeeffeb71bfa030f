//! Locking of the state in which the outcomes of a batch are recorded.

use reunite::shield;
use reunite::sync::{Mutex, MutexGuard};

/// Locks `mutex` shielded from cancellations and deadlines, so that an outcome is always recorded. Poison is cleared.
///
/// # Panics
/// Panics if the wait would never end, as when the calling task already holds `mutex`.
///
/// ```
/// use reunite::sync::Mutex;
/// use reunite_images::batch::lock_shielded;
///
/// let made = Mutex::new(0);
/// let outcome = reunite::scope(|s| {
///     let task = s.spawn(|| *lock_shielded(&made) += 1);
///     task.cancel();
///     task.join()
/// });
/// // A task that is cancelled before it started never runs.
/// assert_eq!(outcome.is_ok(), made.into_inner() == 1);
/// ```
pub fn lock_shielded<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    loop {
        mutex.clear_poison();
        match shield(|| mutex.lock()) {
            Ok(guard) => return guard,
            // The holder panicked while this task waited.
            Err(error) if error.is_poisoned() => {}
            Err(error) => panic!("{error}"),
        }
    }
}
