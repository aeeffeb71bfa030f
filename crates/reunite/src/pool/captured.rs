//! The values that the open forks of a thread inherit (see [`Inherit`](crate::Inherit)).
//!
//! As long as there is a hook, the word that every fork reads is never lowered to zero (see `seat`), and the
//! fork stores here what it has captured. When the fork is published, that goes along. For a fork that no
//! thread has taken it is dropped when the thread forks again after the fork is over, and at the latest at
//! the end of the piece of work or the visit in which it was made. So the oldest entry here is that of the
//! oldest private fork, and all entries behind the newest open fork's are those of forks that are over.

use std::cell::RefCell;
use std::collections::VecDeque;

use crate::contain::contain;
use crate::context::Inherited;
use crate::current::ForkMark;
use crate::primitive::thread_local;

thread_local! {
    /// The entries by fork, the oldest first: of forks that are open and private, and then of some that are
    /// over.
    static CAPTURED: RefCell<VecDeque<(ForkMark, Inherited)>> = const { RefCell::new(VecDeque::new()) };
}

/// Captures what the fork that was just made inherits. `older` is the private fork before it; zero is none.
pub(super) fn capture(fork: ForkMark, older: ForkMark) {
    let inherited = Inherited::capture();
    let _ending = CAPTURED.try_with(|captured| {
        let mut captured = captured.borrow_mut();
        let over = split_after(&mut captured, older);
        captured.push_back((fork, inherited));
        over
    });
}

/// Returns true if anything captured is kept.
#[inline]
pub(super) fn is_any() -> bool {
    let is_any = CAPTURED.try_with(|captured| !captured.borrow().is_empty());
    is_any.unwrap_or(false)
}

/// Drops what forks that are over have captured. `newest` is the newest private fork; zero is none.
#[cold]
pub(super) fn forget_after(newest: ForkMark) {
    let over = CAPTURED.try_with(|captured| split_after(&mut captured.borrow_mut(), newest));
    contain(|| drop(over));
}

/// Takes the entries that are later than that of `fork`. If there is no entry of `fork`, there was no hook
/// yet when it was made, or `fork` is zero: then all entries are those of forks that are over.
fn split_after(
    captured: &mut VecDeque<(ForkMark, Inherited)>,
    fork: ForkMark,
) -> VecDeque<(ForkMark, Inherited)> {
    let newest_first = captured.iter().rev();
    let over = newest_first.take_while(|(other, _)| *other != fork).count();
    captured.split_off(captured.len() - over)
}

/// Takes what the oldest private fork inherits, if that was captured.
pub(super) fn take(fork: ForkMark) -> Option<Inherited> {
    let found = CAPTURED.try_with(|captured| {
        let mut captured = captured.borrow_mut();
        let is_oldest = captured.front().is_some_and(|(oldest, _)| *oldest == fork);
        is_oldest.then(|| captured.pop_front()).flatten()
    });
    Some(found.ok().flatten()?.1)
}
