//! The end of a group: it waits until the tasks have left, and names those that are late.

use std::panic::Location;

use super::crew::Others;
use super::group::Group;
use crate::current::Who;
use crate::deadline;
use crate::deadlock::{Crew, Object, On, Site};
use crate::id::{Label, TaskId};
use crate::observe::{Straggler, Verb, report_stragglers};
use crate::park::Parker;
use crate::primitive::{Arc, Duration, Instant};
use crate::wait::{Heed, Wait, wait};

/// How long a cancelled group waits for stragglers at first before it names them.
const PATIENCE: Duration = Duration::from_secs(5);
const LONGEST_PATIENCE: Duration = Duration::from_secs(60);

impl Group {
    /// Returns the tasks that have not left and that `filter` accepts, in spawn order.
    pub(crate) fn stragglers_if(&self, filter: impl Fn(&Who) -> bool) -> Vec<Straggler> {
        let members = self.members();
        members
            .iter()
            .map(|task| task.who())
            .filter(|who| filter(who))
            .map(straggler)
            .collect()
    }

    /// Returns true if every task has left, or none will by itself; otherwise leaves the parker.
    fn is_over_or_wake(&self, parker: &Parker) -> bool {
        let mut state = self.state.lock();
        let is_over = state.pending == 0 || state.is_abandoned();
        if !is_over {
            state.waiters.retain(|waiter| !waiter.is_same(parker));
            state.waiters.push(parker.clone());
        }
        is_over
    }

    fn site(self: &Arc<Self>, verb: Verb, at: &'static Location<'static>) -> Site {
        Site {
            verb,
            object: Object::Label(self.node.label().clone()),
            at,
            on: On::Crew(Arc::clone(self) as Arc<dyn Crew>),
        }
    }

    /// Waits until every task has left. A cancellation or the deadline cancels the tasks, never this wait;
    /// from then on tasks that do not stop are reported, again and again.
    pub(crate) fn wait_all(self: &Arc<Self>, at: &'static Location<'static>) {
        let label = self.node.label();
        let wait_until = |deadline, heed: Heed<'_>| loop {
            let site = self.site(Verb::End, at);
            let ended = wait(site, deadline, heed, |parker| self.is_over_or_wake(parker));
            if !matches!(ended, Wait::Ready) || !self.close_abandoned() {
                return ended;
            }
        };
        if let Wait::Ready = wait_until(None, Heed::Node(&self.node)) {
            return;
        }
        chase(
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
        let others = Others {
            group: Arc::clone(self),
        };
        let site = Site {
            on: On::Crew(Arc::new(others)),
            ..self.site(Verb::Shutdown, at)
        };
        self.leave_out(|left_out| left_out.extend(except));
        let ended = wait(site, deadline, Heed::Nothing, |parker| {
            let mut state = self.state.lock();
            let is_left_out = |id| state.left_out.contains(id);
            let have_left = state.members.keys().all(is_left_out);
            if !have_left && !state.choosers.iter().any(|other| other.is_same(parker)) {
                state.choosers.push(parker.clone());
            }
            have_left
        });
        self.leave_out(|left_out| {
            for id in except {
                let at = left_out.iter().position(|other| other == id);
                at.map(|at| left_out.swap_remove(at));
            }
        });
        matches!(ended, Wait::Ready)
    }

    fn leave_out(&self, change: impl FnOnce(&mut Vec<TaskId>)) {
        let mut state = self.state.lock();
        change(&mut state.left_out);
        let choosers = std::mem::take(&mut state.choosers);
        drop(state);
        choosers.iter().for_each(Parker::unpark);
    }
}

pub(crate) fn straggler(who: &Who) -> Straggler {
    Straggler {
        task: who.label.clone(),
        age: who.age(),
        doing: who.doing(),
    }
}

/// Waits for what was cancelled, naming stragglers at growing intervals. Returns false if the wait was
/// refused, which can only happen if it heeds refusals.
pub(crate) fn chase(
    waiting: &Label,
    mut wait_until: impl FnMut(Option<Instant>) -> Wait,
    stragglers: impl Fn() -> Vec<Straggler>,
) -> bool {
    let mut patience = PATIENCE;
    loop {
        match wait_until(deadline::after(patience)) {
            Wait::Ready => return true,
            Wait::Refused(_) => return false,
            Wait::TimedOut | Wait::Cancelled(_) => {}
        }
        report_stragglers(waiting, &stragglers());
        patience = LONGEST_PATIENCE.min(patience * 2);
    }
}
