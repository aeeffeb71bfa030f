//! Choosing an arm: in one pass without waiting, or by a wait for all of them.

use std::cell::Cell;
use std::panic::Location;

use super::super::selection::{Listing, Selection};
use super::arm::{ArmRef, Handed};
use crate::deadline;
use crate::deadlock::{WaitObject, WaitSite, WaitsOn};
use crate::observe::Verb;
use crate::park::Parker;
use crate::primitive::{Arc, Counter, Instant, Ordering, thread_local};
use crate::wait::{Heed, WaitOutcome, block_until, tell_task, wait_for_message};

/// The order in which a select looks at its arms.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ArmOrder {
    /// A random one, so that no arm keeps another from being chosen.
    Fair,
    /// The order of the source.
    Biased,
}

/// An order of so many arms: from `start` on, forwards or backwards, and around. For each two arms, each of them comes
/// first in half of all such orders.
#[derive(Clone, Copy)]
struct Pass {
    count: usize,
    start: usize,
    is_backwards: bool,
}

crate::primitive::global! {
    /// The number of threads that have drawn a random number.
    static DRAWERS: Counter = Counter::new(0);
}

thread_local! {
    /// The state of the thread's generator: another one on each thread, so that threads do not choose alike.
    static RANDOM: Cell<u32> = Cell::new(seed());
}

/// Multiples of the golden ratio are far from each other, and odd numbers are not 0, from which the generator would not
/// move.
fn seed() -> u32 {
    let drawer = DRAWERS.fetch_add(1, Ordering::Relaxed) as u32;
    drawer.wrapping_mul(0x9E37_79B9) | 1
}

/// The next number of a generator that looks random (G. Marsaglia's xorshift).
fn random() -> u32 {
    let next = RANDOM.try_with(|state| {
        let mut x = state.get();
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        state.set(x);
        x
    });
    next.unwrap_or(0)
}

impl Pass {
    #[inline]
    fn over(count: usize, order: ArmOrder) -> Self {
        if order == ArmOrder::Biased || count < 2 {
            let (start, is_backwards) = (0, false);
            return Self {
                count,
                start,
                is_backwards,
            };
        }
        let random = random() as usize;
        Self {
            count,
            start: (random >> 8) % count,
            is_backwards: random & 1 == 1,
        }
    }

    #[inline]
    fn indices(self) -> impl Iterator<Item = usize> {
        let Self { count, start, .. } = self;
        (0..count).map(move |step| {
            let step = match self.is_backwards {
                true => count - step,
                false => step,
            };
            let at = start + step;
            if at < count { at } else { at - count }
        })
    }
}

/// Chooses an arm that is ready. Does not wait.
#[inline]
pub(super) fn try_arms(arms: &mut [ArmRef<'_, '_>], order: ArmOrder) -> Option<usize> {
    let mut indices = Pass::over(arms.len(), order).indices();
    indices.find(|index| arms[*index].0.attempt(None))
}

/// Does what [`try_arms`] does for a select that does not wait at all. It looks twice: if a message moves once from a
/// channel that the first look has yet to reach to one that it has passed, the second look finds it.
#[inline]
pub(super) fn try_arms_twice(arms: &mut [ArmRef<'_, '_>], order: ArmOrder) -> Option<usize> {
    try_arms(arms, order).or_else(|| try_arms(arms, order))
}

/// Waits until an arm is chosen.
///
/// # Errors
/// Returns how the wait ended if no arm was chosen; the task counts as told.
pub(super) fn wait_for_arms(
    arms: &mut [ArmRef<'_, '_>],
    order: ArmOrder,
    deadline: Option<Instant>,
    at: &'static Location<'static>,
) -> Result<usize, WaitOutcome> {
    let site = WaitSite {
        verb: Verb::Select,
        object: WaitObject::None,
        at,
        on: WaitsOn::Anyone,
    };
    let mut steps = SelectSteps::new(arms, order);
    let ended = steps.wait(&site, deadline);
    steps.leave().ok_or_else(|| {
        tell_task(&ended);
        ended
    })
}

struct SelectSteps<'s, 'b, 'a> {
    arms: &'s mut [ArmRef<'b, 'a>],
    pass: Pass,
    selection: Option<Arc<Selection>>,
    chosen: Option<usize>,
}

impl<'s, 'b, 'a> SelectSteps<'s, 'b, 'a> {
    fn new(arms: &'s mut [ArmRef<'b, 'a>], order: ArmOrder) -> Self {
        let is_choosable = arms.iter().any(|arm| arm.0.may_be_chosen());
        Self {
            pass: Pass::over(arms.len(), order),
            arms,
            selection: is_choosable.then(|| Arc::new(Selection::new())),
            chosen: None,
        }
    }

    /// Waits until an arm is chosen, or the wait ends otherwise.
    fn wait(&mut self, site: &WaitSite, deadline: Option<Instant>) -> WaitOutcome {
        let hint = self.arms.first().map(|arm| arm.0.hint());
        let mut listing = None;
        loop {
            let due = self.arms.iter().filter_map(|arm| arm.0.due()).min();
            let until = deadline::earlier(deadline, due);
            let ready = |parker: &Parker| {
                let listing = listing.get_or_insert_with(|| Listing {
                    parker: parker.clone(),
                    selection: self.selection.clone(),
                    arm: 0,
                });
                self.attempt(listing)
            };
            let ended = match hint {
                Some(hint) => wait_for_message(site.clone(), until, Heed::TaskUntold, hint, ready),
                None => block_until(site.clone(), until, Heed::TaskUntold, ready),
            };
            let is_over = self.chosen.is_some() || deadline::has_passed(deadline);
            if is_over || !matches!(ended, WaitOutcome::TimedOut) {
                return ended;
            }
            // An arm is due. If a sender has chosen another one, its message is late.
            self.withdraw();
        }
    }

    /// Tries all arms, and begins to wait if none is ready. Returns true if one is chosen.
    fn attempt(&mut self, listing: &mut Listing) -> bool {
        match self.try_again() {
            Attempt::Done => return true,
            Attempt::NotYet(chosen) => {
                // It will take nothing from the other channels. Their wake-ups belong to other threads.
                self.leave_others(chosen);
                return false;
            }
            Attempt::Begun => {}
        }
        for index in self.pass.indices() {
            listing.arm = index;
            if self.arms[index].0.attempt(Some(listing)) {
                self.chosen = Some(index);
                return true;
            }
        }
        if let Some(selection) = &self.selection {
            selection.begin_waiting();
            for arm in &*self.arms {
                arm.0.has_begun_to_wait(&listing.parker);
            }
        }
        false
    }

    /// Begins to try the arms, unless one is chosen. If a sender has chosen one, looks for its message.
    fn try_again(&mut self) -> Attempt {
        if self.chosen.is_some() {
            return Attempt::Done;
        }
        let Some(selection) = &self.selection else {
            return Attempt::Begun;
        };
        let Err(arm) = selection.try_again() else {
            return Attempt::Begun;
        };
        match self.arms[arm].0.look_handed() {
            Handed::NotYet => Attempt::NotYet(arm),
            Handed::Message => {
                self.chosen = Some(arm);
                Attempt::Done
            }
            Handed::Released => {
                selection.was_released();
                Attempt::Begun
            }
        }
    }

    fn leave_others(&mut self, chosen: usize) {
        for (index, arm) in self.arms.iter_mut().enumerate() {
            if index != chosen {
                let _nothing = arm.0.leave();
            }
        }
    }

    /// Ends the claim of a sender that has chosen an arm, unless there is a message by now. Returns true if one was
    /// ended: then the select has not tried its arms for a while.
    fn withdraw(&mut self) -> bool {
        let Some(selection) = &self.selection else {
            return false;
        };
        let Err(arm) = selection.try_again() else {
            return false;
        };
        if self.chosen.is_none() {
            selection.was_released();
            let has_message = self.arms[arm].0.leave();
            self.chosen = has_message.then_some(arm);
        }
        self.chosen.is_none()
    }

    /// Ends the waiting, and returns the index of the chosen arm.
    fn leave(&mut self) -> Option<usize> {
        if self.chosen.is_none() && self.withdraw() {
            let arms = &mut *self.arms;
            self.chosen = self
                .pass
                .indices()
                .find(|index| arms[*index].0.attempt(None));
        }
        for arm in &mut *self.arms {
            let _nothing = arm.0.leave();
        }
        self.chosen
    }
}

/// The state of a select that begins to try its arms.
enum Attempt {
    Begun,
    /// A sender has chosen this arm, and its message is not there yet.
    NotYet(usize),
    /// An arm is chosen, and has its result.
    Done,
}
