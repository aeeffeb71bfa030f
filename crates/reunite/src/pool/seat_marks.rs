//! Marks of the seats of a pool. With them, a thread that looks for offers visits only the seats that have
//! some.
//!
//! # Protocol
//! A mark is a bit for each seat. There is also a count of the bits, so that most looks read one word. The
//! bit and the count change one after the other. In which order depends on what is harmless for a thread that
//! looks between the two changes.
//! * *Offering* changes under the lock of the seat's mailbox. The bit is set before the offer is counted, and
//!   cleared after it is uncounted. So a counted offer is in the mailbox, or the mailbox is locked: a thread
//!   that finds a count above zero finds an offer, or waits for that lock; so it never looks again and again
//!   without finding anything. A thread that finds the count zero looked before the offer was made.
//! * *Lowered* changes without a lock. A bit is counted before it is set, by the seat's member alone. It is
//!   cleared before it is uncounted, by the member, or with all bits of its row. So the count is never less
//!   than the number of set bits: if it is zero, no bit is set. A thread that finds a count above zero but no
//!   bit has only looked once for nothing.

use std::iter::successors;

use crate::primitive::{AtomicUsize, Ordering};

/// The number of members that a pool can have at a time, visitors and spare workers included.
pub(super) const SEATS: usize = 1024;

/// The number of seats of a row: as many as a word has bits.
pub(super) const ROW: usize = usize::BITS as usize;

/// Returns the numbers of the set bits, lowest first.
pub(super) fn bits_of(word: usize) -> impl Iterator<Item = usize> {
    let without_lowest = |word: &usize| Some(word & word.wrapping_sub(1));
    let words = successors(Some(word), without_lowest).take_while(|word| *word != 0);
    words.map(|word| word.trailing_zeros() as usize)
}

/// A bit for each seat.
struct Bits([AtomicUsize; SEATS / ROW]);

impl Bits {
    fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicUsize::new(0)))
    }

    /// Returns the row of a seat, and its bit there.
    fn place(&self, number: usize) -> (&AtomicUsize, usize) {
        (&self.0[number / ROW], 1 << (number % ROW))
    }

    fn has(&self, number: usize) -> bool {
        let (row, bit) = self.place(number);
        row.load(Ordering::SeqCst) & bit != 0
    }

    fn set(&self, number: usize) {
        let (row, bit) = self.place(number);
        row.fetch_or(bit, Ordering::SeqCst);
    }

    /// Clears the bit. Returns true if it was set.
    fn clear(&self, number: usize) -> bool {
        let (row, bit) = self.place(number);
        row.fetch_and(!bit, Ordering::SeqCst) & bit != 0
    }
}

/// Returns the numbers of the seats whose bits are set in the word of this row.
fn seats_of(row: usize, word: usize) -> impl Iterator<Item = usize> {
    bits_of(word).map(move |bit| row * ROW + bit)
}

/// The marks of a pool's seats.
pub(super) struct SeatMarks {
    pub(super) offering: Offering,
    pub(super) lowered: Lowered,
}

impl SeatMarks {
    pub(super) fn new() -> Self {
        Self {
            offering: Offering {
                count: AtomicUsize::new(0),
                bits: Bits::new(),
            },
            lowered: Lowered {
                count: AtomicUsize::new(0),
                bits: Bits::new(),
            },
        }
    }
}

/// The seats whose mailboxes hold offers.
#[repr(align(128))]
pub(super) struct Offering {
    count: AtomicUsize,
    bits: Bits,
}

impl Offering {
    pub(super) fn is_any(&self) -> bool {
        self.count.load(Ordering::SeqCst) != 0
    }

    pub(super) fn has(&self, number: usize) -> bool {
        self.bits.has(number)
    }

    /// Marks a seat whose mailbox holds an offer. The caller has locked the mailbox.
    pub(super) fn set(&self, number: usize) {
        if !self.bits.has(number) {
            self.bits.set(number);
            self.count.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Unmarks a seat whose mailbox is empty. The caller has locked the mailbox.
    pub(super) fn clear(&self, number: usize) {
        if self.bits.has(number) {
            self.count.fetch_sub(1, Ordering::SeqCst);
            self.bits.clear(number);
        }
    }

    /// Returns the numbers of the marked seats of a row.
    pub(super) fn of_row(&self, row: usize) -> impl Iterator<Item = usize> {
        seats_of(row, self.bits.0[row].load(Ordering::SeqCst))
    }
}

/// The seats whose members have lowered their words.
#[repr(align(128))]
pub(super) struct Lowered {
    count: AtomicUsize,
    bits: Bits,
}

impl Lowered {
    pub(super) fn is_any(&self) -> bool {
        self.count.load(Ordering::SeqCst) != 0
    }

    /// Marks a seat. Called by its member, after it has lowered the word.
    pub(super) fn set(&self, number: usize) {
        if !self.bits.has(number) {
            self.count.fetch_add(1, Ordering::SeqCst);
            self.bits.set(number);
        }
    }

    /// Unmarks a seat. Called by its member, when it leaves.
    pub(super) fn clear(&self, number: usize) {
        if self.bits.clear(number) {
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Unmarks all seats of a row, and returns their numbers: the caller must raise their words now.
    pub(super) fn take_row(&self, row: usize) -> impl Iterator<Item = usize> {
        let mut marked = self.bits.0[row].load(Ordering::SeqCst);
        if marked != 0 {
            marked = self.bits.0[row].swap(0, Ordering::SeqCst);
            let taken = marked.count_ones() as usize;
            self.count.fetch_sub(taken, Ordering::SeqCst);
        }
        seats_of(row, marked)
    }

    #[cfg(all(test, not(reunite_model)))]
    pub(super) fn has(&self, number: usize) -> bool {
        self.bits.has(number)
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    const NUMBERS: [usize; 4] = [5, 5, ROW - 1, ROW];

    #[test]
    fn offers_are_counted() {
        let SeatMarks { offering, .. } = SeatMarks::new();
        assert!(!offering.is_any());
        NUMBERS.into_iter().for_each(|number| offering.set(number));
        assert!(offering.is_any() && offering.has(5) && !offering.has(6));
        assert_eq!(offering.of_row(0).collect::<Vec<_>>(), [5, ROW - 1]);
        assert_eq!(offering.of_row(1).collect::<Vec<_>>(), [ROW]);
        NUMBERS.into_iter().for_each(|number| {
            assert!(offering.is_any());
            offering.clear(number);
        });
        assert!(!offering.is_any() && !offering.has(ROW));
    }

    #[test]
    fn lowered_words_are_counted() {
        let SeatMarks { lowered, .. } = SeatMarks::new();
        assert!(!lowered.is_any());
        NUMBERS.into_iter().for_each(|number| lowered.set(number));
        assert_eq!(lowered.take_row(0).collect::<Vec<_>>(), [5, ROW - 1]);
        assert_eq!(lowered.take_row(0).count(), 0);
        assert!(lowered.is_any() && lowered.has(ROW));
        (0..2).for_each(|_| lowered.clear(ROW));
        assert!(!lowered.is_any() && !lowered.has(ROW));
    }
}
