//! `chain`: the items of one parallel iterator, then those of another.

use std::panic::Location;

use super::maybe::Maybe;
use super::plumbing::{Consumer, Drive, DriveIndexed, Producer};
use crate::pool::{join_at, take_part};

/// The result of `chain`.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Chained<A, B> {
    pub(super) a: A,
    pub(super) b: B,
}

impl<A: Drive, B: Drive<Item = A::Item>> Drive for Chained<A, B> {
    type Item = A::Item;

    fn drive<C: Consumer<A::Item>>(self, at: &'static Location<'static>, mut consumer: C) -> C {
        let Self { a, b } = self;
        // A consumer that counts on places has the length of the whole, so it knows that of `a`, too.
        let seed = consumer.split_off(a.opt_len().unwrap_or(0));
        let (mut consumer, right) = take_part(at, || {
            join_at(
                at,
                || a.drive(at, consumer),
                || b.drive(at, C::begin(seed)).finish(),
            )
        });
        consumer.append(right);
        consumer
    }

    fn opt_len(&self) -> Option<usize> {
        self.a.opt_len()?.checked_add(self.b.opt_len()?)
    }
}

impl<A: DriveIndexed, B: DriveIndexed<Item = A::Item>> DriveIndexed for Chained<A, B> {
    type Producer<'a>
        = ChainProducer<A::Producer<'a>, B::Producer<'a>>
    where
        Self: 'a;

    fn exact_len(&self) -> usize {
        let both = self.a.exact_len().checked_add(self.b.exact_len());
        both.expect("the number of chained items exceeds usize::MAX")
    }

    fn producer(&mut self) -> Self::Producer<'_> {
        let _sum_fits = self.exact_len();
        ChainProducer {
            a: self.a.producer(),
            b: self.b.producer(),
        }
    }
}

/// The producer of [`Chained`].
pub struct ChainProducer<A, B> {
    pub(super) a: A,
    pub(super) b: B,
}

impl<A: Producer, B: Producer<Item = A::Item>> Producer for ChainProducer<A, B> {
    type Item = A::Item;

    fn len(&self) -> usize {
        self.a.len() + self.b.len()
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let of_a = at.min(self.a.len());
        let (a, right_a) = self.a.split_at(of_a);
        let (b, right_b) = self.b.split_at(at - of_a);
        let right = Self {
            a: right_a,
            b: right_b,
        };
        (Self { a, b }, right)
    }

    #[inline]
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = A::Item> {
        let of_a = size.min(self.a.len());
        let a = (of_a > 0).then(|| self.a.next_block(of_a));
        let b = (size > of_a).then(|| self.b.next_block(size - of_a));
        Maybe(a).chain(Maybe(b))
    }

    fn min_len(&self) -> usize {
        self.a.min_len().max(self.b.min_len())
    }
}
