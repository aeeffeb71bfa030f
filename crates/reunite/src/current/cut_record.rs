//! The record of what the current task was told: that what it waited for will not come.

use super::current_context::{current, known_context, shared};
use super::layers::{LAYERS, with_layers};
use crate::cancel::CancelNode;
use crate::error::CutShort;
use crate::part::Part;
use crate::primitive::{Counter, Ordering};

/// The number of times that tasks were told that what they waited for will not come, cancellations not
/// counted.
static TELLINGS: Counter = Counter::new(0);

/// Returns the number of the last telling, for code that wants to know later what was told since.
#[inline]
pub(crate) fn cut_short_epoch() -> u64 {
    TELLINGS.load(Ordering::Relaxed)
}

/// Records that the current task is told that what it waits for will not come. Also done inside a shield,
/// whose node passes nothing on.
pub(crate) fn tell_current_task(why: &CutShort) {
    let number = TELLINGS.fetch_add(1, Ordering::Relaxed) + 1;
    for node in nodes_here() {
        node.mark_cut(number, why);
    }
}

/// Returns the nodes of what the current task does on this thread, innermost first.
fn nodes_here() -> Vec<Part<CancelNode>> {
    // Only the piece is told.
    let here = shared().record.clone();
    with_layers(|layers| {
        let newest_first = (0..layers.len()).rev();
        let contexts = newest_first.map(|at| known_context(layers, at));
        let same = contexts.take_while(|context| context.record.is(&here));
        let mut nodes = Vec::new();
        for context in same {
            nodes.push(context.node.clone());
            // A pool's task is told on its own; the task that opened its scope is not.
            if context.node.is_apart() {
                break;
            }
        }
        nodes
    })
}

/// Records that the current task was left and goes on because it cannot unwind, or that it was refused a
/// thread: nothing that it sends from here on makes up for that.
pub(crate) fn mark_left(why: &CutShort) {
    current().node.mark_left(why);
}

/// Returns what the current task was told after telling number `since` that leaves its work undone.
pub(crate) fn cut_short(since: u64) -> Option<CutShort> {
    // A thread that never entered a task, and one that is ending, were told of nothing.
    let node = LAYERS.try_with(|layers| {
        let layers = layers.try_borrow().ok()?;
        let last = layers.len().checked_sub(1)?;
        if layers[last].context.is_unmade() {
            // Its context was not made, so it was told of nothing.
            return None;
        }
        known_context(&layers, last).node.cut_short(since)
    });
    node.ok().flatten()
}
