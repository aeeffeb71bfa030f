//! The arms of a select: a receive from a channel, or a send into one.

use std::panic::Location;

use super::super::claims::ClaimState;
use super::super::outcome::{Grant, PutError, TakeResult};
use super::super::receiver::Receiver;
use super::super::selection::Listing;
use super::super::sender::Sender;
use super::super::waiters::WaitSpots;
use crate::deadline;
use crate::error::{CutShort, RecvError, SendError};
use crate::park::Parker;
use crate::primitive::{Duration, Instant};
use crate::spin::SpinHint;

/// An operation that a select may choose.
pub(super) trait Arm<'a> {
    /// Makes the operation, as far as it needs no message of the user; a send gets a grant. If that is not possible
    /// now, lists the select, if `listing` is given, and returns false.
    fn attempt(&mut self, listing: Option<&Listing>) -> bool;

    /// Returns true if a sender may choose this arm.
    fn may_be_chosen(&self) -> bool;

    /// Called when the select has begun to wait: a sender can choose this arm from then on.
    fn has_begun_to_wait(&self, own: &Parker);

    /// Looks for the message of a sender that has chosen this arm.
    fn look_handed(&mut self) -> Handed;

    /// Removes the select from the list of the channel, if it is listed, and passes on the wake-up for which it is not
    /// listed any more. Returns true if a sender had chosen this arm, and there is a message for it.
    fn leave(&mut self) -> bool;

    /// The instant at which the arm becomes ready by itself.
    fn due(&self) -> Option<Instant>;

    fn hint(&self) -> &'a SpinHint;
}

/// The state of an arm that a sender has chosen.
pub(super) enum Handed {
    Message,
    NotYet,
    /// There will be no message.
    Released,
}

/// An arm of [`select!`](crate::select), whatever it receives or sends.
pub struct ArmRef<'b, 'a>(pub(super) &'b mut dyn Arm<'a>);

/// An arm that receives.
pub struct RecvArm<'a, T> {
    receiver: &'a Receiver<T>,
    spots: WaitSpots,
    found: TakeResult<T>,
}

impl<'a, T> RecvArm<'a, T> {
    /// Makes an arm that has received nothing.
    pub fn new(receiver: &'a Receiver<T>) -> Self {
        Self {
            receiver,
            spots: WaitSpots::default(),
            found: TakeResult::Nothing,
        }
    }

    /// Returns the arm without its type.
    pub fn arm(&mut self) -> ArmRef<'_, 'a> {
        ArmRef(self)
    }

    /// Returns the result of the receive.
    ///
    /// # Errors
    /// The channel is closed and empty, or no arm was chosen.
    pub fn finish(self, ending: SelectEnding) -> Result<T, RecvError> {
        match (self.found, ending.0) {
            (TakeResult::Message(message), _) => Ok(self.receiver.received(message)),
            (_, Err(why)) => Err(RecvError::of_cut_short(why)),
            (TakeResult::Closed | TakeResult::Nothing, Ok(_)) => Err(self.receiver.channel().end()),
        }
    }
}

/// The end of a select: an arm was chosen, or the default; or none, because the task was cancelled or the wait was
/// refused.
pub struct SelectEnding(pub(super) Result<Patience, CutShort>);

/// The time for which a chosen send may wait, in the rare case that the receiver that it was granted has given up while
/// the message was evaluated.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub(super) limit: PatienceLimit,
    pub(super) at: &'static Location<'static>,
}

#[derive(Clone, Copy)]
pub(super) enum PatienceLimit {
    /// The select does not wait.
    None,
    Until(Option<Instant>),
    For(Duration),
}

impl<'a, T> Arm<'a> for RecvArm<'a, T> {
    #[inline]
    fn attempt(&mut self, listing: Option<&Listing>) -> bool {
        let channel = self.receiver.channel();
        self.found = channel.take_selected(listing, &mut self.spots);
        !matches!(self.found, TakeResult::Nothing)
    }

    fn may_be_chosen(&self) -> bool {
        self.receiver.channel().chooses_selects()
    }

    fn has_begun_to_wait(&self, own: &Parker) {
        self.receiver.channel().wake_chooser(own);
    }

    fn look_handed(&mut self) -> Handed {
        let channel = self.receiver.channel();
        match channel.look_handed(&self.spots) {
            ClaimState::Free => Handed::Released,
            ClaimState::Pending => Handed::NotYet,
            ClaimState::Handed(message) => {
                self.found = TakeResult::Message(message);
                Handed::Message
            }
        }
    }

    fn leave(&mut self) -> bool {
        let spots = std::mem::take(&mut self.spots);
        match self.receiver.channel().stop_taking(&spots) {
            Some(handed) => {
                self.found = TakeResult::Message(handed);
                true
            }
            None => false,
        }
    }

    fn due(&self) -> Option<Instant> {
        self.receiver.channel().due()
    }

    fn hint(&self) -> &'a SpinHint {
        &self.receiver.channel().take_hint
    }
}

/// An arm that sends.
pub struct SendArm<'a, T> {
    sender: &'a Sender<T>,
    spots: WaitSpots,
    grant: Option<Grant>,
}

impl<'a, T> SendArm<'a, T> {
    /// Makes an arm that was not chosen.
    pub fn new(sender: &'a Sender<T>) -> Self {
        Self {
            sender,
            spots: WaitSpots::default(),
            grant: None,
        }
    }

    /// Returns the arm without its type.
    pub fn arm(&mut self) -> ArmRef<'_, 'a> {
        ArmRef(self)
    }

    /// Returns the permission to send the message, which need not exist before that.
    pub fn finish(self, ending: SelectEnding) -> SendPermit<'a, T> {
        SendPermit {
            sender: self.sender,
            grant: self.grant,
            ending,
        }
    }
}

impl<'a, T> Arm<'a> for SendArm<'a, T> {
    #[inline]
    fn attempt(&mut self, listing: Option<&Listing>) -> bool {
        let parker = listing.map(|listing| &listing.parker);
        self.grant = self.sender.channel().grant(parker, &mut self.spots);
        self.grant.is_some()
    }

    fn may_be_chosen(&self) -> bool {
        false
    }

    fn has_begun_to_wait(&self, _own: &Parker) {}

    fn look_handed(&mut self) -> Handed {
        Handed::Released
    }

    fn leave(&mut self) -> bool {
        let spots = std::mem::take(&mut self.spots);
        self.sender.channel().stop_select_putting(&spots);
        false
    }

    fn due(&self) -> Option<Instant> {
        None
    }

    fn hint(&self) -> &'a SpinHint {
        &self.sender.channel().put_hint
    }
}

/// The permission to send one message. If it is dropped, another sender may send instead.
pub struct SendPermit<'a, T> {
    sender: &'a Sender<T>,
    grant: Option<Grant>,
    ending: SelectEnding,
}

impl<'a, T> SendPermit<'a, T> {
    pub(super) fn granted(sender: &'a Sender<T>, grant: Grant, patience: Patience) -> Self {
        Self {
            sender,
            grant: Some(grant),
            ending: SelectEnding(Ok(patience)),
        }
    }

    /// Sends the message. Waits only if the receiver that was granted has given up.
    ///
    /// # Errors
    /// The channel is closed, or no arm was chosen. If the wait is necessary: those of
    /// [`Sender::send_deadline`](Sender::send_deadline), or of [`Sender::try_send`](Sender::try_send) if the select does
    /// not wait.
    #[inline]
    pub fn send(mut self, message: T) -> Result<(), SendError<T>> {
        let patience = match &self.ending.0 {
            Ok(patience) => *patience,
            Err(why) => return Err(SendError::of_cut_short(message, why.clone())),
        };
        let grant = self.grant.take().unwrap_or(Grant::Closed);
        match self.sender.channel().put_granted(grant, message) {
            Ok(()) => {
                self.sender.sent();
                Ok(())
            }
            Err(unsent) => self.send_without_grant(unsent, patience),
        }
    }

    #[cold]
    fn send_without_grant(
        &self,
        unsent: PutError<T>,
        patience: Patience,
    ) -> Result<(), SendError<T>> {
        let deadline = match (patience.limit, &unsent) {
            (_, PutError::Closed(_)) => None,
            (PatienceLimit::None, PutError::Full(_)) => {
                return Err(SendError::full(unsent.into_message()));
            }
            (PatienceLimit::Until(deadline), _) => deadline,
            (PatienceLimit::For(timeout), _) => deadline::after(timeout),
        };
        self.sender.wait_to_send(unsent, deadline, patience.at)
    }
}

impl<T> Drop for SendPermit<'_, T> {
    fn drop(&mut self) {
        if let Some(grant) = self.grant.take() {
            self.sender.channel().revoke(grant);
        }
    }
}
