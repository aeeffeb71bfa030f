//! `par_bridge`: the items of a sequential iterator.
//!
//! The iterator belongs to one part, which pulls its items one by one. When that part is split, its thread first pulls
//! the items of a block for itself, and gives the iterator away, so the order of the items is kept, and no lock is held
//! while the iterator runs. At most a block for each split is pulled before its items are begun.

use std::collections::VecDeque;
use std::panic::Location;

use crate::par::drive::drive_producer;
use crate::par::plumbing::{Consumer, Drive, Producer};

/// Sequential iterators, which can be turned into parallel ones.
pub trait ParallelBridge: Sized {
    /// Returns a parallel iterator over the items. Unlike rayon's, it keeps their order: `collect` returns them in
    /// the order of the iterator, and `find_first` finds the first one.
    ///
    /// The iterator is advanced by one thread at a time. Items are pulled when threads are about to work on
    /// them: at most those of some microseconds of work ahead.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let (tx, rx) = std::sync::mpsc::channel();
    /// ["to", "be"].into_iter().for_each(|word| tx.send(word).unwrap());
    /// drop(tx);
    /// let lengths: Vec<usize> = rx.into_iter().par_bridge().map(str::len).collect();
    /// assert_eq!(lengths, [2, 2]);
    /// ```
    fn par_bridge(self) -> Bridge<Self>;
}

impl<I: Iterator<Item: Send> + Send> ParallelBridge for I {
    fn par_bridge(self) -> Bridge<I> {
        Bridge(self)
    }
}

/// The result of [`par_bridge`](ParallelBridge::par_bridge).
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Bridge<I>(I);

impl<I: Iterator<Item: Send> + Send> Drive for Bridge<I> {
    type Item = I::Item;

    fn drive<C: Consumer<I::Item>>(self, at: &'static Location<'static>, consumer: C) -> C {
        let producer = BridgeProducer {
            pulled: VecDeque::new(),
            iterator: Some(self.0),
        };
        drive_producer(at, producer, consumer)
    }
}

struct BridgeProducer<I: Iterator> {
    /// Items that come before those of the iterator.
    pulled: VecDeque<I::Item>,
    /// The iterator, unless it is exhausted or belongs to another part.
    iterator: Option<I>,
}

/// The number that stands for the unknown number of items of an iterator.
const UNKNOWN: usize = usize::MAX / 2;
/// The most items that are pulled at a split.
const MOST: usize = 1024;

impl<I: Iterator<Item: Send> + Send> BridgeProducer<I> {
    fn next(&mut self) -> Option<I::Item> {
        self.pulled.pop_front().or_else(|| self.pull())
    }

    fn pull(&mut self) -> Option<I::Item> {
        let item = self.iterator.as_mut()?.next();
        if item.is_none() {
            self.iterator = None;
        }
        item
    }
}

impl<I: Iterator<Item: Send> + Send> Producer for BridgeProducer<I> {
    type Item = I::Item;

    fn len(&self) -> usize {
        self.pulled.len() + self.iterator.as_ref().map_or(0, |_| UNKNOWN)
    }

    fn split_at(mut self, at: usize) -> (Self, Self) {
        while self.pulled.len() < at {
            let Some(item) = self.pull() else { break };
            self.pulled.push_back(item);
        }
        let right = Self {
            pulled: self.pulled.split_off(at.min(self.pulled.len())),
            iterator: self.iterator.take(),
        };
        (self, right)
    }

    fn next_block(&mut self, size: usize) -> impl Iterator<Item = I::Item> {
        (0..size).map_while(|_| self.next())
    }

    fn middle(&self, block: usize) -> usize {
        match &self.iterator {
            Some(_) => (self.pulled.len() / 2).max(block.min(MOST)),
            None => self.pulled.len() / 2,
        }
    }
}
