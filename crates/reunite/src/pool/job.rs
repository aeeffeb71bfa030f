//! Jobs: closures that a thief may run where the forker left them, on the forker's stack.
//!
//! # Protocol
//! A fork makes a [`StackJob`] in its own frame and offers a [`JobRef`] to it. The fork is the job's *owner*.
//! A job is
//! 1. *private*: only the owner's list holds the reference, and only the owner touches the job;
//! 2. *published*: a mailbox holds the reference. The thread that removes it from there, under the mailbox's
//!    lock, has the job, and no other thread has it: the owner (which takes it back, so that it is private
//!    again) or one thief;
//! 3. *taken*: the thief runs the closure, stores the result, and
//! 4. *done*: swaps `DONE` into the state, with release, and touches the job no more. If the swap finds
//!    `AWAITED`, the thief unparks the owner by a parker that it brought along, as the job's memory is no
//!    longer its own.
//!
//! The state of a published job is `PENDING`, `AWAITED` (the owner is about to block; the thief must unpark
//! it) or `DONE`.
//!
//! The owner does not leave the frame before the job is private again, or done: see `fork`. So a job is
//! *alive* while it is in a list or in a mailbox, and while its thief has not called [`JobRef::finish`].
//!
//! # The private list
//! The private jobs of a thread form a list through its frames that can be followed both ways, so that the
//! cost at its old end does not depend on its length. Only its thread changes the list or follows it; other
//! threads only ask which job is the newest.
//! 1. `newest` is the place of the newest job; if there is none, the bottom.
//! 2. Each job knows the place below it: an older job, or the bottom.
//! 3. Each place but the newest one knows the job above it. What the newest place knows has no meaning.
//! 4. Linking in a job writes it into the place below, and to `newest`. Unlinking the newest job writes only
//!    `newest`.
//! 5. Cutting off the oldest jobs links the bottom with the oldest job that stays. The jobs cut off are
//!    published, and know no place below from then on.

use std::cell::{Cell, UnsafeCell};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::Location;
use std::ptr::NonNull;

use super::lineage::{Ancestor, Lineage};
use crate::contain::assert_outside;
use crate::current::ForkMark;
use crate::cut_short::catch_part;
use crate::error::CutShort;
use crate::observe::Completion;
use crate::primitive::{AtomicU8, Mark, Ordering};

const PENDING: u8 = 0;
const AWAITED: u8 = 1;
const DONE: u8 = 2;

/// A result, or the payload of a panic.
pub(super) type PanicResult<R> = Result<R, Box<dyn std::any::Any + Send>>;

/// The part of a job that is accessible without knowing its types. The first field of every job.
#[repr(C)]
pub(super) struct JobHeader {
    newer: Newer,
    run: unsafe fn(NonNull<JobHeader>, &mut dyn FnMut()) -> Completion,
    older: Older,
    /// The line of the user that forked the job.
    at: &'static Location<'static>,
    /// Written when the job is published, which few jobs are.
    public: UnsafeCell<MaybeUninit<Public>>,
}

/// The place below a private job: `None` once it is private no more. Only the forker touches it.
pub(super) struct Older(Cell<Option<ListPosition>>);

/// The job above a place of a list: the first field of every job, and all that the bottom has.
struct Newer(Cell<MaybeUninit<JobRef>>);

impl Newer {
    #[inline(always)]
    const fn unknown() -> Self {
        Self(Cell::new(MaybeUninit::uninit()))
    }

    #[inline(always)]
    fn set(&self, job: JobRef) {
        self.0.set(MaybeUninit::new(job));
    }
}

/// A place in a list: that of a job, or the bottom.
#[derive(Clone, Copy)]
pub(super) struct ListPosition(NonNull<Newer>);

/// The private jobs of a thread.
#[repr(align(128))]
pub(super) struct Private {
    newest: Mark<Newer>,
    bottom: Newer,
}

// SAFETY: the bottom is used by the list's thread alone; `newest`, which other threads read, is atomic.
unsafe impl Sync for Private {}

impl Private {
    /// Creates a value that [`begin`](Self::begin) turns into a list, once it is where it will stay.
    pub(super) fn unbegun() -> Self {
        Self {
            newest: Mark::new(std::ptr::null_mut()),
            bottom: Newer::unknown(),
        }
    }

    pub(super) fn begin(&'static self) {
        self.set_newest(self.bottom());
    }

    fn bottom(&self) -> ListPosition {
        ListPosition(NonNull::from(&self.bottom))
    }

    #[inline(always)]
    fn set_newest(&self, place: ListPosition) {
        self.newest.store(place.0.as_ptr(), Ordering::Relaxed);
    }

    /// Returns the newest place.
    ///
    /// # Safety
    /// The list has begun.
    #[inline(always)]
    pub(super) unsafe fn newest(&self) -> ListPosition {
        let newest = self.newest.load(Ordering::Relaxed);
        // SAFETY: `begin` has set it, and it is never set to null again.
        ListPosition(unsafe { NonNull::new_unchecked(newest) })
    }

    /// Returns the mark of the newest job: zero if there is none.
    pub(super) fn newest_mark(&self) -> ForkMark {
        let newest = self.newest.load(Ordering::Relaxed);
        let is_job = !newest.is_null() && newest != self.bottom().0.as_ptr();
        if is_job { newest.addr() } else { 0 }
    }

    /// Returns the mark of the place below the newest job: zero if that is the bottom, or there is no job.
    ///
    /// # Safety
    /// The caller is the list's thread.
    pub(super) unsafe fn second_mark(&self) -> ForkMark {
        let newest = self.newest.load(Ordering::Relaxed);
        let bottom = self.bottom();
        let newest = NonNull::new(newest).filter(|newest| *newest != bottom.0);
        // SAFETY: the job is in the list, and so alive.
        let older = newest.and_then(|newest| unsafe { JobRef(newest.cast()).older() }.0.get());
        let job = older.filter(|older| older.0 != bottom.0);
        job.map_or(0, |job| job.0.addr().get())
    }

    /// Links in a job that was made with `below`, the newest place.
    ///
    /// # Safety
    /// The caller is the list's thread, and unlinks the job or cuts it off before its frame ends.
    #[inline(always)]
    pub(super) unsafe fn link_in(&self, job: JobRef, below: ListPosition) {
        // SAFETY: `below` is the bottom, or in a job that is in the list, and so alive.
        unsafe { below.0.as_ref() }.set(job);
        self.set_newest(ListPosition(job.0.cast()));
    }

    /// Unlinks the newest job, unless it is private no more. Returns true if it was private.
    #[inline(always)]
    pub(super) fn unlink(&self, newest: &Older) -> bool {
        let older = newest.0.get();
        if let Some(older) = older {
            self.set_newest(older);
        }
        older.is_some()
    }

    /// Returns the jobs, oldest first.
    ///
    /// # Safety
    /// The caller is the list's thread, and does not change the list meanwhile.
    pub(super) unsafe fn oldest_first(&self) -> impl Iterator<Item = JobRef> + Clone {
        let newest = self.newest.load(Ordering::Relaxed);
        let is_newest = move |place: ListPosition| place.0.as_ptr() == newest;
        let above = move |place: ListPosition| {
            // SAFETY: as in `link_in`.
            let newer = unsafe { place.0.as_ref() };
            // SAFETY: this is not the newest place, so it knows the job above (list rule 3).
            (!is_newest(place)).then(|| unsafe { newer.0.get().assume_init() })
        };
        let oldest = above(self.bottom());
        std::iter::successors(oldest, move |job| above(ListPosition(job.0.cast())))
    }

    /// Cuts the oldest `count` jobs off the list.
    ///
    /// # Safety
    /// As for [`oldest_first`](Self::oldest_first); the jobs are alive, and no thread has taken them.
    pub(super) unsafe fn cut_off(&self, count: usize) {
        // SAFETY: the caller is the list's thread. The loop changes `older` of jobs that it has passed, which
        // `jobs` does not follow.
        let mut jobs = unsafe { self.oldest_first() };
        for job in jobs.by_ref().take(count) {
            // SAFETY: the job is alive, as the caller guarantees.
            unsafe { job.older() }.0.set(None);
        }
        match jobs.next() {
            None => self.set_newest(self.bottom()),
            Some(stays) => {
                self.bottom.set(stays);
                // SAFETY: the job is in the list, and so alive.
                unsafe { stays.older() }.0.set(Some(self.bottom()));
            }
        }
    }
}

/// The part of a published job that other threads see.
pub(super) struct Public {
    lineage: Lineage,
    state: AtomicU8,
}

impl Public {
    pub(super) fn as_ancestor(&self) -> Ancestor {
        self.lineage.as_ancestor()
    }

    pub(super) fn is_done(&self) -> bool {
        self.state.load(Ordering::Acquire) == DONE
    }

    /// Returns true if the job is done; otherwise marks it as `AWAITED`, so that its thief unparks the owner.
    /// The owner's condition for a wait.
    pub(super) fn is_done_or_wake(&self) -> bool {
        self.is_done()
            || self
                .state
                .compare_exchange(PENDING, AWAITED, Ordering::AcqRel, Ordering::Acquire)
                .is_err_and(|state| state == DONE)
    }
}

/// A reference to a job, with its types erased except for one function pointer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct JobRef(NonNull<JobHeader>);

// SAFETY: every job's closure and result are `Send` (the bounds of `StackJob::new`), and the protocol gives
// the job to one thread at a time.
unsafe impl Send for JobRef {}

impl JobRef {
    /// Returns the mark that identifies this job among the thread's open ones.
    pub(super) fn mark(self) -> ForkMark {
        self.0.addr().get()
    }

    /// Returns the place below in the forker's private list.
    ///
    /// # Safety
    /// The job is private, lives for `'a`, and the caller is its forker.
    unsafe fn older<'a>(self) -> &'a Older {
        // SAFETY: the job is alive, as the caller guarantees.
        &unsafe { self.0.as_ref() }.older
    }

    /// Returns the line of the user that forked the job.
    ///
    /// # Safety
    /// The job is alive: the caller is its forker, or has taken it and not finished it.
    pub(super) unsafe fn at(self) -> &'static Location<'static> {
        // SAFETY: the job is alive, as the caller guarantees.
        unsafe { self.0.as_ref() }.at
    }

    /// Prepares the job for being published. `up` is what it was forked below.
    ///
    /// # Safety
    /// The job is private, and the caller is its owner.
    pub(super) unsafe fn make_public(self, up: Option<Ancestor>) {
        // SAFETY: the job is alive and the caller's, as the caller guarantees.
        let public = unsafe { self.0.as_ref() }.public.get();
        let made = Public {
            lineage: Lineage::new(up),
            state: AtomicU8::new(PENDING),
        };
        // SAFETY: the job is private, so no other thread has it.
        unsafe { (*public).write(made) };
    }

    /// Returns the public part.
    ///
    /// # Safety
    /// The job was made public, and is alive for `'a`: the caller is its owner, or it is published and not
    /// finished.
    pub(super) unsafe fn public<'a>(self) -> &'a Public {
        // SAFETY: the job is alive, as the caller guarantees.
        let public = unsafe { self.0.as_ref() }.public.get();
        // SAFETY: after `make_public` only its own atomics change.
        let public = unsafe { &*public };
        // SAFETY: `make_public` has written it.
        unsafe { public.assume_init_ref() }
    }

    /// Calls `enter` and runs the closure, and stores its result, or the panic of either. Returns how it
    /// completed, for observers. Does not unwind.
    ///
    /// # Safety
    /// The caller has taken the job from where it was published, and calls this once.
    pub(super) unsafe fn run(self, enter: &mut dyn FnMut()) -> Completion {
        // SAFETY: the job is alive until `finish`, which the caller has not called.
        let run = unsafe { self.0.as_ref() }.run;
        // SAFETY: `run` was made for the job that it is part of, and is called once, as the caller
        // guarantees.
        unsafe { run(self.0, enter) }
    }

    /// Gives the job back to its owner. Returns true if the owner must be unparked. The job may be gone after
    /// this.
    ///
    /// # Safety
    /// The caller has called `run`, and calls this once.
    pub(super) unsafe fn finish(self) -> bool {
        // SAFETY: the job is alive until this very swap.
        let public = unsafe { self.public() };
        public.state.swap(DONE, Ordering::AcqRel) == AWAITED
    }
}

/// A closure that lies in the forker's frame until the forker or a thief runs it.
#[repr(C)]
pub(super) struct StackJob<F, R> {
    header: JobHeader,
    closure: ManuallyDrop<F>,
    result: UnsafeCell<MaybeUninit<PanicResult<R>>>,
}

impl<F, R> StackJob<F, R>
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    /// Creates a job that is not linked in yet.
    #[inline(always)]
    pub(super) fn new(closure: F, below: ListPosition, at: &'static Location<'static>) -> Self {
        Self {
            header: JobHeader {
                newer: Newer::unknown(),
                run: Self::run,
                older: Older(Cell::new(Some(below))),
                at,
                public: UnsafeCell::new(MaybeUninit::uninit()),
            },
            closure: ManuallyDrop::new(closure),
            result: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    #[inline(always)]
    pub(super) fn as_ref(&self) -> JobRef {
        // The address is that of the whole job, with the right to access all of it; the header is its first
        // field.
        JobRef(NonNull::from(self).cast())
    }

    /// Returns the line of the user that forked the job.
    pub(super) fn at(&self) -> &'static Location<'static> {
        self.header.at
    }

    /// Returns the place below in the forker's private list.
    #[inline(always)]
    pub(super) fn older(&self) -> &Older {
        &self.header.older
    }

    /// Returns the public part.
    ///
    /// # Safety
    /// The job was made public.
    pub(super) unsafe fn public(&self) -> &Public {
        // SAFETY: it was made public, as the caller guarantees, and is borrowed no longer than the job.
        unsafe { self.as_ref().public() }
    }

    /// Takes the closure of a job that the caller has.
    ///
    /// # Safety
    /// The job is private and the caller its owner, or the caller has taken it; and its closure was not
    /// taken.
    #[inline(always)]
    pub(super) unsafe fn take_closure(&self) -> F {
        // SAFETY: no other thread has the job, and the closure is taken once, as the caller guarantees;
        // nothing drops it here.
        unsafe { std::ptr::read(&*self.closure) }
    }

    /// Takes the result that the thief has stored.
    ///
    /// # Safety
    /// The job is done, and its result was not taken.
    pub(super) unsafe fn take_result(&self) -> PanicResult<R> {
        // SAFETY: the thief touches the job no more: the owner has seen the swap of `finish`, with acquire.
        let result = unsafe { &*self.result.get() };
        // SAFETY: `run` wrote it before `finish`; it is taken once, as the caller guarantees.
        unsafe { result.assume_init_read() }
    }

    /// Runs the closure of a job that the caller has taken; see [`JobRef::run`].
    ///
    /// # Safety
    /// `header` is the first field of a `StackJob<F, R>` that the caller has taken. Called once.
    unsafe fn run(header: NonNull<JobHeader>, enter: &mut dyn FnMut()) -> Completion {
        // SAFETY: the address was made from a reference to the whole job, which is alive until `finish`.
        let this = unsafe { header.cast::<Self>().as_ref() };
        // SAFETY: the caller has taken the job, so no other thread touches the closure; this is called once.
        let closure = unsafe { this.take_closure() };
        assert_outside();
        let result = catch_part(|| {
            enter();
            closure()
        });
        let how = completion(&result);
        // SAFETY: the owner reads it only after `finish`.
        unsafe { (*this.result.get()).write(result) };
        how
    }
}

/// Returns how a half completed, for observers.
fn completion<R>(result: &PanicResult<R>) -> Completion {
    let Err(payload) = result else {
        return Completion::Value;
    };
    match CutShort::of_payload(&**payload) {
        Some(CutShort::Cancelled(_)) => Completion::Cancelled,
        Some(CutShort::Refused(_)) => Completion::Error,
        None => Completion::Panic,
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    /// Makes a list with `count` jobs.
    fn list_of(count: usize) -> (&'static Private, Vec<JobRef>) {
        let list: &Private = Box::leak(Box::new(Private::unbegun()));
        list.begin();
        let jobs = (0..count).map(|_| {
            // SAFETY: the list has begun.
            let below = unsafe { list.newest() };
            let job = StackJob::new(|| (), below, Location::caller());
            let job = Box::leak(Box::new(job)).as_ref();
            // SAFETY: this is the list's thread, and the job is leaked.
            unsafe { list.link_in(job, below) };
            job
        });
        let jobs = jobs.collect();
        (list, jobs)
    }

    fn oldest_first(list: &Private) -> Vec<JobRef> {
        // SAFETY: this is the list's thread.
        unsafe { list.oldest_first() }.collect()
    }

    fn unlink(list: &Private, job: JobRef) -> bool {
        // SAFETY: the job is leaked, and this thread is its owner.
        list.unlink(unsafe { job.older() })
    }

    #[test]
    fn jobs_leave_a_list_at_both_ends() {
        let (list, jobs) = list_of(4);
        assert!(oldest_first(list) == jobs);
        assert!(unlink(list, jobs[3]));
        assert!(oldest_first(list) == jobs[..3]);
        // SAFETY: this is the list's thread, and the jobs are leaked.
        unsafe { list.cut_off(2) };
        assert!(oldest_first(list) == [jobs[2]]);
        assert_eq!(list.newest_mark(), jobs[2].mark());
        assert!(unlink(list, jobs[2]));
        assert!(!unlink(list, jobs[1]) && !unlink(list, jobs[0]));
        assert!(oldest_first(list).is_empty());
        assert_eq!(list.newest_mark(), 0);
        // SAFETY: as above.
        unsafe { list.cut_off(1) };
        assert!(oldest_first(list).is_empty());
    }

    /// The recursion may be deep: published jobs are found from the old end.
    #[test]
    fn publishing_the_oldest_jobs_follows_none_that_stay_but_the_next() {
        let (list, jobs) = list_of(100);
        // Following this job in either direction would find wrong jobs. SAFETY: the job is leaked, and this
        // thread is its owner.
        let middle = unsafe { jobs[50].0.as_ref() };
        middle.newer.set(jobs[0]);
        middle.older.0.set(None);
        for batch in jobs[..48].chunks(8) {
            // SAFETY: this is the list's thread, and the jobs are leaked.
            let oldest = unsafe { list.oldest_first() }.take(8);
            assert!(oldest.eq(batch.iter().copied()));
            // SAFETY: as above.
            unsafe { list.cut_off(8) };
        }
        assert_eq!(list.newest_mark(), jobs[99].mark());
    }
}
