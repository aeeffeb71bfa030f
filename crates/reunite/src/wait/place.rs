//! What a thread gives up while it blocks: a worker's place in its pool.

use std::cell::Cell;

use crate::park::Parker;
use crate::primitive::thread_local;

/// What a thread has to give up while it blocks: a worker's place in its pool. A wait inside another leaves
/// again, and comes back first.
pub(crate) trait Place {
    /// `parker` is the one by which the thread will be woken. If nobody is left to do what is to be done and the
    /// wait `must_end` with what it waits for, somebody is found.
    fn leave(&self, parker: &Parker, must_end: bool);
    fn come_back(&self, parker: &Parker);
    /// Whether work lies there while all who could do it block, none of them about to go on, and nobody can be
    /// added. Whoever is told so must come back; if the wait `must_end`, somebody is found instead.
    fn is_starved(&self, must_end: bool) -> bool;
    /// If so, and the caller cannot come back, the others ask.
    fn let_others_ask(&self, parker: &Parker);
    /// Whether the thread was to do more after the work at hand.
    fn has_more(&self) -> bool;
    /// The wait lasts: that is for others to do.
    fn hand_over(&self);
}

thread_local! {
    static PLACE: Cell<Option<&'static dyn Place>> = const { Cell::new(None) };
}

/// From now on this thread's waits give up `place`. Returns what they gave up before.
pub(crate) fn install(place: Option<&'static dyn Place>) -> Option<&'static dyn Place> {
    PLACE.with(|here| here.replace(place))
}

/// Comes back when dropped.
pub(super) struct GivenUp<'a> {
    place: Option<&'static dyn Place>,
    parker: &'a Parker,
    must_end: bool,
}

impl<'a> GivenUp<'a> {
    pub(super) fn by(parker: &'a Parker, must_end: bool) -> Self {
        let place = PLACE.try_with(Cell::get).unwrap_or_default();
        if let Some(place) = place {
            // It may yet go on, and must not be taken for blocked by others.
            parker.begin_to_ask();
            place.leave(parker, must_end);
        }
        Self {
            place,
            parker,
            must_end,
        }
    }

    /// Whether there was anything to give up.
    pub(super) fn is_in_place(&self) -> bool {
        self.place.is_some()
    }

    /// If nobody goes on, the others ask.
    pub(super) fn let_others_ask(&self) {
        if let Some(place) = self.place {
            place.let_others_ask(self.parker);
        }
    }

    /// Whether there is anything that others are to do if the wait lasts.
    pub(super) fn has_more(&self) -> bool {
        self.place.is_some_and(Place::has_more)
    }

    /// The wait lasts.
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

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            place.come_back(self.parker);
        }
        self.parker.has_asked();
    }
}
