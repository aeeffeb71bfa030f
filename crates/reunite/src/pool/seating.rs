//! Which seats of a pool are taken.
//!
//! # Protocol
//! Who looks at all seats (for offers, to ask their members) looks at those that are taken, and pays for no others, however
//! many there were. A set bit of a *row* says that the seat of that number is taken; a set bit of `rows`, that one in that
//! row is.
//! 1. Bits are changed under the lock, so that the two agree whenever it is free. Seats are found without it.
//! 2. Whoever sits down sets the bit of the seat, then that of its row, and only then raises the seat's word. Until it has
//!    forked it offers nothing, and at its first fork it finds its word raised.
//! 3. Whoever leaves has nothing to offer any more: all its forks are joined.
//!
//! So whoever misses a seat that was taken meanwhile misses no offer, and no fork whose maker was not told to look: a sleeper
//! is in the list before it raises all words, and a member that it has missed looks there after its first fork (see `roster`).
//!
//! The seat with the lowest number is taken first, so that there are few rows.

use std::iter::successors;

use super::seat::Seat;
use crate::primitive::{AtomicUsize, Mutex, OnceLock, Ordering};

/// Members that a pool can have at a time, visitors and spare workers included.
pub(super) const SEATS: usize = 1024;

/// Seats of a row.
const ROW: usize = usize::BITS as usize;

pub(super) struct Seating {
    /// Those that were ever taken.
    seats: Box<[OnceLock<&'static Seat>]>,
    taken: [AtomicUsize; SEATS / ROW],
    rows: AtomicUsize,
    changes: Mutex<()>,
}

/// The numbers of the bits that are set, lowest first.
fn bits_of(word: usize) -> impl Iterator<Item = usize> {
    let without_lowest = |word: &usize| Some(word & word.wrapping_sub(1));
    let words = successors(Some(word), without_lowest).take_while(|word| *word != 0);
    words.map(|word| word.trailing_zeros() as usize)
}

impl Seating {
    pub(super) fn new() -> Self {
        Self {
            seats: (0..SEATS).map(|_| OnceLock::new()).collect(),
            taken: std::array::from_fn(|_| AtomicUsize::new(0)),
            rows: AtomicUsize::new(0),
            changes: Mutex::new(()),
        }
    }

    /// Takes a seat, unless there are too many members.
    pub(super) fn take(&self) -> Option<(usize, &'static Seat)> {
        let number = self.take_lowest()?;
        let seat = self.seats[number].get_or_init(Seat::get);
        seat.welcome();
        Some((number, seat))
    }

    fn take_lowest(&self) -> Option<usize> {
        let _changes = self.changes.lock();
        let taken = |row: &AtomicUsize| row.load(Ordering::Relaxed);
        let row = self.taken.iter().position(|row| taken(row) != usize::MAX)?;
        let bit = taken(&self.taken[row]).trailing_ones() as usize;
        if self.taken[row].fetch_or(1 << bit, Ordering::SeqCst) == 0 {
            self.rows.fetch_or(1 << row, Ordering::SeqCst);
        }
        Some(row * ROW + bit)
    }

    pub(super) fn leave(&self, number: usize) {
        let (row, bit) = (number / ROW, 1 << (number % ROW));
        let _changes = self.changes.lock();
        let others = self.taken[row].fetch_and(!bit, Ordering::SeqCst) & !bit;
        if others == 0 {
            self.rows.fetch_and(!(1 << row), Ordering::SeqCst);
        }
    }

    /// The seats that are taken.
    pub(super) fn all(&self) -> impl Iterator<Item = &'static Seat> {
        let rows = bits_of(self.rows.load(Ordering::SeqCst));
        let numbers = rows.flat_map(|row| {
            let taken = self.taken[row].load(Ordering::SeqCst);
            bits_of(taken).map(move |bit| row * ROW + bit)
        });
        // Who has taken a seat may be about to make it.
        numbers.filter_map(|number| self.seats[number].get().copied())
    }
}

impl Drop for Seating {
    fn drop(&mut self) {
        let seats = self.seats.iter().filter_map(|seat| seat.get());
        seats.for_each(|seat| seat.give_back());
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    #[test]
    fn only_seats_that_are_taken_are_looked_at_and_the_lowest_is_taken_first() {
        let seating = Seating::new();
        let looked_at = || seating.all().count();
        assert_eq!(looked_at(), 0);
        let taken: Vec<_> = (0..SEATS).map_while(|_| seating.take()).collect();
        assert_eq!((taken.len(), looked_at()), (SEATS, SEATS));
        assert!(seating.take().is_none());
        for (number, _) in &taken {
            seating.leave(*number);
        }
        assert_eq!(looked_at(), 0);
        let (number, seat) = seating.take().unwrap();
        assert_eq!(number, 0);
        assert!(seating.all().all(|other| std::ptr::eq(other, seat)));
        assert_eq!(looked_at(), 1);
        seating.take().unwrap();
        seating.leave(0);
        assert_eq!(looked_at(), 1);
        assert_eq!(seating.take().unwrap().0, 0);
    }

    #[test]
    fn an_empty_row_is_not_looked_at() {
        let seating = Seating::new();
        let taken: Vec<_> = (0..2 * ROW).map_while(|_| seating.take()).collect();
        let rows = || bits_of(seating.rows.load(Ordering::SeqCst)).collect::<Vec<_>>();
        assert_eq!(rows(), [0, 1]);
        for (number, _) in &taken[..ROW] {
            seating.leave(*number);
        }
        assert_eq!(rows(), [1]);
        assert_eq!(seating.all().count(), ROW);
        for (number, _) in &taken[ROW..] {
            seating.leave(*number);
        }
        assert!(rows().is_empty());
    }
}
