//! `flat_map` and `flatten`: each item becomes a parallel iterator, whose items go to the same consumer.

use std::panic::Location;

use super::adaptor::Adapted;
use super::adaptor::debug_without_functions;
use super::adaptors::FlatMappingIter;
use super::convert::IntoParallelIterator;
use super::plumbing::{Consumer, Drive};

/// The result of `flat_map`.
#[derive(Clone)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct FlatMap<I, F> {
    pub(super) base: I,
    pub(super) f: F,
}

debug_without_functions! {
    FlatMap<I, F> {base}, where {I: ::std::fmt::Debug};
}

impl<I, F, R> Drive for FlatMap<I, F>
where
    I: Drive,
    F: Fn(I::Item) -> R + Send + Sync,
    R: IntoParallelIterator,
{
    type Item = R::Item;

    fn drive<C: Consumer<R::Item>>(self, at: &'static Location<'static>, consumer: C) -> C {
        let consumer = FlatMapConsumer {
            inner: Some(consumer),
            f: &self.f,
            at,
        };
        self.base.drive(at, consumer).into_inner()
    }
}

/// The result of `flatten`.
pub type Flatten<I> = FlatMap<I, Identity<<I as Drive>::Item>>;

/// The result of `flatten_iter`.
pub type FlattenIter<I> = Adapted<I, FlatMappingIter<Identity<<I as Drive>::Item>>>;

/// A function that returns its argument.
type Identity<T> = fn(T) -> T;

struct FlatMapConsumer<'a, C, F> {
    /// `None` only while the items of one item are driven.
    inner: Option<C>,
    f: &'a F,
    at: &'static Location<'static>,
}

const DRIVEN: &str = "the consumer is back once the items of an item were driven";

impl<C, F> FlatMapConsumer<'_, C, F> {
    fn into_inner(self) -> C {
        self.inner.expect(DRIVEN)
    }
}

impl<'a, T, C, F, R> Consumer<T> for FlatMapConsumer<'a, C, F>
where
    C: Consumer<R::Item>,
    F: Fn(T) -> R + Sync,
    R: IntoParallelIterator,
{
    type Seed = (C::Seed, &'a F, &'static Location<'static>);
    type Done = C::Done;

    fn begin((seed, f, at): Self::Seed) -> Self {
        Self {
            inner: Some(C::begin(seed)),
            f,
            at,
        }
    }

    fn consume<I: Iterator<Item = T>>(&mut self, items: I) {
        for item in items {
            let items = (self.f)(item).into_par_iter();
            let inner = self.inner.take().expect(DRIVEN);
            let inner = self.inner.insert(items.drive(self.at, inner));
            if inner.is_full() {
                return;
            }
        }
    }

    fn split_off(&mut self, at: usize) -> Self::Seed {
        let inner = self.inner.as_mut().expect(DRIVEN);
        (inner.split_off(at), self.f, self.at)
    }

    fn finish(self) -> C::Done {
        self.into_inner().finish()
    }

    fn append(&mut self, right: C::Done) {
        self.inner.as_mut().expect(DRIVEN).append(right);
    }

    fn is_full(&self) -> bool {
        self.inner.as_ref().is_some_and(C::is_full)
    }
}
