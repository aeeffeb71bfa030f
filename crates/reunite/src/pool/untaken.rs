//! Items of a map in a pool that returned an `Err`, until the consumer has taken that.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::panic::Location;

use crate::id::{Kind, Label};
use crate::task::Unjoined;

/// Tells of those that are left when it is dropped.
pub(super) struct Untaken<R> {
    /// The number of the batch's first item.
    first: u64,
    /// The line of the map.
    at: &'static Location<'static>,
    /// Their places in the batch, in order, and who they are if somebody has asked.
    places: VecDeque<(usize, Option<Label>)>,
    returned: PhantomData<fn() -> R>,
}

impl<R> Untaken<R> {
    pub(super) fn new(first: u64, at: &'static Location<'static>) -> Self {
        Self {
            first,
            at,
            places: VecDeque::new(),
            returned: PhantomData,
        }
    }

    /// The item there, behind those before, returned an `Err`.
    #[cold]
    pub(super) fn add(&mut self, place: usize, item: Option<Label>) {
        self.places.push_back((place, item));
    }

    /// The consumer has taken what the item there returned. Those before it were taken.
    #[inline]
    pub(super) fn take(&mut self, place: usize) {
        if self.places.front().is_some_and(|(next, _)| *next == place) {
            self.places.pop_front();
        }
    }
}

impl<R> Drop for Untaken<R> {
    fn drop(&mut self) {
        for (place, item) in self.places.drain(..) {
            let number = self.first + place as u64;
            let label = || Label::new(Kind::Item(number), None, self.at);
            drop(Unjoined::error::<R>(item.unwrap_or_else(label)));
        }
    }
}
