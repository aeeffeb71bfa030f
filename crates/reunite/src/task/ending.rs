//! The end of a group: waiting until its tasks have left, and naming the late ones.

use std::panic::Location;

use super::group::Group;
use super::task_set::OtherTasks;
use crate::current::TaskRecord;
use crate::deadline;
use crate::deadlock::{TaskSet, WaitObject, WaitSite, WaitsOn};
use crate::id::{Label, TaskId};
use crate::observe::{Straggler, Verb, report_stragglers};
use crate::park::Parker;
use crate::primitive::{Arc, Duration, Instant};
use crate::wait::{Heed, WaitOutcome, wait};

/// The time after which a cancelled group first reports its stragglers.
const PATIENCE: Duration = Duration::from_secs(5);
const LONGEST_PATIENCE: Duration = Duration::from_secs(60);

impl Group {
    /// Returns the tasks that have not left and that `filter` accepts, in spawn order.
    pub(crate) fn stragglers_if(&self, filter: impl Fn(&TaskRecord) -> bool) -> Vec<Straggler> {
        let members = self.members();
        members
            .iter()
            .map(|task| task.record())
            .filter(|record| filter(record))
            .map(straggler)
            .collect()
    }

    /// Returns true if every task has left, or if the remaining tasks only wait for each other (see
    /// `idle`); otherwise stores the parker.
    fn is_over_or_wake(&self, parker: &Parker) -> bool {
        let mut state = self.state.lock();
        let is_over = state.pending == 0 || state.is_abandoned();
        if !is_over {
            state.waiters.retain(|waiter| !waiter.is_same(parker));
            state.waiters.push(parker.clone());
        }
        is_over
    }

    fn site(self: &Arc<Self>, verb: Verb, at: &'static Location<'static>) -> WaitSite {
        WaitSite {
            verb,
            object: WaitObject::Label(self.node.label().clone()),
            at,
            on: WaitsOn::Tasks(Arc::clone(self) as Arc<dyn TaskSet>),
        }
    }

    /// Waits until every task has left. A cancellation or the deadline cancels the tasks, never this wait;
    /// from then on tasks that do not stop are reported, again and again.
    pub(crate) fn wait_all(self: &Arc<Self>, at: &'static Location<'static>) {
        let label = self.node.label();
        let wait_until = |deadline, heed: Heed<'_>| loop {
            let site = self.site(Verb::End, at);
            let ended = wait(site, deadline, heed, |parker| self.is_over_or_wake(parker));
            if !matches!(ended, WaitOutcome::Ready) || !self.close_abandoned() {
                return ended;
            }
        };
        if let WaitOutcome::Ready = wait_until(None, Heed::Node(&self.node)) {
            return;
        }
        wait_naming_stragglers(
            label,
            |deadline| wait_until(deadline, Heed::Patiently),
            || self.stragglers_if(|_| true),
        );
    }

    /// Waits until every task except these has left, and returns true; or until `deadline` has passed, and
    /// returns false.
    pub(crate) fn wait_for_all_but(
        self: &Arc<Self>,
        except: &[TaskId],
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> bool {
        let others = OtherTasks {
            group: Arc::clone(self),
        };
        let site = WaitSite {
            on: WaitsOn::Tasks(Arc::new(others)),
            ..self.site(Verb::Shutdown, at)
        };
        self.leave_out(|left_out| left_out.extend(except));
        let ended = wait(site, deadline, Heed::Nothing, |parker| {
            let mut state = self.state.lock();
            let is_left_out = |id| state.left_out.contains(id);
            let have_left = state.members.keys().all(is_left_out);
            if !have_left
                && !state
                    .partial_waiters
                    .iter()
                    .any(|other| other.is_same(parker))
            {
                state.partial_waiters.push(parker.clone());
            }
            have_left
        });
        self.leave_out(|left_out| {
            for id in except {
                let at = left_out.iter().position(|other| other == id);
                at.map(|at| left_out.swap_remove(at));
            }
        });
        matches!(ended, WaitOutcome::Ready)
    }

    fn leave_out(&self, change: impl FnOnce(&mut Vec<TaskId>)) {
        let mut state = self.state.lock();
        change(&mut state.left_out);
        let choosers = std::mem::take(&mut state.partial_waiters);
        drop(state);
        choosers.iter().for_each(Parker::unpark);
    }
}

pub(crate) fn straggler(record: &TaskRecord) -> Straggler {
    Straggler {
        task: record.label.clone(),
        age: record.age(),
        doing: record.doing(),
    }
}

/// Waits for tasks that were cancelled, and reports stragglers at growing intervals. Returns false if the
/// wait was refused, which is possible only with [`Heed::UnlessForEver`].
pub(crate) fn wait_naming_stragglers(
    waiting: &Label,
    mut wait_until: impl FnMut(Option<Instant>) -> WaitOutcome,
    stragglers: impl Fn() -> Vec<Straggler>,
) -> bool {
    let mut patience = PATIENCE;
    loop {
        match wait_until(deadline::after(patience)) {
            WaitOutcome::Ready => return true,
            WaitOutcome::Refused(_) => return false,
            WaitOutcome::TimedOut | WaitOutcome::Cancelled(_) => {}
        }
        report_stragglers(waiting, &stragglers());
        patience = LONGEST_PATIENCE.min(patience * 2);
    }
}
