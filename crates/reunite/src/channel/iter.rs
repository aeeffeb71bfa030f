//! Iterators over messages.

use std::fmt;
use std::iter::FusedIterator;
use std::panic::Location;

use super::receiver::Receiver;
use crate::cut_short;
use crate::error::RecvError;

/// The messages of a channel; see [`Receiver::iter`].
///
/// # Panics
/// `next` has no way to return an error, and `None` would say that all messages came. So if the current task is
/// cancelled, if the wait is refused as one that would never end, or if a sender was dropped by a task that was cut
/// short, it leaves the current task by unwinding: no panic message is printed, and the task completes as cancelled
/// ([`is_cancelled`](crate::JoinError::is_cancelled)) or deadlocked ([`is_deadlock`](crate::JoinError::is_deadlock)); a
/// scope whose body is left so ends as it does when it is cancelled. Outside any task and scope it is an ordinary panic,
/// with the reason in its message. Where panics abort the process, see the [crate's
/// documentation](crate#partial-results).
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

/// The messages of a channel, and why there are no more, unless it is closed; see [`Receiver::results`].
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
