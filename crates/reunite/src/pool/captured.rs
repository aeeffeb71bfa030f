//! What the open forks of a thread inherit (see [`Inherit`](crate::Inherit)).
//!
//! As long as there is a hook, the word that every fork asks is never lowered to zero (see `seat`), and the fork leaves here
//! what it has captured. It goes along when the fork is published. Of forks that nobody has taken it is dropped by later
//! ones, whose frames lie where theirs lay, and at the latest when the piece of work or the visit is over in which they were
//! made.

use std::cell::RefCell;
use std::collections::VecDeque;

use crate::contain::contain;
use crate::context::Inherited;
use crate::current::ForkMark;
use crate::primitive::thread_local;

thread_local! {
    /// By fork, the oldest first: of those that are open and private, and then of some that are over.
    static CAPTURED: RefCell<VecDeque<(ForkMark, Inherited)>> = const { RefCell::new(VecDeque::new()) };
}

/// Captures what the fork inherits that was just made, after `older` of those that are private; zero is none.
pub(super) fn capture(fork: ForkMark, older: ForkMark) {
    let inherited = Inherited::capture();
    let _ending = CAPTURED.try_with(|captured| {
        let mut captured = captured.borrow_mut();
        // Whatever was made after that one is over. If nothing is kept of it, there was no hook yet when it was made.
        let newest_first = captured.iter().rev();
        let over = newest_first
            .take_while(|(other, _)| *other != older)
            .count();
        let open = captured.len() - over;
        let over = captured.split_off(open);
        captured.push_back((fork, inherited));
        over
    });
}

/// How many captured are kept.
#[inline]
pub(super) fn count() -> usize {
    let count = CAPTURED.try_with(|captured| captured.borrow().len());
    count.unwrap_or(0)
}

/// Drops what forks have captured that were made when `before` were kept, and are over.
#[inline]
pub(super) fn forget(before: usize) {
    if count() > before {
        forget_all_but(before);
    }
}

#[cold]
fn forget_all_but(before: usize) {
    let over = CAPTURED.try_with(|captured| captured.borrow_mut().split_off(before));
    contain(|| drop(over));
}

/// What the oldest private fork inherits, if that was captured.
pub(super) fn take(fork: ForkMark) -> Option<Inherited> {
    let found = CAPTURED.try_with(|captured| {
        let mut captured = captured.borrow_mut();
        let is_oldest = captured.front().is_some_and(|(oldest, _)| *oldest == fork);
        is_oldest.then(|| captured.pop_front()).flatten()
    });
    Some(found.ok().flatten()?.1)
}
