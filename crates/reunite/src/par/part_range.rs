//! The order of parts, for endings that may stop once something is found in a part to the left or to the right.

use crate::primitive::{AtomicUsize, Ordering};

/// The range of a part among all parts: a part to the right has a greater or the same `first`. Each split divides
/// the range in two. If parts are split too often for that, neighbours have the same `first`, and neither ends the
/// other.
#[derive(Clone, Copy)]
pub(super) struct PartRange {
    first: usize,
    end: usize,
}

/// The `first` of the leftmost or the rightmost part in which something was found.
pub(super) struct FoundPart(AtomicUsize);

impl FoundPart {
    /// Makes the record of a search for the first part.
    pub(super) fn none_of_first() -> Self {
        Self(AtomicUsize::new(usize::MAX))
    }

    /// Makes the record of a search for the last part.
    pub(super) fn none_of_last() -> Self {
        Self(AtomicUsize::new(0))
    }
}

/// The share of a small part, as a power of two: some hundred millions of them can follow each other.
const SMALL: u32 = usize::BITS / 8 * 3;

impl PartRange {
    pub(super) const ALL: Self = Self {
        first: 0,
        end: usize::MAX,
    };

    /// Keeps the left part and returns the right one. `at` is that of
    /// [`split_off`](super::plumbing::Consumer::split_off): zero if the left part is small.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let len = self.end - self.first;
        let middle = self.first + if at == 0 { len >> SMALL } else { len / 2 };
        let right = Self {
            first: middle,
            end: self.end,
        };
        self.end = middle;
        right
    }

    /// Takes back the range of a part to the right, all of whose items are done.
    pub(super) fn append(&mut self, right: Self) {
        self.end = right.end;
    }

    pub(super) fn mark_as_first(self, found: &FoundPart) {
        found.0.fetch_min(self.first, Ordering::Relaxed);
    }

    /// Returns true if something was found in a part to the left.
    #[inline]
    pub(super) fn is_after_first(self, found: &FoundPart) -> bool {
        found.0.load(Ordering::Relaxed) < self.first
    }

    pub(super) fn mark_as_last(self, found: &FoundPart) {
        found.0.fetch_max(self.first, Ordering::Relaxed);
    }

    /// Returns true if something was found in a part to the right.
    #[inline]
    pub(super) fn is_before_last(self, found: &FoundPart) -> bool {
        found.0.load(Ordering::Relaxed) > self.first
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    /// A `flat_map` splits the consumer of a part once for each of its items, and appends the right part each time.
    #[test]
    fn splits_one_after_another_do_not_use_up_the_range() {
        let mut range = PartRange::ALL;
        for _ in 0..1_000 {
            let right = range.split_off(1);
            range.append(right);
        }
        let right = range.split_off(1);
        let found = FoundPart::none_of_first();
        range.mark_as_first(&found);
        assert!(right.is_after_first(&found) && !range.is_after_first(&found));
    }

    /// `par_bridge` makes a part of each item, and all that follow are to the right of it.
    #[test]
    fn small_parts_leave_room_for_many_others() {
        let mut rest = PartRange::ALL;
        for _ in 0..1_000_000 {
            let mut part = rest;
            rest = part.split_off(0);
            assert!(part.first < rest.first && part.end == rest.first);
        }
    }
}
