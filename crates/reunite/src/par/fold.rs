//! `fold`: an adaptor that makes one item of each part.

use std::panic::Location;

use super::adaptor::debug_without_functions;
use super::plumbing::{Consumer, Drive};

/// The result of `fold`.
#[derive(Clone)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Fold<I, N, F> {
    pub(super) base: I,
    pub(super) identity: N,
    pub(super) f: F,
}

debug_without_functions! {
    Fold<I, N, F> {base}, where {I: ::std::fmt::Debug};
}

impl<I, N, A, F> Drive for Fold<I, N, F>
where
    I: Drive,
    A: Send,
    N: Fn() -> A + Send + Sync,
    F: Fn(A, I::Item) -> A + Send + Sync,
{
    type Item = A;

    fn drive<C: Consumer<A>>(self, at: &'static Location<'static>, consumer: C) -> C {
        let consumer = FoldConsumer {
            inner: consumer,
            folded: Some((self.identity)()),
            identity: &self.identity,
            f: &self.f,
        };
        let mut consumer = self.base.drive(at, consumer);
        consumer.hand_over();
        consumer.inner
    }
}

struct FoldConsumer<'a, C, A, N, F> {
    inner: C,
    /// The value that the items of the part were folded into, until it is handed over.
    folded: Option<A>,
    identity: &'a N,
    f: &'a F,
}

impl<C: Consumer<A>, A, N, F> FoldConsumer<'_, C, A, N, F> {
    fn hand_over(&mut self) {
        if let Some(folded) = self.folded.take() {
            self.inner.consume(std::iter::once(folded));
        }
    }
}

impl<'a, T, C, A, N, F> Consumer<T> for FoldConsumer<'a, C, A, N, F>
where
    C: Consumer<A>,
    N: Fn() -> A + Sync,
    F: Fn(A, T) -> A + Sync,
{
    type Seed = (C::Seed, &'a N, &'a F);
    type Done = C::Done;

    fn begin((seed, identity, f): Self::Seed) -> Self {
        Self {
            inner: C::begin(seed),
            folded: Some(identity()),
            identity,
            f,
        }
    }

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, items: I) {
        let folded = self.folded.take().unwrap_or_else(self.identity);
        self.folded = Some(items.fold(folded, self.f));
    }

    fn split_off(&mut self, at: usize) -> Self::Seed {
        (self.inner.split_off(at), self.identity, self.f)
    }

    fn finish(mut self) -> C::Done {
        self.hand_over();
        self.inner.finish()
    }

    fn append(&mut self, right: C::Done) {
        self.hand_over();
        self.inner.append(right);
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.inner.is_full()
    }
}
