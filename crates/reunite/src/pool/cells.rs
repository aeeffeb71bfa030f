//! The memory of a scope's tasks, and the references to them.
//!
//! # Protocol
//! A small task lies in a *cell*. Cells are cut from chunks, which belong to a scope, and are used again as soon as their
//! tasks are over; so a spawn asks the allocator once for many tasks, and a scope has no more memory than for the tasks that
//! it had open at a time. There are cells of a few sizes ([`SIZES`]); a task that fits into none has memory of its own.
//!
//! A [`Ref`] is a plain address. A task counts its references: it begins with two, of its queue and of its handle. Who makes
//! one more [counts it](Ref::counted), who needs one no more [gives it up](Ref::give_up); the one who gives up the last
//! drops the task and gets its [memory](Memory), which goes back to the scope's [`Cells`] under the lock of the queue.
//!
//! 1. A reference may be followed until it is given up, and until the scope has ended.
//! 2. A count of one is that of the one who asks: nobody else has a reference, so nobody makes another. It is given up
//!    without a write.
//! 3. Chunks are freed with the [`Cells`] of a scope that has ended: rule 1 says that nobody follows a reference into them any more.
//!    A task whose handle was forgotten is not dropped, and its cell goes with its chunk.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ops::Deref;
use std::ptr::{NonNull, drop_in_place};

use crate::primitive::{Ordering, SmallCounter};

/// Sizes of cells: small tasks with closures and results of three words, and the batches of maps.
const SIZES: [usize; 2] = [64, 128];

/// How cells are aligned in large chunks: so that those of the smallest size lie in one line of the cache each.
const ALIGNED: usize = 64;
/// In small chunks: what allocators do by themselves.
const LEAST_ALIGNED: usize = 16;

/// How many cells the first chunk has, and how many one has at most: each has twice as many as the one before.
const FEW: usize = 4;
const MANY: usize = 256;

/// How many bytes of cells a thread keeps for another scope.
const SMALL: usize = 1 << 15;

/// A task, and how many references there are to it.
#[repr(C)]
pub(super) struct Counted<R: ?Sized> {
    refs: SmallCounter,
    task: R,
}

/// A reference to a task, which counts.
pub(super) struct Ref<R: ?Sized>(NonNull<Counted<R>>);

// SAFETY: a shared reference, in effect; and the one who gives up the last may drop the task.
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
        // SAFETY: rule 1; those who have made the reference, or got it, keep to that.
        unsafe { &self.0.as_ref().task }
    }
}

impl<R> Ref<R> {
    /// Puts a task there, to which there are two references.
    ///
    /// # Safety
    /// The reference, and each copy, is followed as rule 1 says.
    #[inline]
    pub(super) unsafe fn new(memory: Memory, task: R) -> Self {
        debug_assert!(memory.layout == Layout::new::<Counted<R>>());
        let at = memory.at.cast::<Counted<R>>();
        let refs = SmallCounter::new(2);
        // SAFETY: memory of that layout, which nobody else has.
        unsafe { at.write(Counted { refs, task }) };
        Self(at)
    }

    /// The memory that such a task needs.
    #[inline]
    pub(super) const fn layout() -> Layout {
        Layout::new::<Counted<R>>()
    }
}

impl<R: ?Sized> Ref<R> {
    /// The same reference, by what others know of the task.
    #[inline]
    pub(super) fn map<S: ?Sized>(
        self,
        unsize: impl FnOnce(NonNull<Counted<R>>) -> NonNull<Counted<S>>,
    ) -> Ref<S> {
        Ref(unsize(self.0))
    }

    #[inline]
    fn refs(&self) -> &SmallCounter {
        // SAFETY: rule 1.
        unsafe { &self.0.as_ref().refs }
    }

    /// One reference more.
    #[inline]
    pub(super) fn counted(self) -> Self {
        self.refs().fetch_add(1, Ordering::Relaxed);
        self
    }

    /// One reference less; if it was the last, the task is dropped, which may run code of users, and its memory is
    /// returned.
    ///
    /// # Safety
    /// The reference counts, and is not followed any more.
    #[inline]
    pub(super) unsafe fn give_up(self) -> Option<Memory> {
        let refs = self.refs();
        // Rule 2. What the others have done happened before.
        let is_last = refs.load(Ordering::Acquire) == 1 || refs.fetch_sub(1, Ordering::AcqRel) == 1;
        if !is_last {
            return None;
        }
        // SAFETY: nobody else has a reference.
        let layout = Layout::for_value(unsafe { self.0.as_ref() });
        // SAFETY: nobody else has a reference, and nobody follows this one any more.
        unsafe { drop_in_place(self.0.as_ptr()) };
        let at = self.0.cast();
        Some(Memory { at, layout })
    }
}

/// Memory for a task, which nobody uses. What is not given back is lost until its scope ends, or for good.
#[must_use = "it is to be given back"]
pub(super) struct Memory {
    at: NonNull<u8>,
    layout: Layout,
}

// SAFETY: nobody else has it.
unsafe impl Send for Memory {}

/// Cells whose tasks are over, on their way to those of the scope.
#[derive(Default)]
pub(super) struct Freed([Vec<NonNull<u8>>; SIZES.len()]);

// SAFETY: nobody else has them.
unsafe impl Send for Freed {}

impl Freed {
    /// Gives up these references, as [`Ref::give_up`] does.
    ///
    /// # Safety
    /// As there, for each.
    pub(super) unsafe fn add<R: ?Sized>(&mut self, tasks: &mut Vec<Ref<R>>) {
        for task in tasks.drain(..) {
            // SAFETY: the caller's promise.
            let Some(Memory { at, layout }) = (unsafe { task.give_up() }) else {
                continue;
            };
            match size_of_cell(layout) {
                Some(which) => self.0[which].push(at),
                // SAFETY: allocated with that layout by `Cells::take`, and nobody has it any more.
                None => unsafe { dealloc(at.as_ptr(), layout) },
            }
        }
    }
}

/// The cells of a scope.
#[derive(Default)]
pub(super) struct Cells {
    /// One for each of the [`SIZES`].
    shelves: [Shelf; SIZES.len()],
    chunks: Vec<Chunk>,
}

// SAFETY: what lies in its cells may be sent, and the addresses are to memory that goes along.
unsafe impl Send for Cells {}

/// Cells of one size.
#[derive(Default)]
struct Shelf {
    /// Cells that were used before.
    free: Vec<NonNull<u8>>,
    /// Where those begin of the last chunk that were not, and how many there are.
    fresh: Option<NonNull<u8>>,
    left: usize,
    /// How many cells the last chunk had.
    many: usize,
}

struct Chunk {
    at: NonNull<u8>,
    layout: Layout,
}

/// Which of the [`SIZES`] such a task has.
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

/// Memory from the allocator.
fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: of no layout is the size zero, as tasks have a count.
    let at = unsafe { alloc(layout) };
    NonNull::new(at).unwrap_or_else(|| handle_alloc_error(layout))
}

impl Cells {
    /// Memory for a task.
    #[inline]
    pub(super) fn take(&mut self, layout: Layout) -> Memory {
        let at = match size_of_cell(layout) {
            Some(which) => {
                let shelf = &mut self.shelves[which];
                shelf
                    .free
                    .pop()
                    .unwrap_or_else(|| shelf.take_fresh(SIZES[which], &mut self.chunks))
            }
            None => allocate(layout),
        };
        Memory { at, layout }
    }

    /// Gets back what a task lay in.
    #[inline]
    pub(super) fn give_back(&mut self, memory: Memory) {
        match size_of_cell(memory.layout) {
            Some(which) => self.shelves[which].free.push(memory.at),
            // SAFETY: allocated with that layout by `take`, and nobody has it any more.
            None => unsafe { dealloc(memory.at.as_ptr(), memory.layout) },
        }
    }

    /// Gets many back.
    pub(super) fn give_back_all(&mut self, freed: &mut Freed) {
        for (shelf, freed) in self.shelves.iter_mut().zip(&mut freed.0) {
            shelf.free.append(freed);
        }
    }

    /// How much memory they have.
    pub(super) fn bytes(&self) -> usize {
        let chunks = self.chunks.iter().map(|chunk| chunk.layout.size());
        chunks.sum()
    }

    /// Whether they may be used for another scope: none is lost, and there are few.
    pub(super) fn is_whole_and_small(&self) -> bool {
        let whole = self.bytes();
        let shelves = self.shelves.iter().zip(SIZES);
        let free = shelves.map(|(shelf, size)| (shelf.free.len() + shelf.left) * size);
        whole == free.sum::<usize>() && whole <= SMALL
    }

    /// How many cells there are, of all sizes.
    #[cfg(all(test, not(reunite_model)))]
    pub(super) fn count(&self) -> usize {
        self.bytes() / SIZES[0]
    }
}

impl Shelf {
    #[inline]
    fn take_fresh(&mut self, size: usize, chunks: &mut Vec<Chunk>) -> NonNull<u8> {
        let at = match self.fresh {
            Some(at) if self.left > 0 => at,
            _ => self.open_chunk(size, chunks),
        };
        self.left -= 1;
        // SAFETY: inside the chunk, or right behind its last cell.
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
        // SAFETY: allocated with that layout; by rule 3 nobody follows a reference into it.
        unsafe { dealloc(self.at.as_ptr(), self.layout) };
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::primitive::Arc;

    /// A reference of a task that holds something.
    fn task<T>(cells: &mut Cells, holds: T) -> Ref<T> {
        let memory = cells.take(Ref::<T>::layout());
        // SAFETY: the tests give it up before they drop the cells.
        unsafe { Ref::new(memory, holds) }
    }

    fn give_up<T>(task: Ref<T>) -> Option<Memory> {
        // SAFETY: the tests have as many references as they give up.
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
    fn the_memory_of_a_task_that_is_over_is_that_of_the_next_of_its_size() {
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
