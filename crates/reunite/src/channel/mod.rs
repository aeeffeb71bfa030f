//! Channels between threads: bounded, unbounded, or without storage.
//!
//! A channel has any number of senders and receivers; each message goes to one receiver. It closes when the last sender
//! or the last receiver is dropped, or when `close` is called. Then sends fail, and receives take the messages that are
//! left and fail after that. Every wait ends early when its task is cancelled: the message was not sent, or none was
//! taken. An iteration over messages cannot return that as an error, so it [leaves](crate#partial-results) the task.
//!
//! | channel | a send |
//! |---|---|
//! | [`bounded()`] | waits while the channel is full, which slows down fast senders |
//! | [`unbounded`] | never waits; memory is the only limit |
//! | [`rendezvous`], `bounded(0)` | waits until a receiver has the message |
//! | [`after`], [`at`], [`tick`] | is made by the clock |
//! | [`never()`] | is never made |
//!
//! [`select!`](crate::select!) waits for the first of several receives and sends, [`Select`] does so for a number of
//! them that is known only at run time, and [`select()`] for a list of receivers of one type.
//!
//! # Partial results
//! "Closed and empty" means that the receivers got all messages that were to come. A channel that was *cut short* does
//! not report that. A channel is cut short if dropping its last sender closed it and one of its senders was dropped by
//! a task
//! - that had been told of its cancellation, by a wait or a [`checkpoint`](crate::checkpoint), or that never began
//!   because it was cancelled,
//! - one of whose waits had been refused (as a deadlock, or because its pool is starved), or had found another channel
//!   cut short; unless the task has sent something through this sender since,
//! - or that was unwinding: it panicked, or it left.
//!
//! Receivers still take the messages that are left. Then [`recv`](Receiver::recv) fails with
//! [`is_cut_short`](RecvError::is_cut_short), and an iteration leaves its task (see [`Iter`]). In the same way a sender
//! learns that a receiver was dropped by such a task ([`SendError::is_cut_short`]). A task that is cancelled but has
//! sent everything declares that with [`close`](Sender::close), or by dropping the sender before it waits again. If a
//! producer *returns* an error without any of this, the channel counts as complete; the join of the producer, or its
//! scope, returns the error.
//!
//! ```
//! let (tx, rx) = reunite::channel::bounded(64);
//! let sum = reunite::scope(|s| {
//!     s.spawn(move || {
//!         for n in 1..=100 {
//!             tx.send(n).unwrap();
//!         }
//!     });
//!     rx.iter().sum::<i32>()
//! });
//! assert_eq!(sum, 5050);
//! ```

use std::panic::Location;

mod backoff;
mod claims;
mod clock;
mod cut_epoch;
mod end_count;
mod iter;
#[allow(unsafe_code)]
mod lock;
mod outcome;
mod position_guess;
mod queue;
mod queue_state;
mod receiver;
#[allow(unsafe_code)]
mod ring;
mod ring_channel;
mod select;
mod selection;
mod sender;
mod state;
mod timer;
mod waiters;

pub use crate::error::{RecvError, SendError};
pub use clock::{after, at, never, tick};
pub use iter::{IntoIter, Iter, Results, TryIter};
pub use receiver::Receiver;
#[doc(hidden)]
pub use select::{
    ArmOrder, ArmRef, RecvArm, SelectEnding, SelectWait, SendArm, SendPermit, choose,
};
pub use select::{Select, SelectedOperation, select, select_deadline, select_timeout, try_select};
pub use sender::Sender;

use self::state::ChannelState;

/// Makes a channel that holds up to `capacity` messages. With a capacity of 0 it is a [`rendezvous`].
///
/// Waiting threads are woken in the order in which they came. A thread that arrives at the moment of a wake-up may be
/// faster than the woken thread, so a waiting thread can be overtaken.
///
/// ```
/// let (tx, rx) = reunite::channel::bounded(1);
/// tx.send('a').unwrap();
/// assert!(tx.try_send('b').unwrap_err().is_full());
/// assert_eq!(rx.recv().unwrap(), 'a');
/// ```
#[track_caller]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    pair(capacity)
}

/// Makes a channel that holds any number of messages.
///
/// ```
/// let (tx, rx) = reunite::channel::unbounded();
/// (0..1000).for_each(|n| tx.send(n).unwrap());
/// assert_eq!(rx.len(), 1000);
/// ```
#[track_caller]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    pair(usize::MAX)
}

/// Makes a channel that stores no messages, as [`bounded(0)`](bounded()) does: each message goes directly from a sender
/// to a receiver. A send returns when a receiver has the message, or with an error that contains the message. A
/// [`try_send`](Sender::try_send) succeeds only if a receiver waits. A [`try_recv`](Receiver::try_recv) succeeds only if
/// a sender waits in [`send`](Sender::send): one that waits in [`select!`](crate::select!) has made no message yet.
///
/// ```
/// let (tx, rx) = reunite::channel::rendezvous();
/// let task = reunite::spawn(move || rx.recv().unwrap());
/// tx.send("from hand to hand").unwrap();
/// assert_eq!(task.join().unwrap(), "from hand to hand");
/// ```
#[track_caller]
pub fn rendezvous<T>() -> (Sender<T>, Receiver<T>) {
    pair(0)
}

#[track_caller]
fn pair<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let channel = ChannelState::new(capacity, Location::caller());
    (Sender::first(&channel), Receiver::first(&channel))
}
