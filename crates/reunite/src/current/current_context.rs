//! The context of the calling thread: that of its newest layer, or of the piece that runs in it. Also the contexts
//! of the layers below.

use std::cell::Cell;
use std::ops::Range;

use super::layer_context::LayerContext;
use super::layers::{Layer, with_layers};
use super::lazy_context::OuterContext;
use super::pieces::{Make, PIECES};
use super::task_record::{Context, TaskRecord};
use crate::deadlock::Holder;
use crate::id::TaskId;
use crate::part::Part;
use crate::primitive::Arc;

/// Returns the context of the calling thread.
pub(crate) fn current() -> Context {
    Context::clone(&shared())
}

/// Returns the context of the calling thread, shared, for callers that only read it.
pub(crate) fn shared() -> Arc<Context> {
    own_context(|layers| layers.len() - 1)
}

/// Returns what is around a scope that is opened here.
pub(crate) fn outer_context() -> OuterContext {
    let around = with_layers(|layers| {
        let layer = layers.last()?;
        match &layer.context {
            LayerContext::Later(later) => Some(OuterContext::from(later)),
            context if layer.pieces.is_none() => {
                Some(OuterContext::from(Arc::clone(context.shared())))
            }
            _ => None,
        }
    });
    around.unwrap_or_else(|| shared().into())
}

/// Returns the record of the task that the calling thread runs.
pub(crate) fn record() -> Part<TaskRecord> {
    let plain = with_layers(|layers| {
        let last = layers.last()?;
        match &last.context {
            LayerContext::Later(_) => None,
            context => last
                .pieces
                .is_none()
                .then(|| context.shared().record.clone()),
        }
    });
    plain.unwrap_or_else(|| shared().record.clone())
}

/// Returns the context of one of the thread's layers, or of the piece that runs in it. It is made if need be.
pub(super) fn own_context(which: impl Fn(&[Layer]) -> usize) -> Arc<Context> {
    let (context, pieces) = with_layers(|layers| {
        let at = which(layers);
        (
            Arc::clone(layers[at].context.shared()),
            pieces_of(layers, at),
        )
    });
    // Outside the borrow, as this takes locks.
    let own =
        pieces.and_then(|pieces| (PIECES.with(Cell::get).context)(pieces, &context, Make::Now));
    own.unwrap_or(context)
}

/// Returns the pieces that run in a layer, and not in one that was entered later.
fn pieces_of(layers: &[Layer], at: usize) -> Option<Range<usize>> {
    let first = layers[at].pieces?;
    let later = layers[at + 1..].iter().find_map(|layer| layer.pieces);
    Some(first..later.unwrap_or(usize::MAX))
}

/// Returns the context of the piece that runs in a layer if that context was made, otherwise that of the
/// layer.
pub(super) fn known_context(layers: &[Layer], at: usize) -> Arc<Context> {
    let context = layers[at].context.shared();
    let own = pieces_of(layers, at)
        .and_then(|pieces| (PIECES.with(Cell::get).context)(pieces, context, Make::Never));
    own.unwrap_or_else(|| Arc::clone(context))
}

/// Returns which of the tasks that the calling thread runs, one inside the wait of another, has taken which
/// of the locks that the thread holds.
pub(crate) fn holders() -> Vec<Holder> {
    let from: Vec<_> = with_layers(|layers| layers.iter().map(|layer| layer.held).collect());
    let holders = from.into_iter().enumerate().map(|(at, from)| Holder {
        from,
        taken_by: own_context(|_| at).record.label.clone(),
    });
    holders.collect()
}

/// Returns how many of the locks that the calling thread holds were taken before the current task began: by
/// tasks inside whose waits it runs.
pub(crate) fn held_by_others() -> usize {
    with_layers(|layers| {
        let is_begun_at = |at: &usize| {
            let layer = &layers[*at];
            let is_another = || {
                let around = known_context(layers, at - 1);
                !around.record.is(&layer.context.record)
            };
            layer.pieces.is_some() || *at == 0 || is_another()
        };
        let begun = (0..layers.len()).rev().find(is_begun_at);
        begun.map_or(0, |at| layers[at].held)
    })
}

/// Returns the tasks that the calling thread runs, one inside the wait of another, and all that wait for
/// their ends.
pub(crate) fn enclosing_tasks() -> Vec<TaskId> {
    let here: Vec<_> = with_layers(|layers| {
        let tasks = layers.iter().map(|layer| layer.context.record.clone());
        tasks.collect()
    });
    let lineages = here.iter().flat_map(Part::ancestors);
    lineages.map(|record| record.label.id()).collect()
}

/// Returns true if no frame of this library is around the caller that would know why its stack unwinds.
pub(crate) fn is_outside_tasks() -> bool {
    with_layers(|layers| {
        layers.last().is_none_or(|layer| {
            let context = &layer.context;
            let is_whole = matches!(context, LayerContext::Shared(_) | LayerContext::Own(..));
            is_whole && context.record.is_foreign() && context.node.label().is_foreign()
        })
    })
}
