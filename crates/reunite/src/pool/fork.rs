//! Fork and join: two closures that run in parallel if another thread is free.
//!
//! # Protocol
//! A thread's open forks form a list through their frames, newest first, which is private to the thread.
//! `join(a, b)` links `b` in as the newest, runs `a`, and then
//! 1. finds `b` still the newest: unlinks it and runs it, or
//! 2. finds `b` published: takes it back from the seat's mailbox and runs it, or
//! 3. finds `b` taken by another thread: runs work that descends from `b`, or waits, until `b` is done.
//!
//! A request of hungry threads is answered when `b` is linked in. It is also answered when `b` is unlinked,
//! because a thread with many open forks may never fork again. An answer publishes the oldest open forks.
//!
//! Forks nest, so when `a` returns, `b` is the newest fork again, or was published. (If `b` was published, so
//! were all older forks.) A fork takes no atomic read-modify-write, and no memory but the thread's own, unless
//! other threads are hungry.
//!
//! *The frame outlives the job.* A guard (`Recall`) is there from just after the job is linked in until `a` has
//! returned. Linking the job in cannot unwind, and nothing else happens before the guard is made; requests of
//! hungry threads are answered afterwards. If `a` unwinds, the guard gets the job back in the same three ways:
//! it drops a job that no thread has begun, and waits for one that another thread has taken. If a wait for a
//! taken job unwinds, here or after `a` has returned, the process ends.
//!
//! *What a fork inherits* is captured where the fork is made, if there is a hook (see `captured`). A half
//! that another thread has taken runs as a task of its own (see `stolen_half`).
//!
//! Sources: a private list of the owner, and requests by thieves (Acar, Charguéraud, Rainey: "Scheduling
//! parallel programs by work stealing with private deques", PPoPP 2013); a job in the forker's frame (rayon);
//! helping only below the awaited job (Wagner, Calder: "Leapfrogging", PPoPP 1993).

use std::mem::MaybeUninit;
use std::panic::Location;

use super::builder::Pool;
use super::captured;
use super::global::visit_global;
use super::job::{JobRef, PanicResult, StackJob};
use super::member;
use super::seat::Seat;
use super::stolen_half::tell_join;
use super::this_thread::{outside_pool, publish_older_half, seat};
use crate::contain::AbortOnUnwind;
use crate::cut_short;

/// The message with which the process ends: unwinding past a job that another thread runs would free what the
/// job borrows.
const TORN: &str = "a destructor panicked while a join dropped its other half; ending the process";

/// Returns the seat of the calling thread, which has an open fork. It is looked up again when the fork ends,
/// which costs less than keeping it in a register.
#[inline(always)]
fn own_seat() -> &'static Seat {
    // SAFETY: the thread has the seat that it had when it made the fork, because a change of seats is undone
    // before the fork ends.
    unsafe { seat().unwrap_unchecked() }
}

/// Answers the word of the calling thread's seat when a fork finds it raised. Captures what the fork inherits,
/// and publishes the older 50 % of the open forks if a thread is hungry. Looks up the seat itself, so that the
/// fork need not keep a reference to it.
#[cold]
#[inline(never)]
fn answer() {
    let Some(seat) = seat() else { return };
    if seat.inherits() {
        // SAFETY: this thread sits there.
        let older = unsafe { seat.private.second_mark() };
        outside_pool(|| captured::capture(seat.private.newest_mark(), older));
    }
    if seat.is_hungry() {
        share(seat);
    }
}

/// Publishes the older 50 % of the open forks. Called while a thread is hungry, after the end of a fork that no
/// thread has taken. If no fork is open, the word stays raised, so the next fork answers.
#[cold]
#[inline(never)]
fn share_older() {
    let seat = seat().filter(|seat| seat.private.newest_mark() != 0);
    if let Some(seat) = seat {
        share(seat);
    }
}

/// Lowers the word of the calling thread's seat, publishes forks unless something is offered there already, and
/// makes that known to the pool.
fn share(seat: &Seat) {
    seat.answer();
    if !seat.has_offers() {
        publish_older_half();
    }
    member::published();
}

/// Runs `a` and `b`, in parallel if a thread of the pool has nothing else to do, and returns both results. If no
/// thread takes `b`, the call costs nanoseconds. So recursive algorithms can fork down to the smallest step:
/// there is no grain size to tune.
///
/// The calling thread takes part in the pool for which it works, or else in the [global
/// pool](crate::Pool::global). `a`, and `b` if no thread takes it, run on the caller's stack, whatever the pool's
/// [`stack_size`](crate::PoolBuilder::stack_size); [`Pool::install`](crate::Pool::install) runs a closure, and
/// its forks, on a thread of the pool. While the calling thread waits for `b`, it works on parts of `b` and on
/// nothing else, so nothing that it runs meanwhile can need a lock that the caller of `join` holds. `b` inherits
/// the context of the caller: its cancellation, its deadline.
///
/// # When other threads can take `b`
/// Another thread can take `b` if it needs work when `b` is forked, when the calling thread later forks or
/// ends a fork, or as soon as the calling thread waits in this library or calls
/// [`blocking`](crate::blocking).
///
/// Suppose that all other threads are busy when `b` is forked, and `a` then blocks outside this library (in a
/// channel or lock of `std`, in a file) before it forks again or ends a fork. Then `b` waits for `a`, even if
/// other threads have nothing to do by then. If `a` waits for what `b` does, it waits for ever. So wrap such
/// calls in `blocking`. On Linux a thread that sleeps like that is [reported](crate::on_stall) if another
/// thread of its pool runs out of work.
///
/// # Cancellation
/// Both closures run even if the task is cancelled; they can call [`checkpoint`](crate::checkpoint). If one of
/// them leaves, the calling task leaves (see [partial results](crate#partial-results)).
///
/// # Panics
/// If a closure panics, with its payload, after both have ended. If `a` panics and no thread has begun `b`, `b`
/// is dropped without being run. If both panic, with the payload of `a`.
///
/// ```
/// fn fib(n: u32) -> u64 {
///     if n < 2 {
///         return n.into();
///     }
///     let (a, b) = reunite::join(|| fib(n - 1), || fib(n - 2));
///     a + b
/// }
/// assert_eq!(fib(20), 6765);
/// ```
#[inline(always)]
#[track_caller]
pub fn join<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    RB: Send,
{
    join_at(Location::caller(), a, b)
}

impl Pool {
    /// Runs two closures like [`join`], in this pool: the first on the caller's stack, and the second there, too,
    /// unless another thread takes it. For code that needs the stack size of the pool's threads, see
    /// [`install`](Self::install).
    ///
    /// # Panics
    /// As [`join`](crate::join()).
    #[track_caller]
    pub fn join<A, B, RA, RB>(&self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA,
        B: FnOnce() -> RB + Send,
        RB: Send,
    {
        let at = Location::caller();
        self.enter(|| join_at(at, a, b))
    }
}

/// Does what [`join`](crate::join()) does, for a given source line.
#[inline(always)]
pub(crate) fn join_at<A, B, RA, RB>(at: &'static Location<'static>, a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    RB: Send,
{
    // Larger closures would be passed in memory, which costs more than the call saves.
    if size_of::<A>() <= IN_REGISTERS && size_of::<B>() <= IN_REGISTERS {
        fork_outlined(a, b, at)
    } else {
        fork(a, b, at)
    }
}

/// The largest size of closures that are passed to a function in registers.
const IN_REGISTERS: usize = 2 * size_of::<usize>();

/// The largest size at which a copy of the second closure is kept outside the job. Other threads can reach the
/// job but not the copy, so the compiler knows that the copy is unchanged and need not reload it: a fork is
/// 4 to 10 % cheaper. Larger copies would cost stack.
const KEPT: usize = size_of::<[usize; 8]>();

/// Calls [`fork`], and is not inlined itself, so that the closures of a recursive caller can be inlined here.
/// The recursion then goes through this function alone, and the work of a leaf costs no call.
#[inline(never)]
fn fork_outlined<A, B, RA, RB>(a: A, b: B, at: &'static Location<'static>) -> (RA, RB)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    RB: Send,
{
    fork(a, b, at)
}

/// Runs three closures like [`join`].
///
/// # Panics
/// As [`join`].
///
/// ```
/// let (a, b, c) = reunite::join3(|| 1, || "two", || 3.0);
/// assert_eq!((a, b, c), (1, "two", 3.0));
/// ```
#[inline]
#[track_caller]
pub fn join3<A, B, C, RA, RB, RC>(a: A, b: B, c: C) -> (RA, RB, RC)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    C: FnOnce() -> RC + Send,
    RB: Send,
    RC: Send,
{
    let at = Location::caller();
    let (a, (b, c)) = join_at(at, a, || join_at(at, b, c));
    (a, b, c)
}

/// Runs four closures like [`join`]. For more, or for a number that is only known at run time, use
/// [`par`](crate::par()) or [`Pool::scope`](crate::Pool::scope).
///
/// # Panics
/// As [`join`].
///
/// ```
/// assert_eq!(reunite::join4(|| 1, || 2, || 3, || 4), (1, 2, 3, 4));
/// ```
#[inline]
#[track_caller]
pub fn join4<A, B, C, D, RA, RB, RC, RD>(a: A, b: B, c: C, d: D) -> (RA, RB, RC, RD)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    C: FnOnce() -> RC + Send,
    D: FnOnce() -> RD + Send,
    RA: Send,
    RB: Send,
    RC: Send,
    RD: Send,
{
    let at = Location::caller();
    let ((a, b), (c, d)) = join_at(at, || join_at(at, a, b), || join_at(at, c, d));
    (a, b, c, d)
}

/// Forks and joins. The code that only some forks need is in functions that are not inlined.
#[inline(always)]
fn fork<A, B, RA, RB>(a: A, b: B, at: &'static Location<'static>) -> (RA, RB)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    RB: Send,
{
    // This is checked here: when the half is published, the stack may unwind or not, whatever it does now.
    if cut_short::is_unwinding_here() {
        return join_otherwise(at, (a, b));
    }
    let Some(seat) = seat() else {
        return join_otherwise(at, (a, b));
    };
    // SAFETY: all seats have begun their lists.
    let below = unsafe { seat.private.newest() };
    let is_kept = size_of::<B>() <= KEPT;
    let mut kept = MaybeUninit::uninit();
    if is_kept {
        // SAFETY: only one of the two copies is used: this one if the job never leaves the private list,
        // otherwise the job's.
        kept.write(unsafe { std::ptr::read(&b) });
    }
    let job = StackJob::new(b, below, at);
    // Nothing unwinds before the guard is made. From then on every way out of this frame unlinks the job.
    // SAFETY: this thread sits there, and leaves this frame only as the guard allows.
    unsafe { seat.private.link_in(job.as_ref(), below) };
    let guard = Recall(&job);
    if seat.is_asked() {
        answer();
    }
    let a = a();
    std::mem::forget(guard);
    let seat = own_seat();
    if seat.private.unlink(job.older()) {
        if seat.is_hungry() {
            share_older();
        }
        let b = if is_kept {
            // SAFETY: it was written, and as the job never left the private list, the job's copy was not
            // used.
            unsafe { kept.assume_init() }
        } else {
            // SAFETY: it never left the private list.
            unsafe { job.take_closure() }
        };
        (a, b())
    } else {
        (a, reclaim(&job))
    }
}

/// Runs both closures of a join whose job could not be offered.
#[cold]
#[inline(never)]
fn join_otherwise<A, B, RA, RB>(at: &'static Location<'static>, (a, b): (A, B)) -> (RA, RB)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    RB: Send,
{
    // A destructor that runs during unwinding could not unwind itself if the other half left its task.
    if !cut_short::is_unwinding_here()
        && let Some(_visit) = visit_global(at)
    {
        return join_at(at, a, b);
    }
    // The stack unwinds, the pool has no seat left, or this is a fork in a hook that is called for a fork.
    let a = a();
    (a, b())
}

/// Ends a join whose job was published.
#[cold]
#[inline(never)]
fn reclaim<F, R>(job: &StackJob<F, R>) -> R
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    if take_back(job.as_ref()) {
        // SAFETY: the job is private again.
        return unsafe { job.take_closure() }();
    }
    let abort = AbortOnUnwind(TORN);
    await_thief(job);
    std::mem::forget(abort);
    // SAFETY: the job is done.
    let result: PanicResult<R> = unsafe { job.take_result() };
    result.unwrap_or_else(|payload| cut_short::resume_part(payload))
}

/// Waits for the thread that has taken the job.
fn await_thief<F, R>(job: &StackJob<F, R>)
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    // SAFETY: the job was not private any more, so it had been published.
    let public = unsafe { job.public() };
    member::await_job(public, job.at());
    tell_join(public.as_ancestor(), job.at());
}

fn take_back(job: JobRef) -> bool {
    seat().is_some_and(|seat| seat.take_back(job))
}

/// The guard that gets the job back when the first closure unwinds.
struct Recall<'a, F, R>(&'a StackJob<F, R>)
where
    F: FnOnce() -> R + Send,
    R: Send;

impl<F, R> Drop for Recall<'_, F, R>
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    #[inline(always)]
    fn drop(&mut self) {
        recall(self.0);
    }
}

#[cold]
#[inline(never)]
fn recall<F, R>(job: &StackJob<F, R>)
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    let abort = AbortOnUnwind(TORN);
    if own_seat().private.unlink(job.older()) || take_back(job.as_ref()) {
        // SAFETY: the job is private again, and was not run.
        drop(unsafe { job.take_closure() });
    } else {
        await_thief(job);
        // SAFETY: the job is done.
        drop(unsafe { job.take_result() });
    }
    std::mem::forget(abort);
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::thread;

    use super::*;

    fn count_private(seat: &Seat) -> usize {
        // SAFETY: this thread sits there.
        unsafe { seat.private.oldest_first() }.count()
    }

    /// Forks `depth` closures. Then waits until all published forks are taken, and requests work as a hungry
    /// thread would. Returns how many forks are private at that time, and how many when the newest one has run.
    fn fork_and_ask(depth: usize) -> (usize, usize) {
        let Some(seat) = seat() else {
            unreachable!("it takes part")
        };
        if depth == 0 {
            while seat.has_offers() {
                thread::yield_now();
            }
            seat.ask();
            let count = count_private(seat);
            return (count, count);
        }
        let forker = thread::current().id();
        let by_forker = || thread::current().id() == forker;
        let count = || by_forker().then(|| count_private(seat));
        let (counts, popped) = join(|| fork_and_ask(depth - 1), count);
        match popped {
            Some(popped) if counts.0 == counts.1 => (counts.0, popped),
            _ => counts,
        }
    }

    #[test]
    fn a_thread_that_makes_no_more_forks_shares_those_it_has() {
        let pool = Pool::builder().threads(2).build().unwrap();
        let deep = || pool.enter(|| fork_and_ask(64));
        // The other thread may have taken nearly all of them before.
        let mut rounds = std::iter::repeat_with(deep);
        let (before, after) = rounds.find(|(before, _)| *before > 8).unwrap();
        assert!(
            after < before - 1,
            "{after} forks of {before} private after one was run"
        );
    }
}
