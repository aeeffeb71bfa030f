//! The lock around what the outcomes of a batch are written down in.

use reunite::shield;
use reunite::sync::{Mutex, MutexGuard};

/// Waits for `mutex` out of reach of cancellations and deadlines: an outcome is written down whatever happens.
/// A panic of a task that held it is ignored.
///
/// # Panics
/// If the wait would never end, as when the calling task holds `mutex` already.
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
            // Its holder panicked meanwhile.
            Err(error) if error.is_poisoned() => {}
            Err(error) => panic!("{error}"),
        }
    }
}
