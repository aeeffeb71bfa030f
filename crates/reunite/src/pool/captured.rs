//! The values that the open forks of a thread inherit (see [`Inherit`](crate::Inherit)).
//!
//! If there is a hook, the word that every fork reads is never lowered to zero (see `seat`), and each fork
//! stores here the values that it has captured. When the fork is published, the values are moved out with
//! it. If no thread takes the fork, they are dropped when the thread forks again after the fork is over, at
//! the latest at the end of the piece of work or the visit that made the fork. So the oldest entry belongs
//! to the oldest private fork, and all entries behind that of the newest open fork belong to forks that are
//! over.

use std::cell::RefCell;
use std::collections::VecDeque;

use crate::contain::contain;
use crate::context::Inherited;
use crate::current::ForkMark;
use crate::primitive::thread_local;

thread_local! {
    /// The entries by fork, the oldest first: of forks that are open and private, and behind them of some
    /// forks that are over.
    static CAPTURED: RefCell<VecDeque<(ForkMark, Inherited)>> = const { RefCell::new(VecDeque::new()) };
}

/// Captures the values that the fork that was just made inherits. `older` is the private fork before it;
/// zero if there is none.
pub(super) fn capture(fork: ForkMark, older: ForkMark) {
    let inherited = Inherited::capture();
    let _ending = CAPTURED.try_with(|captured| {
        let mut captured = captured.borrow_mut();
        let over = split_after(&mut captured, older);
        captured.push_back((fork, inherited));
        over
    });
}

/// Returns true if there are any entries.
#[inline]
pub(super) fn is_any() -> bool {
    let is_any = CAPTURED.try_with(|captured| !captured.borrow().is_empty());
    is_any.unwrap_or(false)
}

/// Drops the entries of forks that are over. `newest` is the newest private fork; zero if there is none.
#[cold]
pub(super) fn forget_after(newest: ForkMark) {
    let over = CAPTURED.try_with(|captured| split_after(&mut captured.borrow_mut(), newest));
    contain(|| drop(over));
}

/// Takes the entries behind that of `fork`. If there is no entry of `fork` (`fork` is zero, or was made
/// before there was a hook), all entries belong to forks that are over, and are taken.
fn split_after(
    captured: &mut VecDeque<(ForkMark, Inherited)>,
    fork: ForkMark,
) -> VecDeque<(ForkMark, Inherited)> {
    let newest_first = captured.iter().rev();
    let over = newest_first.take_while(|(other, _)| *other != fork).count();
    captured.split_off(captured.len() - over)
}

/// Takes the values that `fork`, the oldest private fork, inherits, if they were captured.
pub(super) fn take(fork: ForkMark) -> Option<Inherited> {
    let found = CAPTURED.try_with(|captured| {
        let mut captured = captured.borrow_mut();
        let is_oldest = captured.front().is_some_and(|(oldest, _)| *oldest == fork);
        is_oldest.then(|| captured.pop_front()).flatten()
    });
    Some(found.ok().flatten()?.1)
}
