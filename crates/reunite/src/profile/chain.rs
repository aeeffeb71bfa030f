//! The longest chain of work to a point, and its parts.

use std::panic::Location;

use super::model::Step;
use crate::id::Label;
use crate::primitive::{Arc, Duration};

/// The longest chain to a point.
#[derive(Clone, Default)]
pub(super) struct Chain {
    pub(super) span: Duration,
    /// The span with the costs of spawns and wake-ups.
    pub(super) burdened: Duration,
    /// The steps before the last.
    before: Option<Arc<Link>>,
    /// The line and the event with which the last step began; `None` if the chain has only that step.
    came: Option<(&'static Location<'static>, CameBy)>,
    begun_at: Duration,
}

/// The event after which a chain goes on in another task.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CameBy {
    Spawn,
    Join,
    /// The end of a scope, which waits for all its tasks.
    End,
}

struct Link {
    step: Step,
    before: Option<Arc<Link>>,
}

impl Chain {
    fn last_step(&self, label: &Label) -> Step {
        let (at, came) = self.came.unwrap_or((label.spawned_at(), CameBy::Spawn));
        Step {
            task: label.clone(),
            at,
            is_join: came == CameBy::Join,
            lasts: self.span.saturating_sub(self.begun_at),
        }
    }

    /// Returns the chain for a task that begins here: the steps so far, and a new step at `at`. `label` is the task
    /// of the last step.
    pub(super) fn handed_on(&self, label: &Label, at: &'static Location<'static>) -> Self {
        Self {
            span: self.span,
            burdened: self.burdened,
            before: Some(Arc::new(Link {
                step: self.last_step(label),
                before: self.before.clone(),
            })),
            came: Some((at, CameBy::Spawn)),
            begun_at: self.span,
        }
    }

    /// Adds the time for which the task ran, slept, or was in a blocking call.
    pub(super) fn lengthen(&mut self, by: Duration) {
        self.span += by;
        self.burdened += by;
    }

    /// Makes the chain continue `other`, the chain of the task `label`, at the line `at`, if `other` is longer.
    /// Waking up costs `wake`.
    pub(super) fn follow(
        &mut self,
        other: &Self,
        label: &Label,
        (at, came): (&'static Location<'static>, CameBy),
        wake: Duration,
    ) {
        let burdened = self.burdened.max(other.burdened + wake);
        if other.span > self.span {
            *self = other.handed_on(label, at);
            self.came = Some((at, came));
        }
        self.burdened = burdened;
    }

    /// The steps of the chain, the first one first; it ends in the task `label`.
    pub(super) fn steps(&self, label: &Label) -> Vec<Step> {
        let mut steps = vec![self.last_step(label)];
        let mut at = self.before.clone();
        while let Some(link) = at {
            steps.push(link.step.clone());
            at = link.before.clone();
        }
        steps.retain(|step| !step.lasts.is_zero());
        steps.reverse();
        steps
    }
}
