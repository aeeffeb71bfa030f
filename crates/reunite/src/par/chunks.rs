//! `chunks` and `fold_chunks`: neighbouring items as one.

use std::iter::Take;

use super::adaptor::debug_without_functions;
use super::drive::drive_by_producer;
use super::plumbing::{Drive, DriveIndexed, Producer};

/// A function that makes one item of the items of a chunk.
pub trait Gather<T>: Send + Sync {
    /// The type of a chunk.
    type Chunk: Send;

    /// Makes a chunk of items. `size` is the number of items of all chunks but the last.
    fn gather<I: Iterator<Item = T>>(&self, size: usize, items: I) -> Self::Chunk;
}

/// Makes a vector of the items of a chunk: for `chunks`.
#[derive(Clone, Debug)]
pub struct IntoVec;

impl<T: Send> Gather<T> for IntoVec {
    type Chunk = Vec<T>;

    fn gather<I: Iterator<Item = T>>(&self, size: usize, items: I) -> Vec<T> {
        // The last chunk may be much shorter than `size`.
        let mut chunk = Vec::with_capacity(items.size_hint().1.unwrap_or(size).min(size));
        chunk.extend(items);
        chunk
    }
}

/// Folds the items of a chunk: for `fold_chunks`.
#[derive(Clone)]
pub struct IntoFolded<N, F> {
    pub(super) identity: N,
    pub(super) f: F,
}

debug_without_functions! {
    IntoFolded<N, F> {}, where {};
}

impl<T, A, N, F> Gather<T> for IntoFolded<N, F>
where
    A: Send,
    N: Fn() -> A + Send + Sync,
    F: Fn(A, T) -> A + Send + Sync,
{
    type Chunk = A;

    fn gather<I: Iterator<Item = T>>(&self, _: usize, items: I) -> A {
        items.fold((self.identity)(), &self.f)
    }
}

/// The result of `chunks` and `fold_chunks`.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Gathered<I, G> {
    base: I,
    size: usize,
    gather: G,
}

impl<I, G> Gathered<I, G> {
    pub(super) fn new(base: I, size: usize, gather: G) -> Self {
        assert!(size > 0, "the chunk size must be greater than zero");
        Self { base, size, gather }
    }
}

impl<I: DriveIndexed, G: Gather<I::Item>> Drive for Gathered<I, G> {
    type Item = G::Chunk;
    drive_by_producer!();
}

impl<I: DriveIndexed, G: Gather<I::Item>> DriveIndexed for Gathered<I, G> {
    type Producer<'a>
        = GatheredProducer<'a, I::Producer<'a>, G>
    where
        Self: 'a;

    fn exact_len(&self) -> usize {
        self.base.exact_len().div_ceil(self.size)
    }

    fn producer(&mut self) -> Self::Producer<'_> {
        GatheredProducer {
            base: self.base.producer(),
            size: self.size,
            gather: &self.gather,
        }
    }
}

/// The producer of [`Gathered`].
pub struct GatheredProducer<'a, P, G> {
    base: P,
    size: usize,
    gather: &'a G,
}

impl<P: Producer, G> GatheredProducer<'_, P, G> {
    /// Returns how many items the next `count` chunks have.
    fn span(&self, count: usize) -> usize {
        count.saturating_mul(self.size).min(self.base.len())
    }
}

impl<P: Producer, G: Gather<P::Item>> Producer for GatheredProducer<'_, P, G> {
    type Item = G::Chunk;

    fn len(&self) -> usize {
        self.base.len().div_ceil(self.size)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let span = self.span(at);
        let (base, right) = self.base.split_at(span);
        let right = Self {
            base: right,
            ..self
        };
        (Self { base, ..self }, right)
    }

    fn next_block(&mut self, size: usize) -> impl Iterator<Item = G::Chunk> {
        let span = self.span(size);
        let (chunk, gather) = (self.size, self.gather);
        let mut items = self.base.next_block(span);
        (0..size).map(move |_| {
            let items: Take<_> = items.by_ref().take(chunk);
            gather.gather(chunk, items)
        })
    }

    fn min_len(&self) -> usize {
        self.base.min_len().div_ceil(self.size)
    }
}
