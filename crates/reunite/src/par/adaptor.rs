//! Adaptors without a state of each part, such as `map` and `filter`: they turn the items of a block into others.

use std::panic::Location;

use super::plumbing::{Consumer, Drive, DriveIndexed, Producer};

/// A function from the items of a block to others. All threads share it.
pub trait Adaptor<T>: Send + Sync {
    /// The type of the items that come out.
    type Item: Send;
    /// True if each item becomes exactly one.
    const IS_ONE_TO_ONE: bool = false;

    /// Returns the items that `items` become.
    fn apply<I: Iterator<Item = T>>(&self, items: I) -> impl Iterator<Item = Self::Item>;

    /// Returns true if no further item comes out.
    fn is_full(&self) -> bool {
        false
    }
}

/// Implements `Debug` for types that hold functions, which need not be `Debug`: only the fields in braces are shown.
macro_rules! debug_without_functions {
    ($($name:ident<$($parameter:ident),*> {$($field:ident),*}, where {$($bounds:tt)*};)*) => {$(
        impl<$($parameter),*> ::std::fmt::Debug for $name<$($parameter),*>
        where
            $($bounds)*
        {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($field), &self.$field))*
                    .finish_non_exhaustive()
            }
        }
    )*};
}
pub(super) use debug_without_functions;

/// Marks adaptors that make exactly one item of each.
#[diagnostic::on_unimplemented(
    message = "the number of items is not known after the adaptor `{Self}`",
    note = "`filter`, `filter_map` and the like make a parallel iterator whose items have no known places; call \
            `enumerate`, `zip`, `rev`, `skip`, `take`, `chunks` and the like before them"
)]
pub trait OneToOne {}

/// A parallel iterator whose items go through an adaptor: the result of `map`, `filter` and others.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Adapted<I, S> {
    base: I,
    adaptor: S,
}

impl<I, S> Adapted<I, S> {
    pub(super) fn new(base: I, adaptor: S) -> Self {
        Self { base, adaptor }
    }
}

impl<I: Drive, S: Adaptor<I::Item>> Drive for Adapted<I, S> {
    type Item = S::Item;

    #[inline]
    fn drive<C: Consumer<S::Item>>(self, at: &'static Location<'static>, consumer: C) -> C {
        let consumer = AdaptedConsumer {
            inner: consumer,
            adaptor: &self.adaptor,
        };
        self.base.drive(at, consumer).inner
    }

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len().filter(|_| S::IS_ONE_TO_ONE)
    }
}

struct AdaptedConsumer<'a, C, S> {
    inner: C,
    adaptor: &'a S,
}

impl<'a, T, C: Consumer<S::Item>, S: Adaptor<T>> Consumer<T> for AdaptedConsumer<'a, C, S> {
    type Seed = (C::Seed, &'a S);
    type Done = C::Done;

    #[inline]
    fn begin((seed, adaptor): Self::Seed) -> Self {
        Self {
            inner: C::begin(seed),
            adaptor,
        }
    }

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, items: I) {
        self.inner.consume(self.adaptor.apply(items));
    }

    fn split_off(&mut self, at: usize) -> Self::Seed {
        (self.inner.split_off(at), self.adaptor)
    }

    fn finish(self) -> C::Done {
        self.inner.finish()
    }

    fn append(&mut self, right: C::Done) {
        self.inner.append(right);
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.adaptor.is_full() || self.inner.is_full()
    }
}

impl<I: DriveIndexed, S: Adaptor<I::Item> + OneToOne> DriveIndexed for Adapted<I, S> {
    type Producer<'a>
        = AdaptedProducer<'a, I::Producer<'a>, S>
    where
        Self: 'a;

    fn exact_len(&self) -> usize {
        self.base.exact_len()
    }

    fn producer(&mut self) -> Self::Producer<'_> {
        AdaptedProducer {
            base: self.base.producer(),
            adaptor: &self.adaptor,
        }
    }
}

/// The producer of [`Adapted`].
pub struct AdaptedProducer<'a, P, S> {
    base: P,
    adaptor: &'a S,
}

impl<P: Producer, S: Adaptor<P::Item>> Producer for AdaptedProducer<'_, P, S> {
    type Item = S::Item;

    fn len(&self) -> usize {
        self.base.len()
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let Self { base, adaptor } = self;
        let (left, right) = base.split_at(at);
        (
            Self {
                base: left,
                adaptor,
            },
            Self {
                base: right,
                adaptor,
            },
        )
    }

    #[inline]
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = S::Item> {
        self.adaptor.apply(self.base.next_block(size))
    }

    #[inline]
    fn into_rev_iter(self) -> impl Iterator<Item = S::Item> {
        let adaptor = self.adaptor;
        adaptor.apply(self.base.into_rev_iter())
    }

    fn min_len(&self) -> usize {
        self.base.min_len()
    }
}
