//! Partial results: how a task ends that can neither go on nor return an error. It *leaves*: it unwinds, and completes
//! as cancelled.
//!
//! # The rule
//! If a call cannot return a cancellation or a refusal as an error, it unwinds the task. An iterator over messages can
//! return only `None`, which would mean that there are no more; a plain scope can return only its body's value, which
//! would mean that its tasks ran. So they make the task leave.
//!
//! # Protocol
//! 1. [`leave`] unwinds with the library's own error as the payload, without calling the panic hook, up to the next
//!    [`catch`]: around a task's closure, around a scope's body. The `catch` distinguishes it from a panic by the
//!    payload's type.
//! 2. On a thread that this library did not start, outside any scope, no join would report the reason. In a callback no
//!    join would report it either, because a panic there ends only the callback. In both cases `leave` is a panic with
//!    a message.
//! 3. A task that drops an end of a channel while it leaves, or after an error has told it that its work will be
//!    incomplete, passes that on: see [`reason`] and `channel::end_count`.
//! 4. A destructor that runs because the task leaves, or panicked, does not make it leave once more: [`leave`] returns.
//!    The body of a scope in the destructor counts as part of the destructor, because the scope would have no value to
//!    return ([`catch_body`]). A half of a fork in the destructor is run by the thread itself. It is not offered to
//!    other threads, because they could not tell that they run a part of a destructor. A task that the thread runs
//!    while the destructor waits for it is a task like any other.
//! 5. Where panics abort, nothing can unwind, and the process must not end because of a cancellation. There [`leave`]
//!    marks the innermost [`catch`] of its thread and returns. An iterator then ends, the closure runs to its end, and
//!    its [`catch`] finds the mark and drops the value. Without a `catch` on this thread (outside any task, and in a
//!    half of a fork that another thread stole) `leave` panics with a message, which aborts the process. Code that
//!    keeps a value of a closure before the closure's [`catch`] has looked for the mark looks for the mark itself
//!    ([`reason_left`]).

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::io::{Write, stderr};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};

use crate::contain::{is_contained, set_contained};
use crate::current;
use crate::error::{Cancelled, CutShort, Why, resume};
use crate::primitive::{panicking, thread_local};
use crate::unwind::{clear_marks, clear_marks_unless_unwinding, is_leaving};

/// The way in which a closure ended.
pub(crate) enum Caught<R> {
    Value(R),
    /// It left. Where panics abort, it has a value nevertheless: a partial one.
    Left(CutShort, Option<R>),
    Panic(Box<dyn Any + Send>),
}

/// The mark of a thread: whether its task has left.
enum LeaveState {
    /// The task has not left. Where panics abort, no `catch` of this thread would look at the mark.
    Unseen,
    /// The task has not left. Where panics abort, the innermost `catch` will look at the mark.
    Seen,
    /// The task has left for this reason; where panics abort, it would have left if it could unwind.
    Left(CutShort),
}

thread_local! {
    static MARK: RefCell<LeaveState> = const { RefCell::new(LeaveState::Unseen) };
    /// True if the thread was unwinding already when its innermost `catch` began, as in a destructor that waits for a
    /// task which it runs meanwhile.
    static UNWINDING_AROUND: Cell<bool> = const { Cell::new(false) };
}

fn replace_mark(mark: LeaveState) -> LeaveState {
    // A thread that is ending has lost its locals, and catches nothing any more.
    MARK.try_with(|here| here.replace(mark))
        .unwrap_or(LeaveState::Unseen)
}

/// True if nothing can unwind.
const ABORTS: bool = cfg!(panic = "abort");

/// Runs a task's closure, and returns how it ended.
#[inline]
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Caught<R> {
    let before = set_contained(false);
    let _catching = Catching::here();
    let caught = catch_here(f);
    set_contained(before);
    caught
}

/// Runs the body of a scope, and returns how it ended.
pub(crate) fn catch_body<R>(f: impl FnOnce() -> R) -> Caught<R> {
    let before = set_contained(false);
    let _catching = Catching::of_same_task();
    let caught = catch_here(f);
    set_contained(before);
    caught
}

/// Makes a `catch` of a task, or of a part of one, the innermost of its thread until this is dropped.
struct Catching(bool);

impl Catching {
    #[inline]
    fn here() -> Self {
        Self(set_unwinding_around(panicking()))
    }

    /// Makes a guard for code that belongs to the same task, or part of a task, as its caller. It only restores what
    /// leaving changes.
    fn of_same_task() -> Self {
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

/// Returns true in a destructor that runs because a stack unwinds up to the innermost `catch` of a task or a part of
/// one.
#[inline]
pub(crate) fn is_unwinding_here() -> bool {
    panicking() && is_unwinding_inside()
}

/// The second half of the condition, out of line, because every fork evaluates the first half.
#[cold]
#[inline(never)]
fn is_unwinding_inside() -> bool {
    !is_unwinding_around()
}

#[inline]
fn catch_here<R>(f: impl FnOnce() -> R) -> Caught<R> {
    if ABORTS {
        let outer = replace_mark(LeaveState::Seen);
        let value = f();
        return match replace_mark(outer) {
            LeaveState::Left(why) => Caught::Left(why, Some(value)),
            LeaveState::Seen | LeaveState::Unseen => Caught::Value(value),
        };
    }
    let caught = match catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => Caught::Value(value),
        Err(payload) => match CutShort::from_payload(payload) {
            Ok(why) => Caught::Left(why, None),
            Err(payload) => Caught::Panic(payload),
        },
    };
    clear_marks_unless_unwinding();
    caught
}

/// Does what [`catch`] does for a closure that is a whole task. The reason for which it left is returned as a payload.
///
/// Inlined, and without an intermediate [`Caught`]. Otherwise a result of two words would go through memory in halves
/// and come back whole, which processors wait for: twice the cost of a map's item.
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
        clear_marks();
    }
    set_contained(contained);
    set_unwinding_around(around);
    caught
}

/// Does what [`catch_task`] does where panics abort.
fn catch_marked_task<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    match catch(f) {
        Caught::Value(value) => Ok(value),
        // A partial value is dropped here, where a panic of its destructor counts as the closure's own.
        Caught::Left(why, partial) => {
            catch_unwind(AssertUnwindSafe(|| drop(partial)))?;
            Err(why.into_payload())
        }
        Caught::Panic(payload) => Err(payload),
    }
}

/// Removes the mark from the payload of a task that unwound, because no thread unwinds with it any more.
#[cold]
fn without_mark(payload: Box<dyn Any + Send>) -> Box<dyn Any + Send> {
    match CutShort::from_payload(payload) {
        Ok(why) => why.into_payload(),
        Err(payload) => payload,
    }
}

/// Does what [`catch`] does, for a part of a task. Another thread waits for that part, and continues with what is
/// caught here. Where panics abort, such a part cannot be marked.
pub(crate) fn catch_part<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    if !ABORTS {
        let _catching = Catching::here();
        return catch_unwind(AssertUnwindSafe(f));
    }
    let outer = replace_mark(LeaveState::Unseen);
    let value = f();
    replace_mark(outer);
    Ok(value)
}

/// Continues unwinding with what [`catch_part`] caught.
pub(crate) fn resume_part(payload: Box<dyn Any + Send>) -> ! {
    match CutShort::from_payload(payload) {
        Ok(why) => unwind_with(why),
        Err(payload) => resume(payload),
    }
}

/// Leaves the current task, which cannot finish `what`. Returns in two cases only: where panics abort (the task will
/// complete as if it had left); and in a destructor that runs because the task's stack unwinds (the task has no value
/// anyway, and unwinding out of a destructor would end the process).
///
/// # Panics
/// Outside any task and scope, and in a callback, with `what` and the reason as the message.
pub(crate) fn leave(why: CutShort, what: &dyn Display) {
    if is_unwinding_here() {
        return;
    }
    if current::is_outside_tasks() || is_contained() {
        panic_with(&why, what);
    }
    if ABORTS {
        current::mark_left(&why);
        if matches!(replace_mark(LeaveState::Unseen), LeaveState::Unseen) {
            panic_with(&why, what);
        }
        replace_mark(LeaveState::Left(why));
        return;
    }
    unwind_with(why)
}

/// Returns the reason for which the calling task would have left if it could unwind: what it makes is partial. `None`
/// if there is none, or if panics unwind.
pub(crate) fn reason_left() -> Option<CutShort> {
    if !ABORTS {
        return None;
    }
    let left = MARK.try_with(|here| match &*here.borrow() {
        LeaveState::Left(why) => Some(why.clone()),
        LeaveState::Seen | LeaveState::Unseen => None,
    });
    left.ok().flatten()
}

fn unwind_with(why: CutShort) -> ! {
    replace_mark(LeaveState::Left(why.clone()));
    set_unwinding_around(false);
    why.unwind()
}

impl Cancelled {
    /// Leaves the task at once by unwinding its stack, so that the task completes
    /// [cancelled](crate::JoinError::is_cancelled). For closures that return no `Result`. No panic message is printed,
    /// destructors run, and the locks of [`sync`](crate::sync) that they release are not poisoned.
    ///
    /// # Panics
    /// Always unwinds. Outside any task and scope, and where panics abort the process, this is a panic with this value
    /// as its payload; the reason is printed on standard error.
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
            // The panic hook would not know how to show this payload.
            let _closed = writeln!(
                stderr(),
                "reunite: no task or scope to leave, so this panics: {self}"
            );
            panic_any(self);
        }
        unwind_with(CutShort::Cancelled(self))
    }
}

#[cold]
fn panic_with(why: &CutShort, what: &dyn Display) -> ! {
    panic!("{what} was cut short: {why}")
}

/// Returns a number that identifies the calling thread if it unwinds; zero if it does not.
#[inline]
pub(crate) fn unwinding_thread() -> usize {
    if panicking() { this_thread() } else { 0 }
}

#[cold]
fn this_thread() -> usize {
    // A thread that is ending, and has lost its locals, is not distinguished from one that does not unwind.
    MARK.try_with(|here| std::ptr::from_ref(here).addr())
        .unwrap_or(0)
}

/// Returns the reason why what the current task drops now is partial; `None` if it is not. It is partial if the task
/// unwinds, was told of a cancellation, or got a notice after number `since` (see `channel::cut_epoch`). What a
/// destructor makes and drops while thread `made_by` unwinds is not cut short by that unwinding.
pub(crate) fn reason(since: u64, made_by: usize) -> Option<CutShort> {
    if !panicking() || (made_by != 0 && made_by == this_thread()) {
        return current::cut_short(since);
    }
    let left = MARK.try_with(|here| match &*here.borrow() {
        // If others caught the payload, the mark may be left over: a panic after that is only a panic.
        LeaveState::Left(why) if is_leaving() => Some(why.clone()),
        _ => None,
    });
    left.ok().flatten().or_else(|| {
        let label = current::current().record.label.clone();
        Some(CutShort::Cancelled(Cancelled::new(Why::Failed, label)))
    })
}
