//! Sections of a task that no cancellation from outside reaches.

use super::current_context::current;
use super::layers::enter;
use super::task_record::Context;
use crate::cancel::CancelNode;
use crate::primitive::{Duration, Instant};

/// Runs `f` out of reach of cancellations and deadlines from outside: for clean-up that must wait, such as
/// sending a last message. Keep it short, or limit it with [`shield_timeout`]: the canceller of the task
/// waits for it.
///
/// ```
/// use std::time::Duration;
/// let task = reunite::spawn(|| {
///     let stopped = reunite::sleep(Duration::from_secs(3600)).is_err();
///     let cleaned = reunite::shield(|| reunite::sleep(Duration::from_millis(1))).is_ok();
///     (stopped, cleaned)
/// });
/// task.cancel();
/// # // A task that is cancelled before it started never runs.
/// match task.join() {
///     Ok(seen) => assert_eq!(seen, (true, true)),
///     Err(e) => assert!(e.is_cancelled()),
/// }
/// ```
pub fn shield<R>(f: impl FnOnce() -> R) -> R {
    shield_until(None, f)
}

/// Runs `f` like [`shield`], for at most `timeout`: then `f` is cancelled, as at any deadline.
///
/// ```
/// use std::time::Duration;
/// let saved = reunite::shield_timeout(Duration::from_secs(60), ||
/// reunite::sleep(Duration::from_millis(1)));
/// assert!(saved.is_ok());
/// ```
pub fn shield_timeout<R>(timeout: Duration, f: impl FnOnce() -> R) -> R {
    shield_until(crate::deadline::after(timeout), f)
}

/// Runs `f` like [`shield`], until `deadline`: then `f` is cancelled, as at any deadline.
///
/// ```
/// use std::time::Instant;
/// let late = reunite::shield_deadline(Instant::now(), || reunite::checkpoint().unwrap_err());
/// assert!(late.is_deadline());
/// ```
pub fn shield_deadline<R>(deadline: Instant, f: impl FnOnce() -> R) -> R {
    shield_until(Some(deadline), f)
}

fn shield_until<R>(deadline: Option<Instant>, f: impl FnOnce() -> R) -> R {
    let Context { record, node } = current();
    let node = CancelNode::root(node.label().clone(), deadline);
    let _entered = enter(Context { record, node });
    f()
}
