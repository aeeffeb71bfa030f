//! A closure of the caller's that runs on a thread of the pool, with the pool's stack, while the caller
//! waits.
//!
//! # Protocol
//! The closure becomes a task of the pool's group, like one of `Pool::spawn`: it has a label with the caller's line,
//! the caller's task as its parent, the context that the caller passes on to its children, and a place in the live
//! tree and in the wait-for graph. It differs in three ways, because it borrows from the caller's frame:
//!
//! 1. It runs under the caller's own cancel node: every cancellation of the caller reaches it, and an error that is
//!    returned to it counts as returned to the caller. It *always* begins, even in a cancelled task, because the
//!    caller needs its value.
//! 2. Only a thread of the pool runs it. It has no handle, so no joiner runs it on its own stack.
//! 3. The caller's wait ends only when the task completes: no cancellation, deadline or refusal ends it. In a cycle of
//!    waits this wait is never the victim; another wait is. While the caller waits, it gives up its place in each pool
//!    in which it takes part, also as a visitor of this one. So it does not keep any thread from running the task.
//!
//! *The frame outlives the job.* The job borrows from the frame what the closure captured, and `InstallOutcome`, where
//! it stores how the closure ended. Storing that is the last use of anything borrowed. Then the job completes
//! the packet, which is shared by reference counts. The caller leaves the frame after it has seen the packet
//! complete. Until then a guard ends the process if anything unwinds.
//!
//! *A thread takes the job.* The caller ensures beforehand that the pool has a thread: one that has really
//! started, not one that the system may yet refuse. A pool's threads end only when the pool closes, or when
//! it has more of them than places, so one is left; and a pool does not close while it is borrowed. If all of
//! its threads block, the rules of `members` apply: a spare is started, or, where no more are allowed, one of the
//! waits of blocked threads is refused.
//!
//! *In place.* If the caller is a worker of the pool, it runs the closure itself, because it is on a stack of the pool
//! already. So does a caller in a destructor that runs during unwinding: if the closure left on another thread, the
//! caller could not unwind with that (see `cut_short`).

use std::panic::Location;

use super::member;
use super::shared::PoolShared;
use crate::contain::{AbortOnUnwind, assert_outside};
use crate::context::Inherited;
use crate::current::{self, Context};
use crate::cut_short::{Caught, catch, is_unwinding_here, leave};
use crate::deadlock::{TaskSet, WaitObject, WaitSite, WaitsOn};
use crate::error::resume;
use crate::escape::Escaped;
use crate::id::{Label, LabelKind};
use crate::observe::{Completion, Event, Verb, is_on, tell};
use crate::primitive::{Arc, Mutex};
use crate::task::{Packet, Task, UncancellableJob, prepare_uncancellable};
use crate::wait::{self, Heed};

/// The result of the closure.
struct InstallOutcome<R> {
    caught: Caught<R>,
    /// True if the closure was told of a cancellation.
    observed_cancellation: bool,
}

type Signal = Packet<(), std::convert::Infallible>;

/// Runs `f` on a thread of `pool`, and waits for it.
///
/// # Panics
/// With the panic of `f`, or if the pool has no thread and the system refuses one.
pub(super) fn run<R, F>(pool: &Arc<PoolShared>, at: &'static Location<'static>, f: F) -> R
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    assert_outside();
    if member::is_worker_of(pool) || is_unwinding_here() {
        let _visit = member::visit(pool);
        return f();
    }
    if let Err(error) = pool.ensure_thread() {
        let name = Escaped(pool.name());
        panic!(
            "cannot install a closure in the pool `{name}`: the system refuses it its first thread: {error}"
        );
    }
    let label = Label::new(LabelKind::Task, None, at);
    let here = current::current();
    // This runs user code, which may panic, so it comes before the guard.
    let inherited = Inherited::capture();
    let done = Mutex::new(None);
    let signal = Arc::new(Signal::new());

    let guard = AbortOnUnwind("`Pool::install` was torn open by a panic; this is a bug in reunite");
    let job = prepare(&label, inherited, &done, &signal, f);
    // SAFETY: `wait_for` returns when the packet is complete. By then the closure is gone, and nothing else
    // that the job borrows is touched again. Unwinding out of this frame before that ends the process.
    let job = unsafe { erase(job) };
    let task = prepare_uncancellable(job, label.clone(), here.record, here.node, pool.group());
    task.start()
        .expect("a pool takes every task into its queue");
    wait_for(&task, &signal, at);
    std::mem::forget(guard);

    let InstallOutcome {
        caught,
        observed_cancellation: was_told,
    } = done
        .into_inner()
        .expect("left before the packet was complete");
    if was_told {
        current::mark_cancellation_observed();
    }
    match caught {
        Caught::Value(value) => value,
        Caught::Panic(payload) => resume(payload),
        Caught::Left(why, partial) => {
            leave(why, &label);
            partial.expect("what goes on although it was left has a value")
        }
    }
}

/// Makes a job of `f` that stores how `f` ended in `done`, and then completes `signal`.
fn prepare<'a, R, F>(
    label: &Label,
    inherited: Inherited,
    done: &'a Mutex<Option<InstallOutcome<R>>>,
    signal: &Arc<Signal>,
    f: F,
) -> UncancellableJob<'a>
where
    F: FnOnce() -> R + Send + 'a,
    R: Send,
{
    let (label, signal) = (label.clone(), Arc::clone(signal));
    Box::new(move || {
        assert_outside();
        let caught = catch(|| {
            let _ambient = inherited.enter(&label);
            f()
        });
        let was_told = current::has_observed_cancellation();
        let how = match &caught {
            Caught::Value(_) => Completion::Value,
            Caught::Left(..) => Completion::Cancelled,
            Caught::Panic(_) => Completion::Panic,
        };
        tell(|| Event::Complete { task: &label, how });
        *done.lock() = Some(InstallOutcome {
            caught,
            observed_cancellation: was_told,
        });
        // From here on, the data that was borrowed may not exist any more.
        signal.complete(Ok(()), None);
    })
}

/// Waits until the task has completed.
fn wait_for(task: &Arc<dyn Task>, signal: &Signal, at: &'static Location<'static>) {
    let label = task.label();
    let site = WaitSite {
        verb: Verb::Install,
        object: WaitObject::Label(label.clone()),
        at,
        on: WaitsOn::Tasks(Arc::clone(task) as Arc<dyn TaskSet>),
    };
    // The task borrows from the caller's frame: only its completion ends this wait.
    let _complete = wait::wait(site, None, Heed::Nothing, |parker| {
        signal.is_complete_or_wake(parker)
    });
    if is_on() {
        let Context { record, .. } = current::current();
        tell(|| Event::Join {
            task: label,
            by: &record.label,
            at,
        });
    }
}

/// Erases the lifetime of a job.
///
/// # Safety
/// Before `'a` ends, the job must have reached a point after which it does not touch anything that it borrows.
unsafe fn erase<'a>(job: UncancellableJob<'a>) -> UncancellableJob<'static> {
    // SAFETY: the two types differ only in the lifetime bound of a trait object, which has no influence on
    // layout or vtable. The caller guarantees that the job does not use what is gone.
    unsafe { std::mem::transmute::<UncancellableJob<'a>, UncancellableJob<'static>>(job) }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::panic::{AssertUnwindSafe, Location, catch_unwind};

    use crate::pool::Pool;

    /// Without a thread the closure would never run.
    #[test]
    fn a_pool_that_the_system_refuses_its_first_thread_panics_and_runs_nothing() {
        let more_than_memory = isize::MAX as usize & !0xffff;
        let pool = Pool::builder()
            .stack_size(more_than_memory)
            .name("red\u{1b}[31m");
        let pool = pool.pool(Location::caller());
        for _ in 0..2 {
            let mut has_run = false;
            let torn = catch_unwind(AssertUnwindSafe(|| pool.install(|| has_run = true)));
            let message = torn.unwrap_err();
            let message = message.downcast_ref::<String>().unwrap();
            assert!(message.contains("refuses it its first thread"), "{message}");
            assert!(message.contains(r"`red\u{1b}[31m`"), "{message}");
            assert!(!has_run);
        }
    }
}
