//! The sending end.

use std::fmt;
use std::panic::Location;

use super::cut_epoch::CutShortEpoch;
use super::outcome::PutError;
use super::state::ChannelState;
use crate::deadline;
use crate::error::SendError;
use crate::primitive::{Arc, Duration, Instant, now};
use crate::wait::WaitOutcome;

/// The sending end of a channel. Clones send into the same channel. When the last sender is dropped, the channel
/// closes.
///
/// If a task that was cut short drops a sender, the receivers learn that they do not have all messages:
/// see [partial results](crate::channel#partial-results).
pub struct Sender<T> {
    channel: Arc<ChannelState<T>>,
    /// The number of the last notice (see `cut_epoch`) when this sender last sent, or was made.
    epoch: CutShortEpoch,
}

impl<T> Sender<T> {
    /// Returns the first sender of a new channel, which is counted already.
    pub(super) fn first(channel: &Arc<ChannelState<T>>) -> Self {
        Self {
            channel: Arc::clone(channel),
            epoch: CutShortEpoch::now(),
        }
    }

    /// Sends a message, and waits for room (on a [`rendezvous`](super::rendezvous), for a receiver).
    ///
    /// # Errors
    /// The channel is closed; the current task was cancelled; or the wait was [refused](crate::sync). The error
    /// contains the message.
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

    /// Sends a message, and waits at most `timeout` for room.
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

    /// Sends a message, and waits for room at most until `deadline`.
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
    /// The channel is full ([`is_full`](SendError::is_full); a [`rendezvous`](super::rendezvous) without a waiting
    /// receiver counts as full), or closed. The error contains the message.
    ///
    /// ```
    /// let (tx, rx) = reunite::channel::bounded(1);
    /// tx.try_send('a').unwrap();
    /// assert_eq!(tx.try_send('b').unwrap_err().into_message(), 'b');
    /// assert_eq!(rx.recv().unwrap(), 'a');
    /// ```
    pub fn try_send(&self, message: T) -> Result<(), SendError<T>> {
        match self.channel.put(message) {
            Ok(()) => {
                self.sent();
                Ok(())
            }
            Err(PutError::Full(message)) => Err(SendError::full(message)),
            Err(PutError::Closed(message)) => Err(self.closed(message)),
        }
    }

    #[inline]
    fn send_until(
        &self,
        message: T,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<(), SendError<T>> {
        match self.channel.put(message) {
            Ok(()) => {
                self.sent();
                Ok(())
            }
            Err(unsent) => self.wait_to_send(unsent, deadline, at),
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn wait_to_send(
        &self,
        unsent: PutError<T>,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<(), SendError<T>> {
        let message = match unsent {
            PutError::Closed(message) => return Err(self.closed(message)),
            PutError::Full(message) => message,
        };
        // Only a wait with a deadline can time out.
        let since = deadline.map(|_| now());
        let mut message = Some(message);
        let ended = self.channel.wait_to_put(&mut message, deadline, at);
        match (message, ended) {
            (None, _) => {
                self.sent();
                Ok(())
            }
            // A wait is ready and the message is still there only if the channel is closed.
            (Some(message), WaitOutcome::Ready) => Err(self.closed(message)),
            (Some(message), WaitOutcome::TimedOut) => Err(SendError::timed_out(
                message,
                since.map_or(Duration::ZERO, |since| {
                    now().saturating_duration_since(since)
                }),
            )),
            (Some(message), WaitOutcome::Cancelled(cancelled)) => {
                Err(SendError::cancelled(message, cancelled))
            }
            (Some(message), WaitOutcome::Refused(refusal)) => {
                Err(SendError::refused(message, refusal))
            }
        }
    }

    /// The channel's state, which the waits of a select look at.
    #[inline]
    pub(super) fn channel(&self) -> &ChannelState<T> {
        &self.channel
    }

    /// Records that a message was sent.
    #[inline]
    pub(super) fn sent(&self) {
        self.epoch.renew();
    }

    pub(super) fn closed(&self, message: T) -> SendError<T> {
        match self.channel.receivers.report_cut() {
            None => SendError::closed(message),
            Some(why) => SendError::cut_off(message, why),
        }
    }

    /// Closes the channel for all ends: sends fail, and receivers take the messages that are left. This declares that
    /// everything was sent, even if the caller's task is cancelled or fails later.
    pub fn close(&self) {
        self.channel.close();
    }

    /// Closes the channel and drops the messages it holds. Returns their number.
    pub fn close_now(&self) -> usize {
        self.channel.close_now()
    }

    /// Returns true if the channel is closed.
    pub fn is_closed(&self) -> bool {
        self.channel.is_closed()
    }

    /// The number of messages that the channel holds.
    pub fn len(&self) -> usize {
        self.channel.len()
    }

    /// Returns true if the channel holds no messages.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of messages that the channel holds at most: 0 for a [`rendezvous`](super::rendezvous), `None`
    /// if there is no limit.
    ///
    /// ```
    /// use reunite::channel::{bounded, unbounded};
    /// assert_eq!(bounded::<u8>(3).0.capacity(), Some(3));
    /// assert_eq!(unbounded::<u8>().0.capacity(), None);
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        self.channel.capacity()
    }

    /// Returns true if the channel holds as many messages as it can, with those for which it keeps room because a
    /// [`select!`](crate::select!) has chosen to send them. A [`rendezvous`](super::rendezvous) is always full, and always
    /// empty.
    ///
    /// ```
    /// let (tx, rx) = reunite::channel::bounded(1);
    /// tx.send('a').unwrap();
    /// assert!(tx.is_full() && rx.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        self.channel.is_full()
    }

    /// Returns true if both are ends of the same channel.
    ///
    /// ```
    /// let (tx, rx) = reunite::channel::unbounded::<u8>();
    /// assert!(tx.same_channel(&tx.clone()) && rx.same_channel(&rx.clone()));
    /// assert!(!tx.same_channel(&reunite::channel::unbounded().0));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.channel.senders.add();
        Self {
            channel: Arc::clone(&self.channel),
            epoch: CutShortEpoch::now(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.channel.drop_sender(&self.epoch);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({} held)", self.len())
    }
}
