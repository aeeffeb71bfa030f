//! The seats of a pool: which of them are taken, and which of those have offers or must be asked.
//!
//! # Protocol
//! Seats lie in rows; a row has as many seats as a word has bits. A thread that looks for offers, or asks all
//! members, visits only marked seats, however many members there are. If no seat is marked, it visits none
//! (see `seat_marks`).
//! 1. A set bit of `taken` says that the seat is taken; a set bit of `rows` says that a seat in that row is
//!    taken. Both are changed under the lock, so that they agree whenever it is free. They are read without
//!    it.
//! 2. A thread that takes a seat sets the bit of the seat, then that of its row, and only then raises the
//!    seat's word. Before its first fork it offers nothing, and at its first fork it finds its word raised.
//! 3. A thread that leaves has nothing to offer any more: all its forks are joined.
//! 4. A seat is marked as *offering* while its mailbox holds something, under the lock of the mailbox.
//! 5. A member marks its seat as *lowered* after it has lowered the word. A thread that raises all words
//!    removes the mark before it raises the word; the member removes the mark when it leaves. So each taken
//!    seat without the mark has a raised word, unless a thread is between these two steps.
//!
//! A thread that misses a seat taken meanwhile misses no offer, and no fork whose maker was not told to look:
//! a sleeper is in the list before it raises all words, and a member that it has missed looks there after its
//! first fork (see `members`). A sleeper that finds a seat not marked as lowered may also come
//! * between the lowering and the marking: the member looks for sleepers after both, and finds it;
//! * between the taking of the mark and the raising by another thread: that raises the word after the sleeper
//!   was in the list.
//!
//! The seat with the lowest number is taken first, so that few rows are used.

use super::seat::Seat;
use super::seat_marks::{ROW, SEATS, SeatMarks, bits_of};
use crate::primitive::{AtomicUsize, Mutex, OnceLock, Ordering, StaticMutex};

pub(super) struct Seating {
    places: &'static Places,
    taken: [AtomicUsize; SEATS / ROW],
    rows: AtomicUsize,
    changes: Mutex<()>,
}

/// The seats of a pool, and their marks. A seat is made when it is first taken. They are reused and never
/// freed: see [`Seat`].
struct Places {
    marks: SeatMarks,
    seats: Box<[OnceLock<&'static Seat>]>,
}

/// The places of pools that do not exist any more, for reuse.
static SPARE: StaticMutex<Vec<&'static Places>> = StaticMutex::new(Vec::new());

impl Places {
    fn get() -> &'static Self {
        let spare = SPARE.lock().pop();
        let new = || Self {
            marks: SeatMarks::new(),
            seats: (0..SEATS).map(|_| OnceLock::new()).collect(),
        };
        spare.unwrap_or_else(|| Box::leak(Box::new(new())))
    }

    /// Takes back the places of a pool that does not exist any more, and that has no members.
    fn give_back(&'static self) {
        // Under the model checker places belong to one execution, and cannot be reused.
        if !cfg!(reunite_model) {
            SPARE.lock().push(self);
        }
    }

    /// Returns a seat; `None` if the thread that has taken it is still about to make it.
    fn seat(&self, number: usize) -> Option<&'static Seat> {
        self.seats[number].get().copied()
    }
}

impl Seating {
    pub(super) fn new() -> Self {
        Self {
            places: Places::get(),
            taken: std::array::from_fn(|_| AtomicUsize::new(0)),
            rows: AtomicUsize::new(0),
            changes: Mutex::new(()),
        }
    }

    /// Takes a seat, unless there are too many members.
    pub(super) fn take(&self) -> Option<(usize, &'static Seat)> {
        let number = self.take_lowest()?;
        let new = || Seat::new(&self.places.marks, number);
        let seat = self.places.seats[number].get_or_init(new);
        seat.set_member();
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
        self.places.marks.lowered.clear(number);
        let others = self.taken[row].fetch_and(!bit, Ordering::SeqCst) & !bit;
        if others == 0 {
            self.rows.fetch_and(!(1 << row), Ordering::SeqCst);
        }
    }

    /// Returns the rows that have taken seats.
    fn rows(&self) -> impl Iterator<Item = usize> {
        bits_of(self.rows.load(Ordering::SeqCst))
    }

    /// Returns the seats that are taken.
    pub(super) fn all(&self) -> impl Iterator<Item = &'static Seat> {
        self.rows().flat_map(move |row| {
            let taken = self.taken[row].load(Ordering::SeqCst);
            bits_of(taken).filter_map(move |bit| self.places.seat(row * ROW + bit))
        })
    }

    /// Returns true if something is offered.
    pub(super) fn has_offers(&self) -> bool {
        self.places.marks.offering.is_any()
    }

    /// Returns the seats where something is offered.
    pub(super) fn with_offers(&self) -> impl Iterator<Item = &'static Seat> {
        let offering = &self.places.marks.offering;
        let rows = offering.is_any().then(|| self.rows());
        let numbers = rows
            .into_iter()
            .flatten()
            .flat_map(|row| offering.of_row(row));
        numbers.filter_map(|number| self.places.seat(number))
    }

    /// Raises the words of all members.
    pub(super) fn ask_all(&self) {
        let lowered = &self.places.marks.lowered;
        if lowered.is_any() {
            let numbers = self.rows().flat_map(|row| lowered.take_row(row));
            let seats = numbers.filter_map(|number| self.places.seat(number));
            seats.for_each(Seat::ask);
        }
    }
}

impl Drop for Seating {
    fn drop(&mut self) {
        self.places.give_back();
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    #[test]
    fn only_taken_seats_are_looked_at_and_the_lowest_is_taken_first() {
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

    #[test]
    fn only_members_that_have_lowered_their_words_are_asked_again() {
        let seating = Seating::new();
        let taken: Vec<_> = (0..ROW + 2).map_while(|_| seating.take()).collect();
        let lowered = || {
            let has = |number: &usize| seating.places.marks.lowered.has(*number);
            (0..2 * ROW).filter(has).count()
        };
        let are_hungry = || taken.iter().filter(|(_, seat)| seat.is_hungry()).count();
        // Seats that were used before may have lowered words.
        seating.ask_all();
        assert_eq!((lowered(), are_hungry()), (0, ROW + 2));
        for (_, seat) in &taken[ROW - 1..] {
            seat.answer();
        }
        assert_eq!((lowered(), are_hungry()), (3, ROW - 1));
        seating.ask_all();
        assert_eq!((lowered(), are_hungry()), (0, ROW + 2));
    }

    #[test]
    fn a_seat_that_was_left_with_a_lowered_word_has_a_raised_one_when_it_is_taken() {
        let seating = Seating::new();
        let (number, seat) = seating.take().unwrap();
        seat.answer();
        seating.leave(number);
        assert!(!seating.places.marks.lowered.has(number));
        let (again, seat) = seating.take().unwrap();
        assert_eq!(again, number);
        assert!(seat.is_hungry() && !seating.has_offers());
    }
}
