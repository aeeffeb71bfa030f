//! The receiving end.

use std::fmt;
use std::panic::Location;

use super::cut_epoch::CutShortEpoch;
use super::outcome::TakeResult;
use super::state::ChannelState;
use crate::deadline;
use crate::error::RecvError;
use crate::primitive::{Arc, Duration, Instant, now};
use crate::wait::WaitOutcome;

/// The receiving end of a channel. Clones receive from the same channel. When the last receiver is dropped, the channel
/// closes and the messages it holds are dropped.
pub struct Receiver<T> {
    channel: Arc<ChannelState<T>>,
    /// The number of the last notice (see `cut_epoch`) when this receiver last received, or was made.
    epoch: CutShortEpoch,
}

impl<T> Receiver<T> {
    /// Returns the first receiver of a new channel, which is counted already.
    pub(super) fn first(channel: &Arc<ChannelState<T>>) -> Self {
        Self {
            channel: Arc::clone(channel),
            epoch: CutShortEpoch::now(),
        }
    }

    /// Receives the next message, and waits for one if there is none.
    ///
    /// # Errors
    /// The channel is closed and empty; the current task was cancelled; or the wait was [refused](crate::sync).
    ///
    /// ```
    /// let (tx, rx) = reunite::channel::bounded(1);
    /// tx.send(7).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.recv().unwrap(), 7);
    /// assert!(rx.recv().unwrap_err().is_closed());
    /// ```
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_until(None, Location::caller())
    }

    /// Receives the next message, and waits at most `timeout` for it. A message that is there takes precedence over the
    /// timeout.
    ///
    /// # Errors
    /// The errors of [`recv`](Self::recv), or the time ran out.
    ///
    /// ```
    /// let (_tx, rx) = reunite::channel::unbounded::<u8>();
    /// let error = rx.recv_timeout(std::time::Duration::from_millis(1)).unwrap_err();
    /// assert!(error.is_timeout());
    /// ```
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvError> {
        self.recv_until(deadline::after(timeout), Location::caller())
    }

    /// Receives the next message, and waits for it at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`recv`](Self::recv), or the time ran out.
    #[track_caller]
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvError> {
        self.recv_until(Some(deadline), Location::caller())
    }

    /// Receives the next message if there is one. Does not wait.
    ///
    /// # Errors
    /// The channel is empty ([`is_empty`](RecvError::is_empty)), or closed and empty.
    ///
    /// ```
    /// let (tx, rx) = reunite::channel::unbounded::<u8>();
    /// assert!(rx.try_recv().unwrap_err().is_empty());
    /// drop(tx);
    /// assert!(rx.try_recv().unwrap_err().is_closed());
    /// ```
    pub fn try_recv(&self) -> Result<T, RecvError> {
        match self.channel.take() {
            TakeResult::Message(message) => Ok(self.received(message)),
            TakeResult::Nothing => Err(RecvError::empty()),
            TakeResult::Closed => Err(self.channel.end()),
        }
    }

    /// The channel's state, which the waits of a select look at.
    #[inline]
    pub(super) fn channel(&self) -> &ChannelState<T> {
        &self.channel
    }

    /// Records that a message was received, and returns the message.
    #[inline]
    pub(super) fn received(&self, message: T) -> T {
        self.epoch.renew();
        message
    }

    #[inline]
    pub(super) fn recv_until(
        &self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<T, RecvError> {
        match self.channel.take() {
            TakeResult::Message(message) => Ok(self.received(message)),
            TakeResult::Closed => Err(self.channel.end()),
            TakeResult::Nothing => self.wait_to_receive(deadline, at),
        }
    }

    #[cold]
    #[inline(never)]
    fn wait_to_receive(
        &self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<T, RecvError> {
        // Only a wait with a deadline can time out.
        let since = deadline.map(|_| now());
        let mut found = TakeResult::Nothing;
        let ended = self.channel.wait_to_take(&mut found, deadline, at);
        match (found, ended) {
            (TakeResult::Message(message), _) => Ok(self.received(message)),
            (TakeResult::Closed, _) => Err(self.channel.end()),
            (TakeResult::Nothing, ended) => Err(RecvError::of_wait(ended, since)),
        }
    }

    /// Closes the channel for all ends: sends fail, and receivers take the messages that are left.
    ///
    /// ```
    /// let (tx, rx) = reunite::channel::bounded(8);
    /// tx.send(1).unwrap();
    /// rx.close();
    /// assert!(tx.send(2).unwrap_err().is_closed());
    /// assert_eq!(rx.recv().unwrap(), 1);
    /// ```
    pub fn close(&self) {
        self.channel.close();
    }

    /// Closes the channel and drops the messages it holds. Returns their number.
    ///
    /// ```
    /// let (tx, rx) = reunite::channel::bounded(8);
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.close_now(), 1);
    /// assert!(tx.send(2).unwrap_err().is_closed());
    /// ```
    pub fn close_now(&self) -> usize {
        self.channel.close_now()
    }

    /// Returns true if the channel is closed. It may still hold messages.
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
    /// assert_eq!(bounded::<u8>(3).1.capacity(), Some(3));
    /// assert_eq!(unbounded::<u8>().1.capacity(), None);
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

impl RecvError {
    /// The error of a wait that ended without a message.
    pub(super) fn of_wait(ended: WaitOutcome, since: Option<Instant>) -> Self {
        match ended {
            WaitOutcome::TimedOut => Self::timed_out(since.map_or(Duration::ZERO, |since| {
                now().saturating_duration_since(since)
            })),
            WaitOutcome::Cancelled(cancelled) => Self::cancelled(cancelled),
            WaitOutcome::Refused(refusal) => Self::refused(refusal),
            WaitOutcome::Ready => Self::closed(),
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.channel.receivers.add();
        Self {
            channel: Arc::clone(&self.channel),
            epoch: CutShortEpoch::now(),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.channel.drop_receiver(&self.epoch);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiver({} held)", self.len())
    }
}
