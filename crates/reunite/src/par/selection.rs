//! `rev`, `skip`, `take`, `step_by` and `with_min_len`: the same items, others of them, or in another order.

use super::drive::drive_by_producer;
use super::maybe::Maybe;
use super::plumbing::{Drive, DriveIndexed, Producer};

/// The result of `rev`.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Rev<I> {
    pub(super) base: I,
}

impl<I: DriveIndexed> Drive for Rev<I> {
    type Item = I::Item;
    drive_by_producer!();
}

impl<I: DriveIndexed> DriveIndexed for Rev<I> {
    type Producer<'a>
        = RevProducer<I::Producer<'a>>
    where
        Self: 'a;

    fn exact_len(&self) -> usize {
        self.base.exact_len()
    }

    fn producer(&mut self) -> Self::Producer<'_> {
        RevProducer(Some(self.base.producer()))
    }
}

/// The producer of [`Rev`].
pub struct RevProducer<P>(Option<P>);

impl<P: Producer> Producer for RevProducer<P> {
    type Item = P::Item;

    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, P::len)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let Some(base) = self.0 else {
            return (Self(None), Self(None));
        };
        let middle = base.len() - at;
        let (right, left) = base.split_at(middle);
        (Self(Some(left)), Self(Some(right)))
    }

    #[inline]
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = P::Item> {
        let block = self.0.take().map(|base| {
            let middle = base.len() - size;
            let (rest, block) = base.split_at(middle);
            self.0 = Some(rest);
            block.into_rev_iter()
        });
        Maybe(block)
    }

    fn min_len(&self) -> usize {
        self.0.as_ref().map_or(1, P::min_len)
    }
}

/// The result of `skip` and of `take`.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Section<I> {
    pub(super) base: I,
    /// The first item, and the item after the last one; both at most the number of items.
    pub(super) first: usize,
    pub(super) end: usize,
}

impl<I: DriveIndexed> Drive for Section<I> {
    type Item = I::Item;
    drive_by_producer!();
}

impl<I: DriveIndexed> DriveIndexed for Section<I> {
    type Producer<'a>
        = I::Producer<'a>
    where
        Self: 'a;

    fn exact_len(&self) -> usize {
        self.end - self.first
    }

    fn producer(&mut self) -> Self::Producer<'_> {
        let (before_end, _) = self.base.producer().split_at(self.end);
        let (_, section) = before_end.split_at(self.first);
        section
    }
}

/// The result of `step_by`.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct StepBy<I> {
    pub(super) base: I,
    /// Greater than zero.
    pub(super) step: usize,
}

impl<I: DriveIndexed> Drive for StepBy<I> {
    type Item = I::Item;
    drive_by_producer!();
}

impl<I: DriveIndexed> DriveIndexed for StepBy<I> {
    type Producer<'a>
        = StepByProducer<I::Producer<'a>>
    where
        Self: 'a;

    fn exact_len(&self) -> usize {
        self.base.exact_len().div_ceil(self.step)
    }

    fn producer(&mut self) -> Self::Producer<'_> {
        StepByProducer {
            base: self.base.producer(),
            step: self.step,
        }
    }
}

/// The producer of [`StepBy`].
pub struct StepByProducer<P> {
    base: P,
    step: usize,
}

impl<P: Producer> StepByProducer<P> {
    /// Returns how many items of the base the next `count` items stand for.
    fn span(&self, count: usize) -> usize {
        count.saturating_mul(self.step).min(self.base.len())
    }
}

impl<P: Producer> Producer for StepByProducer<P> {
    type Item = P::Item;

    fn len(&self) -> usize {
        self.base.len().div_ceil(self.step)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let (span, step) = (self.span(at), self.step);
        let (left, right) = self.base.split_at(span);
        (Self { base: left, step }, Self { base: right, step })
    }

    #[inline]
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = P::Item> {
        let span = self.span(size);
        self.base.next_block(span).step_by(self.step)
    }

    fn min_len(&self) -> usize {
        self.base.min_len().div_ceil(self.step)
    }
}

/// The result of `with_min_len`.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct MinLen<I> {
    pub(super) base: I,
    pub(super) min: usize,
}

impl<I: DriveIndexed> Drive for MinLen<I> {
    type Item = I::Item;
    drive_by_producer!();
}

impl<I: DriveIndexed> DriveIndexed for MinLen<I> {
    type Producer<'a>
        = MinLenProducer<I::Producer<'a>>
    where
        Self: 'a;

    fn exact_len(&self) -> usize {
        self.base.exact_len()
    }

    fn producer(&mut self) -> Self::Producer<'_> {
        let base = self.base.producer();
        let min = self.min.max(base.min_len());
        MinLenProducer { base, min }
    }
}

/// The producer of [`MinLen`].
pub struct MinLenProducer<P> {
    base: P,
    min: usize,
}

impl<P: Producer> Producer for MinLenProducer<P> {
    type Item = P::Item;

    fn len(&self) -> usize {
        self.base.len()
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let Self { base, min } = self;
        let (left, right) = base.split_at(at);
        (Self { base: left, min }, Self { base: right, min })
    }

    #[inline]
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = P::Item> {
        self.base.next_block(size)
    }

    fn min_len(&self) -> usize {
        self.min
    }
}
