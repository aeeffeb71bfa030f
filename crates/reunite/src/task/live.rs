//! The live tree: open scopes, wherever their tasks run.
//!
//! A value that has scopes to show registers itself, and unregisters itself when it is dropped. It is only
//! asked when the tree is shown, and never under the lock of the list.

use std::hash::BuildHasherDefault;

use crate::current::TaskRecord;
use crate::error::Cancelled;
use crate::id::{ByNumber, Label, TaskId, shrink_if_sparse};
use crate::part::Part;
use crate::primitive::{StaticMutex, Weak};

/// A scope at one moment.
pub(crate) struct ScopeSnapshot {
    pub(crate) scope: Label,
    /// The task that waits for the tasks of the scope.
    pub(crate) owner: Option<Part<TaskRecord>>,
    /// The cancellation of the scope, if it was cancelled.
    pub(crate) cause: Option<Cancelled>,
    /// The tasks that have not completed, in spawn order.
    pub(crate) tasks: Vec<Part<TaskRecord>>,
    /// The number of further tasks, which have not begun.
    pub(crate) more_queued: usize,
}

/// A value that has scopes to show: a scope, a map, a pool.
pub(crate) trait Visible: Send + Sync {
    fn snapshots(&self) -> Vec<ScopeSnapshot>;
}

static VISIBLE: StaticMutex<ByNumber<TaskId, Weak<dyn Visible>>> =
    StaticMutex::new(ByNumber::with_hasher(BuildHasherDefault::new()));

/// Registers `visible` under this number.
pub(crate) fn show(number: TaskId, visible: Weak<dyn Visible>) {
    VISIBLE.lock().insert(number, visible);
}

/// Unregisters the value with this number.
pub(crate) fn hide(number: TaskId) {
    let mut visible = VISIBLE.lock();
    let gone = visible.remove(&number);
    shrink_if_sparse(&mut visible);
    drop(visible);
    drop(gone);
}

/// Returns all open scopes, by their numbers. Scopes of pools take theirs a few at a time, so the order is
/// not always that in which they were opened.
pub(crate) fn pictures() -> Vec<ScopeSnapshot> {
    let visible: Vec<_> = VISIBLE.lock().values().cloned().collect();
    let there = visible.iter().filter_map(Weak::upgrade);
    let mut pictures: Vec<_> = there.flat_map(|it| it.snapshots()).collect();
    pictures.sort_by_key(|picture| picture.scope.id());
    pictures
}
