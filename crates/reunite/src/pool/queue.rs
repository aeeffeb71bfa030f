//! The queue of a scope's tasks, and the batches that were taken from it; the protocol is told in `scope`.

use std::collections::VecDeque;
use std::ops::Range;

use super::life::Life;
use super::scope::Core;
use super::task::Run;
use crate::primitive::{Arc, AtomicUsize, Ordering};

/// Tasks that a thread has taken to run them one after the other.
pub(super) struct Batch {
    pub(super) tasks: Vec<Arc<dyn Run>>,
    /// The first that its thread has not begun; only that thread changes it.
    next: AtomicUsize,
    /// Where what is left to it ends; changed under the queue's lock.
    end: AtomicUsize,
}

impl Batch {
    pub(super) fn new(tasks: Vec<Arc<dyn Run>>) -> Arc<Self> {
        let end = AtomicUsize::new(tasks.len());
        Arc::new(Self {
            tasks,
            next: AtomicUsize::new(1),
            end,
        })
    }

    /// What its thread has not begun.
    fn left(&self) -> Range<usize> {
        self.next.load(Ordering::Relaxed)..self.end.load(Ordering::Relaxed)
    }

    /// Runs its tasks, less those that others have taken meanwhile.
    pub(super) fn run(&self, core: &Core, life: Option<&Life>) {
        let mut next = 1;
        loop {
            self.tasks[next - 1].run(core, life);
            if next >= self.end.load(Ordering::Relaxed) {
                return;
            }
            next += 1;
            self.next.store(next, Ordering::Relaxed);
        }
    }
}

#[derive(Default)]
pub(super) struct Queue {
    pub(super) tasks: VecDeque<Arc<dyn Run>>,
    /// Batches of two or more that are being run.
    pub(super) batches: Vec<Arc<Batch>>,
    /// Tasks that are over: freed by the thread that spawns, whose allocator they come from.
    pub(super) over: Vec<Arc<dyn Run>>,
    /// Whether the roster counts it.
    pub(super) is_listed: bool,
}

impl Queue {
    /// Whether anything is left to begin.
    pub(super) fn has_tasks(&self) -> bool {
        !self.tasks.is_empty() || self.batches.iter().any(|batch| !batch.left().is_empty())
    }

    /// A task that is to be begun.
    pub(super) fn next_task(&self) -> Option<&dyn Run> {
        let in_batch = |batch: &Arc<Batch>| !batch.left().is_empty();
        let batch = || self.batches.iter().find(|batch| in_batch(batch));
        let next = self.tasks.front().or_else(|| {
            let batch = batch()?;
            batch.tasks.get(batch.left().start)
        });
        next.map(|task| &**task)
    }

    /// Takes the next `count` tasks, or part of what another thread has taken and not begun. Says how many
    /// references there are more than before.
    pub(super) fn take(&mut self, count: usize) -> (Vec<Arc<dyn Run>>, usize) {
        if !self.tasks.is_empty() {
            let count = count.min(self.tasks.len());
            return (self.tasks.drain(..count).collect(), 0);
        }
        let Some((batch, left)) = self
            .batches
            .iter()
            .map(|batch| (batch, batch.left()))
            .find(|(_, left)| !left.is_empty())
        else {
            return (Vec::new(), 0);
        };
        let from = left.end - left.len().div_ceil(2).min(count);
        batch.end.store(from, Ordering::Relaxed);
        let copies = batch.tasks[from..left.end].to_vec();
        let more = copies.len();
        (copies, more)
    }

    /// Takes a batch that is over off the list; says how many references are given up.
    pub(super) fn finish(&mut self, batch: Arc<Batch>) -> usize {
        let count = batch.tasks.len();
        if count > 1
            && let Some(at) = self
                .batches
                .iter()
                .position(|other| Arc::ptr_eq(other, &batch))
        {
            self.batches.swap_remove(at);
        }
        // The list had the only other reference.
        if let Some(batch) = Arc::into_inner(batch) {
            let mut tasks = batch.tasks;
            self.over.append(&mut tasks);
        }
        count
    }
}
