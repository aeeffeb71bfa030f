//! Arms whose type of messages is not known: those of a [`Select`](super::Select).

use super::super::claims::ClaimState;
use super::super::outcome::{Grant, TakeResult};
use super::super::selection::Listing;
use super::super::state::ChannelState;
use super::super::waiters::WaitSpots;
use super::arm::{Arm, Handed};
use crate::park::Parker;
use crate::primitive::Instant;
use crate::spin::SpinHint;
use crate::wait_queue::Spot;

/// An arm of a select that is made at run time.
pub(super) struct ErasedArm<'a> {
    channel: &'a (dyn ErasedChannel + 'a),
    kind: ArmKind,
    spots: WaitSpots,
    state: Option<ChosenState>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ArmKind {
    Recv,
    Send,
}

/// The result of a chosen operation, as far as its channel knows it.
pub(super) enum ChosenState {
    /// A message, kept in the channel's list of selected messages: only the user's code knows its type.
    Message(Spot),
    /// The channel is closed and empty.
    Closed,
    Grant(Grant),
}

/// A channel whose type of messages is not known.
pub(super) trait ErasedChannel: Send + Sync {
    fn attempt_recv(&self, listing: Option<&Listing>, spots: &mut WaitSpots)
    -> Option<ChosenState>;
    fn attempt_send(&self, listing: Option<&Listing>, spots: &mut WaitSpots)
    -> Option<ChosenState>;
    fn look_chosen(&self, spots: &WaitSpots) -> (Handed, Option<ChosenState>);
    fn leave(&self, kind: ArmKind, spots: &WaitSpots) -> Option<ChosenState>;
    fn may_choose(&self) -> bool;
    fn wake_sender(&self, own: &Parker);
    fn next_due(&self) -> Option<Instant>;
    fn hint(&self, kind: ArmKind) -> &SpinHint;
    /// Ends an operation that is not completed.
    fn abandon(&self, state: ChosenState);
}

impl<'a> ErasedArm<'a> {
    pub(super) fn new(channel: &'a (dyn ErasedChannel + 'a), kind: ArmKind) -> Self {
        Self {
            channel,
            kind,
            spots: WaitSpots::default(),
            state: None,
        }
    }

    pub(super) fn channel(&self) -> &'a (dyn ErasedChannel + 'a) {
        self.channel
    }

    /// Returns what the chosen operation has got. The arm can be used again after that.
    pub(super) fn take_state(&mut self) -> Option<ChosenState> {
        self.state.take()
    }
}

/// A clone waits for the same operation, and has got nothing.
impl Clone for ErasedArm<'_> {
    fn clone(&self) -> Self {
        Self::new(self.channel, self.kind)
    }
}

impl<'a> Arm<'a> for ErasedArm<'a> {
    fn attempt(&mut self, listing: Option<&Listing>) -> bool {
        let Self { channel, spots, .. } = self;
        self.state = match self.kind {
            ArmKind::Recv => channel.attempt_recv(listing, spots),
            ArmKind::Send => channel.attempt_send(listing, spots),
        };
        self.state.is_some()
    }

    fn may_be_chosen(&self) -> bool {
        self.kind == ArmKind::Recv && self.channel.may_choose()
    }

    fn has_begun_to_wait(&self, own: &Parker) {
        if self.kind == ArmKind::Recv {
            self.channel.wake_sender(own);
        }
    }

    fn look_handed(&mut self) -> Handed {
        let (handed, state) = self.channel.look_chosen(&self.spots);
        self.state = state;
        handed
    }

    fn leave(&mut self) -> bool {
        let spots = std::mem::take(&mut self.spots);
        match self.channel.leave(self.kind, &spots) {
            None => false,
            handed => {
                self.state = handed;
                true
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        self.channel.next_due()
    }

    fn hint(&self) -> &'a SpinHint {
        self.channel.hint(self.kind)
    }
}

impl<T: Send> ChannelState<T> {
    fn keep_selected(&self, message: T) -> ChosenState {
        ChosenState::Message(self.selected.lock().push_back(message))
    }
}

impl<T: Send> ErasedChannel for ChannelState<T> {
    fn attempt_recv(
        &self,
        listing: Option<&Listing>,
        spots: &mut WaitSpots,
    ) -> Option<ChosenState> {
        match self.take_selected(listing, spots) {
            TakeResult::Message(message) => Some(self.keep_selected(message)),
            TakeResult::Closed => Some(ChosenState::Closed),
            TakeResult::Nothing => None,
        }
    }

    fn attempt_send(
        &self,
        listing: Option<&Listing>,
        spots: &mut WaitSpots,
    ) -> Option<ChosenState> {
        let grant = self.grant(listing.map(|listing| &listing.parker), spots)?;
        Some(ChosenState::Grant(grant))
    }

    fn look_chosen(&self, spots: &WaitSpots) -> (Handed, Option<ChosenState>) {
        match self.look_handed(spots) {
            ClaimState::Free => (Handed::Released, None),
            ClaimState::Pending => (Handed::NotYet, None),
            ClaimState::Handed(message) => (Handed::Message, Some(self.keep_selected(message))),
        }
    }

    fn leave(&self, kind: ArmKind, spots: &WaitSpots) -> Option<ChosenState> {
        if kind == ArmKind::Send {
            self.stop_select_putting(spots);
            return None;
        }
        let handed = self.stop_taking(spots)?;
        Some(self.keep_selected(handed))
    }

    fn may_choose(&self) -> bool {
        self.chooses_selects()
    }

    fn wake_sender(&self, own: &Parker) {
        self.wake_chooser(own);
    }

    fn next_due(&self) -> Option<Instant> {
        self.due()
    }

    fn hint(&self, kind: ArmKind) -> &SpinHint {
        match kind {
            ArmKind::Recv => &self.take_hint,
            ArmKind::Send => &self.put_hint,
        }
    }

    fn abandon(&self, state: ChosenState) {
        match state {
            ChosenState::Message(spot) => {
                let message = self.selected.lock().remove(spot);
                drop(message);
            }
            ChosenState::Closed => {}
            ChosenState::Grant(grant) => self.revoke(grant),
        }
    }
}
