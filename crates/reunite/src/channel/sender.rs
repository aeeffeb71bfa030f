//! The sending end.

use std::fmt;
use std::panic::Location;

use super::core::Core;
use super::outcome::Unsent;
use super::told::Told;
use crate::deadline;
use crate::error::SendError;
use crate::primitive::{Arc, Duration, Instant, now};
use crate::wait::Wait;

/// The sending end of a channel. Clones send into the same channel. When the last sender is dropped, the channel
/// closes.
///
/// If a task that was cut short drops a sender, the receivers learn that they do not have all messages:
/// see [partial results](crate::channel#partial-results).
pub struct Sender<T> {
    core: Arc<Core<T>>,
    /// The number of the last telling (see `current::tellings`) when it last sent, or was made.
    told: Told,
}

impl<T> Sender<T> {
    /// The sender with which the channel is made, which is counted already.
    pub(super) fn first(core: &Arc<Core<T>>) -> Self {
        Self {
            core: Arc::clone(core),
            told: Told::now(),
        }
    }

    /// Sends a message, and waits for room (on a [`rendezvous`](super::rendezvous), for a receiver).
    ///
    /// # Errors
    /// The channel is closed; the current task was cancelled; or the wait would never have ended. The error contains
    /// the message.
    ///
    /// ```
    /// let (tx, rx) = reunite::channel::bounded(1);
    /// tx.send("a").unwrap();
    /// drop(rx);
    /// assert_eq!(tx.send("b").unwrap_err().into_message(), "b");
    /// ```
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.send_until(message, None, Location::caller())
    }

    /// Sends a message, and waits for at most `timeout`.
    ///
    /// # Errors
    /// The errors of [`send`](Self::send), or the time ran out.
    ///
    /// ```
    /// let (tx, _rx) = reunite::channel::bounded(1);
    /// tx.send(1).unwrap();
    /// let error = tx.send_timeout(2, std::time::Duration::from_millis(1)).unwrap_err();
    /// assert!(error.is_timeout());
    /// ```
    #[track_caller]
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendError<T>> {
        self.send_until(message, deadline::after(timeout), Location::caller())
    }

    /// Sends a message, and waits until `deadline` at most.
    ///
    /// # Errors
    /// The errors of [`send`](Self::send), or the time ran out.
    #[track_caller]
    pub fn send_deadline(&self, message: T, deadline: Instant) -> Result<(), SendError<T>> {
        self.send_until(message, Some(deadline), Location::caller())
    }

    /// Sends a message if there is room. Does not wait.
    ///
    /// # Errors
    /// The channel is full ([`is_full`](SendError::is_full)), or closed. The error contains the message.
    ///
    /// ```
    /// let (tx, rx) = reunite::channel::bounded(1);
    /// tx.try_send('a').unwrap();
    /// assert_eq!(tx.try_send('b').unwrap_err().into_message(), 'b');
    /// assert_eq!(rx.recv().unwrap(), 'a');
    /// ```
    pub fn try_send(&self, message: T) -> Result<(), SendError<T>> {
        match self.core.put(message) {
            Ok(()) => {
                self.told.renew();
                Ok(())
            }
            Err(Unsent::Full(message)) => Err(SendError::full(message)),
            Err(Unsent::Closed(message)) => Err(self.closed(message)),
        }
    }

    #[inline]
    fn send_until(
        &self,
        message: T,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<(), SendError<T>> {
        match self.core.put(message) {
            Ok(()) => {
                self.told.renew();
                Ok(())
            }
            Err(unsent) => self.wait_to_send(unsent, deadline, at),
        }
    }

    #[cold]
    #[inline(never)]
    fn wait_to_send(
        &self,
        unsent: Unsent<T>,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<(), SendError<T>> {
        let message = match unsent {
            Unsent::Closed(message) => return Err(self.closed(message)),
            Unsent::Full(message) => message,
        };
        // Only a wait with a deadline can time out.
        let since = deadline.map(|_| now());
        let mut message = Some(message);
        let ended = self.core.wait_to_put(&mut message, deadline, at);
        match (message, ended) {
            (None, _) => {
                self.told.renew();
                Ok(())
            }
            // A wait is ready and the message is still there only if the channel is closed.
            (Some(message), Wait::Ready) => Err(self.closed(message)),
            (Some(message), Wait::TimedOut) => Err(SendError::timed_out(
                message,
                since.map_or(Duration::ZERO, |since| {
                    now().saturating_duration_since(since)
                }),
            )),
            (Some(message), Wait::Cancelled(cancelled)) => {
                Err(SendError::cancelled(message, cancelled))
            }
            (Some(message), Wait::Refused(refusal)) => Err(SendError::refused(message, refusal)),
        }
    }

    fn closed(&self, message: T) -> SendError<T> {
        match self.core.receivers.tell_cut() {
            None => SendError::closed(message),
            Some(why) => SendError::cut_off(message, why),
        }
    }

    /// Closes the channel for all ends: sends fail, and receivers take the messages that are left. This declares that
    /// everything was sent, even if the caller's task is cancelled or fails later.
    pub fn close(&self) {
        self.core.close();
    }

    /// Closes the channel and drops the messages it holds. Returns their number.
    pub fn close_now(&self) -> usize {
        self.core.close_now()
    }

    /// Returns true if the channel is closed.
    pub fn is_closed(&self) -> bool {
        self.core.is_closed()
    }

    /// The number of messages that the channel holds.
    pub fn len(&self) -> usize {
        self.core.len()
    }

    /// Returns true if the channel holds no messages.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.core.senders.one_more();
        Self {
            core: Arc::clone(&self.core),
            told: Told::now(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.core.drop_sender(&self.told);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({} held)", self.len())
    }
}
