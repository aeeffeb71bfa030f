//! Iterators over messages.

use std::fmt;
use std::iter::FusedIterator;
use std::panic::Location;

use super::receiver::Receiver;
use crate::cut_short;
use crate::error::RecvError;

impl<T> Receiver<T> {
    /// Iterates over the messages, until the channel is closed and empty. Waits for each message.
    ///
    /// The end of this iterator means that all messages came. If that cannot be known, because the current task is
    /// cancelled, the wait is refused, or a sender was cut short, the iterator leaves the task by unwinding; see
    /// [`Iter`]. To handle these cases, use [`results`](Self::results).
    ///
    /// ```
    /// let (tx, rx) = reunite::channel::bounded(4);
    /// (1..=3).for_each(|n| tx.send(n).unwrap());
    /// drop(tx);
    /// assert_eq!(rx.iter().sum::<i32>(), 6);
    /// ```
    #[track_caller]
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(self, Location::caller())
    }

    /// Iterates over the messages, until the channel is closed and empty. Waits for each message. If not all messages
    /// can be received, the last item is the error that tells why: the one that [`recv`](Self::recv) would have
    /// returned.
    ///
    /// ```
    /// fn total(rx: &reunite::channel::Receiver<u64>) -> Result<u64, reunite::channel::RecvError> {
    ///     rx.results().sum() // the first error ends the sum
    /// }
    /// let (tx, rx) = reunite::channel::bounded(4);
    /// (1..=3).for_each(|n| tx.send(n).unwrap());
    /// drop(tx);
    /// assert_eq!(total(&rx).unwrap(), 6);
    /// ```
    #[track_caller]
    pub fn results(&self) -> Results<'_, T> {
        Results::new(self, Location::caller())
    }
}

/// An iterator over the messages of a channel; see [`Receiver::iter`].
///
/// # Panics
/// `next` cannot return an error, and `None` would mean that all messages came. So if the current task is cancelled, if
/// the wait is refused, or if a sender was dropped by a task that was cut short, `next` leaves the current task by
/// unwinding. No panic message is printed, and the task completes as cancelled
/// ([`is_cancelled`](crate::JoinError::is_cancelled)), deadlocked ([`is_deadlock`](crate::JoinError::is_deadlock)) or
/// starved ([`is_starved`](crate::JoinError::is_starved)). If `next` is called in the body of a scope, the body leaves
/// and the scope is cancelled. Outside any task and scope, `next` panics with the reason as the message. For programs
/// whose panics abort, see the [crate's documentation](crate#partial-results).
///
/// ```
/// let (tx, rx) = reunite::channel::bounded::<u64>(4);
/// let sum = reunite::spawn(move || rx.iter().sum::<u64>());
/// tx.send(1).unwrap();
/// sum.cancel();
/// assert!(sum.join().unwrap_err().is_cancelled(), "and not 1");
/// ```
#[must_use = "an iterator does nothing until it is asked for an item"]
pub struct Iter<'a, T> {
    receiver: &'a Receiver<T>,
    at: &'static Location<'static>,
}

impl<'a, T> Iter<'a, T> {
    pub(super) fn new(receiver: &'a Receiver<T>, at: &'static Location<'static>) -> Self {
        Self { receiver, at }
    }
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let error = match self.receiver.recv_until(None, self.at) {
            Ok(message) => return Some(message),
            Err(error) => error,
        };
        if let Some(why) = error.cut_short() {
            let (file, line) = (self.at.file(), self.at.line());
            let what = format_args!("the iteration over messages at {file}:{line}");
            cut_short::leave(why, &what);
        }
        None
    }
}

impl<T> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(self.receiver).finish()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    #[track_caller]
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

/// An iterator over the messages of a channel; its last item may be an error. See [`Receiver::results`].
#[must_use = "an iterator does nothing until it is asked for an item"]
pub struct Results<'a, T> {
    receiver: &'a Receiver<T>,
    at: &'static Location<'static>,
    is_over: bool,
}

impl<'a, T> Results<'a, T> {
    pub(super) fn new(receiver: &'a Receiver<T>, at: &'static Location<'static>) -> Self {
        Self {
            receiver,
            at,
            is_over: false,
        }
    }
}

impl<T> Iterator for Results<'_, T> {
    type Item = Result<T, RecvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let received = self.receiver.recv_until(None, self.at);
        self.is_over = received.is_err();
        match received {
            Err(error) if error.is_closed() => None,
            received => Some(received),
        }
    }
}

impl<T> FusedIterator for Results<'_, T> {}

impl<T> fmt::Debug for Results<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Results").field(self.receiver).finish()
    }
}

impl<T> Receiver<T> {
    /// Iterates over the messages that are there. Does not wait: the iterator ends when the channel is empty, also if
    /// more messages may come.
    ///
    /// ```
    /// let (tx, rx) = reunite::channel::unbounded();
    /// (1..=3).for_each(|n| tx.send(n).unwrap());
    /// assert_eq!(rx.try_iter().sum::<i32>(), 6);
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self)
    }
}

/// An iterator over the messages that a channel holds; see [`Receiver::try_iter`].
#[must_use = "an iterator does nothing until it is asked for an item"]
pub struct TryIter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

impl<T> fmt::Debug for TryIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TryIter").field(self.0).finish()
    }
}

/// An iterator over the messages of a channel that owns the receiver. Like [`Iter`], it leaves the task if not all
/// messages can be received.
///
/// ```
/// let (tx, rx) = reunite::channel::unbounded();
/// (1..=3).for_each(|n| tx.send(n).unwrap());
/// drop(tx);
/// assert_eq!(rx.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
/// ```
#[must_use = "an iterator does nothing until it is asked for an item"]
pub struct IntoIter<T> {
    receiver: Receiver<T>,
    at: &'static Location<'static>,
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        Iter::new(&self.receiver, self.at).next()
    }
}

impl<T> fmt::Debug for IntoIter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IntoIter").field(&self.receiver).finish()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    #[track_caller]
    fn into_iter(self) -> IntoIter<T> {
        IntoIter {
            receiver: self,
            at: Location::caller(),
        }
    }
}
