//! What the open forks of a thread inherit (see [`Inherit`](crate::Inherit)).
//!
//! As long as there is a hook, the word that every fork asks is never lowered to zero (see `seat`), and the fork leaves here
//! what it has captured. It goes along when the fork is published. Of a fork that nobody has taken it is dropped when the
//! thread forks again after that one is over, and at the latest when the piece of work or the visit is over in which it was
//! made. So the oldest here is that of the oldest private fork, and all behind the newest open fork's is of forks that are over.

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
        let over = split_after(&mut captured, older);
        captured.push_back((fork, inherited));
        over
    });
}

/// Whether anything captured is kept.
#[inline]
pub(super) fn is_any() -> bool {
    let is_any = CAPTURED.try_with(|captured| !captured.borrow().is_empty());
    is_any.unwrap_or(false)
}

/// Drops what forks have captured that are over, as `newest` is the newest that is private; zero is none.
#[cold]
pub(super) fn forget_after(newest: ForkMark) {
    let over = CAPTURED.try_with(|captured| split_after(&mut captured.borrow_mut(), newest));
    contain(|| drop(over));
}

/// Takes what was captured later than for that fork. If nothing is kept of it, there was no hook yet when it was made, or it is
/// none: then all is over that there is.
fn split_after(
    captured: &mut VecDeque<(ForkMark, Inherited)>,
    fork: ForkMark,
) -> VecDeque<(ForkMark, Inherited)> {
    let newest_first = captured.iter().rev();
    let over = newest_first.take_while(|(other, _)| *other != fork).count();
    captured.split_off(captured.len() - over)
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
