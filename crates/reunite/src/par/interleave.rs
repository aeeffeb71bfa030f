//! `interleave`: the items of two parallel iterators in turn.

use super::drive::drive_by_producer;
use super::maybe::Maybe;
use super::plumbing::{Drive, DriveIndexed, Producer};

/// The result of `interleave` and `interleave_shortest`.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Interleave<A, B> {
    pub(super) a: A,
    pub(super) b: B,
}

impl<A: DriveIndexed, B: DriveIndexed<Item = A::Item>> Drive for Interleave<A, B> {
    type Item = A::Item;
    drive_by_producer!();
}

impl<A: DriveIndexed, B: DriveIndexed<Item = A::Item>> DriveIndexed for Interleave<A, B> {
    type Producer<'a>
        = InterleaveProducer<A::Producer<'a>, B::Producer<'a>>
    where
        Self: 'a;

    fn exact_len(&self) -> usize {
        let both = self.a.exact_len().checked_add(self.b.exact_len());
        both.expect("the number of interleaved items exceeds usize::MAX")
    }

    fn producer(&mut self) -> Self::Producer<'_> {
        let _sum_fits = self.exact_len();
        InterleaveProducer {
            a: self.a.producer(),
            b: self.b.producer(),
            is_turn_of_b: false,
        }
    }
}

/// The producer of [`Interleave`].
pub struct InterleaveProducer<A, B> {
    a: A,
    b: B,
    is_turn_of_b: bool,
}

impl<A: Producer, B: Producer> InterleaveProducer<A, B> {
    /// Returns how many of the next `count` items are from `a`, and how many from `b`.
    fn shares(&self, count: usize) -> (usize, usize) {
        let turns_of_a = count / 2 + usize::from(count % 2 == 1 && !self.is_turn_of_b);
        let of_a = turns_of_a.min(self.a.len());
        let of_b = (count - of_a).min(self.b.len());
        (count - of_b, of_b)
    }
}

impl<A: Producer, B: Producer<Item = A::Item>> Producer for InterleaveProducer<A, B> {
    type Item = A::Item;

    fn len(&self) -> usize {
        self.a.len() + self.b.len()
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let (of_a, of_b) = self.shares(at);
        let (a, right_a) = self.a.split_at(of_a);
        let (b, right_b) = self.b.split_at(of_b);
        let right = Self {
            a: right_a,
            b: right_b,
            is_turn_of_b: self.is_turn_of_b ^ (at % 2 == 1),
        };
        (Self { a, b, ..self }, right)
    }

    fn next_block(&mut self, size: usize) -> impl Iterator<Item = A::Item> {
        let (of_a, of_b) = self.shares(size);
        let mut is_turn_of_b = self.is_turn_of_b;
        self.is_turn_of_b ^= size % 2 == 1;
        let a = (of_a > 0).then(|| self.a.next_block(of_a));
        let b = (of_b > 0).then(|| self.b.next_block(of_b));
        let (mut a, mut b) = (Maybe(a), Maybe(b));
        (0..size).map_while(move |_| {
            is_turn_of_b = !is_turn_of_b;
            if is_turn_of_b {
                a.next().or_else(|| b.next())
            } else {
                b.next().or_else(|| a.next())
            }
        })
    }

    fn min_len(&self) -> usize {
        self.a.min_len().max(self.b.min_len())
    }
}
