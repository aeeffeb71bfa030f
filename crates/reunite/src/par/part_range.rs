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

impl PartRange {
    pub(super) const ALL: Self = Self {
        first: 0,
        end: usize::MAX,
    };

    /// Keeps the left half and returns the right one.
    pub(super) fn split_off(&mut self) -> Self {
        let middle = self.first + (self.end - self.first) / 2;
        let right = Self {
            first: middle,
            end: self.end,
        };
        self.end = middle;
        right
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
