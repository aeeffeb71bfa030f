//! `map_init` and `map_with`: adaptors whose closures have a state of their own in each part.
//!
//! `map_init` has no producer, because its state need not be `Send`: a part's state is made, used and dropped on the
//! thread that works on the part.

use std::panic::Location;

use super::adaptor::debug_without_functions;
use super::plumbing::{Consumer, Drive, DriveIndexed, Producer};

/// The result of `map_init`.
#[derive(Clone)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct MapInit<I, N, F> {
    pub(super) base: I,
    pub(super) init: N,
    pub(super) f: F,
}

debug_without_functions! {
    MapInit<I, N, F> {base}, where {I: ::std::fmt::Debug};
}

impl<I, N, S, F, R> Drive for MapInit<I, N, F>
where
    I: Drive,
    N: Fn() -> S + Send + Sync,
    F: Fn(&mut S, I::Item) -> R + Send + Sync,
    R: Send,
{
    type Item = R;

    fn drive<C: Consumer<R>>(self, at: &'static Location<'static>, consumer: C) -> C {
        let consumer = InitConsumer {
            inner: consumer,
            state: None,
            init: &self.init,
            f: &self.f,
        };
        self.base.drive(at, consumer).inner
    }

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

struct InitConsumer<'a, C, S, N, F> {
    inner: C,
    state: Option<S>,
    init: &'a N,
    f: &'a F,
}

impl<'a, T, C, N, S, F, R> Consumer<T> for InitConsumer<'a, C, S, N, F>
where
    C: Consumer<R>,
    N: Fn() -> S + Sync,
    F: Fn(&mut S, T) -> R + Sync,
{
    type Seed = (C::Seed, &'a N, &'a F);
    type Done = C::Done;

    fn begin((seed, init, f): Self::Seed) -> Self {
        Self {
            inner: C::begin(seed),
            state: None,
            init,
            f,
        }
    }

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, items: I) {
        let state = self.state.get_or_insert_with(self.init);
        self.inner.consume(items.map(|item| (self.f)(state, item)));
    }

    fn split_off(&mut self, at: usize) -> Self::Seed {
        (self.inner.split_off(at), self.init, self.f)
    }

    fn finish(self) -> C::Done {
        self.inner.finish()
    }

    fn append(&mut self, right: C::Done) {
        self.inner.append(right);
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.inner.is_full()
    }
}

/// The result of `map_with`.
#[derive(Clone)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct MapWith<I, S, F> {
    pub(super) base: I,
    pub(super) state: S,
    pub(super) f: F,
}

debug_without_functions! {
    MapWith<I, S, F> {base, state}, where {I: ::std::fmt::Debug, S: ::std::fmt::Debug};
}

impl<I, S, F, R> Drive for MapWith<I, S, F>
where
    I: Drive,
    S: Clone + Send,
    F: Fn(&mut S, I::Item) -> R + Send + Sync,
    R: Send,
{
    type Item = R;

    fn drive<C: Consumer<R>>(self, at: &'static Location<'static>, consumer: C) -> C {
        let consumer = WithConsumer {
            inner: consumer,
            state: self.state,
            f: &self.f,
        };
        self.base.drive(at, consumer).inner
    }

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

struct WithConsumer<'a, C, S, F> {
    inner: C,
    state: S,
    f: &'a F,
}

impl<'a, T, C, S, F, R> Consumer<T> for WithConsumer<'a, C, S, F>
where
    C: Consumer<R>,
    S: Clone + Send,
    F: Fn(&mut S, T) -> R + Sync,
{
    type Seed = (C::Seed, S, &'a F);
    type Done = C::Done;

    fn begin((seed, state, f): Self::Seed) -> Self {
        Self {
            inner: C::begin(seed),
            state,
            f,
        }
    }

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, items: I) {
        let state = &mut self.state;
        self.inner.consume(items.map(|item| (self.f)(state, item)));
    }

    fn split_off(&mut self, at: usize) -> Self::Seed {
        (self.inner.split_off(at), self.state.clone(), self.f)
    }

    fn finish(self) -> C::Done {
        self.inner.finish()
    }

    fn append(&mut self, right: C::Done) {
        self.inner.append(right);
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.inner.is_full()
    }
}

impl<I, S, F, R> DriveIndexed for MapWith<I, S, F>
where
    I: DriveIndexed,
    S: Clone + Send,
    F: Fn(&mut S, I::Item) -> R + Send + Sync,
    R: Send,
{
    type Producer<'a>
        = MapWithProducer<'a, I::Producer<'a>, S, F>
    where
        Self: 'a;

    fn exact_len(&self) -> usize {
        self.base.exact_len()
    }

    fn producer(&mut self) -> Self::Producer<'_> {
        MapWithProducer {
            base: self.base.producer(),
            state: self.state.clone(),
            f: &self.f,
        }
    }
}

/// The producer of [`MapWith`].
pub struct MapWithProducer<'a, P, S, F> {
    base: P,
    state: S,
    f: &'a F,
}

impl<P, S, F, R> Producer for MapWithProducer<'_, P, S, F>
where
    P: Producer,
    S: Clone + Send,
    F: Fn(&mut S, P::Item) -> R + Send + Sync,
    R: Send,
{
    type Item = R;

    fn len(&self) -> usize {
        self.base.len()
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let (base, right) = self.base.split_at(at);
        let right = Self {
            base: right,
            state: self.state.clone(),
            f: self.f,
        };
        (Self { base, ..self }, right)
    }

    #[inline]
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = R> {
        let Self { base, state, f } = self;
        base.next_block(size).map(|item| f(state, item))
    }

    fn min_len(&self) -> usize {
        self.base.min_len()
    }
}
