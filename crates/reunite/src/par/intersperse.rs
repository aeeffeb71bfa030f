//! `intersperse`: a separator between neighbouring items.

use std::iter::once;
use std::panic::Location;

use super::plumbing::{Consumer, Drive, DriveIndexed, Producer};

/// The result of `intersperse`.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Intersperse<I, T> {
    pub(super) base: I,
    pub(super) separator: T,
}

/// Returns the number of items and separators.
fn len_with_separators(items: usize) -> Option<usize> {
    items.saturating_sub(1).checked_add(items)
}

impl<I: Drive<Item: Clone>> Drive for Intersperse<I, I::Item> {
    type Item = I::Item;

    fn drive<C: Consumer<I::Item>>(self, at: &'static Location<'static>, consumer: C) -> C {
        let consumer = IntersperseConsumer {
            inner: consumer,
            separator: self.separator,
            has_items: false,
            counts: self.base.opt_len().is_some(),
        };
        self.base.drive(at, consumer).inner
    }

    fn opt_len(&self) -> Option<usize> {
        len_with_separators(self.base.opt_len()?)
    }
}

/// A consumer of a part. The separator between two parts belongs to the right one if consumers are split at numbers of
/// items, because the right one then knows that there are items before its own. Otherwise it belongs to the left one,
/// once both are done.
struct IntersperseConsumer<C, T> {
    inner: C,
    separator: T,
    /// True if there are items before the next one.
    has_items: bool,
    /// True if consumers are split at numbers of items.
    counts: bool,
}

impl<T: Clone + Send, C: Consumer<T>> Consumer<T> for IntersperseConsumer<C, T> {
    type Seed = (C::Seed, T, bool, bool);
    type Done = (C::Done, bool);

    fn begin((seed, separator, has_items, counts): Self::Seed) -> Self {
        Self {
            inner: C::begin(seed),
            separator,
            has_items,
            counts,
        }
    }

    fn consume<I: Iterator<Item = T>>(&mut self, items: I) {
        let separator = &self.separator;
        let has_items = &mut self.has_items;
        self.inner.consume(items.flat_map(|item| {
            let before = has_items.then(|| separator.clone());
            *has_items = true;
            before.into_iter().chain(once(item))
        }));
    }

    fn split_off(&mut self, at: usize) -> Self::Seed {
        let separator = self.separator.clone();
        if !self.counts {
            return (self.inner.split_off(at), separator, false, false);
        }
        let separators = if self.has_items {
            at
        } else {
            at.saturating_sub(1)
        };
        let seed = self.inner.split_off(at + separators);
        (seed, separator, self.has_items || at > 0, true)
    }

    fn finish(self) -> Self::Done {
        (self.inner.finish(), self.has_items)
    }

    fn append(&mut self, (right, has_items): Self::Done) {
        if self.has_items && has_items && !self.counts {
            self.inner.consume(once(self.separator.clone()));
        }
        self.has_items |= has_items;
        self.inner.append(right);
    }

    fn is_full(&self) -> bool {
        self.inner.is_full()
    }
}

impl<I: DriveIndexed<Item: Clone>> DriveIndexed for Intersperse<I, I::Item> {
    type Producer<'a>
        = IntersperseProducer<I::Producer<'a>, I::Item>
    where
        Self: 'a;

    fn exact_len(&self) -> usize {
        let len = len_with_separators(self.base.exact_len());
        len.expect("the number of items with separators exceeds usize::MAX")
    }

    fn producer(&mut self) -> Self::Producer<'_> {
        IntersperseProducer {
            len: self.exact_len(),
            base: self.base.producer(),
            separator: self.separator.clone(),
            is_separator_next: false,
        }
    }
}

/// The producer of [`Intersperse`].
pub struct IntersperseProducer<P, T> {
    base: P,
    separator: T,
    /// The number of items and separators. A separator may be the last.
    len: usize,
    is_separator_next: bool,
}

impl<P: Producer, T> IntersperseProducer<P, T> {
    /// Returns how many of the next `count` items are those of the base.
    fn of_base(&self, count: usize) -> usize {
        count / 2 + usize::from(count % 2 == 1 && !self.is_separator_next)
    }

    fn is_separator_after(&self, count: usize) -> bool {
        self.is_separator_next ^ (count % 2 == 1)
    }
}

impl<P: Producer<Item = T>, T: Clone + Send> Producer for IntersperseProducer<P, T> {
    type Item = T;

    fn len(&self) -> usize {
        self.len
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let (of_base, is_separator_after) = (self.of_base(at), self.is_separator_after(at));
        let (base, right) = self.base.split_at(of_base);
        let right = Self {
            base: right,
            separator: self.separator.clone(),
            len: self.len - at,
            is_separator_next: is_separator_after,
        };
        let left = Self {
            base,
            len: at,
            ..self
        };
        (left, right)
    }

    fn next_block(&mut self, size: usize) -> impl Iterator<Item = T> {
        let of_base = self.of_base(size);
        let mut is_separator = self.is_separator_next;
        self.is_separator_next = self.is_separator_after(size);
        self.len -= size;
        let block = (of_base > 0).then(|| self.base.next_block(of_base));
        let (mut items, separator) = (block.into_iter().flatten(), &self.separator);
        (0..size).map_while(move |_| {
            is_separator = !is_separator;
            if is_separator {
                items.next()
            } else {
                Some(separator.clone())
            }
        })
    }

    fn min_len(&self) -> usize {
        self.base.min_len()
    }
}
