//! `by_uniform_blocks` and `by_exponential_blocks`: one block of items after the other.

use std::panic::Location;

use super::drive::drive_producer;
use super::plumbing::{Consumer, Drive, DriveIndexed, Producer};
use crate::pool::{places, take_part};

/// The result of `by_uniform_blocks` and `by_exponential_blocks`.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Blocks<I> {
    base: I,
    sizes: BlockSizes,
}

#[derive(Clone, Copy, Debug)]
enum BlockSizes {
    Uniform(usize),
    /// From the number of threads on, each twice as large as the one before.
    Exponential,
}

impl<I> Blocks<I> {
    pub(super) fn uniform(base: I, size: usize) -> Self {
        let sizes = BlockSizes::Uniform(size);
        Self { base, sizes }
    }

    pub(super) fn exponential(base: I) -> Self {
        let sizes = BlockSizes::Exponential;
        Self { base, sizes }
    }
}

impl<I: DriveIndexed> Drive for Blocks<I> {
    type Item = I::Item;

    fn drive<C: Consumer<I::Item>>(mut self, at: &'static Location<'static>, mut consumer: C) -> C {
        take_part(at, || {
            let mut size = match self.sizes {
                BlockSizes::Uniform(size) => size,
                BlockSizes::Exponential => places(),
            };
            let mut rest = self.base.producer();
            while !rest.is_empty() && !consumer.is_full() {
                let middle = size.min(rest.len());
                let (block, others) = rest.split_at(middle);
                rest = others;
                consumer = drive_producer(at, block, consumer);
                if let BlockSizes::Exponential = self.sizes {
                    size = size.saturating_mul(2);
                }
            }
            consumer
        })
    }
}
