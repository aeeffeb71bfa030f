//! The memory of a scope's tasks, and the references to them.
//!
//! # Protocol
//! A small task lies in a *cell*. Cells are cut from chunks, which belong to a scope, and are used again as
//! soon as their tasks are over. So a spawn asks the allocator once for many tasks, and a scope uses no more
//! memory than for the tasks that were open at a time. There are cells of a few sizes ([`SIZES`]); a task
//! that fits into none has memory of its own.
//!
//! A [`Ref`] is a plain address. A task counts its references: it begins with two, of its queue and of its
//! handle. Code that makes another [counts it](Ref::counted); code that needs one no more [gives it
//! up](Ref::give_up). Giving up the last one drops the task and returns its [memory](Memory), which goes back
//! to the scope's [`Cells`] under the lock of the queue.
//!
//! # Access rules
//! 1. A reference may be followed until it is given up, and until the scope has ended.
//! 2. If the count is one, the reference of the thread that reads the count is the only one, so no other
//!    thread can make another. It is given up without a write.
//! 3. Chunks are freed with the [`Cells`] of a scope that has ended: by rule 1 no reference into them is
//!    followed any more. A task whose handle was forgotten is not dropped, and its cell goes with its chunk.
//! 4. Memory is in one place at a time: in `CellsOfSize`, in [`Memory`] or [`Freed`], or under a task. Its
//!    holder alone uses it.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ops::Deref;
use std::ptr::{NonNull, drop_in_place};

use crate::primitive::{Ordering, SmallCounter};

/// The sizes of cells in bytes: for small tasks with closures and results of three words, and for the batches
/// of maps.
const SIZES: [usize; 2] = [64, 128];

/// The alignment of cells in large chunks: each cell of the smallest size lies in one cache line.
const ALIGNED: usize = 64;
/// The alignment of cells in small chunks, which allocators provide by themselves.
const LEAST_ALIGNED: usize = 16;

/// The number of cells of the first chunk, and the largest number of one; each chunk has twice as many as the
/// one before.
const FEW: usize = 4;
const MANY: usize = 256;

/// The most bytes of cells that a thread keeps for another scope.
const SMALL: usize = 1 << 15;

/// A task, and the number of references to it.
#[repr(C)]
pub(super) struct RefCounted<R: ?Sized> {
    refs: SmallCounter,
    task: R,
}

/// A reference to a task that is counted.
pub(super) struct Ref<R: ?Sized>(NonNull<RefCounted<R>>);

// SAFETY: in effect a shared reference; and the thread that gives up the last one may drop the task.
unsafe impl<R: ?Sized + Send + Sync> Send for Ref<R> {}
// SAFETY: as above.
unsafe impl<R: ?Sized + Send + Sync> Sync for Ref<R> {}

impl<R: ?Sized> Clone for Ref<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: ?Sized> Copy for Ref<R> {}

impl<R: ?Sized> Deref for Ref<R> {
    type Target = R;

    #[inline]
    fn deref(&self) -> &R {
        // SAFETY: rule 1, which the code that made the reference or was given it guarantees.
        unsafe { &self.0.as_ref().task }
    }
}

impl<R> Ref<R> {
    /// Puts a task into `memory`, with two references.
    ///
    /// # Safety
    /// The reference, and each copy, is followed only as rule 1 allows.
    #[inline]
    pub(super) unsafe fn new(memory: Memory, task: R) -> Self {
        debug_assert!(memory.layout == Layout::new::<RefCounted<R>>());
        let at = memory.at.cast::<RefCounted<R>>();
        let refs = SmallCounter::new(2);
        // SAFETY: the memory has that layout, and no one else uses it (rule 4).
        unsafe { at.write(RefCounted { refs, task }) };
        Self(at)
    }

    /// Returns the layout of the memory that such a task needs.
    #[inline]
    pub(super) const fn layout() -> Layout {
        Layout::new::<RefCounted<R>>()
    }
}

impl<R: ?Sized> Ref<R> {
    /// Converts the reference to one by which others know the task.
    #[inline]
    pub(super) fn map<S: ?Sized>(
        self,
        unsize: impl FnOnce(NonNull<RefCounted<R>>) -> NonNull<RefCounted<S>>,
    ) -> Ref<S> {
        Ref(unsize(self.0))
    }

    #[inline]
    fn refs(&self) -> &SmallCounter {
        // SAFETY: rule 1.
        unsafe { &self.0.as_ref().refs }
    }

    /// Counts one more reference, and returns it.
    #[inline]
    pub(super) fn counted(self) -> Self {
        self.refs().fetch_add(1, Ordering::Relaxed);
        self
    }

    /// Gives the reference up. If it was the last, the task is dropped, which may run user code, and its
    /// memory is returned.
    ///
    /// # Safety
    /// The reference is counted, and is not followed any more.
    #[inline]
    pub(super) unsafe fn give_up(self) -> Option<Memory> {
        let refs = self.refs();
        // Rule 2. With acquire, all that other threads did with the task happened before.
        let is_last = refs.load(Ordering::Acquire) == 1 || refs.fetch_sub(1, Ordering::AcqRel) == 1;
        if !is_last {
            return None;
        }
        // SAFETY: this is the only reference.
        let layout = Layout::for_value(unsafe { self.0.as_ref() });
        // SAFETY: this is the only reference, and it is not followed any more.
        unsafe { drop_in_place(self.0.as_ptr()) };
        let at = self.0.cast();
        Some(Memory { at, layout })
    }
}

/// Memory for a task that is not in use. If it is not given back, it is lost until its scope ends, or for
/// good.
#[must_use = "memory must be given back"]
pub(super) struct Memory {
    at: NonNull<u8>,
    layout: Layout,
}

// SAFETY: rule 4: its holder alone uses it.
unsafe impl Send for Memory {}

/// Cells whose tasks are over, on their way back to those of the scope.
#[derive(Default)]
pub(super) struct Freed([Vec<NonNull<u8>>; SIZES.len()]);

// SAFETY: rule 4: their holder alone uses them.
unsafe impl Send for Freed {}

impl Freed {
    /// Gives up these references, as [`Ref::give_up`] does.
    ///
    /// # Safety
    /// As for [`Ref::give_up`], for each.
    pub(super) unsafe fn add<R: ?Sized>(&mut self, tasks: &mut Vec<Ref<R>>) {
        for task in tasks.drain(..) {
            // SAFETY: the caller guarantees it.
            let Some(Memory { at, layout }) = (unsafe { task.give_up() }) else {
                continue;
            };
            match size_of_cell(layout) {
                Some(which) => self.0[which].push(at),
                // SAFETY: `Cells::take` allocated it with that layout, and this is its only holder (rule 4).
                None => unsafe { dealloc(at.as_ptr(), layout) },
            }
        }
    }
}

/// The cells of a scope.
#[derive(Default)]
pub(super) struct Cells {
    /// One for each of the [`SIZES`].
    sizes: [CellsOfSize; SIZES.len()],
    chunks: Vec<Chunk>,
}

// SAFETY: what lies in its cells may be sent, and the memory at the addresses goes along.
unsafe impl Send for Cells {}

/// Cells of one size.
#[derive(Default)]
struct CellsOfSize {
    /// Cells that were used before.
    free: Vec<NonNull<u8>>,
    /// The first cell of the last chunk that was not used yet, and how many such cells there are.
    fresh: Option<NonNull<u8>>,
    left: usize,
    /// The number of cells of the last chunk.
    many: usize,
}

struct Chunk {
    at: NonNull<u8>,
    layout: Layout,
}

/// Returns which of the [`SIZES`] such a task needs.
#[inline]
const fn size_of_cell(layout: Layout) -> Option<usize> {
    if layout.align() > LEAST_ALIGNED {
        None
    } else if layout.size() <= SIZES[0] {
        Some(0)
    } else if layout.size() <= SIZES[1] {
        Some(1)
    } else {
        None
    }
}

/// Returns memory from the allocator.
fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: the size is never zero, as every task has a count.
    let at = unsafe { alloc(layout) };
    NonNull::new(at).unwrap_or_else(|| handle_alloc_error(layout))
}

impl Cells {
    /// Returns memory for a task.
    #[inline]
    pub(super) fn take(&mut self, layout: Layout) -> Memory {
        let at = match size_of_cell(layout) {
            Some(which) => {
                let cells = &mut self.sizes[which];
                cells
                    .free
                    .pop()
                    .unwrap_or_else(|| cells.take_fresh(SIZES[which], &mut self.chunks))
            }
            None => allocate(layout),
        };
        Memory { at, layout }
    }

    /// Takes back the memory of a task.
    #[inline]
    pub(super) fn give_back(&mut self, memory: Memory) {
        match size_of_cell(memory.layout) {
            Some(which) => self.sizes[which].free.push(memory.at),
            // SAFETY: `take` allocated it with that layout, and this is its only holder (rule 4).
            None => unsafe { dealloc(memory.at.as_ptr(), memory.layout) },
        }
    }

    /// Takes back the memory of many tasks.
    pub(super) fn give_back_all(&mut self, freed: &mut Freed) {
        for (cells, freed) in self.sizes.iter_mut().zip(&mut freed.0) {
            cells.free.append(freed);
        }
    }

    /// Returns the size of the chunks in bytes.
    pub(super) fn bytes(&self) -> usize {
        let chunks = self.chunks.iter().map(|chunk| chunk.layout.size());
        chunks.sum()
    }

    /// Returns true if the cells may be used for another scope: no cell is lost, and the chunks are small.
    pub(super) fn is_reusable(&self) -> bool {
        let whole = self.bytes();
        let cells = self.sizes.iter().zip(SIZES);
        let free = cells.map(|(cells, size)| (cells.free.len() + cells.left) * size);
        whole == free.sum::<usize>() && whole <= SMALL
    }

    /// Returns the number of cells, in units of the smallest size.
    #[cfg(all(test, not(reunite_model)))]
    pub(super) fn count(&self) -> usize {
        self.bytes() / SIZES[0]
    }
}

impl CellsOfSize {
    #[inline]
    fn take_fresh(&mut self, size: usize, chunks: &mut Vec<Chunk>) -> NonNull<u8> {
        let at = match self.fresh {
            Some(at) if self.left > 0 => at,
            _ => self.open_chunk(size, chunks),
        };
        self.left -= 1;
        // SAFETY: the address is inside the chunk, or right behind its last cell.
        self.fresh = Some(unsafe { at.add(size) });
        at
    }

    #[cold]
    fn open_chunk(&mut self, size: usize, chunks: &mut Vec<Chunk>) -> NonNull<u8> {
        self.many = (2 * self.many).clamp(FEW, MANY);
        self.left = self.many;
        let align = if self.many == MANY {
            ALIGNED
        } else {
            LEAST_ALIGNED
        };
        let Ok(layout) = Layout::from_size_align(self.many * size, align) else {
            unreachable!("a few kilobytes")
        };
        let at = allocate(layout);
        chunks.push(Chunk { at, layout });
        at
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: it was allocated with that layout; by rule 3 no reference into it is followed any more.
        unsafe { dealloc(self.at.as_ptr(), self.layout) };
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::primitive::Arc;

    /// Returns a reference to a task that holds something.
    fn task<T>(cells: &mut Cells, holds: T) -> Ref<T> {
        let memory = cells.take(Ref::<T>::layout());
        // SAFETY: the tests give it up before they drop the cells.
        unsafe { Ref::new(memory, holds) }
    }

    fn give_up<T>(task: Ref<T>) -> Option<Memory> {
        // SAFETY: the tests give up as many references as they have.
        unsafe { task.give_up() }
    }

    #[test]
    fn a_task_is_dropped_with_its_last_reference() {
        let mut cells = Cells::default();
        let held = Arc::new(());
        let one = task(&mut cells, Arc::clone(&held));
        let another = one.counted();
        assert!(give_up(one).is_none() && give_up(another).is_none());
        assert_eq!(Arc::strong_count(&held), 2);
        cells.give_back(give_up(one).unwrap());
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn the_memory_of_a_finished_task_is_used_for_the_next_of_its_size() {
        let mut cells = Cells::default();
        let mut place = |holds: [u64; 8]| {
            let it = task(&mut cells, holds);
            assert_eq!(*it, holds);
            let at = std::ptr::from_ref(&*it).addr();
            assert!(give_up(it).is_none());
            cells.give_back(give_up(it).unwrap());
            at
        };
        let first = place([1; 8]);
        assert!((2..100).all(|n| place([n; 8]) == first));
        assert_eq!(cells.count(), FEW * SIZES[1] / SIZES[0]);
    }

    #[test]
    fn tasks_of_all_sizes_lie_beside_each_other() {
        #[repr(align(128))]
        struct Aligned {
            n: u8,
        }

        let mut cells = Cells::default();
        let mut check = |n: u8| {
            let small = task(&mut cells, [n; 3]);
            let medium = task(&mut cells, [n; 100]);
            let large = task(&mut cells, [n; 1000]);
            let aligned = task(&mut cells, Aligned { n });
            move || {
                assert_eq!((*small, *medium, *large), ([n; 3], [n; 100], [n; 1000]));
                assert_eq!(aligned.n, n);
                assert!(std::ptr::from_ref(&*aligned).is_aligned());
                let given_up = [
                    give_up(small),
                    give_up(medium),
                    give_up(large),
                    give_up(aligned),
                ];
                assert!(given_up.iter().all(Option::is_none));
                [
                    give_up(small),
                    give_up(medium),
                    give_up(large),
                    give_up(aligned),
                ]
            }
        };
        let checks: Vec<_> = (0..=u8::MAX).chain(0..=u8::MAX).map(&mut check).collect();
        for memory in checks.into_iter().flat_map(|check| check()) {
            cells.give_back(memory.unwrap());
        }
        let before = cells.count();
        (0..=u8::MAX)
            .map(|n| task(&mut cells, [n; 3]))
            .for_each(|it| _ = (give_up(it), give_up(it)));
        assert_eq!(cells.count(), before);
    }
}
