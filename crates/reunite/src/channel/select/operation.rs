//! A select whose arms are added at run time.

use std::fmt;
use std::panic::Location;

use super::super::receiver::Receiver;
use super::super::sender::Sender;
use super::super::state::ChannelState;
use super::arm::{ArmRef, Patience, PatienceLimit, SendPermit};
use super::erased::{ArmKind, ChosenState, ErasedArm, ErasedChannel};
use super::wait::{ArmOrder, try_arms, try_arms_twice, wait_for_arms};
use crate::deadline;
use crate::error::{RecvError, SendError, WaitError};
use crate::primitive::{Duration, Instant, now};
use crate::wait::WaitOutcome;

/// A choice between operations on channels whose number is known only at run time. For a fixed list, use
/// [`select!`](crate::select!); for receivers of one type, [`select`](super::select()) is shorter.
///
/// [`recv`](Self::recv) and [`send`](Self::send) add operations and return their indices. [`select`](Self::select)
/// waits until one of them is possible, and chooses it. The chosen [`SelectedOperation`] must then be completed with
/// the same channel. If several are possible, a random one is chosen, unless the select is [`biased`](Self::biased). An
/// operation on a closed channel is possible: it completes with its error.
///
/// ```
/// use reunite::channel::{Select, bounded, unbounded};
/// let (jobs, job) = unbounded();
/// let (results, result) = bounded(1);
/// results.send("full").unwrap();
/// jobs.send(7).unwrap();
///
/// let mut select = Select::new();
/// let receives = select.recv(&job);
/// let sends = select.send(&results);
/// let operation = select.select().unwrap();
/// match operation.index() {
///     index if index == receives => assert_eq!(operation.recv(&job).unwrap(), 7),
///     index if index == sends => operation.send(&results, "a result").unwrap(),
///     _ => unreachable!(),
/// }
/// assert_eq!(result.recv().unwrap(), "full");
/// ```
#[derive(Clone)]
pub struct Select<'a> {
    /// The operations, at their indices; `None` where one was removed.
    arms: Vec<Option<ErasedArm<'a>>>,
    order: ArmOrder,
}

impl<'a> Select<'a> {
    /// Makes a select without operations.
    pub fn new() -> Self {
        Self {
            arms: Vec::new(),
            order: ArmOrder::Fair,
        }
    }

    /// Makes the select choose the possible operation that was added first, instead of a random one.
    ///
    /// ```
    /// use reunite::channel::{Select, unbounded};
    /// let ((tx1, rx1), (tx2, rx2)) = (unbounded(), unbounded());
    /// tx1.send(1).unwrap();
    /// tx2.send(2).unwrap();
    /// let mut select = Select::new().biased();
    /// select.recv(&rx1);
    /// select.recv(&rx2);
    /// assert_eq!(select.select().unwrap().recv(&rx1).unwrap(), 1);
    /// ```
    #[must_use]
    pub fn biased(mut self) -> Self {
        self.order = ArmOrder::Biased;
        self
    }

    /// Adds a receive. Returns its index: 0 for the first operation, and one more for each that follows.
    pub fn recv<T: Send>(&mut self, receiver: &'a Receiver<T>) -> usize {
        self.add(ErasedArm::new(receiver.channel(), ArmKind::Recv))
    }

    /// Adds a send, and returns its index. The message is given when the operation is completed.
    pub fn send<T: Send>(&mut self, sender: &'a Sender<T>) -> usize {
        self.add(ErasedArm::new(sender.channel(), ArmKind::Send))
    }

    fn add(&mut self, arm: ErasedArm<'a>) -> usize {
        self.arms.push(Some(arm));
        self.arms.len() - 1
    }

    /// Removes an operation, for instance because its channel is closed. The others keep their indices.
    ///
    /// # Panics
    /// If there is no operation with this index.
    ///
    /// ```
    /// use reunite::channel::{Select, unbounded};
    /// let ((tx1, rx1), (tx2, rx2)) = (unbounded(), unbounded::<i32>());
    /// drop(tx2);
    /// tx1.send(1).unwrap();
    /// let mut select = Select::new();
    /// select.recv(&rx1);
    /// let closed = select.recv(&rx2);
    /// select.remove(closed);
    /// assert_eq!(select.select().unwrap().recv(&rx1).unwrap(), 1);
    /// ```
    pub fn remove(&mut self, index: usize) {
        let removed = self.arms.get_mut(index).and_then(Option::take);
        assert!(removed.is_some(), "the select has no operation {index}");
    }

    /// Waits until an operation is possible, and chooses it. Without operations, it waits for ever.
    ///
    /// # Errors
    /// The current task was cancelled, or the wait was [refused](crate::sync). No operation was chosen.
    #[track_caller]
    pub fn select(&mut self) -> Result<SelectedOperation<'a>, WaitError> {
        self.select_until(None, Location::caller())
    }

    /// Chooses an operation that is possible now. Does not wait.
    ///
    /// # Errors
    /// No operation is possible ([`is_busy`](WaitError::is_busy)).
    ///
    /// ```
    /// let (_tx, rx) = reunite::channel::unbounded::<i32>();
    /// let mut select = reunite::channel::Select::new();
    /// select.recv(&rx);
    /// assert!(select.try_select().unwrap_err().is_busy());
    /// ```
    #[track_caller]
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, WaitError> {
        let (order, at) = (self.order, Location::caller());
        let limit = PatienceLimit::None;
        self.choose(Patience { limit, at }, |arms| {
            try_arms_twice(arms, order).ok_or_else(WaitError::busy)
        })
    }

    /// Does what [`select`](Self::select) does, but waits at most `timeout`.
    ///
    /// # Errors
    /// The errors of [`select`](Self::select), or the time ran out.
    ///
    /// ```
    /// let (_tx, rx) = reunite::channel::unbounded::<i32>();
    /// let mut select = reunite::channel::Select::new();
    /// select.recv(&rx);
    /// let error = select.select_timeout(std::time::Duration::from_millis(1)).unwrap_err();
    /// assert!(error.is_timeout());
    /// ```
    #[track_caller]
    pub fn select_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<SelectedOperation<'a>, WaitError> {
        self.select_until(deadline::after(timeout), Location::caller())
    }

    /// Does what [`select`](Self::select) does, but waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`select`](Self::select), or the time ran out.
    #[track_caller]
    pub fn select_deadline(
        &mut self,
        deadline: Instant,
    ) -> Result<SelectedOperation<'a>, WaitError> {
        self.select_until(Some(deadline), Location::caller())
    }

    fn select_until(
        &mut self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<SelectedOperation<'a>, WaitError> {
        let order = self.order;
        let limit = PatienceLimit::Until(deadline);
        self.choose(Patience { limit, at }, |arms| {
            if let Some(chosen) = try_arms(arms, order) {
                return Ok(chosen);
            }
            // Only a wait with a deadline can time out.
            let since = deadline.map(|_| now());
            wait_for_arms(arms, order, deadline, at).map_err(|ended| error_of(ended, since))
        })
    }

    fn choose(
        &mut self,
        patience: Patience,
        choose: impl FnOnce(&mut [ArmRef<'_, 'a>]) -> Result<usize, WaitError>,
    ) -> Result<SelectedOperation<'a>, WaitError> {
        let present = self.arms.iter_mut().flatten();
        let mut arms: Vec<_> = present.map(|arm| ArmRef(arm)).collect();
        let chosen = choose(&mut arms)?;
        drop(arms);
        let mut present = (0..).zip(&mut self.arms);
        let mut present = present
            .by_ref()
            .filter_map(|(at, arm)| Some((at, arm.as_mut()?)));
        let (index, arm) = present.nth(chosen).expect("it was there");
        Ok(SelectedOperation {
            index,
            channel: arm.channel(),
            state: arm.take_state(),
            patience,
        })
    }
}

fn error_of(ended: WaitOutcome, since: Option<Instant>) -> WaitError {
    match ended {
        WaitOutcome::Cancelled(cancelled) => WaitError::cancelled(cancelled),
        WaitOutcome::Refused(refusal) => WaitError::refused(refusal),
        WaitOutcome::TimedOut | WaitOutcome::Ready => {
            let waited = since.map(|since| now().saturating_duration_since(since));
            WaitError::timed_out(waited.unwrap_or_default())
        }
    }
}

impl Default for Select<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.arms.iter().flatten().count();
        write!(f, "Select({count} operations)")
    }
}

/// An operation that a [`Select`] has chosen, to be completed with the channel that was added at its
/// [`index`](Self::index). If it is dropped instead, a send is not made, and a received message is dropped.
#[must_use = "the operation is complete only after `recv` or `send`"]
pub struct SelectedOperation<'a> {
    index: usize,
    channel: &'a (dyn ErasedChannel + 'a),
    /// `None` once it is completed.
    state: Option<ChosenState>,
    patience: Patience,
}

impl SelectedOperation<'_> {
    /// Returns the index that [`Select::recv`] or [`Select::send`] returned for this operation.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Completes a receive. Does not wait.
    ///
    /// # Errors
    /// The channel is closed and empty.
    ///
    /// # Panics
    /// If the operation is not a receive from this channel.
    pub fn recv<T>(mut self, receiver: &Receiver<T>) -> Result<T, RecvError> {
        let channel = receiver.channel();
        self.assert_same(channel);
        match self.state.take() {
            Some(ChosenState::Message(spot)) => {
                let message = channel.selected.lock().remove(spot);
                Ok(receiver.received(message.expect("only this operation takes it")))
            }
            Some(ChosenState::Closed) => Err(channel.end()),
            other => {
                self.state = other;
                panic!("the select has chosen a send, not a receive")
            }
        }
    }

    /// Completes a send. Waits only on a [`rendezvous`](crate::channel::rendezvous) whose receiver gave up after the select had
    /// chosen it: then the message waits for another receiver, within the time of the select.
    ///
    /// # Errors
    /// The channel is closed; or that wait ended as one of [`Sender::send_deadline`] may. The error contains the
    /// message.
    ///
    /// # Panics
    /// If the operation is not a send into this channel.
    pub fn send<T>(mut self, sender: &Sender<T>, message: T) -> Result<(), SendError<T>> {
        self.assert_same(sender.channel());
        match self.state.take() {
            Some(ChosenState::Grant(grant)) => {
                SendPermit::granted(sender, grant, self.patience).send(message)
            }
            other => {
                self.state = other;
                panic!("the select has chosen a receive, not a send")
            }
        }
    }

    fn assert_same<T>(&self, channel: &ChannelState<T>) {
        assert!(
            std::ptr::addr_eq(self.channel, channel),
            "the select has chosen an operation on another channel"
        );
    }
}

impl Drop for SelectedOperation<'_> {
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            self.channel.abandon(state);
        }
    }
}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SelectedOperation({})", self.index)
    }
}
