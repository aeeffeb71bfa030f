//! Endings and adaptors whose closures can fail.

use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::panic::Location;

use super::adaptor::debug_without_functions;
use super::plumbing::{Consumer, Drive, sends_itself};
use crate::primitive::{AtomicBool, Ordering};

/// A type that tells whether to go on: `Option`, `Result` or `ControlFlow`. This trait is sealed.
#[diagnostic::on_unimplemented(
    message = "the closure returns a value of type `{Self}`, which does not tell whether to go on",
    note = "return an `Option`, a `Result` or a `ControlFlow`; for closures that always go on there are `for_each`, `reduce` \
            and `fold`"
)]
pub trait Try: sealed::SealedTry + Sized {
    /// The value with which to go on.
    type Output;

    /// Makes a value that tells to go on.
    #[doc(hidden)]
    fn from_output(output: Self::Output) -> Self;

    /// Returns the value with which to go on, or `self` if it tells to stop.
    #[doc(hidden)]
    fn branch(self) -> ControlFlow<Self, Self::Output>;
}

mod sealed {
    pub trait SealedTry {}
    impl<T> SealedTry for Option<T> {}
    impl<T, E> SealedTry for Result<T, E> {}
    impl<B, C> SealedTry for std::ops::ControlFlow<B, C> {}
}

impl<T> Try for Option<T> {
    type Output = T;

    fn from_output(output: T) -> Self {
        Some(output)
    }

    fn branch(self) -> ControlFlow<Self, T> {
        self.map_or(ControlFlow::Break(None), ControlFlow::Continue)
    }
}

impl<T, E> Try for Result<T, E> {
    type Output = T;

    fn from_output(output: T) -> Self {
        Ok(output)
    }

    fn branch(self) -> ControlFlow<Self, T> {
        match self {
            Ok(value) => ControlFlow::Continue(value),
            Err(error) => ControlFlow::Break(Err(error)),
        }
    }
}

impl<B, C> Try for ControlFlow<B, C> {
    type Output = C;

    fn from_output(output: C) -> Self {
        Self::Continue(output)
    }

    fn branch(self) -> ControlFlow<Self, C> {
        match self {
            Self::Continue(value) => ControlFlow::Continue(value),
            Self::Break(value) => ControlFlow::Break(Self::Break(value)),
        }
    }
}

/// The consumer of `try_reduce` and `try_for_each`: `f` combines the values of two items.
pub(super) struct TryReduce<'a, T: Try, F> {
    reduced: Option<ControlFlow<T, T::Output>>,
    f: &'a F,
    is_over: &'a AtomicBool,
}

impl<'a, T: Try, F: Fn(T::Output, T::Output) -> T> TryReduce<'a, T, F> {
    /// Makes a consumer. `is_over` is false; it becomes true once an item or `f` has failed.
    pub(super) fn new(f: &'a F, is_over: &'a AtomicBool) -> Self {
        Self {
            reduced: None,
            f,
            is_over,
        }
    }

    /// Returns the value, or the leftmost failure that occurred; `None` if there were no items.
    pub(super) fn into_reduced(self) -> Option<T> {
        self.reduced.map(|reduced| match reduced {
            ControlFlow::Continue(value) => T::from_output(value),
            ControlFlow::Break(failure) => failure,
        })
    }

    fn add(&mut self, right: ControlFlow<T, T::Output>) {
        let reduced = match (self.reduced.take(), right) {
            (Some(ControlFlow::Continue(left)), ControlFlow::Continue(right)) => {
                (self.f)(left, right).branch()
            }
            (Some(ControlFlow::Break(failure)), _) => ControlFlow::Break(failure),
            (_, right) => right,
        };
        if reduced.is_break() {
            self.is_over.store(true, Ordering::Relaxed);
        }
        self.reduced = Some(reduced);
    }
}

impl<T, F> Consumer<T> for TryReduce<'_, T, F>
where
    T: Try<Output: Send> + Send,
    F: Fn(T::Output, T::Output) -> T + Sync,
{
    sends_itself!();

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, items: I) {
        for item in items {
            self.add(item.branch());
            if matches!(self.reduced, Some(ControlFlow::Break(_))) {
                return;
            }
        }
    }

    fn split_off(&mut self, _: usize) -> Self {
        Self::new(self.f, self.is_over)
    }

    fn append(&mut self, right: Self) {
        if let Some(right) = right.reduced {
            self.add(right);
        }
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

/// The result of `try_fold`.
#[derive(Clone)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct TryFold<I, N, F, R> {
    base: I,
    identity: N,
    f: F,
    folded: PhantomData<fn() -> R>,
}

debug_without_functions! {
    TryFold<I, N, F, R> {base}, where {I: ::std::fmt::Debug};
}

impl<I, N, F, R> TryFold<I, N, F, R> {
    pub(super) fn new(base: I, identity: N, f: F) -> Self {
        Self {
            base,
            identity,
            f,
            folded: PhantomData,
        }
    }
}

impl<I, N, F, R> Drive for TryFold<I, N, F, R>
where
    I: Drive,
    N: Fn() -> R::Output + Send + Sync,
    F: Fn(R::Output, I::Item) -> R + Send + Sync,
    R: Try + Send,
{
    type Item = R;

    fn drive<C: Consumer<R>>(self, at: &'static Location<'static>, consumer: C) -> C {
        let mut consumer = self.base.drive(
            at,
            TryFoldConsumer {
                inner: consumer,
                folded: Some(ControlFlow::Continue((self.identity)())),
                identity: &self.identity,
                f: &self.f,
            },
        );
        consumer.hand_over();
        consumer.inner
    }
}

struct TryFoldConsumer<'a, C, R: Try, N, F> {
    inner: C,
    /// The value that the items of the part were folded into, or the failure at which that stopped, until it is handed
    /// over.
    folded: Option<ControlFlow<R, R::Output>>,
    identity: &'a N,
    f: &'a F,
}

impl<C: Consumer<R>, R: Try, N, F> TryFoldConsumer<'_, C, R, N, F> {
    fn hand_over(&mut self) {
        let folded = self.folded.take().map(|folded| match folded {
            ControlFlow::Continue(value) => R::from_output(value),
            ControlFlow::Break(failure) => failure,
        });
        if let Some(folded) = folded {
            self.inner.consume(std::iter::once(folded));
        }
    }
}

impl<'a, T, C, R, N, F> Consumer<T> for TryFoldConsumer<'a, C, R, N, F>
where
    C: Consumer<R>,
    R: Try,
    N: Fn() -> R::Output + Sync,
    F: Fn(R::Output, T) -> R + Sync,
{
    type Seed = (C::Seed, &'a N, &'a F);
    type Done = C::Done;

    fn begin((seed, identity, f): Self::Seed) -> Self {
        Self {
            inner: C::begin(seed),
            folded: Some(ControlFlow::Continue(identity())),
            identity,
            f,
        }
    }

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, items: I) {
        let folded = self.folded.take();
        let start = folded.unwrap_or_else(|| ControlFlow::Continue((self.identity)()));
        let mut items = items;
        let folded = match start {
            ControlFlow::Continue(start) => {
                items.try_fold(start, |folded, item| (self.f)(folded, item).branch())
            }
            failed => failed,
        };
        self.folded = Some(folded);
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
        matches!(self.folded, Some(ControlFlow::Break(_))) || self.inner.is_full()
    }
}
