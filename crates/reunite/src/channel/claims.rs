//! Receivers that a select has chosen for a message which does not exist yet.
//!
//! A select that sends into a channel with capacity 0 first chooses a waiting receiver, and evaluates its message after
//! that. Until then the receiver is *claimed*. All steps are made under the lock of the channel, and the first of these
//! ends the claim:
//!
//! - the select *hands over* its message: the receiver has received, even if its wait ends for another reason;
//! - the select *releases* the receiver, because there will be no message: the receiver goes on waiting;
//! - the receiver *withdraws*, because its wait has ended;
//! - the channel is closed.
//!
//! In the last two cases, the select finds no claim when its message is there, and has to send it as other senders do.

use crate::park::Parker;
use crate::wait_queue::Spot;

/// The claimed receivers of a channel. There are as many as selects that evaluate their message at the moment, and
/// receivers that have not seen theirs.
pub(super) struct Claims<T>(Vec<Claim<T>>);

struct Claim<T> {
    spot: Spot,
    taker: Parker,
    message: Option<T>,
}

/// The state of a receiver that may have been claimed.
pub(super) enum ClaimState<T> {
    /// It is not claimed.
    Free,
    /// The message is not there yet.
    Pending,
    Handed(T),
}

impl<T> Claims<T> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Claims the receiver that was listed at this spot; with a message, it is handed over at once.
    pub(super) fn add(&mut self, spot: Spot, taker: Parker, message: Option<T>) {
        self.0.push(Claim {
            spot,
            taker,
            message,
        });
    }

    fn find(&self, spot: Spot) -> Option<usize> {
        self.0.iter().position(|claim| claim.spot == spot)
    }

    /// Hands over the message of a claim. Returns the parker of the receiver.
    ///
    /// # Errors
    /// Returns the message if there is no such claim any more.
    pub(super) fn hand(&mut self, spot: Spot, message: T) -> Result<Parker, T> {
        let Some(at) = self.find(spot) else {
            return Err(message);
        };
        let claim = &mut self.0[at];
        claim.message = Some(message);
        Ok(claim.taker.clone())
    }

    /// Ends a claim without a message. Returns the parker of its receiver.
    pub(super) fn release(&mut self, spot: Spot) -> Option<Parker> {
        let at = self.find(spot)?;
        Some(self.0.swap_remove(at).taker)
    }

    /// Releases all receivers that have no message yet. Returns their parkers.
    pub(super) fn release_pending(&mut self) -> Vec<Parker> {
        let released = self.0.extract_if(.., |claim| claim.message.is_none());
        released.map(|claim| claim.taker).collect()
    }

    /// Returns the state of the receiver at this spot, and ends the claim if its message was handed over.
    pub(super) fn look(&mut self, spot: Spot) -> ClaimState<T> {
        match self.find(spot) {
            None => ClaimState::Free,
            Some(at) if self.0[at].message.is_none() => ClaimState::Pending,
            Some(at) => {
                let handed = self.0.swap_remove(at).message;
                handed.map_or(ClaimState::Free, ClaimState::Handed)
            }
        }
    }
}
