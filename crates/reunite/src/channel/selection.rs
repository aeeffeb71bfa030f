//! The state of a select that waits: whether a sender may choose one of its receives.
//!
//! A select takes messages and room by itself when it is woken, so most channels need to know only its parker. On a
//! channel with capacity 0, a sender must choose the receive of a select instead, because the message has no other
//! place to go. Then the select must not take anything else.
//!
//! # States
//! - `TRYING`: the select goes through its arms. It may take or send, and no sender may choose it.
//! - `WAITING`: the select waits. It must not take or send anything.
//! - *chosen*, with the number of an arm: a sender has chosen the receive of that arm. The select waits for its
//!   message, until the sender releases it or it withdraws ([`super::claims`]).
//!
//! # Transitions
//! 1. `TRYING` to `WAITING`, `WAITING` to `TRYING`, and *chosen* to `TRYING` (when it was released, or withdraws): the
//!    select only.
//! 2. `WAITING` to *chosen*: a sender, which holds the lock of a channel where the select is listed.

use crate::park::Parker;
use crate::primitive::{Arc, AtomicUsize, Ordering};

const TRYING: usize = 0;
const WAITING: usize = 1;
/// The state in which arm 0 is chosen; the others follow.
const FIRST_CHOSEN: usize = 2;

/// The state of a waiting select. By the transitions above, at most one sender chooses it.
pub(super) struct Selection(AtomicUsize);

impl Selection {
    /// Makes the state of a select that is trying.
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(TRYING))
    }

    /// Begins to try, unless a sender has chosen an arm.
    ///
    /// # Errors
    /// Returns the number of the chosen arm.
    pub(super) fn try_again(&self) -> Result<(), usize> {
        let exchanged =
            self.0
                .compare_exchange(WAITING, TRYING, Ordering::SeqCst, Ordering::SeqCst);
        match exchanged {
            Ok(_) | Err(TRYING) => Ok(()),
            Err(chosen) => Err(chosen - FIRST_CHOSEN),
        }
    }

    pub(super) fn begin_waiting(&self) {
        self.0.store(WAITING, Ordering::SeqCst);
    }

    /// Begins to try again after the sender that had chosen an arm has released it, or because the select withdraws.
    pub(super) fn was_released(&self) {
        self.0.store(TRYING, Ordering::SeqCst);
    }

    /// Chooses the receive of an arm. Returns false if the select is not waiting.
    fn choose(&self, arm: usize) -> bool {
        let chosen = FIRST_CHOSEN + arm;
        self.0
            .compare_exchange(WAITING, chosen, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }
}

/// The entry of a select's arm in the list of a channel.
#[derive(Clone)]
pub(super) struct Listing {
    pub(super) parker: Parker,
    /// The state of the select, if one of its arms may be chosen.
    pub(super) selection: Option<Arc<Selection>>,
    /// The number of the arm.
    pub(super) arm: usize,
}

impl Listing {
    /// Chooses this arm. Returns false if its select is not waiting.
    pub(super) fn choose(&self) -> bool {
        self.selection
            .as_ref()
            .is_some_and(|selection| selection.choose(self.arm))
    }
}
