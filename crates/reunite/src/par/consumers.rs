//! The consumers of the endings that make one value of all items.

use std::iter::once;

use super::plumbing::{Consumer, sends_itself};

/// The consumer of `for_each`.
pub(super) struct ForEach<'a, F>(&'a F);

impl<'a, F> ForEach<'a, F> {
    pub(super) fn new(f: &'a F) -> Self {
        Self(f)
    }
}

impl<T, F: Fn(T) + Sync> Consumer<T> for ForEach<'_, F> {
    sends_itself!();

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, items: I) {
        items.for_each(self.0);
    }

    fn split_off(&mut self, _: usize) -> Self {
        Self(self.0)
    }

    fn append(&mut self, _: Self) {}
}

/// The consumer of `reduce` and its kind, which combine items by one function.
pub(super) struct Reduce<'a, T, F> {
    reduced: Option<T>,
    f: &'a F,
}

impl<'a, T, F> Reduce<'a, T, F> {
    pub(super) fn new(f: &'a F) -> Self {
        Self { reduced: None, f }
    }

    /// Returns what all items were reduced to, if there were any.
    pub(super) fn into_reduced(self) -> Option<T> {
        self.reduced
    }
}

impl<T: Send, F: Fn(T, T) -> T + Sync> Consumer<T> for Reduce<'_, T, F> {
    sends_itself!();

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, mut items: I) {
        let Some(first) = self.reduced.take().or_else(|| items.next()) else {
            return;
        };
        self.reduced = Some(items.fold(first, self.f));
    }

    fn split_off(&mut self, _: usize) -> Self {
        Self::new(self.f)
    }

    fn append(&mut self, right: Self) {
        self.consume(right.reduced.into_iter());
    }
}

/// A sum or a product.
pub(super) trait Accumulate<T>: Send + Sized {
    fn of_items<I: Iterator<Item = T>>(items: I) -> Self;
    fn of_two(left: Self, right: Self) -> Self;
}

/// A result of `sum`.
pub(super) struct AsSum<S>(pub(super) S);

impl<T, S: Send + std::iter::Sum<T> + std::iter::Sum<S>> Accumulate<T> for AsSum<S> {
    #[inline]
    fn of_items<I: Iterator<Item = T>>(items: I) -> Self {
        Self(items.sum())
    }

    #[inline]
    fn of_two(left: Self, right: Self) -> Self {
        Self(once(left.0).chain(once(right.0)).sum())
    }
}

/// A result of `product`.
pub(super) struct AsProduct<P>(pub(super) P);

impl<T, P: Send + std::iter::Product<T> + std::iter::Product<P>> Accumulate<T> for AsProduct<P> {
    #[inline]
    fn of_items<I: Iterator<Item = T>>(items: I) -> Self {
        Self(items.product())
    }

    #[inline]
    fn of_two(left: Self, right: Self) -> Self {
        Self(once(left.0).chain(once(right.0)).product())
    }
}

/// The consumer of `sum` and `product`.
pub(super) struct Accumulator<A>(Option<A>);

impl<A> Accumulator<A> {
    pub(super) fn new() -> Self {
        Self(None)
    }

    fn add(&mut self, right: A, add: impl Fn(A, A) -> A) {
        self.0 = Some(match self.0.take() {
            Some(left) => add(left, right),
            None => right,
        });
    }

    /// Returns the result. `empty` is that of no items.
    pub(super) fn into_result(self, empty: impl FnOnce() -> A) -> A {
        self.0.unwrap_or_else(empty)
    }
}

impl<T, A: Accumulate<T>> Consumer<T> for Accumulator<A> {
    sends_itself!();

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, items: I) {
        self.add(A::of_items(items), A::of_two);
    }

    fn split_off(&mut self, _: usize) -> Self {
        Self(None)
    }

    fn append(&mut self, right: Self) {
        if let Some(right) = right.0 {
            self.add(right, A::of_two);
        }
    }
}

/// The consumer of `count`.
pub(super) struct Count(pub(super) usize);

impl<T> Consumer<T> for Count {
    sends_itself!();

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, items: I) {
        // Compiled to better code than `Iterator::count` on filters.
        self.0 = items.fold(self.0, |count, _| count + 1);
    }

    fn split_off(&mut self, _: usize) -> Self {
        Self(0)
    }

    fn append(&mut self, right: Self) {
        self.0 += right.0;
    }
}

/// The consumer of endings that need all items in order: a list of vectors, one of each part.
pub(super) struct Gathering<T> {
    /// The items before `last`.
    parts: Vec<Vec<T>>,
    last: Vec<T>,
}

impl<T> Gathering<T> {
    pub(super) fn new() -> Self {
        Self {
            parts: Vec::new(),
            last: Vec::new(),
        }
    }

    /// Returns the vectors, none of them empty.
    pub(super) fn into_parts(self) -> Vec<Vec<T>> {
        let Self { mut parts, last } = self;
        if !last.is_empty() {
            parts.push(last);
        }
        parts
    }

    /// Returns all items in one vector.
    pub(super) fn into_vec(self) -> Vec<T> {
        if self.parts.is_empty() {
            return self.last;
        }
        let parts = self.into_parts();
        let mut all = Vec::with_capacity(parts.iter().map(Vec::len).sum());
        parts.into_iter().for_each(|mut part| all.append(&mut part));
        all
    }
}

impl<T: Send> Consumer<T> for Gathering<T> {
    sends_itself!();

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, items: I) {
        // Iterators such as `FlatMap` are much faster at this than at `next`, which `extend` would call.
        items.for_each(|item| self.last.push(item));
    }

    fn split_off(&mut self, _: usize) -> Self {
        Self::new()
    }

    fn append(&mut self, right: Self) {
        let right = right.into_parts();
        if right.is_empty() {
            return;
        }
        if !self.last.is_empty() {
            self.parts.push(std::mem::take(&mut self.last));
        }
        self.parts.extend(right);
    }
}

/// The consumer of endings that put items into two places.
pub(super) struct Dividing<L, R, F> {
    left: Gathering<L>,
    right: Gathering<R>,
    put: F,
}

impl<L, R, F> Dividing<L, R, F> {
    /// Makes a consumer that calls `put` with each item and both places.
    pub(super) fn new(put: F) -> Self {
        Self {
            left: Gathering::new(),
            right: Gathering::new(),
            put,
        }
    }

    /// Returns what was put into each place.
    pub(super) fn into_vecs(self) -> (Vec<L>, Vec<R>) {
        (self.left.into_vec(), self.right.into_vec())
    }
}

impl<T, L, R, F> Consumer<T> for Dividing<L, R, F>
where
    L: Send,
    R: Send,
    F: Fn(T, &mut Vec<L>, &mut Vec<R>) + Copy + Send,
{
    sends_itself!();

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, items: I) {
        let Self { left, right, put } = self;
        items.for_each(|item| put(item, &mut left.last, &mut right.last));
    }

    fn split_off(&mut self, _: usize) -> Self {
        Self::new(self.put)
    }

    fn append(&mut self, other: Self) {
        self.left.append(other.left);
        self.right.append(other.right);
    }
}
