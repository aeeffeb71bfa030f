//! A closure becomes a job: catch what it does, leave the result, tell the group. The one `catch`.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::failures::Failures;
use super::group::Group;
use super::packet::Packet;
use super::unjoined::Unjoined;
use crate::cancel::Node;
use crate::contain::{assert_outside, contain};
use crate::context::Inherited;
use crate::current;
use crate::cut_short::catch_task;
use crate::error::{Cancelled, CutShort, Failure, Why};
use crate::id::Label;
use crate::observe::{Completion, Event, tell};
use crate::primitive::Arc;

/// Returns what is left to do, where it was told to leave that.
pub(crate) type Job<'a> = Box<dyn FnOnce(Go) -> Option<Conclusion<'a>> + Send + 'a>;

/// What is done when the closure is over: all steps of a job but the first.
pub(crate) type Conclusion<'a> = Box<dyn FnOnce() + Send + 'a>;

/// What becomes of a job.
pub(crate) enum Go {
    Run,
    /// On a thread of its own, after whose end another carries out the conclusion.
    #[cfg(not(reunite_model))]
    Apart,
    /// Cancelled before it started: the closure is dropped.
    Cancelled(Cancelled),
    Refused(io::Error),
}

impl Go {
    fn is_apart(&self) -> bool {
        #[cfg(not(reunite_model))]
        return matches!(self, Self::Apart);
        #[cfg(reunite_model)]
        return false;
    }
}

/// What a task is spawned with, besides its closure.
pub(crate) struct Spec {
    pub(crate) label: Label,
    pub(crate) on: OnThread,
    pub(crate) inherit: bool,
}

/// What thread a task asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OnThread {
    /// The system's, if not told.
    pub(crate) stack_size: Option<usize>,
    /// Never used before, and gone when the task completes.
    pub(crate) is_fresh: bool,
}

impl OnThread {
    /// What a task asks for whose scope asks for `other`.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            stack_size: self.stack_size.or(other.stack_size),
            is_fresh: self.is_fresh || other.is_fresh,
        }
    }
}

/// Makes a job of `f`. The steps and their order, on which promises 2 and 5 rest:
///
/// 1. run `f`, catching a panic, or how it was left;
/// 2. *record* a failure, so that the root cause is first whatever happens next;
/// 3. complete the packet: the joiner wakes with this task's own result, not with the cancellation that
///    the failure is about to cause;
/// 4. ask the policy, which may cancel the scope;
/// 5. drop the result if its handle is gone, before the group can let the scope end.
pub(crate) fn prepare<'a, T, E, F>(
    spec: &Spec,
    group: &Arc<Group>,
    node: &Arc<Node>,
    failures: &Arc<Failures<E>>,
    f: F,
) -> (Job<'a>, Arc<Packet<T, E>>)
where
    T: Send + 'a,
    E: Send + 'a,
    F: FnOnce() -> Result<T, E> + Send + 'a,
{
    let packet = Arc::new(Packet::new());
    let inherited = if spec.inherit {
        Inherited::capture()
    } else {
        Inherited::default()
    };
    let label = spec.label.clone();
    let (group, node) = (Arc::clone(group), Arc::clone(node));
    let (failures, result) = (Arc::clone(failures), Arc::clone(&packet));
    let job = move |go: Go| {
        let is_apart = go.is_apart();
        let outcome = carry_out(go, f, &label, inherited);
        let conclude = move || {
            node.mark_over();
            let how = match &outcome {
                Ok(_) => Completion::Value,
                Err(Failure::Panicked { .. }) => Completion::Panic,
                Err(Failure::Cancelled(_)) => Completion::Cancelled,
                Err(_) => Completion::Error,
            };
            tell(|| Event::Complete { task: &label, how });
            let record = |failure| failures.record(label.clone(), failure, node.was_observed());
            // One that was told of a cancellation most likely returned that.
            let value = outcome.as_ref().ok().filter(|_| !node.was_observed());
            let unjoined = value.and_then(|value| Unjoined::of(value, || label.clone()));
            result.complete(outcome.map_err(record), unjoined);
            if let Err(payload) = group.decide(&label, how) {
                record(Failure::panicked(payload));
            }
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(result))) {
                record(Failure::panicked(payload));
            }
            // Outside a scope nobody else keeps what the task failed with.
            contain(|| drop(failures));
        };
        if is_apart {
            return Some(Box::new(conclude) as Conclusion<'a>);
        }
        conclude();
        None
    };
    (Box::new(job), packet)
}

fn carry_out<T, E>(
    go: Go,
    f: impl FnOnce() -> Result<T, E>,
    task: &Label,
    inherited: Inherited,
) -> Result<T, Failure<E>> {
    assert_outside();
    let run = || match go {
        #[cfg(not(reunite_model))]
        Go::Apart => {
            let _ambient = inherited.enter(task);
            f().map_err(Failure::Failed)
        }
        Go::Run => {
            let _ambient = inherited.enter(task);
            f().map_err(Failure::Failed)
        }
        Go::Cancelled(cancelled) => {
            drop(f);
            Err(Failure::Cancelled(cancelled))
        }
        Go::Refused(error) => {
            // What it holds is dropped undone, and those who depend on that must know.
            let label = current::current().who.label.clone();
            current::mark_left(&CutShort::Cancelled(Cancelled::new(Why::Failed, label)));
            drop(f);
            Err(Failure::NotStarted(error))
        }
    };
    catch_task(run).unwrap_or_else(|payload| Err(Failure::panicked(payload)))
}
