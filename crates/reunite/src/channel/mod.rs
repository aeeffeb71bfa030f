//! Queues between threads: bounded, unbounded, or hand to hand.
//!
//! A channel has many senders and many receivers; each message goes to one receiver. It closes when the
//! last sender or the last receiver is gone, or when somebody calls `close`; then sends fail, and receives
//! take what is left and fail after that. Every wait ends early when its task is cancelled: the message was
//! then not sent, or none was taken. An iteration over messages, which cannot return that, leaves the task.
//!
//! | | |
//! |---|---|
//! | [`bounded`] | a send waits while the channel is full: whoever is ahead is slowed down |
//! | [`unbounded`] | a send never waits; memory is the limit |
//! | [`rendezvous`], `bounded(0)` | a send waits until a receiver has the message |
//!
//! # Partial results
//! That a channel is closed and empty says that its receivers have all there was to be. So it does not pass for that
//! if it was *cut short*: closed by the drop of its last sender, one of whose senders was dropped by a task
//! - that had been told of its cancellation, by a wait or a [`checkpoint`](crate::checkpoint), or never began because
//!   of it,
//! - of which a wait was refused (as a deadlock, or because its pool starves), or that was told by another channel that
//!   this was cut short, and which has sent nothing through this sender since,
//! - or that was unwinding: it panicked, or was left.
//!
//! Receivers take what is left all the same; then [`recv`](Receiver::recv) fails with
//! [`is_cut_short`](RecvError::is_cut_short), and an iteration leaves its task (see [`Iter`]). A sender is told likewise
//! when a receiver was dropped so ([`SendError::is_cut_short`]). A task that is cancelled and has sent all
//! says so by [`close`](Sender::close), or by dropping the sender before it waits again. A producer that *returns* an
//! error has ended of its own accord; its join, or its scope, tells.
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

mod bounded;
mod core;
mod end;
mod foreseen;
mod iter;
#[allow(unsafe_code)]
mod lock;
mod outcome;
mod patience;
mod queue;
mod receiver;
#[allow(unsafe_code)]
mod ring;
mod select;
mod sender;
mod told;
mod waiters;

pub use crate::error::{RecvError, SendError};
pub use iter::{Iter, Results};
pub use receiver::Receiver;
pub use select::{select, select_deadline, select_timeout, try_select};
pub use sender::Sender;

use self::core::Core;

/// A channel that holds up to `capacity` messages. With a capacity of 0 it is a [`rendezvous`].
///
/// Who waits is woken in the order in which it came; a sender or receiver that comes just then may be faster, so a
/// thread that waits can be overtaken.
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

/// A channel that holds any number of messages.
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

/// A channel that holds nothing, as [`bounded(0)`](bounded): each message goes from hand to hand. A send returns when a
/// receiver has the message, or with an error that has it. A [`try_send`](Sender::try_send) succeeds if a receiver waits
/// for this channel alone; one in a [`select()`] may yet take a message from elsewhere.
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
    let core = Core::new(capacity, Location::caller());
    (Sender::first(&core), Receiver::first(&core))
}
