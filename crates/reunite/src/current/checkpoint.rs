//! Checking if the current task is cancelled, and recording that it was told.

use super::current_context::{current, shared};
use super::layers::LAYERS;
use crate::contain::assert_outside;
use crate::error::Cancelled;

/// Checks if the current task should stop. Call it in loops that compute.
///
/// It costs one relaxed load while the task should go on (and, under a deadline, reading the clock).
///
/// # Errors
/// [`Cancelled`] from the moment the task, or anything above it in the tree, was cancelled or its deadline
/// passed. The cancellation is level-triggered: every later call fails too.
///
/// ```
/// fn count_primes(below: u64) -> Result<usize, reunite::Cancelled> {
///     let mut count = 0;
///     for n in 2..below {
///         reunite::checkpoint()?;
///         count += usize::from((2..n).take_while(|d| d * d <= n).all(|d| n % d != 0));
///     }
///     Ok(count)
/// }
/// assert_eq!(count_primes(100).unwrap(), 25);
/// ```
pub fn checkpoint() -> Result<(), Cancelled> {
    assert_outside();
    // Not under the borrow: finding that a deadline has passed calls observers, which may do anything.
    let must_look = LAYERS.try_with(|layers| {
        let layers = layers.borrow();
        let last = layers.last();
        last.is_some_and(|layer| layer.context.must_look())
    });
    if must_look == Ok(true) {
        check_own_node()
    } else {
        Ok(())
    }
}

#[cold]
fn check_own_node() -> Result<(), Cancelled> {
    let asked = shared().node.check();
    if asked.is_err() {
        mark_cancellation_observed();
    }
    asked
}

/// Records that a wait told the current task of its cancellation.
pub(crate) fn tell_cancelled() {
    current().node.mark_observed();
    mark_cancellation_observed();
}

/// Records that the code running here was told of a cancellation.
pub(crate) fn mark_cancellation_observed() {
    let _ending = LAYERS.try_with(|layers| {
        if let Some(layer) = layers.borrow().last() {
            layer.told.set(true);
        }
    });
}

/// Returns true if the code in the newest layer was told of a cancellation. The node cannot tell: other code
/// may run under it.
pub(crate) fn has_observed_cancellation() -> bool {
    let told = LAYERS.try_with(|layers| layers.borrow().last().is_some_and(|it| it.told.get()));
    told.unwrap_or(false)
}
