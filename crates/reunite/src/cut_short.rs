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
//!    A scope's body in it is part of it, as its scope would have no value to return ([`catch_body`]); a half of a fork
//!    is run by the thread itself, and not offered to others, who could not ask. A task that the destructor waits for,
//!    and that the thread runs meanwhile, is a task like any other.
//! 5. Where panics abort, nothing can unwind, and the process must not end for a cancellation: [`leave`] marks the
//!    innermost [`catch`] of its thread and returns; the iterator ends, the closure goes on to its end, and its
//!    [`catch`] finds the mark and throws the value away. Without one on this thread (outside any task, and in a half of
//!    a fork that a thief runs) it is a panic with a message, which aborts. Whoever keeps what a closure made before its
//!    [`catch`] has looked asks for the mark first ([`left_here`]).

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::io::{Write, stderr};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};

use crate::contain::{is_contained, set_contained};
use crate::current;
use crate::error::{Cancelled, CutShort, Why, resume};
use crate::primitive::{panicking, thread_local};
use crate::unwind::{is_leaving, settle, settled};

/// What became of a closure.
pub(crate) enum Caught<R> {
    Value(R),
    /// It was left. Where panics abort it has a value all the same, a partial one.
    Left(CutShort, Option<R>),
    Panic(Box<dyn Any + Send>),
}

/// What a thread knows of its leaving.
enum Mark {
    /// Nothing; where panics abort, no `catch` of this thread would look at it.
    Unseen,
    /// Where panics abort: the innermost `catch` will look at it.
    Seen,
    /// With this the thread has left, or would have if it could unwind.
    Left(CutShort),
}

thread_local! {
    static MARK: RefCell<Mark> = const { RefCell::new(Mark::Unseen) };
    /// Whether the thread was unwinding already when its innermost `catch` began, as in a destructor that waits for a
    /// task which it runs meanwhile.
    static UNWINDING_AROUND: Cell<bool> = const { Cell::new(false) };
}

fn replace_mark(mark: Mark) -> Mark {
    // A thread that is ending catches nothing any more.
    MARK.try_with(|here| here.replace(mark))
        .unwrap_or(Mark::Unseen)
}

/// Whether nothing can unwind.
const ABORTS: bool = cfg!(panic = "abort");

/// Runs a task's closure, and tells how it was left.
#[inline]
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Caught<R> {
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

/// A `catch` of a task, or of a part of one, is the innermost of its thread until this is dropped.
struct Catching(bool);

impl Catching {
    #[inline]
    fn here() -> Self {
        Self(set_unwinding_around(panicking()))
    }

    /// What runs here belongs to the task, or to the part, that it is called from. Only what leaving it changes is put
    /// back.
    fn in_the_same() -> Self {
        Self(is_unwinding_around())
    }
}

impl Drop for Catching {
    #[inline]
    fn drop(&mut self) {
        set_unwinding_around(self.0);
    }
}

#[inline]
fn set_unwinding_around(unwinds: bool) -> bool {
    let before = UNWINDING_AROUND.try_with(|here| here.replace(unwinds));
    before.unwrap_or(false)
}

fn is_unwinding_around() -> bool {
    UNWINDING_AROUND.try_with(Cell::get).unwrap_or(false)
}

/// Whether a destructor asks, of a stack that is being unwound up to the innermost `catch` of a task or a part of one.
#[inline]
pub(crate) fn is_unwinding_here() -> bool {
    panicking() && is_unwinding_inside()
}

/// Apart, as every fork asks the first half of the question.
#[cold]
#[inline(never)]
fn is_unwinding_inside() -> bool {
    !is_unwinding_around()
}

#[inline]
fn catch_here<R>(f: impl FnOnce() -> R) -> Caught<R> {
    if ABORTS {
        let outer = replace_mark(Mark::Seen);
        let value = f();
        return match replace_mark(outer) {
            Mark::Left(why) => Caught::Left(why, Some(value)),
            Mark::Seen | Mark::Unseen => Caught::Value(value),
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
/// Inlined, and without [`Caught`] on the way, or a result of two words goes through memory in halves and comes back whole,
/// which processors wait for: twice the cost of a map's item.
#[inline(always)]
pub(crate) fn catch_task<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    if ABORTS {
        return catch_marked_task(f);
    }
    let contained = set_contained(false);
    let unwinds = panicking();
    let around = set_unwinding_around(unwinds);
    let caught = catch_unwind(AssertUnwindSafe(f)).map_err(without_mark);
    if !unwinds {
        settled();
    }
    set_contained(contained);
    set_unwinding_around(around);
    caught
}

/// Where panics abort.
fn catch_marked_task<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
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

/// The payload of a task that unwound, which nobody leaves with any more.
#[cold]
fn without_mark(payload: Box<dyn Any + Send>) -> Box<dyn Any + Send> {
    match CutShort::from_payload(payload) {
        Ok(why) => why.into_payload(),
        Err(payload) => payload,
    }
}

/// [`catch`] for a part of a task that another thread waits for, which goes on with what is caught here. Where panics
/// abort, it cannot be marked.
pub(crate) fn catch_part<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    if !ABORTS {
        let _catching = Catching::here();
        return catch_unwind(AssertUnwindSafe(f));
    }
    let outer = replace_mark(Mark::Unseen);
    let value = f();
    replace_mark(outer);
    Ok(value)
}

/// Goes on unwinding with what [`catch_part`] caught.
pub(crate) fn go_on(payload: Box<dyn Any + Send>) -> ! {
    match CutShort::from_payload(payload) {
        Ok(why) => unwind_with(why),
        Err(payload) => resume(payload),
    }
}

/// Leaves the current task, which cannot finish `what`. Returns only where panics abort, and the task will complete as
/// if it had been left; and in a destructor that runs because the task's stack is being unwound: then it has no value
/// anyway, and to unwind out of a destructor would end the process.
///
/// # Panics
/// Outside any task and scope, and in a callback, with all of it as the message.
pub(crate) fn leave(why: CutShort, what: &dyn Display) {
    if is_unwinding_here() {
        return;
    }
    if current::is_outside_tasks() || is_contained() {
        panic_with(&why, what);
    }
    if ABORTS {
        current::mark_left(&why);
        if matches!(replace_mark(Mark::Unseen), Mark::Unseen) {
            panic_with(&why, what);
        }
        replace_mark(Mark::Left(why));
        return;
    }
    unwind_with(why)
}

/// Why the calling task was left and goes on all the same, if so: what it makes is partial. Only where panics abort.
pub(crate) fn left_here() -> Option<CutShort> {
    if !ABORTS {
        return None;
    }
    let left = MARK.try_with(|here| match &*here.borrow() {
        Mark::Left(why) => Some(why.clone()),
        Mark::Seen | Mark::Unseen => None,
    });
    left.ok().flatten()
}

fn unwind_with(why: CutShort) -> ! {
    replace_mark(Mark::Left(why.clone()));
    set_unwinding_around(false);
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

/// Tells a thread that unwinds from the others; zero if the calling one does not.
#[inline]
pub(crate) fn unwinding_thread() -> usize {
    if panicking() { this_thread() } else { 0 }
}

#[cold]
fn this_thread() -> usize {
    // One that is ending, and has lost its locals, is told from none.
    MARK.try_with(|here| std::ptr::from_ref(here).addr())
        .unwrap_or(0)
}

/// Why what the current task leaves is partial, if it is: because it unwinds, or was told after telling number
/// `since` (see `current::tellings`) that what it waits for will not come. What a destructor makes and drops while
/// thread `made_by` unwinds, the unwinding does not cut short.
pub(crate) fn reason(since: u64, made_by: usize) -> Option<CutShort> {
    if !panicking() || (made_by != 0 && made_by == this_thread()) {
        return current::cut_short(since);
    }
    let left = MARK.try_with(|here| match &*here.borrow() {
        // Of one that was caught by others the mark may be left: a panic after that is one.
        Mark::Left(why) if is_leaving() => Some(why.clone()),
        _ => None,
    });
    left.ok().flatten().or_else(|| {
        let label = current::current().who.label.clone();
        Some(CutShort::Cancelled(Cancelled::new(Why::Failed, label)))
    })
}
