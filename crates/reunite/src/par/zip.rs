//! `zip`, `enumerate`, and tuples of parallel iterators.

use super::convert::IntoParallelIterator;
use super::drive::drive_by_producer;
use super::plumbing::{Drive, DriveIndexed, Producer};

/// The result of `zip`.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Zip<A, B> {
    pub(super) a: A,
    pub(super) b: B,
}

impl<A: DriveIndexed, B: DriveIndexed> Drive for Zip<A, B> {
    type Item = (A::Item, B::Item);
    drive_by_producer!();
}

impl<A: DriveIndexed, B: DriveIndexed> DriveIndexed for Zip<A, B> {
    type Producer<'a>
        = ZipProducer<A::Producer<'a>, B::Producer<'a>>
    where
        Self: 'a;

    fn exact_len(&self) -> usize {
        self.a.exact_len().min(self.b.exact_len())
    }

    fn producer(&mut self) -> Self::Producer<'_> {
        ZipProducer {
            a: self.a.producer(),
            b: self.b.producer(),
        }
    }
}

/// The producer of [`Zip`].
pub struct ZipProducer<A, B> {
    a: A,
    b: B,
}

impl<A: Producer, B: Producer> Producer for ZipProducer<A, B> {
    type Item = (A::Item, B::Item);

    fn len(&self) -> usize {
        self.a.len().min(self.b.len())
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let (a, right_a) = self.a.split_at(at);
        let (b, right_b) = self.b.split_at(at);
        let right = Self {
            a: right_a,
            b: right_b,
        };
        (Self { a, b }, right)
    }

    #[inline]
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = Self::Item> {
        self.a.next_block(size).zip(self.b.next_block(size))
    }

    #[inline]
    fn into_rev_iter(self) -> impl Iterator<Item = Self::Item> {
        let len = self.len();
        let (a, _) = self.a.split_at(len);
        let (b, _) = self.b.split_at(len);
        a.into_rev_iter().zip(b.into_rev_iter())
    }

    fn min_len(&self) -> usize {
        self.a.min_len().max(self.b.min_len())
    }
}

/// The result of `enumerate`.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Enumerate<I> {
    pub(super) base: I,
}

impl<I: DriveIndexed> Drive for Enumerate<I> {
    type Item = (usize, I::Item);
    drive_by_producer!();
}

impl<I: DriveIndexed> DriveIndexed for Enumerate<I> {
    type Producer<'a>
        = EnumerateProducer<I::Producer<'a>>
    where
        Self: 'a;

    fn exact_len(&self) -> usize {
        self.base.exact_len()
    }

    fn producer(&mut self) -> Self::Producer<'_> {
        EnumerateProducer {
            base: self.base.producer(),
            first: 0,
        }
    }
}

/// The producer of [`Enumerate`].
pub struct EnumerateProducer<P> {
    base: P,
    /// The number of the next item.
    first: usize,
}

impl<P: Producer> Producer for EnumerateProducer<P> {
    type Item = (usize, P::Item);

    fn len(&self) -> usize {
        self.base.len()
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let (base, right) = self.base.split_at(at);
        let right = Self {
            base: right,
            first: self.first + at,
        };
        (Self { base, ..self }, right)
    }

    #[inline]
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = Self::Item> {
        let first = self.first;
        self.first += size;
        (first..first + size).zip(self.base.next_block(size))
    }

    #[inline]
    fn into_rev_iter(self) -> impl Iterator<Item = Self::Item> {
        let numbers = self.first..self.first + self.base.len();
        numbers.rev().zip(self.base.into_rev_iter())
    }

    fn min_len(&self) -> usize {
        self.base.min_len()
    }
}

/// A tuple of parallel iterators, as one over tuples: the result of `into_par_iter` on a tuple. It ends with the
/// shortest.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct MultiZip<T>(T);

/// The producer of [`MultiZip`].
pub struct MultiZipProducer<T>(T);

macro_rules! tuples {
    ($($name:ident $at:tt),*) => {
        impl<$($name),*> IntoParallelIterator for ($($name,)*)
        where
            $($name: IntoParallelIterator<Iter: DriveIndexed>),*
        {
            type Item = ($($name::Item,)*);
            type Iter = MultiZip<($($name::Iter,)*)>;

            fn into_par_iter(self) -> Self::Iter {
                MultiZip(($(self.$at.into_par_iter(),)*))
            }
        }

        impl<$($name: DriveIndexed),*> Drive for MultiZip<($($name,)*)> {
            type Item = ($($name::Item,)*);
            drive_by_producer!();
        }

        impl<$($name: DriveIndexed),*> DriveIndexed for MultiZip<($($name,)*)> {
            type Producer<'a> = MultiZipProducer<($($name::Producer<'a>,)*)> where Self: 'a;

            fn exact_len(&self) -> usize {
                let lens = [$(self.0.$at.exact_len()),*];
                lens.into_iter().min().unwrap_or(0)
            }

            fn producer(&mut self) -> Self::Producer<'_> {
                MultiZipProducer(($(self.0.$at.producer(),)*))
            }
        }

        impl<$($name: Producer),*> Producer for MultiZipProducer<($($name,)*)> {
            type Item = ($($name::Item,)*);

            fn len(&self) -> usize {
                let lens = [$(self.0.$at.len()),*];
                lens.into_iter().min().unwrap_or(0)
            }

            fn split_at(self, at: usize) -> (Self, Self) {
                let parts = ($(self.0.$at.split_at(at),)*);
                (Self(($(parts.$at.0,)*)), Self(($(parts.$at.1,)*)))
            }

            #[inline]
            fn next_block(&mut self, size: usize) -> impl Iterator<Item = Self::Item> {
                let mut blocks = ($(self.0.$at.next_block(size),)*);
                std::iter::from_fn(move || Some(($(blocks.$at.next()?,)*)))
            }

            fn min_len(&self) -> usize {
                let lens = [$(self.0.$at.min_len()),*];
                lens.into_iter().max().unwrap_or(1)
            }
        }
    };
}

tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
