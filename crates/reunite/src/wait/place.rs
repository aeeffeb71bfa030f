//! The place in a pool that a thread gives up while it blocks.

use std::cell::Cell;

use crate::park::Parker;
use crate::primitive::thread_local;

/// The hooks of a thread's place in its pool, which the thread gives up while it blocks. A wait inside another wait
/// calls `leave` once more, and its `come_back` comes first.
pub(crate) trait Place {
    /// Gives the place up. `parker` is the one by which the thread will be woken. `must_end` says that the wait cannot
    /// be refused: if no thread is left for the work of the pool, one is started beyond the limit.
    fn leave(&self, parker: &Parker, must_end: bool);
    fn come_back(&self, parker: &Parker);
    /// Returns true if the pool has work, all threads that could do it block, none of them is about to go on, and no
    /// thread can be added. A wait for which this returns true must be refused. If `must_end` says that it cannot be,
    /// a thread is started beyond the limit instead.
    fn is_starved(&self, must_end: bool) -> bool;
    /// Makes the other waits of the pool check for starvation, if the pool may starve. For a caller that cannot end its
    /// own wait.
    fn let_others_ask(&self, parker: &Parker);
    /// Returns true if the thread has more work after the work at hand.
    fn has_more(&self) -> bool;
    /// Hands the work after the work at hand over to other threads, because the wait lasts.
    fn hand_over(&self);
}

thread_local! {
    static PLACE: Cell<Option<&'static dyn Place>> = const { Cell::new(None) };
}

/// Sets the place that this thread's waits give up from now on. Returns the previous one.
pub(crate) fn install(place: Option<&'static dyn Place>) -> Option<&'static dyn Place> {
    PLACE.with(|here| here.replace(place))
}

/// A guard: the thread has given up its place, if it had one, and takes it back when this is dropped.
pub(super) struct PlaceGuard<'a> {
    place: Option<&'static dyn Place>,
    parker: &'a Parker,
    must_end: bool,
}

impl<'a> PlaceGuard<'a> {
    pub(super) fn by(parker: &'a Parker, must_end: bool) -> Self {
        let place = PLACE.try_with(Cell::get).unwrap_or_default();
        if let Some(place) = place {
            // The thread has not checked its condition since: until `end_check` it must not count as blocked.
            parker.begin_check();
            place.leave(parker, must_end);
        }
        Self {
            place,
            parker,
            must_end,
        }
    }

    /// Returns true if the thread had a place to give up.
    pub(super) fn holds_place(&self) -> bool {
        self.place.is_some()
    }

    /// Makes the other waits of the pool check for starvation, if the pool may starve.
    pub(super) fn let_others_ask(&self) {
        if let Some(place) = self.place {
            place.let_others_ask(self.parker);
        }
    }

    /// Returns true if the thread has work to hand over in case the wait lasts.
    pub(super) fn has_more(&self) -> bool {
        self.place.is_some_and(Place::has_more)
    }

    /// Hands the thread's next work over, because the wait lasts.
    pub(super) fn hand_over(&self) {
        if let Some(place) = self.place {
            place.hand_over();
        }
    }

    pub(super) fn is_starved(&self) -> bool {
        self.place
            .is_some_and(|place| place.is_starved(self.must_end))
    }
}

impl Drop for PlaceGuard<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            place.come_back(self.parker);
        }
        self.parker.end_check();
    }
}
