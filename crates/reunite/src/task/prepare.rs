//! Makes tasks of closures. A task catches how its closure ends, stores the result, and reports it to its
//! group.
//!
//! When a task runs, these steps follow each other in this order:
//!
//! 1. run the closure, catching a panic or a leaving;
//! 2. *record* a failure, so that the root cause is first whatever happens next;
//! 3. complete the packet: the joiner wakes with this task's own result, not with the cancellation that
//!    the failure is about to cause;
//! 4. ask the policy, which may cancel the scope;
//! 5. drop the result if its handle was dropped, before the group can let the scope end.
//!
//! # Lifetimes
//! A task is one allocation. Other threads may keep references to it for longer than what the closure borrows
//! lives, because they may ask for the task's identity. Only three things in a task borrow: the closure, the
//! value that it returns, and its error. The closure is gone when the task leaves its group. By then the
//! value is gone, too, or belongs to the handle, whose type tells the compiler how long the value may live:
//! see `packet`. The errors are taken out of the scope's list of failures when the scope ends. So when the
//! last reference is dropped, the task contains nothing that borrows.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use super::failures::Failures;
use super::group::{Begins, Group, Task, TaskHeader};
use super::identity::{EagerIdentity, HasIdentity, Identity, LazyIdentity, NodeOf, TaskState};
use super::job::{Conclusion, JobFate, Spec};
use super::packet::Packet;
use super::unjoined::Unjoined;
use crate::cancel::CancelNode;
use crate::contain::{assert_outside, contain};
use crate::context::{Inherited, is_inherited};
use crate::current::{self, TaskContext, TaskRecord};
use crate::cut_short::catch_task;
use crate::deadlock::{Need, Resource, TaskSet};
use crate::error::{Cancelled, CutShort, Failure, Why};
use crate::id::{Label, TaskId};
use crate::observe::{Completion, Event, tell};
use crate::part::Part;
use crate::primitive::{Arc, Mutex};

/// A task that runs a closure of type `F`.
struct ClosureTask<F, T, E, N> {
    entry: TaskHeader,
    named: N,
    closure_state: Mutex<ClosureState<F, T, E>>,
    /// `None` outside a scope, where only the joiner takes a failure.
    failures: Option<Arc<Failures<E>>>,
    packet: Packet<T, E>,
}

/// The current content of a task.
enum ClosureState<F, T, E> {
    /// The closure, and what it inherits.
    Closure(F, Option<Box<Inherited>>),
    /// The outcome of the closure, if another thread concludes the task than the thread that ran it.
    #[cfg_attr(reunite_model, expect(dead_code, reason = "no thread is fresh there"))]
    Outcome(Box<Result<T, Failure<E>>>),
    Nothing,
}

impl<F, T, E, N> ClosureTask<F, T, E, N> {
    fn take(&self) -> ClosureState<F, T, E> {
        std::mem::replace(&mut *self.closure_state.lock(), ClosureState::Nothing)
    }
}

/// The size in bytes above which a closure gets an allocation of its own, so that a reference to a finished
/// task does not keep its memory.
const LARGE: usize = 256;

/// Makes a task of `f`. `as_task` converts the task to the type that its group keeps. Returns a reference to
/// the cell of its result.
pub(crate) fn prepare<'a, T, E, F>(
    spec: Spec,
    group: &Arc<Group>,
    parent: Option<Part<TaskRecord>>,
    failures: Option<&Arc<Failures<E>>>,
    f: F,
    as_task: impl FnOnce(Arc<dyn Task + 'a>) -> Arc<dyn Task>,
) -> Part<Packet<T, E>, dyn Task>
where
    T: Send + 'a,
    E: Send + 'a,
    F: FnOnce() -> Result<T, E> + Send + 'a,
{
    let Spec { label, on, inherit } = spec;
    let entry = TaskHeader::new(
        label.id(),
        TaskState::asked(),
        group,
        Begins::UnlessCancelled,
    );
    let node = NodeOf::Itself(CancelNode::of_task(group.node(), label.clone()));
    let record = TaskRecord::of_task(label, group.created(), parent);
    let named = EagerIdentity {
        identity: Identity { record, node },
        on,
    };
    let inherited = if inherit { capture() } else { None };
    if size_of::<F>() > LARGE {
        let f = Box::new(f);
        allocate_task(entry, named, inherited, failures, f, as_task)
    } else {
        allocate_task(entry, named, inherited, failures, f, as_task)
    }
}

/// Makes a task like [`prepare`], for a closure that borrows nothing and a group that is never cancelled. The
/// identity of the task is made on demand.
pub(crate) fn prepare_later<T, E, F>(
    at: &'static Location<'static>,
    group: &Arc<Group>,
    parent: Part<TaskRecord>,
    f: F,
) -> Part<Packet<T, E>, dyn Task>
where
    T: Send + 'static,
    E: Send + 'static,
    F: FnOnce() -> Result<T, E> + Send + 'static,
{
    let (id, stage) = (TaskId::next(), TaskState::default());
    let entry = TaskHeader::new(id, stage, group, Begins::UnlessCancelled);
    let named = LazyIdentity::new(at, parent);
    if size_of::<F>() > LARGE {
        let f = Box::new(f);
        allocate_task(entry, named, capture(), None, f, |task| task)
    } else {
        allocate_task(entry, named, capture(), None, f, |task| task)
    }
}

/// Captures the values that the task inherits, if any hook is installed.
#[inline]
fn capture() -> Option<Box<Inherited>> {
    is_inherited().then(|| Box::new(Inherited::capture()))
}

/// Makes a task in one allocation.
#[inline]
fn allocate_task<'a, T, E, F, N: HasIdentity + 'a>(
    entry: TaskHeader,
    named: N,
    inherited: Option<Box<Inherited>>,
    failures: Option<&Arc<Failures<E>>>,
    f: F,
    as_task: impl FnOnce(Arc<dyn Task + 'a>) -> Arc<dyn Task>,
) -> Part<Packet<T, E>, dyn Task>
where
    T: Send + 'a,
    E: Send + 'a,
    F: FnOnce() -> Result<T, E> + Send + 'a,
{
    let task = Arc::new(ClosureTask {
        entry,
        named,
        closure_state: Mutex::new(ClosureState::Closure(f, inherited)),
        failures: failures.map(Arc::clone),
        packet: Packet::new(),
    });
    Part::of(task, |task| &task.packet, |task| as_task(task))
}

impl<F, T, E, N> Task for ClosureTask<F, T, E, N>
where
    T: Send,
    E: Send,
    F: FnOnce() -> Result<T, E> + Send,
    N: HasIdentity,
{
    fn entry(&self) -> &TaskHeader {
        &self.entry
    }

    fn named(&self) -> &dyn HasIdentity {
        &self.named
    }

    fn execute(&self, fate: JobFate, then: Conclusion) {
        let ClosureState::Closure(f, inherited) = self.take() else {
            unreachable!("a task is begun once")
        };
        let outcome = carry_out(fate, f, || self.label(), inherited);
        match then {
            Conclusion::Now => self.conclude_with(outcome),
            #[cfg(not(reunite_model))]
            Conclusion::Deferred => {
                *self.closure_state.lock() = ClosureState::Outcome(Box::new(outcome))
            }
        }
    }

    #[cfg(not(reunite_model))]
    fn conclude(&self) {
        let ClosureState::Outcome(outcome) = self.take() else {
            unreachable!("what ran apart leaves what it did")
        };
        self.conclude_with(*outcome);
    }
}

impl<F, T, E, N: HasIdentity> ClosureTask<F, T, E, N> {
    fn identity(&self) -> &Identity {
        self.named.identity(self.entry.of())
    }

    fn label(&self) -> &Label {
        &self.identity().record.label
    }

    /// Returns true if the task has been told that it is cancelled.
    fn has_observed_cancellation(&self) -> bool {
        let known = self.named.known();
        known.is_some_and(|known| known.node.was_observed())
    }

    fn conclude_with(&self, outcome: Result<T, Failure<E>>) {
        let named: &dyn HasIdentity = &self.named;
        named.end(&self.entry.stage);
        let how = match &outcome {
            Ok(_) => Completion::Value,
            Err(Failure::Panicked { .. }) => Completion::Panic,
            Err(Failure::Cancelled(_)) => Completion::Cancelled,
            Err(_) => Completion::Error,
        };
        tell(|| Event::Complete {
            task: self.label(),
            how,
        });
        let record = |failure| {
            let record = |failures: &Failures<E>| {
                failures.record(
                    self.label().clone(),
                    failure,
                    self.has_observed_cancellation(),
                )
            };
            match &self.failures {
                Some(failures) => record(failures),
                None => record(&Failures::new()),
            }
        };
        // A task that was told of a cancellation most likely returned that as its error.
        let value = outcome
            .as_ref()
            .ok()
            .filter(|_| !self.has_observed_cancellation());
        let unjoined = value.and_then(|value| Unjoined::of(value, || self.label().clone()));
        self.packet.complete(outcome.map_err(record), unjoined);
        if let Err(payload) = self.entry.group.decide(|| self.label(), how) {
            contain(|| drop(record(Failure::panicked(payload))));
        }
        let discard = || self.packet.discard_if_abandoned();
        if let Err(payload) = catch_unwind(AssertUnwindSafe(discard)) {
            contain(|| drop(record(Failure::panicked(payload))));
        }
    }
}

impl<F: Send, T: Send, E: Send, N: HasIdentity> TaskContext for ClosureTask<F, T, E, N> {
    fn record(&self) -> &TaskRecord {
        &self.identity().record
    }

    fn node(&self) -> &CancelNode {
        &self.identity().node
    }

    fn known_node(&self) -> Option<&CancelNode> {
        self.named.known().map(|known| &*known.node)
    }
}

impl<F: Send, T: Send, E: Send, N: HasIdentity> TaskSet for ClosureTask<F, T, E, N> {
    fn need(&self) -> Need {
        self.entry.need()
    }

    fn size(&self) -> usize {
        self.entry.size()
    }

    fn needs(&self, task: TaskId) -> bool {
        self.entry.needs(task)
    }

    fn resources(&self) -> Vec<Resource> {
        self.entry.resources()
    }
}

fn carry_out<'a, T, E>(
    fate: JobFate,
    f: impl FnOnce() -> Result<T, E>,
    task: impl FnOnce() -> &'a Label,
    inherited: Option<Box<Inherited>>,
) -> Result<T, Failure<E>> {
    assert_outside();
    let run = || match fate {
        JobFate::Run => {
            let _ambient = inherited.map(|inherited| inherited.enter(task()));
            f().map_err(Failure::Failed)
        }
        JobFate::Cancelled(cancelled) => {
            drop(f);
            Err(Failure::Cancelled(cancelled))
        }
        JobFate::Refused(error) => {
            // The closure is dropped without being run. Tasks that receive from the senders in it must learn
            // that messages are missing.
            let label = current::current().record.label.clone();
            current::mark_left(&CutShort::Cancelled(Cancelled::new(Why::Failed, label)));
            drop(f);
            Err(Failure::NotStarted(error))
        }
    };
    catch_task(run).unwrap_or_else(|payload| Err(Failure::panicked(payload)))
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread::yield_now;

    use crate::current::{TaskRecord, record};
    use crate::part::Part;

    struct DropCounter<'a>(&'a AtomicUsize);

    impl Drop for DropCounter<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Checks that the result does not outlive the scope: the data that it borrows may be gone then, although
    /// the task is still referred to.
    #[test]
    fn an_untaken_result_is_gone_at_the_end_of_its_scope_even_if_its_task_is_still_referred_to() {
        let (dropped, kept) = (
            AtomicUsize::new(0),
            Mutex::new(Vec::<Part<TaskRecord>>::new()),
        );
        let count = || dropped.load(Ordering::SeqCst);
        let task = || {
            kept.lock().unwrap().push(record());
            DropCounter(&dropped)
        };
        let late = crate::scope(|s| {
            for _ in 0..10 {
                drop(s.spawn(task));
            }
            let ended = s.spawn(task);
            while !ended.is_finished() {
                yield_now();
            }
            drop(ended);
            s.spawn(|| {
                assert_eq!(s.spawn(task).detach(), ());
            });
            s.spawn(task)
        });
        assert_eq!((count(), kept.lock().unwrap().len()), (12, 13));
        drop(late);
        assert_eq!(count(), 13);
    }
}
