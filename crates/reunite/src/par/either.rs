//! `Either` of two parallel iterators.

use std::panic::Location;

use either::Either;

use super::convert::{IntoParallelIterator, ParallelExtend};
use super::plumbing::{Consumer, Drive, DriveIndexed, Producer};

impl<A: Drive, B: Drive<Item = A::Item>> Drive for Either<A, B> {
    type Item = A::Item;

    fn drive<C: Consumer<A::Item>>(self, at: &'static Location<'static>, consumer: C) -> C {
        match self {
            Either::Left(items) => items.drive(at, consumer),
            Either::Right(items) => items.drive(at, consumer),
        }
    }

    fn opt_len(&self) -> Option<usize> {
        either::for_both!(self, items => items.opt_len())
    }
}

impl<A: DriveIndexed, B: DriveIndexed<Item = A::Item>> DriveIndexed for Either<A, B> {
    type Producer<'a>
        = EitherProducer<A::Producer<'a>, B::Producer<'a>>
    where
        Self: 'a;

    fn exact_len(&self) -> usize {
        either::for_both!(self, items => items.exact_len())
    }

    fn producer(&mut self) -> Self::Producer<'_> {
        EitherProducer(match self {
            Either::Left(items) => Either::Left(items.producer()),
            Either::Right(items) => Either::Right(items.producer()),
        })
    }
}

/// The producer of `Either`.
pub struct EitherProducer<A, B>(Either<A, B>);

impl<A: Producer, B: Producer<Item = A::Item>> Producer for EitherProducer<A, B> {
    type Item = A::Item;

    fn len(&self) -> usize {
        either::for_both!(&self.0, items => items.len())
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        match self.0 {
            Either::Left(items) => {
                let (left, right) = items.split_at(at);
                (Self(Either::Left(left)), Self(Either::Left(right)))
            }
            Either::Right(items) => {
                let (left, right) = items.split_at(at);
                (Self(Either::Right(left)), Self(Either::Right(right)))
            }
        }
    }

    #[inline]
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = A::Item> {
        match &mut self.0 {
            Either::Left(items) => Either::Left(items.next_block(size)),
            Either::Right(items) => Either::Right(items.next_block(size)),
        }
    }

    fn min_len(&self) -> usize {
        either::for_both!(&self.0, items => items.min_len())
    }
}

impl<T: Send, A: ParallelExtend<T>, B: ParallelExtend<T>> ParallelExtend<T> for Either<A, B> {
    #[track_caller]
    fn par_extend<I: IntoParallelIterator<Item = T>>(&mut self, items: I) {
        either::for_both!(self, target => target.par_extend(items));
    }
}
