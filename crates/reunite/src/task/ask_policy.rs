//! Asking a group's policy about its tasks.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::group::Group;
use super::policy::{OnTimeout, Policy, Verdict};
use crate::contain::assert_outside;
use crate::error::{Cancelled, Why};
use crate::id::Label;
use crate::observe::Completion;

impl Group {
    /// Asks the policy about a completion, and cancels the group if it says so.
    ///
    /// # Errors
    /// The policy panicked; the group is cancelled.
    pub(crate) fn decide<'a>(
        &self,
        task: impl FnOnce() -> &'a Label,
        how: Completion,
    ) -> Result<(), Box<dyn Any + Send>> {
        let why = if how == Completion::Value {
            Why::Decided
        } else {
            Why::Failed
        };
        self.judge(task, why, |policy, task| policy.on_complete(task, how))
    }

    /// Asks the policy about a new task, and cancels the group if it says so.
    ///
    /// # Errors
    /// The policy panicked; the group is cancelled.
    pub(super) fn ask_policy<'a>(
        &self,
        task: impl FnOnce() -> &'a Label,
    ) -> Result<(), Box<dyn Any + Send>> {
        self.judge(task, Why::Decided, |policy, task| policy.on_spawn(task))
    }

    fn judge<'a>(
        &self,
        task: impl FnOnce() -> &'a Label,
        why: Why,
        ask: impl FnOnce(&dyn Policy, &Label) -> Verdict,
    ) -> Result<(), Box<dyn Any + Send>> {
        assert_outside();
        let Some(policy) = &self.rules.policy else {
            return Ok(());
        };
        let task = task();
        let verdict = catch_unwind(AssertUnwindSafe(|| ask(&**policy, task)));
        if !matches!(verdict, Ok(Verdict::Continue)) {
            self.node.cancel(Cancelled::new(why, task.clone()));
        }
        verdict.map(drop)
    }

    pub(crate) fn keeps_partial_results(&self) -> bool {
        let policy = self.rules.policy.as_ref();
        policy.is_some_and(|policy| policy.on_timeout() == OnTimeout::KeepPartial)
    }

    pub(crate) fn is_satisfied(&self) -> bool {
        let policy = self.rules.policy.as_ref();
        policy.is_some_and(|policy| policy.is_satisfied())
    }
}
