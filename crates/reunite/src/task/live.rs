//! All that can be seen: open scopes, wherever their tasks run.
//!
//! Whoever has scopes to show registers itself, and takes itself off when it is gone; it is asked only when somebody
//! looks. Nobody is asked under the lock of the list.

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
    /// Those that have not completed, in spawn order.
    pub(crate) tasks: Vec<Part<Who>>,
    /// How many more there are that nobody has begun.
    pub(crate) more_queued: usize,
}

/// Somebody who has scopes to show: a scope, a map, a pool.
pub(crate) trait Visible: Send + Sync {
    fn pictures(&self) -> Vec<Picture>;
}

static VISIBLE: StaticMutex<ByNumber<TaskId, Weak<dyn Visible>>> =
    StaticMutex::new(ByNumber::with_hasher(BuildHasherDefault::new()));

/// From now on `visible` is asked, by this number.
pub(crate) fn show(number: TaskId, visible: Weak<dyn Visible>) {
    VISIBLE.lock().insert(number, visible);
}

/// That one is not asked any more.
pub(crate) fn hide(number: TaskId) {
    let mut visible = VISIBLE.lock();
    let gone = visible.remove(&number);
    give_room_back(&mut visible);
    drop(visible);
    drop(gone);
}

/// All scopes that there are, by their numbers. Scopes of pools take theirs a few at a time, so these do not always tell which
/// was opened first.
pub(crate) fn pictures() -> Vec<Picture> {
    let visible: Vec<_> = VISIBLE.lock().values().cloned().collect();
    let there = visible.iter().filter_map(Weak::upgrade);
    let mut pictures: Vec<_> = there.flat_map(|it| it.pictures()).collect();
    pictures.sort_by_key(|picture| picture.scope.id());
    pictures
}
