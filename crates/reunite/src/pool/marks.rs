//! Marks of the seats of a pool, so that nobody has to look at each seat for what few of them have.
//!
//! # Protocol
//! A set of marks is a bit for each seat, and how many bits are set.
//! 1. A bit is set by one thread at a time, which counts it before.
//! 2. A bit is cleared by one thread at a time, or with all those of its row, and counted off after that.
//!
//! So the count is never less than the bits that are set: where it is zero there are none, and that is all that most ask. It
//! may be too high for a moment; who finds no bit then has looked for nothing.

use std::iter::successors;

use crate::primitive::{AtomicUsize, Ordering};

/// Members that a pool can have at a time, visitors and spare workers included.
pub(super) const SEATS: usize = 1024;

/// Seats of a row.
pub(super) const ROW: usize = usize::BITS as usize;

/// The numbers of the bits that are set, lowest first.
pub(super) fn bits_of(word: usize) -> impl Iterator<Item = usize> {
    let without_lowest = |word: &usize| Some(word & word.wrapping_sub(1));
    let words = successors(Some(word), without_lowest).take_while(|word| *word != 0);
    words.map(|word| word.trailing_zeros() as usize)
}

/// A row and a bit for the seat with this number.
fn place(number: usize) -> (usize, usize) {
    (number / ROW, 1 << (number % ROW))
}

/// What is marked at the seats of a pool: the protocol of each is told in `seating`.
pub(super) struct Marks {
    /// Something lies in the seat's mailbox.
    pub(super) offering: Marked,
    /// The member has lowered the seat's word.
    pub(super) lowered: Marked,
}

impl Marks {
    pub(super) fn new() -> Self {
        Self {
            offering: Marked::new(),
            lowered: Marked::new(),
        }
    }
}

#[repr(align(128))]
pub(super) struct Marked {
    count: AtomicUsize,
    rows: [AtomicUsize; SEATS / ROW],
}

impl Marked {
    fn new() -> Self {
        Self {
            count: AtomicUsize::new(0),
            rows: std::array::from_fn(|_| AtomicUsize::new(0)),
        }
    }

    /// Whether any seat is marked.
    pub(super) fn is_any(&self) -> bool {
        self.count.load(Ordering::SeqCst) != 0
    }

    pub(super) fn has(&self, number: usize) -> bool {
        let (row, bit) = place(number);
        self.rows[row].load(Ordering::SeqCst) & bit != 0
    }

    /// Marks a seat. Nobody else does so at the same time.
    pub(super) fn set(&self, number: usize) {
        if self.has(number) {
            return;
        }
        let (row, bit) = place(number);
        self.count.fetch_add(1, Ordering::SeqCst);
        self.rows[row].fetch_or(bit, Ordering::SeqCst);
    }

    /// Takes the mark of a seat away.
    pub(super) fn clear(&self, number: usize) {
        let (row, bit) = place(number);
        if self.rows[row].fetch_and(!bit, Ordering::SeqCst) & bit != 0 {
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// The seats of a row that are marked, by their numbers in all.
    pub(super) fn of_row(&self, row: usize) -> impl Iterator<Item = usize> {
        let marked = self.rows[row].load(Ordering::SeqCst);
        bits_of(marked).map(move |bit| row * ROW + bit)
    }

    /// Takes the marks of a row away, and returns whose they were.
    pub(super) fn take_row(&self, row: usize) -> impl Iterator<Item = usize> {
        let mut marked = self.rows[row].load(Ordering::SeqCst);
        if marked != 0 {
            marked = self.rows[row].swap(0, Ordering::SeqCst);
            self.count
                .fetch_sub(marked.count_ones() as usize, Ordering::SeqCst);
        }
        bits_of(marked).map(move |bit| row * ROW + bit)
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    #[test]
    fn marks_are_counted() {
        let marked = Marked::new();
        assert!(!marked.is_any());
        [5, 5, ROW - 1, ROW]
            .into_iter()
            .for_each(|number| marked.set(number));
        assert!(marked.is_any() && marked.has(5) && marked.has(ROW) && !marked.has(6));
        assert_eq!(marked.of_row(0).collect::<Vec<_>>(), [5, ROW - 1]);
        assert_eq!(marked.take_row(0).collect::<Vec<_>>(), [5, ROW - 1]);
        assert_eq!(marked.take_row(0).count(), 0);
        assert!(marked.is_any());
        (0..2).for_each(|_| marked.clear(ROW));
        assert!(!marked.is_any() && !marked.has(ROW));
    }
}
