//! The errors that items of a pool's map returned and that the consumer has not taken yet.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::panic::Location;

use crate::id::{Label, LabelKind};
use crate::task::Unjoined;

/// A list of untaken errors, which reports those that are left when it is dropped.
pub(super) struct UntakenErrors<R> {
    /// The number of the batch's first item.
    first: u64,
    /// The line of the map.
    at: &'static Location<'static>,
    /// The places of their items in the batch, in order, and the items' labels if these were made.
    places: VecDeque<(usize, Option<Label>)>,
    returned: PhantomData<fn() -> R>,
}

impl<R> UntakenErrors<R> {
    pub(super) fn new(first: u64, at: &'static Location<'static>) -> Self {
        Self {
            first,
            at,
            places: VecDeque::new(),
            returned: PhantomData,
        }
    }

    /// Adds the item at `place`, which is behind those added before, and which returned an `Err`.
    #[cold]
    pub(super) fn add(&mut self, place: usize, item: Option<Label>) {
        self.places.push_back((place, item));
    }

    /// Removes the item at `place`, if it is the first, and returns what reports its error from now on.
    pub(super) fn pass_on(&mut self, place: usize) -> Option<Unjoined> {
        self.places.front().filter(|(next, _)| *next == place)?;
        let (place, item) = self.places.pop_front()?;
        Some(self.unjoined(place, item))
    }

    fn unjoined(&self, place: usize, item: Option<Label>) -> Unjoined {
        let number = self.first + place as u64;
        let label = || Label::new(LabelKind::Item(number), None, self.at);
        Unjoined::error::<R>(item.unwrap_or_else(label))
    }
}

impl<R> Drop for UntakenErrors<R> {
    fn drop(&mut self) {
        while let Some((place, item)) = self.places.pop_front() {
            drop(self.unjoined(place, item));
        }
    }
}
