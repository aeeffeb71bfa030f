//! The thing that a thread gives up while it blocks: the place of a worker in its pool.

use std::cell::Cell;

use crate::park::Parker;
use crate::primitive::thread_local;

/// The thing that a thread gives up while it blocks: the place of a worker in its pool. A wait inside another wait
/// leaves again, and comes back first.
pub(crate) trait Place {
    /// Leaves the place. `parker` is the one by which the thread will be woken. If no thread is left for the work in
    /// the pool and the wait `must_end` with its result, a thread is found.
    fn leave(&self, parker: &Parker, must_end: bool);
    fn come_back(&self, parker: &Parker);
    /// Returns true if the pool has work while all threads that could do it block, none of them is about to go on, and
    /// no thread can be added. A wait for which this returns true must end; if the wait `must_end` with its result, a
    /// thread is found instead.
    fn is_starved(&self, must_end: bool) -> bool;
    /// Makes the other waits check for starvation, if there is any and the caller cannot end its wait.
    fn let_others_ask(&self, parker: &Parker);
    /// Returns true if the thread has more work after the work at hand.
    fn has_more(&self) -> bool;
    /// Hands that work over to other threads, because the wait lasts.
    fn hand_over(&self);
}

thread_local! {
    static PLACE: Cell<Option<&'static dyn Place>> = const { Cell::new(None) };
}

/// Sets the place that this thread's waits give up from now on. Returns the previous one.
pub(crate) fn install(place: Option<&'static dyn Place>) -> Option<&'static dyn Place> {
    PLACE.with(|here| here.replace(place))
}

/// A place that was given up; comes back to it when dropped.
pub(super) struct PlaceGuard<'a> {
    place: Option<&'static dyn Place>,
    parker: &'a Parker,
    must_end: bool,
}

impl<'a> PlaceGuard<'a> {
    pub(super) fn by(parker: &'a Parker, must_end: bool) -> Self {
        let place = PLACE.try_with(Cell::get).unwrap_or_default();
        if let Some(place) = place {
            // The thread may yet go on, and others must not take it for blocked.
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

    /// Makes the other waits check for starvation if no thread goes on.
    pub(super) fn let_others_ask(&self) {
        if let Some(place) = self.place {
            place.let_others_ask(self.parker);
        }
    }

    /// Returns true if there is work to hand over if the wait lasts.
    pub(super) fn has_more(&self) -> bool {
        self.place.is_some_and(Place::has_more)
    }

    /// Hands that work over, because the wait lasts.
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
