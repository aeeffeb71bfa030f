//! The live tree: open scopes, wherever their tasks run.
//!
//! A value that has scopes to show registers itself, and unregisters itself when it is gone. It is asked only
//! when the tree is looked at, and never under the lock of the list.

use std::hash::BuildHasherDefault;

use crate::current::Who;
use crate::error::Cancelled;
use crate::id::{ByNumber, Label, TaskId, give_room_back};
use crate::part::Part;
use crate::primitive::{StaticMutex, Weak};

/// A scope at one moment.
pub(crate) struct Picture {
    pub(crate) scope: Label,
    /// The task that waits for those of the scope.
    pub(crate) owner: Option<Part<Who>>,
    /// Why it was cancelled, if it was.
    pub(crate) cause: Option<Cancelled>,
    /// The tasks that have not completed, in spawn order.
    pub(crate) tasks: Vec<Part<Who>>,
    /// How many more there are that have not begun.
    pub(crate) more_queued: usize,
}

/// A value that has scopes to show: a scope, a map, a pool.
pub(crate) trait Visible: Send + Sync {
    fn pictures(&self) -> Vec<Picture>;
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
    give_room_back(&mut visible);
    drop(visible);
    drop(gone);
}

/// Returns all open scopes, by their numbers. Scopes of pools take theirs a few at a time, so the order is
/// not always that in which they were opened.
pub(crate) fn pictures() -> Vec<Picture> {
    let visible: Vec<_> = VISIBLE.lock().values().cloned().collect();
    let there = visible.iter().filter_map(Weak::upgrade);
    let mut pictures: Vec<_> = there.flat_map(|it| it.pictures()).collect();
    pictures.sort_by_key(|picture| picture.scope.id());
    pictures
}
