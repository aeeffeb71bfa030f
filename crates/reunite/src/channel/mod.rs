//! Queues between threads: bounded, unbounded, or hand to hand.
//!
//! A channel has many senders and many receivers; each message goes to one receiver. It closes when the
//! last sender or the last receiver is gone, or when somebody calls `close`; then sends fail, and receives
//! take what is left and fail after that. Every wait ends early when its task is cancelled: the message was
//! then not sent, or none was taken.
//!
//! | | |
//! |---|---|
//! | [`bounded`] | a send waits while the channel is full: whoever is ahead is slowed down |
//! | [`unbounded`] | a send never waits; memory is the limit |
//! | [`rendezvous`] | a send waits until a receiver has the message |
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
#[allow(unsafe_code)]
mod lock;
mod patience;
mod queue;
mod receiver;
#[allow(unsafe_code)]
mod ring;
mod select;
mod sender;
mod waiters;

pub use crate::error::{RecvError, SendError};
pub use receiver::{Iter, Receiver};
pub use select::{select, select_deadline, select_timeout};
pub use sender::Sender;

use self::core::Core;

/// A channel that holds up to `capacity` messages, at least one.
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
    pair(capacity.max(1))
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

/// A channel that holds nothing: each message goes from hand to hand. A `try_send` on it succeeds if a receiver
/// waits for this channel alone; one in a [`select()`] may yet take a message from elsewhere.
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
