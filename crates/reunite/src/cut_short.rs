//! Partial results: how a task ends that can neither go on nor say so by a value.
//!
//! # The rule
//! Whoever cannot be told of a cancellation or a refusal by a value is unwound by it. An iterator over messages has
//! only `None` to return, which would say that there are no more; a plain scope has only its body's value, which
//! would say that its tasks ran. So they *leave*.
//!
//! # Protocol
//! 1. [`leave`] unwinds with the library's own error as the payload, past the panic hook, up to the next [`catch`]:
//!    around a task's closure, around a scope's body. There it is told from a panic by its type.
//! 2. Where nothing of this library stands around the caller, on a thread that it did not start and outside any scope,
//!    nobody would tell; nor in a callback, whose panics end nothing else. There it is a panic with a message.
//! 3. Whoever drops an end of a channel meanwhile, or after it was told by a value that its work stays undone, passes
//!    that on: see [`reason`] and `channel::core`.
//! 4. A destructor that runs because the task is being left, or panicked, does not leave it once more: [`leave`] returns.
//!    A scope's body in it is part of it, as its scope would have no value to return ([`catch_body`]), and so is a half of
//!    a fork. A task that the destructor waits for, and that the thread runs meanwhile, is a task like any other.
//! 5. Some closures *go on* to their end when they are left: [`leave`] keeps the reason and returns, the iterator ends, and
//!    whoever catches the closure's end finds the reason, and throws the value away. Whoever keeps what a closure made
//!    before that asks for the reason first ([`left_here`]).
//!    * Where panics abort, nothing can unwind, and the process must not end for a cancellation: all of them go on.
//!      Outside any task nobody would look: there it is a panic with a message, which aborts.
//!    * A half of a fork that another thread runs goes on if its forker unwound when the half was published. Whether a
//!      destructor made the fork, or it was made before, is not known there, as a fork does not ask: it shows where the
//!      forker takes the result, in the frame that made the fork. There it leaves for the same reason ([`Part::take`]).
//!      In a destructor that returns, with the value; anywhere else the value is thrown away.
//!
//!      It suffices to ask when the half is published: a fork that a destructor makes is over before the destructor is,
//!      so until then its thread unwinds. Halves that are forked below one that goes on do so, too.
//!      Until the forker decides, the half counts as part of a destructor where it drops an end of a channel (rule 3).

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::io::{Write, stderr};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, panic_any};

use crate::contain::{is_contained, set_contained};
use crate::current;
use crate::error::{Cancelled, CutShort, Why, resume};
use crate::primitive::{panicking, thread_local};
use crate::unwind::{is_leaving, settle};

/// What became of a closure.
pub(crate) enum Caught<R> {
    Value(R),
    /// It was left. Where panics abort it has a value all the same, a partial one.
    Left(CutShort, Option<R>),
    Panic(Box<dyn Any + Send>),
}

/// How a part of a task ended that another thread ran.
pub(crate) enum Part<R> {
    Value(R),
    /// It was left and went on.
    Partial(R, Box<CutShort>),
    /// It panicked, or was left.
    Unwound(Box<dyn Any + Send>),
}

/// What a thread knows of the `catch` that is innermost.
#[derive(Clone, Copy)]
struct Innermost {
    /// Whether the thread was unwinding already when that began, as in a destructor that waits for a task which it runs
    /// meanwhile.
    unwinding_around: bool,
    /// Whether its closure goes on when it is left.
    goes_on: bool,
    /// If that is a half of a fork whose forker unwound: the forker's thread, as [`unwinding_thread`] tells it. Else zero.
    forked_by: usize,
    /// The same of the innermost such half, whatever is caught inside that.
    half_of: usize,
}

/// Outside any `catch`.
const OUTSIDE: Innermost = Innermost {
    unwinding_around: false,
    goes_on: false,
    forked_by: 0,
    half_of: 0,
};

type Reason = RefCell<Option<CutShort>>;

struct Reasons {
    /// Why the thread was last left by unwinding.
    unwound: Reason,
    /// Why the closure of the innermost `catch` was left, if it was and goes on.
    goes_on: Reason,
}

thread_local! {
    static INNERMOST: Cell<Innermost> = const { Cell::new(OUTSIDE) };
    static REASONS: Reasons = const {
        Reasons {
            unwound: RefCell::new(None),
            goes_on: RefCell::new(None),
        }
    };
}

/// Calls `f`, unless the thread is ending: then it has no reasons, and catches nothing any more.
fn with_reasons(f: impl FnOnce(&Reasons) -> Option<CutShort>) -> Option<CutShort> {
    REASONS.try_with(f).ok().flatten()
}

/// Whether nothing can unwind.
const ABORTS: bool = cfg!(panic = "abort");

/// Runs a task's closure, and tells how it was left.
#[inline]
fn catch<R>(f: impl FnOnce() -> R) -> Caught<R> {
    let before = set_contained(false);
    let _catching = Catching::here();
    let caught = catch_here(f);
    set_contained(before);
    caught
}

/// Runs the body of a scope, and tells how it was left.
pub(crate) fn catch_body<R>(f: impl FnOnce() -> R) -> Caught<R> {
    let before = set_contained(false);
    let _catching = Catching::in_the_same();
    let caught = catch_here(f);
    set_contained(before);
    caught
}

/// The `catch` that this was made for is the innermost of its thread until this is dropped.
struct Catching(Innermost);

impl Catching {
    #[inline]
    fn here() -> Self {
        Self::part(0)
    }

    /// Of a half whose forker was `forked_by`, if that unwound.
    #[inline]
    fn part(forked_by: usize) -> Self {
        let before = innermost();
        let half_of = if forked_by == 0 {
            before.half_of
        } else {
            forked_by
        };
        let here = Innermost {
            unwinding_around: panicking(),
            goes_on: ABORTS || forked_by != 0,
            forked_by,
            half_of,
        };
        set_innermost(here);
        Self(before)
    }

    /// What runs here belongs to the task, or to the part, that it is called from. What leaving it changes is put back.
    fn in_the_same() -> Self {
        let before = innermost();
        let goes_on = before.goes_on || ABORTS;
        set_innermost(Innermost { goes_on, ..before });
        Self(before)
    }
}

impl Drop for Catching {
    #[inline]
    fn drop(&mut self) {
        set_innermost(self.0);
    }
}

#[inline]
fn set_innermost(innermost: Innermost) {
    let _ending = INNERMOST.try_with(|here| here.set(innermost));
}

#[inline]
fn innermost() -> Innermost {
    INNERMOST.try_with(Cell::get).unwrap_or(OUTSIDE)
}

/// Whether a destructor asks, of a stack that is being unwound up to the innermost `catch` of a task or a part of one.
fn is_unwinding_here() -> bool {
    panicking() && !innermost().unwinding_around
}

/// Runs `f`, which goes on if it is left, and tells why it was.
fn going_on<R>(f: impl FnOnce() -> R) -> (R, Option<CutShort>) {
    let outer = with_reasons(|reasons| reasons.goes_on.take());
    let ended = f();
    let left = with_reasons(|reasons| reasons.goes_on.replace(outer));
    (ended, left)
}

#[inline]
fn catch_here<R>(f: impl FnOnce() -> R) -> Caught<R> {
    if ABORTS {
        let (value, left) = going_on(f);
        return match left {
            Some(why) => Caught::Left(why, Some(value)),
            None => Caught::Value(value),
        };
    }
    let caught = match catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => Caught::Value(value),
        Err(payload) => match CutShort::from_payload(payload) {
            Ok(why) => Caught::Left(why, None),
            Err(payload) => Caught::Panic(payload),
        },
    };
    settle();
    caught
}

/// [`catch`] for a closure that is a whole task: what it left is a payload like any other.
///
/// Inlined, or a result of two words goes through memory in halves and comes back whole, which processors wait for:
/// twice the cost of a map's item.
#[inline(always)]
pub(crate) fn catch_task<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    match catch(f) {
        Caught::Value(value) => Ok(value),
        // A partial value is dropped with the closure's own panics.
        Caught::Left(why, partial) => {
            catch_unwind(AssertUnwindSafe(|| drop(partial)))?;
            Err(why.into_payload())
        }
        Caught::Panic(payload) => Err(payload),
    }
}

/// [`catch`] for a half of a fork, which goes on with what is caught here on another thread: `forked_by`, as
/// [`halves_of`] told when the half was published.
pub(crate) fn catch_part<R>(forked_by: usize, f: impl FnOnce() -> R) -> Part<R> {
    let _catching = Catching::part(forked_by);
    match going_on(|| catch_unwind(AssertUnwindSafe(f))) {
        (Ok(value), None) => Part::Value(value),
        (Ok(value), Some(why)) => Part::Partial(value, Box::new(why)),
        (Err(payload), _) => Part::Unwound(payload),
    }
}

impl<R> Part<R> {
    /// The value, of the half of a fork that was made in the caller's frame, at `at`. Or goes on with what else came of it.
    pub(crate) fn take(self, at: &'static Location<'static>) -> R {
        match self {
            Self::Value(value) => value,
            Self::Partial(value, why) => {
                let half = format_args!("the other half of a fork at {}:{}", at.file(), at.line());
                leave(*why, &half);
                value
            }
            Self::Unwound(payload) => match CutShort::from_payload(payload) {
                Ok(why) => unwind_with(why),
                Err(payload) => resume(payload),
            },
        }
    }
}

/// If a half of a fork that the calling thread publishes now is to go on when it is left: whose half it is.
#[inline]
pub(crate) fn halves_of() -> usize {
    if panicking() {
        this_thread()
    } else {
        innermost().half_of
    }
}

/// Leaves the current task, which cannot finish `what`. Returns only if the task goes on to its end, and will complete as
/// if it had been left; and in a destructor that runs because the task's stack is being unwound: then it has no value
/// anyway, and to unwind out of a destructor would end the process.
///
/// # Panics
/// Outside any task and scope, and in a callback, with all of it as the message.
pub(crate) fn leave(why: CutShort, what: &dyn Display) {
    if is_unwinding_here() {
        return;
    }
    if is_contained() {
        panic_with(&why, what);
    }
    if innermost().goes_on {
        current::mark_left(&why);
        let _before = with_reasons(|reasons| reasons.goes_on.replace(Some(why)));
        return;
    }
    if ABORTS || current::is_outside_tasks() {
        panic_with(&why, what);
    }
    unwind_with(why)
}

/// Why the calling task was left and goes on all the same, if so: what it makes is partial.
pub(crate) fn left_here() -> Option<CutShort> {
    let left = || with_reasons(|reasons| reasons.goes_on.borrow().clone());
    innermost().goes_on.then(left).flatten()
}

fn unwind_with(why: CutShort) -> ! {
    let _before = with_reasons(|reasons| reasons.unwound.replace(Some(why.clone())));
    set_innermost(Innermost {
        unwinding_around: false,
        ..innermost()
    });
    why.unwind()
}

impl Cancelled {
    /// Leaves the task at once by unwinding its stack, so that it completes *cancelled*: for closures
    /// that return no `Result`. No panic message is printed, destructors run, and the locks of
    /// [`sync`](crate::sync) that they release are not poisoned.
    ///
    /// # Panics
    /// Always unwinds. Outside any task and scope, and where panics abort the process, that is a panic with this value
    /// as its payload, and the reason on standard error.
    ///
    /// ```
    /// let task = reunite::spawn(|| -> u64 {
    ///     loop {
    ///         reunite::checkpoint().unwrap_or_else(|cancelled| cancelled.unwind());
    ///     }
    /// });
    /// task.cancel();
    /// assert!(task.join().unwrap_err().is_cancelled());
    /// ```
    pub fn unwind(self) -> ! {
        if ABORTS || current::is_outside_tasks() {
            // The panic hook would not know how to show it.
            let _closed = writeln!(stderr(), "reunite: nothing is left to go back to: {self}");
            panic_any(self);
        }
        unwind_with(CutShort::Cancelled(self))
    }
}

#[cold]
fn panic_with(why: &CutShort, what: &dyn Display) -> ! {
    panic!("{what} was cut short: {why}")
}

/// Tells a thread that unwinds, or runs a half of the fork of one, from the others; zero if the calling one does not.
#[inline]
pub(crate) fn unwinding_thread() -> usize {
    if panicking() {
        this_thread()
    } else {
        innermost().forked_by
    }
}

#[cold]
fn this_thread() -> usize {
    // One that is ending, and has lost its locals, is told from none.
    let address = INNERMOST.try_with(|here| std::ptr::from_ref(here).addr());
    address.unwrap_or(0)
}

/// Why what the current task leaves is partial, if it is: because it unwinds, or was told after telling number
/// `since` (see `current::tellings`) that what it waits for will not come. What a destructor makes and drops while
/// thread `made_by` unwinds, the unwinding does not cut short.
pub(crate) fn reason(since: u64, made_by: usize) -> Option<CutShort> {
    let unwinding = unwinding_thread();
    if unwinding == 0 || made_by == unwinding {
        return current::cut_short(since);
    }
    let told = if panicking() {
        // Of one that was caught by others the reason may be left: a panic after that is one.
        with_reasons(|reasons| reasons.unwound.borrow().clone()).filter(|_| is_leaving())
    } else {
        current::cut_short(since)
    };
    told.or_else(|| {
        let label = current::current().who.label.clone();
        Some(CutShort::Cancelled(Cancelled::new(Why::Failed, label)))
    })
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    fn left() {
        let label = current::current().who.label.clone();
        leave(
            CutShort::Cancelled(Cancelled::new(Why::Failed, label)),
            &"it",
        );
    }

    /// Runs `f` as a half of a fork of a thread that unwinds.
    fn in_half<R>(f: impl FnOnce() -> R) -> Part<R> {
        crate::scope(|_| catch_part(1, f))
    }

    #[test]
    fn a_half_of_one_that_unwinds_goes_on_and_so_do_halves_below_it() {
        let part = in_half(|| {
            left();
            halves_of()
        });
        assert!(matches!(part, Part::Partial(1, _)));
        assert!(matches!(in_half(halves_of), Part::Value(1)));
        assert_eq!(halves_of(), 0);
    }

    #[test]
    fn a_task_inside_such_a_half_is_left_but_halves_may_be_older_than_it() {
        let part = in_half(|| {
            let task = catch_task(|| {
                left();
                unreachable!("it goes on");
            });
            let payload = CutShort::from_payload(task.unwrap_err());
            assert!(payload.is_ok());
            catch_task(halves_of).unwrap()
        });
        assert!(matches!(part, Part::Value(1)));
    }
}
