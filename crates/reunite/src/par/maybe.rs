//! An iterator that may be missing.

/// The items of an iterator, or none. `Option::into_iter().flatten()` has the same items, but cannot be looped over as
/// fast.
pub(super) struct Maybe<I>(pub(super) Option<I>);

impl<I: Iterator> Iterator for Maybe<I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        self.0.as_mut()?.next()
    }

    #[inline]
    fn nth(&mut self, n: usize) -> Option<I::Item> {
        self.0.as_mut()?.nth(n)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.as_ref().map_or((0, Some(0)), I::size_hint)
    }

    #[inline]
    fn fold<B, F: FnMut(B, I::Item) -> B>(self, start: B, f: F) -> B {
        match self.0 {
            Some(items) => items.fold(start, f),
            None => start,
        }
    }
}
