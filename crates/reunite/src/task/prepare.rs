//! A closure becomes a job: catch what it does, leave the result, tell the group. The one `catch`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::failures::Failures;
use super::group::Group;
use super::job::{Conclusion, Go, Job, Spec};
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

/// Makes a job of `f`. The steps and their order, on which promises 2 and 5 rest:
///
/// 1. run `f`, catching a panic, or how it was left;
/// 2. *record* a failure, so that the root cause is first whatever happens next;
/// 3. complete the packet: the joiner wakes with this task's own result, not with the cancellation that
///    the failure is about to cause;
/// 4. ask the policy, which may cancel the scope;
/// 5. drop the result if its handle is gone, before the group can let the scope end.
///
/// Outside a scope there are no `failures`: nobody but the joiner takes one.
pub(crate) fn prepare<'a, T, E, F>(
    spec: &Spec,
    group: &Arc<Group>,
    node: &Arc<Node>,
    failures: Option<&Arc<Failures<E>>>,
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
    let (failures, result) = (failures.map(Arc::clone), Arc::clone(&packet));
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
            let record = |failure| {
                let record = |failures: &Failures<E>| {
                    failures.record(label.clone(), failure, node.was_observed())
                };
                match &failures {
                    Some(failures) => record(failures),
                    None => record(&Failures::new()),
                }
            };
            // One that was told of a cancellation most likely returned that.
            let value = outcome.as_ref().ok().filter(|_| !node.was_observed());
            let unjoined = value.and_then(|value| Unjoined::of(value, || label.clone()));
            result.complete(outcome.map_err(record), unjoined);
            if let Err(payload) = group.decide(&label, how) {
                contain(|| drop(record(Failure::panicked(payload))));
            }
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(result))) {
                contain(|| drop(record(Failure::panicked(payload))));
            }
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
