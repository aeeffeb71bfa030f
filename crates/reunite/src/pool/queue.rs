//! The queue of a scope's tasks, with the list of batches that were taken from it; `scope_state` explains the
//! protocol.

use std::collections::VecDeque;
use std::ops::Range;

use super::cells::{Cells, Freed};
use super::spawn_clock::SpawnClock;
use super::task_batch::{BATCH, FinishedBatch, TaskBatch};
use super::task_traits::{InPlaceTask, QueuedTask, RunTask};
use crate::id::TaskId;
use crate::primitive::{Arc, Ordering};

/// The most numbers that are taken at a time.
const MANY: u64 = 256;

/// The number of bytes from which on a queue's memory is [`Weight::Much`].
const LITTLE: usize = 1 << 10;

/// The most queued tasks that a look goes through, under the lock that every spawn needs.
const LOOKED_AT: usize = 1_000;

/// References to tasks that are over, and their memory on its way back to the scope.
#[derive(Default)]
pub(super) struct FinishedTasks {
    tasks: Vec<QueuedTask>,
    freed: Freed,
}

impl FinishedTasks {
    /// Gives the references up.
    ///
    /// # Safety
    /// No one follows them any more.
    pub(super) unsafe fn give_up(&mut self) {
        // SAFETY: they are counted, and not followed any more, as the caller guarantees.
        unsafe { self.freed.add(&mut self.tasks) };
    }
}

/// The amount of memory that a scope has for its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Little,
    Much,
}

#[derive(Default)]
pub(super) struct ScopeQueue {
    pub(super) tasks: VecDeque<QueuedTask>,
    /// Batches that are being run.
    pub(super) batches: Vec<Arc<TaskBatch>>,
    /// The tasks that joiners run in their own place: the references in `tasks` may be given up meanwhile.
    in_place: Vec<InPlaceTask>,
    /// The numbers for tasks to come.
    numbers: Range<u64>,
    /// The number of numbers that were taken the last time.
    last_count: u64,
    pub(super) clock: SpawnClock,
    /// The memory of the tasks.
    pub(super) cells: Cells,
    /// References to tasks that are over. The thread that spawns next gives them up, as it can use their
    /// memory.
    over: FinishedTasks,
    /// Batches that are over, whose memory is used for the next. For short tasks, an allocation per batch
    /// costs more than it seems to, as one of that size makes the allocator merge what was freed before.
    spare: Vec<Arc<TaskBatch>>,
    /// The number of tasks that joiners have run since the queue was last searched for the references to such
    /// tasks.
    left_behind: usize,
    /// True if the scope is listed among those with tasks that can begin.
    pub(super) is_listed: bool,
}

impl ScopeQueue {
    /// Clears the queue of a scope that has ended: it is like a new one, but keeps some memory. Returns how
    /// much that is.
    pub(super) fn forget(&mut self) -> Weight {
        let is_small = |capacity| capacity <= 2 * BATCH;
        let mut spare = std::mem::take(&mut self.spare);
        spare.truncate(1);
        let before = std::mem::replace(
            self,
            Self {
                spare,
                ..Self::default()
            },
        );
        if before.cells.is_reusable() {
            self.cells = before.cells;
        }
        if is_small(before.tasks.capacity()) {
            self.tasks = before.tasks;
        }
        if is_small(before.over.tasks.capacity()) {
            self.over = before.over;
        }
        self.batches = before.batches;
        self.in_place = before.in_place;
        self.weight()
    }

    /// Returns how much memory a queue without tasks has.
    fn weight(&self) -> Weight {
        let in_spare = self.spare.iter().map(|batch| batch.tasks.capacity());
        let references = self.tasks.capacity() + self.over.tasks.capacity();
        let lists = size_of::<QueuedTask>() * (references + in_spare.sum::<usize>());
        if lists + self.cells.bytes() <= LITTLE {
            Weight::Little
        } else {
            Weight::Much
        }
    }

    /// Returns the number of a new task. Numbers are taken several at a time, the more the more tasks the
    /// scope has had, as all scopes of the process take them from one counter.
    #[inline]
    pub(super) fn next_number(&mut self) -> u64 {
        if self.numbers.is_empty() {
            self.take_numbers();
        }
        let number = self.numbers.start;
        self.numbers.start += 1;
        number
    }

    #[cold]
    fn take_numbers(&mut self) {
        self.last_count = (2 * self.last_count).clamp(1, MANY);
        self.numbers = TaskId::block(self.last_count);
    }

    /// Lists a task that a joiner runs in its own place until it [is over](Self::remove_in_place).
    pub(super) fn add_in_place(&mut self, task: InPlaceTask) {
        self.clock.expire();
        self.in_place.push(task);
    }

    pub(super) fn remove_in_place(&mut self, task: InPlaceTask) {
        if let Some(at) = self.in_place.iter().rposition(|other| *other == task) {
            self.in_place.swap_remove(at);
        }
    }

    /// Calls `each` with every task that was begun, and may be over.
    pub(super) fn each_running(&self, mut each: impl FnMut(&dyn RunTask)) {
        let in_batches = self.batches.iter().map(|batch| batch.current_task());
        in_batches.for_each(&mut each);
        self.in_place.iter().for_each(|task| each(task.get()));
    }

    /// Calls `each` with the first tasks that have not begun, at most `most`. Returns how many more there
    /// are. In a queue too long to go through, the rest is counted in references, some of whose tasks joiners
    /// may have run.
    pub(super) fn each_queued(&self, most: usize, mut each: impl FnMut(&dyn RunTask)) -> usize {
        let lefts = || self.batches.iter().map(|batch| (batch, batch.remaining()));
        let count = lefts().map(|(_, left)| left.len()).sum::<usize>() + self.tasks.len();
        let in_batches = lefts().flat_map(|(batch, left)| &batch.tasks[left]);
        let looked_at = in_batches.chain(&self.tasks).take(LOOKED_AT);
        let mut found = 0;
        for task in looked_at.filter(|task| !task.is_begun()) {
            if found < most {
                each(&**task);
            }
            found += 1;
        }
        found.saturating_sub(most) + count.saturating_sub(LOOKED_AT)
    }

    /// Removes from the front the references to tasks that joiners have begun. Returns how many there were.
    pub(super) fn drop_begun(&mut self) -> usize {
        let begun = self.tasks.iter().take_while(|task| task.is_begun());
        let count = begun.count();
        self.over.tasks.extend(self.tasks.drain(..count));
        count
    }

    /// Records that a joiner has run a task whose reference may be anywhere in the queue. When such
    /// references may be half of all, removes them and returns how many there were. So a queue from which no
    /// thread takes does not grow, at constant cost per task.
    pub(super) fn drop_finished(&mut self) -> usize {
        self.left_behind += 1;
        let before = self.tasks.len();
        if self.left_behind * 2 < before {
            return self.drop_begun();
        }
        self.left_behind = 0;
        for _ in 0..before {
            if let Some(task) = self.tasks.pop_front() {
                if task.is_begun() {
                    self.over.tasks.push(task);
                } else {
                    self.tasks.push_back(task);
                }
            }
        }
        before - self.tasks.len()
    }

    /// Returns true if any task is left to begin. The front must have been cleared by
    /// [`drop_begun`](Self::drop_begun).
    pub(super) fn has_tasks(&self) -> bool {
        !self.tasks.is_empty()
            || self
                .batches
                .iter()
                .any(|batch| !batch.remaining().is_empty())
    }

    /// Returns a task that is to be begun. The front must have been cleared by
    /// [`drop_begun`](Self::drop_begun).
    pub(super) fn next_task(&self) -> Option<&dyn RunTask> {
        let in_batch = |batch: &Arc<TaskBatch>| !batch.remaining().is_empty();
        let batch = || self.batches.iter().find(|batch| in_batch(batch));
        let next = self.tasks.front().or_else(|| {
            let batch = batch()?;
            batch.tasks.get(batch.remaining().start)
        });
        next.map(|task| &**task)
    }

    /// Takes the next `count` tasks, or part of those that another thread has taken and not begun, and lists
    /// them as a batch. Returns how many references there are more than before.
    pub(super) fn take(&mut self, count: usize) -> (Option<Arc<TaskBatch>>, usize) {
        self.clock.expire();
        if count == 0 {
            return (None, 0);
        }
        let mut batch = self.spare.pop().unwrap_or_default();
        // The batch is on no list, so this is the only reference.
        let more = Arc::get_mut(&mut batch).map_or(0, |batch| self.fill(batch, count));
        if batch.tasks.is_empty() {
            self.spare.push(batch);
            return (None, 0);
        }
        self.batches.push(Arc::clone(&batch));
        (Some(batch), more)
    }

    /// Moves the next `count` tasks to an empty batch, or copies references of a listed one. Returns the
    /// number of copies.
    fn fill(&mut self, batch: &mut TaskBatch, count: usize) -> usize {
        let mut tasks = std::mem::take(&mut batch.tasks);
        let mut more = 0;
        if self.tasks.is_empty() {
            let mut left = self.batches.iter().map(|batch| (batch, batch.remaining()));
            if let Some((other, left)) = left.find(|(_, left)| !left.is_empty()) {
                let from = left.end - left.len().div_ceil(2).min(count);
                other.end.store(from, Ordering::Relaxed);
                let copied = other.tasks[from..left.end].iter();
                tasks.extend(copied.map(|task| task.counted()));
                more = tasks.len();
            }
        } else {
            let count = count.min(self.tasks.len());
            let (front, back) = self.tasks.as_slices();
            let from_front = count.min(front.len());
            tasks.extend_from_slice(&front[..from_front]);
            tasks.extend_from_slice(&back[..count - from_front]);
            self.tasks.drain(..count);
        }
        *batch = TaskBatch::of(tasks);
        more
    }

    /// Takes a batch that is over off the list.
    pub(super) fn unlist(&mut self, batch: &Arc<TaskBatch>) {
        let mut batches = self.batches.iter();
        if let Some(at) = batches.position(|other| Arc::ptr_eq(other, batch)) {
            self.batches.swap_remove(at);
        }
    }

    /// Puts the references of a batch that was [taken off the list](Self::unlist) among those to be given up.
    /// Returns their number.
    pub(super) fn finish(&mut self, mut batch: Arc<TaskBatch>) -> usize {
        let count = batch.tasks.len();
        // The list had the only other reference.
        if let Some(over) = Arc::get_mut(&mut batch) {
            self.over.tasks.append(&mut over.tasks);
            self.spare.push(batch);
        }
        count
    }

    /// Takes back what a thread has kept of a batch. Returns how many references it has given up.
    pub(super) fn take_back(&mut self, over: &mut FinishedBatch) -> usize {
        self.cells.give_back_all(&mut over.freed);
        self.spare.extend(over.batch.take());
        std::mem::take(&mut over.count)
    }

    /// Returns the references to be given up outside the lock, if there are `many` or more.
    #[inline]
    pub(super) fn take_over(&mut self, many: usize) -> Option<FinishedTasks> {
        (self.over.tasks.len() >= many).then(|| std::mem::take(&mut self.over))
    }

    /// Takes back what `take_over` returned, when the references were given up.
    pub(super) fn keep_memory(&mut self, mut over: FinishedTasks) {
        self.cells.give_back_all(&mut over.freed);
        if self.over.tasks.is_empty() {
            self.over = over;
        }
    }

    /// Returns how many tasks are over and not freed.
    #[cfg(all(test, not(reunite_model)))]
    pub(super) fn count_over(&self) -> usize {
        self.over.tasks.len()
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::current::{Context, TaskRecord};
    use crate::pool::cells::Ref;
    use crate::pool::lineage::{Ancestor, Lineage};
    use crate::pool::member_state::MemberState;
    use crate::pool::parent::Parent;
    use crate::pool::piece::{CoarseSpawnTime, Piece};
    use crate::primitive::{AtomicBool, AtomicUsize};

    /// A task that a joiner may have begun.
    struct QueuedTestTask {
        lineage: Lineage,
        is_begun: AtomicBool,
        /// The number of calls of `is_begun`.
        asked: AtomicUsize,
    }

    impl RunTask for QueuedTestTask {
        fn run(&self, _: &Parent, _: Option<&MemberState>) {
            self.is_begun.store(true, Ordering::Relaxed);
        }

        fn drop_unobserved(&self) -> bool {
            false
        }

        fn is_begun(&self) -> bool {
            self.asked.fetch_add(1, Ordering::Relaxed);
            self.is_begun.load(Ordering::Relaxed)
        }

        fn is_queued(&self) -> bool {
            !self.is_begun.load(Ordering::Relaxed)
        }

        fn number(&self) -> u64 {
            0
        }

        fn shown(&self, _: &Arc<Context>) -> Option<crate::part::Part<TaskRecord>> {
            None
        }
    }

    impl Piece for QueuedTestTask {
        fn as_ancestor(&self) -> Ancestor {
            self.lineage.as_ancestor()
        }

        fn context(&self, around: &Arc<Context>) -> Arc<Context> {
            Arc::clone(around)
        }

        fn known_context(&self, _: &Arc<Context>) -> Option<Arc<Context>> {
            None
        }
    }

    /// After each event that indicates that time may have passed.
    #[test]
    fn the_clock_is_read_again_after_a_task_was_taken_and_after_a_look() {
        let (mut queue, _) = filled(2);
        let is_read_again = |queue: &mut ScopeQueue, looks| {
            let mut is_read = false;
            queue.clock.now(looks, || {
                is_read = true;
                CoarseSpawnTime::default()
            });
            is_read
        };
        assert!(is_read_again(&mut queue, Some(0)));
        assert!(!is_read_again(&mut queue, Some(0)));
        let (batch, _) = queue.take(1);
        assert!(
            is_read_again(&mut queue, Some(0)),
            "a thread has taken a task"
        );
        assert!(!is_read_again(&mut queue, Some(0)));
        assert!(is_read_again(&mut queue, Some(1)), "the watch has looked");
        assert!(!is_read_again(&mut queue, Some(1)));
        assert!(is_read_again(&mut queue, None), "the pool is not watched");
        assert!(is_read_again(&mut queue, None));
        drop(batch);
    }

    #[test]
    fn the_memory_of_a_finished_batch_is_used_for_the_next() {
        const COUNT: usize = 100;
        let (mut queue, _) = filled(COUNT + 1);
        let first = queue.take(COUNT).0.unwrap();
        queue.unlist(&first);
        assert_eq!(queue.finish(first), COUNT);
        let (second, _) = queue.take(COUNT);
        let second = second.unwrap();
        assert_eq!((second.tasks.len(), second.remaining()), (1, 1..1));
        assert!(second.tasks.capacity() >= COUNT);
        assert_eq!(queue.count_over(), COUNT);
    }

    fn filled(count: usize) -> (ScopeQueue, Vec<Ref<QueuedTestTask>>) {
        let mut queue = ScopeQueue::default();
        let mut task = |_| {
            let memory = queue.cells.take(Ref::<QueuedTestTask>::layout());
            let task = QueuedTestTask {
                lineage: Lineage::new(None),
                is_begun: AtomicBool::new(false),
                asked: AtomicUsize::new(0),
            };
            // SAFETY: the tests keep the queue for as long as they follow it.
            unsafe { Ref::new(memory, task) }
        };
        let tasks: Vec<_> = (0..count).map(&mut task).collect();
        let queued = tasks.iter().map(|task| task.map(|task| task as _));
        queue.tasks.extend(queued);
        (queue, tasks)
    }

    fn begin(task: &QueuedTestTask) {
        task.is_begun.store(true, Ordering::Relaxed);
    }

    #[test]
    fn tasks_that_were_begun_at_the_front_are_not_left_to_begin() {
        let (mut queue, tasks) = filled(3);
        tasks[..2].iter().for_each(|task| begin(task));
        assert_eq!(queue.drop_begun(), 2);
        assert!(queue.has_tasks());
        assert!(!queue.next_task().unwrap().is_begun());
        begin(&tasks[2]);
        assert_eq!(queue.drop_begun(), 1);
        assert!(!queue.has_tasks() && queue.next_task().is_none());
        assert_eq!(queue.over.tasks.len(), 3);
    }

    #[test]
    fn a_look_at_a_long_queue_goes_through_its_beginning_only() {
        let (queue, tasks) = filled(100 * LOOKED_AT);
        tasks[..500].iter().for_each(|task| begin(task));
        let mut shown = Vec::new();
        let more = queue.each_queued(100, |task| shown.push(task.as_ancestor()));
        let expected = tasks[500..600].iter().map(|task| task.as_ancestor());
        assert!(shown.into_iter().eq(expected));
        assert_eq!(more, 100 * LOOKED_AT - 600);
        let asked = tasks.iter().map(|task| task.asked.load(Ordering::Relaxed));
        assert_eq!(asked.sum::<usize>(), LOOKED_AT);
        // Of the tasks that are looked at, none is left to be shown.
        tasks.iter().for_each(|task| begin(task));
        let more = queue.each_queued(100, |_| unreachable!("all were begun"));
        assert_eq!(more, 99 * LOOKED_AT);
        let (short, tasks) = filled(LOOKED_AT);
        begin(&tasks[LOOKED_AT - 1]);
        assert_eq!(short.each_queued(100, |_| ()), LOOKED_AT - 101);
    }

    /// The queue may be long: each reference is looked at a few times in all.
    #[test]
    fn joiners_that_begin_at_the_end_empty_a_queue_at_constant_cost_per_task() {
        const COUNT: usize = 1_000;
        let (mut queue, tasks) = filled(COUNT);
        let given_up = tasks.iter().rev().map(|task| {
            begin(task);
            queue.drop_finished()
        });
        assert_eq!(given_up.sum::<usize>(), COUNT);
        assert_eq!((queue.tasks.len(), queue.over.tasks.len()), (0, COUNT));
        let asked = tasks.iter().map(|task| task.asked.load(Ordering::Relaxed));
        assert!(asked.sum::<usize>() <= 4 * COUNT);
    }
}
