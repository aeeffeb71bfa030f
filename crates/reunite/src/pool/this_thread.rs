//! The calling thread's state in a pool: its seat, its private forks, and the pieces of work that it runs.
//! `fork` explains the protocol.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::ptr::NonNull;

use super::captured;
use super::job::JobRef;
use super::lineage::Ancestor;
use super::piece::{CoarseSpawnTime, Piece};
use super::seat::{self, Parcel, Seat};
use crate::context::{is_inherited, on_inherit};
use crate::current::{self, After, Context, ForkMark, Make, Pieces};
use crate::deadlock;
use crate::observe::{is_quiet, on_quiet};
use crate::primitive::{Arc, Inside, OnceLock, thread_local};

/// The number of forks that are published at once. With fewer, other threads would often find only forks
/// that are too small to be forked again.
const BATCH: usize = 8;

thread_local! {
    /// The seat of this thread in a pool, if it takes part in one. The seat holds the list of its private
    /// forks.
    static SEAT: Cell<Option<&'static Seat>> = const { Cell::new(None) };
    /// The pieces of work that this thread runs, each inside a wait of the one before.
    static RUNNING: RefCell<Vec<RunningPiece>> = const { RefCell::new(Vec::new()) };
    /// True while this thread runs code that must not use its seat.
    static IS_OUTSIDE_POOL: Cell<bool> = const { Cell::new(false) };
    /// The private fork after which this thread became quiet (see `observe::event`), if it is quiet. The
    /// forks that the thread has made since are quiet, too.
    static QUIET_AFTER: After = const { After::fork(0) };
}

/// A piece of work that the calling thread runs.
struct RunningPiece {
    after: After,
    piece: NonNull<dyn Piece>,
}

impl RunningPiece {
    fn piece(&self) -> &dyn Piece {
        // SAFETY: `running` borrows it for as long as it is listed, on this thread.
        unsafe { self.piece.as_ref() }
    }
}

/// Returns the private jobs of the calling thread, which sits at `seat`, oldest first.
fn private(seat: &Seat) -> impl Iterator<Item = JobRef> + Clone {
    // SAFETY: the list is this thread's; `publish`, which changes it, does so after it has followed it.
    unsafe { seat.private.oldest_first() }
}

/// Publishes the oldest `count` jobs of the calling thread, which sits at `seat`.
fn publish(seat: &'static Seat, count: usize) {
    let oldest = private(seat).take(count);
    // A thief runs the job in the context of the piece that forked it, so that context must be made.
    current::make_contexts(oldest.clone().map(JobRef::mark));
    let spawned = CoarseSpawnTime::now();
    let is_thread_quiet = is_quiet();
    seat.publish(|offer| {
        let mut offer_below = |running: &[RunningPiece]| {
            let mut begun = running.partition_point(|piece| piece.after.is_none());
            let marked = oldest.clone().map(|job| (job.mark(), job));
            current::publish_forks(marked, |job, context| {
                let below = begun.checked_sub(1).map(|last| &running[last]);
                let below = below.map(|last| last.piece().as_ancestor());
                // SAFETY: the job is private and this thread's, and not published yet.
                unsafe { job.make_public(below) };
                offer(Parcel {
                    job,
                    context: Arc::clone(context),
                    owner: seat,
                    spawned,
                    inherited: captured::take(job.mark()),
                    is_quiet: is_thread_quiet && QUIET_AFTER.with(After::is_none),
                });
                QUIET_AFTER.with(|after| after.forget(job.mark()));
                let after = running[begun..].iter();
                let inside = after.take_while(|piece| piece.after.forget(job.mark()));
                begun += inside.count();
            });
        };
        let listed = RUNNING.try_with(|running| offer_below(&running.borrow()));
        if listed.is_err() {
            // The thread is ending, and the pieces that it runs are not listed.
            offer_below(&[]);
        }
        // The published jobs are removed from the private list before the mailbox is unlocked, and so before
        // a thief can take them. SAFETY: the list is this thread's; no thread has taken the jobs yet.
        unsafe { seat.private.cut_off(count) };
    });
}

/// Publishes the older half of this thread's forks, or less.
pub(super) fn publish_older_half() {
    if let Some(seat) = seat() {
        let count = private(seat).take(2 * BATCH).count();
        publish(seat, count.div_ceil(2));
    }
}

/// Publishes all forks of this thread, which is about to block or to work for another pool. Returns true if
/// there were any: then the caller must make that known to the pool.
#[must_use]
pub(super) fn publish_all() -> bool {
    let seat = seat().filter(|seat| seat.private.newest_mark() != 0);
    if let Some(seat) = seat {
        publish(seat, usize::MAX);
    }
    seat.is_some()
}

/// Sets the seat of this thread. Returns the previous one.
pub(super) fn set_seat(seat: Option<&'static Seat>) -> Option<&'static Seat> {
    current::tell_pieces_by(&PIECES);
    static LISTENS: OnceLock<()> = OnceLock::new();
    LISTENS.get_or_init(|| {
        on_quiet(|| QUIET_AFTER.with(|after| after.set(newest())));
        on_inherit(seat::inherit);
        // Hooks may have been registered before this one, and seats made.
        if is_inherited() {
            seat::inherit();
        }
    });
    deadlock::set_job_lister(list_jobs);
    SEAT.with(|here| here.replace(seat))
}

/// Calls `each` with the addresses of the jobs on which this thread works, and of the jobs that wait for
/// these.
fn list_jobs(each: &mut dyn FnMut(usize)) {
    let _ending = RUNNING.try_with(|running| {
        for running in running.borrow().iter() {
            let ancestor = running.piece().as_ancestor();
            // SAFETY: this thread runs it, so it, and all that wait for it, are alive.
            unsafe { ancestor.for_each_upward(each) };
        }
    });
}

/// The functions by which `current` inspects the pieces of this thread.
static PIECES: Pieces = Pieces {
    newest_fork: newest,
    count: nesting,
    context: context_of_last,
};

/// Returns the context of the last of these pieces, if there is one.
fn context_of_last(
    pieces: Range<usize>,
    around: &Arc<Context>,
    make: Make,
) -> Option<Arc<Context>> {
    let last = |running: &RefCell<Vec<RunningPiece>>| {
        let running = running.borrow();
        let end = running.len().min(pieces.end);
        let last = running.get(pieces.start..end)?.last()?;
        match make {
            Make::Now => Some(last.piece().context(around)),
            Make::Never => last.piece().known_context(around),
        }
    };
    RUNNING.try_with(last).ok().flatten()
}

/// Drops the values that forks of this thread have captured, for forks that are over. Called at the end of a
/// piece of work or of a visit.
#[inline]
pub(super) fn forget_captured() {
    if captured::is_any() {
        captured::forget_after(newest());
    }
}

/// Returns the newest open fork of this thread that is private.
#[inline]
fn newest() -> ForkMark {
    seat().map_or(0, |seat| seat.private.newest_mark())
}

/// Returns true if another thread would take a fork that this thread made now.
#[inline]
pub(crate) fn is_hungry() -> bool {
    seat().is_some_and(Seat::is_hungry)
}

/// Requests work as a hungry thread would.
#[cfg(all(test, not(reunite_model)))]
pub(crate) fn ask() {
    seat().into_iter().for_each(Seat::ask);
}

#[inline(always)]
pub(super) fn seat() -> Option<&'static Seat> {
    SEAT.with(Cell::get)
}

/// Returns true if this thread can take part in a pool: not if it is ending and has lost its lists, nor in
/// [`outside_pool`].
pub(super) fn can_take_seat() -> bool {
    !IS_OUTSIDE_POOL.with(Cell::get) && RUNNING.try_with(|_| ()).is_ok()
}

/// Runs `f` as on a thread that takes part in no pool: for user code that is called between two steps of a
/// fork. This thread runs all that `f` forks, and nothing is published meanwhile.
pub(super) fn outside_pool<R>(f: impl FnOnce() -> R) -> R {
    struct RestoreSeat(Option<&'static Seat>);
    impl Drop for RestoreSeat {
        fn drop(&mut self) {
            SEAT.with(|here| here.set(self.0));
            IS_OUTSIDE_POOL.with(|is_aside| is_aside.set(false));
        }
    }
    IS_OUTSIDE_POOL.with(|is_aside| is_aside.set(true));
    let _back = RestoreSeat(SEAT.with(Cell::take));
    f()
}

/// Returns the number of pieces of work that this thread runs, one inside the wait of another.
pub(super) fn nesting() -> usize {
    RUNNING
        .try_with(|running| running.borrow().len())
        .unwrap_or(0)
}

/// Runs `f` as the work of `piece`: what it forks descends from the piece.
#[inline]
pub(super) fn running<R>(piece: &dyn Piece, f: impl FnOnce() -> R) -> R {
    // SAFETY: the types differ only in the lifetime bound of the trait object; it is taken off the list
    // before this call ends, by a value or a panic.
    let piece = unsafe {
        std::mem::transmute::<NonNull<dyn Piece + '_>, NonNull<dyn Piece>>(NonNull::from(piece))
    };
    let push = |running: &RefCell<Vec<_>>| {
        let _inside = Inside::mark();
        let after = After::fork(newest());
        running.borrow_mut().push(RunningPiece { after, piece });
    };
    // A thread that is ending has no list any more, and no other thread takes work from it.
    let _listed = RUNNING.try_with(push).is_ok().then(|| PieceGuard);
    f()
}

/// Runs `f` like [`running`], with `piece` in place of the piece that the calling thread has begun last. `f`
/// must be the whole work of that last piece.
#[inline]
pub(super) fn running_in_place_of_last<R>(piece: &dyn Piece, f: impl FnOnce() -> R) -> R {
    // SAFETY: as in `running`: `Replaced` takes it off the list before this call ends.
    let piece = unsafe {
        std::mem::transmute::<NonNull<dyn Piece + '_>, NonNull<dyn Piece>>(NonNull::from(piece))
    };
    let _listed = Replaced {
        before: replace_last(piece),
    };
    f()
}

/// Replaces the last piece in the list, and returns it. On a thread that is ending there is none.
#[inline]
fn replace_last(piece: NonNull<dyn Piece>) -> Option<NonNull<dyn Piece>> {
    let replace = |running: &RefCell<Vec<RunningPiece>>| {
        let mut running = running.borrow_mut();
        let last = running.last_mut()?;
        Some(std::mem::replace(&mut last.piece, piece))
    };
    RUNNING.try_with(replace).ok().flatten()
}

/// A guard that puts the last piece in the list back.
struct Replaced {
    before: Option<NonNull<dyn Piece>>,
}

impl Drop for Replaced {
    #[inline]
    fn drop(&mut self) {
        if let Some(before) = self.before {
            replace_last(before);
        }
    }
}

/// A guard that removes the last piece in the list.
struct PieceGuard;

impl Drop for PieceGuard {
    #[inline]
    fn drop(&mut self) {
        RUNNING.with(|running| running.borrow_mut().pop());
    }
}

/// Returns the innermost piece that this thread works on.
#[inline]
pub(super) fn innermost() -> Option<Ancestor> {
    let last = |running: &RefCell<Vec<RunningPiece>>| {
        let running = running.borrow();
        running.last().map(|last| last.piece().as_ancestor())
    };
    RUNNING.try_with(last).ok().flatten()
}

/// Returns true if this thread works on `target`, or on something below it.
pub(super) fn is_inside(target: Ancestor) -> bool {
    // SAFETY: this thread runs it, so it, and all that wait for it, are alive.
    innermost().is_some_and(|innermost| unsafe { innermost.descends(target) })
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::panic::{AssertUnwindSafe, Location, catch_unwind};

    use super::super::job::StackJob;
    use super::super::lineage::Lineage;
    use super::*;

    struct TestPiece(Lineage);

    impl TestPiece {
        fn new() -> Self {
            Self(Lineage::new(None))
        }
    }

    impl Piece for TestPiece {
        fn as_ancestor(&self) -> Ancestor {
            self.0.as_ancestor()
        }

        fn context(&self, around: &Arc<Context>) -> Arc<Context> {
            Arc::clone(around)
        }

        fn known_context(&self, _: &Arc<Context>) -> Option<Arc<Context>> {
            None
        }
    }

    #[test]
    fn the_piece_that_was_replaced_comes_back_at_the_end() {
        let (outer, inner) = (TestPiece::new(), TestPiece::new());
        running(&outer, || {
            let is_inner = || innermost() == Some(inner.as_ancestor()) && nesting() == 1;
            assert!(running_in_place_of_last(&inner, is_inner));
            assert!(innermost() == Some(outer.as_ancestor()));
            let panics = || running_in_place_of_last(&inner, || panic!("a test's own"));
            assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
            assert!(innermost() == Some(outer.as_ancestor()));
        });
        assert!(innermost().is_none());
    }

    /// Makes a fork of this thread that is never run.
    fn fork(seat: &Seat) {
        // SAFETY: the list has begun.
        let below = unsafe { seat.private.newest() };
        let job = Box::leak(Box::new(StackJob::new(|| (), below, Location::caller())));
        // SAFETY: this thread sits there, and the job is leaked.
        unsafe { seat.private.link_in(job.as_ref(), below) };
    }

    #[test]
    fn forks_descend_from_the_pieces_that_made_them_however_few_are_published_at_a_time() {
        let seat = Seat::of_a_test();
        let before = set_seat(Some(seat));
        let outer = TestPiece::new();
        let inner = TestPiece(Lineage::new(Some(outer.as_ancestor())));
        fork(seat);
        running(&outer, || {
            (0..2).for_each(|_| fork(seat));
            running(&inner, || {
                (0..3).for_each(|_| fork(seat));
                for count in [1, 1, 1, 2, 1] {
                    publish(seat, count);
                }
            });
        });
        let taken = std::iter::from_fn(|| seat.take(None));
        let below = taken.map(|parcel| {
            // SAFETY: the job is published, and leaked.
            let job = unsafe { parcel.job.public() }.as_ancestor();
            // SAFETY: the pieces are alive.
            [&outer, &inner].map(|part| unsafe { job.descends(part.as_ancestor()) })
        });
        let [none, of_outer, of_inner] = [[false, false], [true, false], [true, true]];
        let expected = [none, of_outer, of_outer, of_inner, of_inner, of_inner];
        assert_eq!(below.collect::<Vec<_>>(), expected);
        set_seat(before);
    }
}
