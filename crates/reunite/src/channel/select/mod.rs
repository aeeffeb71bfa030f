//! Waiting for several channels at once.
//!
//! # Protocol
//! A select has *arms*, each a receive from a channel or a send into one. It goes through these steps:
//!
//! 1. *Try.* It attempts each arm once, in its order, and stops at the first one that is ready. A receive takes its
//!    message. A send gets a *grant*: there is room for its message, which is made only after that. Nothing is listed
//!    yet, so most selects that find something ready end here.
//! 2. *Try and list.* It attempts each arm again. An arm that is not ready lists the select in its channel in the same
//!    critical section (at a ring: lists it and then looks once more), so a thread that makes the arm ready after that
//!    wakes the select, and removes it from that list.
//! 3. *Wait.* If none is ready, it parks. The wait's deadline is the earliest of the select's own and those of the
//!    channels into which the clock sends ([`super::timer`]).
//! 4. *Again.* Whatever wakes it, it repeats step 2: an arm whose list it has left lists it again.
//! 5. *Leave.* When an arm is chosen or the wait has ended, it removes itself from all lists.
//!
//! *No message is taken twice, and none is lost*, although several channels may become ready at once: a channel that
//! becomes ready only wakes the select, which alone attempts its arms, one after the other, and stops at the first
//! success. The other channels keep their messages and their room.
//!
//! *No wake-up is lost.* A channel that wakes a select has woken it instead of another thread. In step 5, a select that
//! is not in a list any more was woken by that channel. If the channel is still ready, it passes the wake-up on to the
//! next thread there, also if it has chosen this channel: it may have been woken after that.
//!
//! *Channels with capacity 0* cannot keep a message for a select that was woken. There, a sender chooses the receive of
//! a waiting select, or claims it for a message that it will make; see [`super::selection`] for the states of the
//! select, and [`super::queue`] for the meeting of two selects. A select that may be chosen leaves the state `WAITING`
//! before each attempt, and so learns whether an arm was chosen; then it attempts nothing. Nothing is attempted in the
//! state `WAITING`, so a select is chosen at most once, and never while it chooses.
//!
//! A select that was chosen for a message that does not exist yet takes nothing else meanwhile. So it leaves the other
//! channels when it is woken. When its wait ends, or another arm gets a message from the clock, it *withdraws* from the
//! claim, tries all arms once more, because they may have become ready meanwhile, and leaves the state for the last time,
//! so that nothing is handed to it after step 5.

mod arm;
mod erased;
mod list;
mod macros;
mod operation;
mod steps;
mod wait;

pub use arm::{ArmRef, RecvArm, SelectEnding, SendArm, SendPermit};
pub use list::{select, select_deadline, select_timeout, try_select};
pub use macros::{SelectWait, choose};
pub use operation::{Select, SelectedOperation};
pub use wait::ArmOrder;
