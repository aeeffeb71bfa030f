//! Showing a wait to others: in the live tree, and to observers.

use crate::current::{self, Context, Waiting};
use crate::deadlock::{WaitSite, held_count};
use crate::observe::{Event, is_on, tell};
use crate::primitive::{Arc, Instant};

/// Shows the task as waiting in the live tree, until dropped.
pub(super) struct WaitingGuard<'a> {
    context: &'a Context,
    before: Option<Waiting>,
}

impl<'a> WaitingGuard<'a> {
    pub(super) fn waiting(context: &'a Context, site: WaitSite, since: Instant) -> Self {
        let before = context.record.set_waiting(Some(Waiting { site, since }));
        Self { context, before }
    }
}

impl Drop for WaitingGuard<'_> {
    fn drop(&mut self) {
        self.context.record.set_waiting(self.before.take());
    }
}

/// Says whether the condition of a wait that begins to block counts as checked. `Yes` means: it was checked, and no
/// other code that may wait has run since then and lowered the mark of the parker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ConditionChecked {
    Yes,
    No,
}

/// A guard: observers were told that this thread blocks, and are told that it goes on when this is dropped.
pub(super) struct BlockEventGuard(Option<Arc<Context>>);

impl BlockEventGuard {
    pub(super) fn blocked(site: &WaitSite) -> Self {
        Self(is_on().then(|| {
            let context = current::shared();
            tell(|| Event::Block {
                task: &context.record.label,
                verb: site.verb,
                object: site.object.label(),
                at: site.at,
                holds: held_count().saturating_sub(current::held_by_others()),
            });
            context
        }))
    }

    /// Returns `Yes` if the condition of the wait still counts as checked. It does not if observers were called,
    /// because an observer may have waited.
    pub(super) fn condition_checked(&self) -> ConditionChecked {
        match self.0 {
            None => ConditionChecked::Yes,
            Some(_) => ConditionChecked::No,
        }
    }
}

impl Drop for BlockEventGuard {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            tell(|| Event::Resume {
                task: &context.record.label,
            });
        }
    }
}
