//! Searches: for any item, or for the first or last one.

use super::part_range::{FoundPart, PartRange};
use super::plumbing::{Consumer, sends_itself};
use crate::primitive::{AtomicBool, Ordering};

/// The consumer of `find_any`: the search ends for all threads once one has found an item.
pub(super) struct FindAny<'a, T, F> {
    found: Option<T>,
    predicate: &'a F,
    is_over: &'a AtomicBool,
}

impl<'a, T, F> FindAny<'a, T, F> {
    pub(super) fn new(predicate: &'a F, is_over: &'a AtomicBool) -> Self {
        Self {
            found: None,
            predicate,
            is_over,
        }
    }

    pub(super) fn into_found(self) -> Option<T> {
        self.found
    }
}

impl<T: Send, F: Fn(&T) -> bool + Sync> Consumer<T> for FindAny<'_, T, F> {
    sends_itself!();

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, mut items: I) {
        if self.found.is_some() {
            return;
        }
        self.found = items.find(self.predicate);
        if self.found.is_some() {
            self.is_over.store(true, Ordering::Relaxed);
        }
    }

    fn split_off(&mut self, _: usize) -> Self {
        Self::new(self.predicate, self.is_over)
    }

    fn append(&mut self, right: Self) {
        self.found = self.found.take().or(right.found);
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

/// The consumer of `find_first`. A part ends its search if an item was found in a part to its left.
pub(super) struct FindFirst<'a, T, F> {
    found: Option<T>,
    range: PartRange,
    predicate: &'a F,
    best: &'a FoundPart,
}

impl<'a, T, F> FindFirst<'a, T, F> {
    pub(super) fn new(predicate: &'a F, best: &'a FoundPart) -> Self {
        Self {
            found: None,
            range: PartRange::ALL,
            predicate,
            best,
        }
    }

    pub(super) fn into_found(self) -> Option<T> {
        self.found
    }
}

impl<T: Send, F: Fn(&T) -> bool + Sync> Consumer<T> for FindFirst<'_, T, F> {
    sends_itself!();

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, mut items: I) {
        if self.found.is_some() {
            return;
        }
        self.found = items.find(self.predicate);
        if self.found.is_some() {
            self.range.mark_as_first(self.best);
        }
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self {
            found: None,
            range: self.range.split_off(at),
            ..*self
        }
    }

    fn append(&mut self, right: Self) {
        self.found = self.found.take().or(right.found);
        self.range.append(right.range);
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.found.is_some() || self.range.is_after_first(self.best)
    }
}

/// The consumer of `find_last`. A part ends its search if an item was found in a part to its right.
pub(super) struct FindLast<'a, T, F> {
    found: Option<T>,
    range: PartRange,
    predicate: &'a F,
    best: &'a FoundPart,
}

impl<'a, T, F> FindLast<'a, T, F> {
    pub(super) fn new(predicate: &'a F, best: &'a FoundPart) -> Self {
        Self {
            found: None,
            range: PartRange::ALL,
            predicate,
            best,
        }
    }

    pub(super) fn into_found(self) -> Option<T> {
        self.found
    }
}

impl<T: Send, F: Fn(&T) -> bool + Sync> Consumer<T> for FindLast<'_, T, F> {
    sends_itself!();

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, items: I) {
        let last = items.filter(self.predicate).last();
        if last.is_some() {
            self.range.mark_as_last(self.best);
            self.found = last;
        }
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self {
            found: None,
            range: self.range.split_off(at),
            ..*self
        }
    }

    fn append(&mut self, right: Self) {
        self.found = right.found.or_else(|| self.found.take());
        // The items that follow, of the next item of a `flat_map`, are to the right of those of `right`.
        self.range = right.range;
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.range.is_before_last(self.best)
    }
}
