//! The layers of the calling thread, and the guards that remove them again.

use std::cell::{Cell, RefCell};

use super::layer_context::LayerContext;
use super::lazy_context::LazyContext;
use super::pieces::{ForkMark, PIECES};
use super::task_record::Context;
use crate::deadlock::held_count;
use crate::primitive::{Arc, Inside, thread_local};

/// The fork after which a layer was entered, and before whose end it is left: the newest open fork of the
/// thread, as long as that is private. So among the layers of a thread, the outer ones hold no fork, and the
/// inner ones hold private forks. Forks are published oldest first, which keeps it so.
pub(crate) struct After(Cell<ForkMark>);

impl After {
    pub(crate) const fn fork(newest: ForkMark) -> Self {
        Self(Cell::new(newest))
    }

    /// Sets the fork, for a layer that is entered later.
    pub(crate) fn set(&self, newest: ForkMark) {
        self.0.set(newest);
    }

    /// Returns true if no private fork is older than the layer.
    pub(crate) fn is_none(&self) -> bool {
        self.0.get() == 0
    }

    pub(super) fn is(&self, fork: ForkMark) -> bool {
        self.0.get() == fork
    }

    /// Forgets the fork if it is `published`, which is private no more. Returns true if it was.
    pub(crate) fn forget(&self, published: ForkMark) -> bool {
        let is_it = self.is(published);
        if is_it {
            self.0.set(0);
        }
        is_it
    }
}

pub(super) struct Layer {
    pub(super) context: LayerContext,
    pub(super) after: After,
    /// True if the code that runs in this layer, and not in one entered later, was told of a cancellation.
    pub(super) told: Cell<bool>,
    /// The number of pieces that the thread was running already when the layer was entered, if pieces of a
    /// pool's work run in the layer.
    pub(super) pieces: Option<usize>,
    /// The number of locks that the thread held when the layer was entered. Those taken since belong to the
    /// code in it.
    pub(super) held: usize,
}

impl Layer {
    pub(super) fn of(context: impl Into<LayerContext>, newest: ForkMark) -> Self {
        Self {
            context: context.into(),
            after: After::fork(newest),
            told: Cell::new(false),
            pieces: None,
            held: held_count(),
        }
    }
}

thread_local! {
    pub(super) static LAYERS: RefCell<Vec<Layer>> = const { RefCell::new(Vec::new()) };
}

/// Calls `ask` with the layers, of which there is at least one.
pub(super) fn with_layers<R>(ask: impl FnOnce(&[Layer]) -> R) -> R {
    // The thread may have taken locks before its first layer was needed.
    let foreign = || Layer {
        held: 0,
        ..Layer::of(Context::foreign(), 0)
    };
    let mut ask = Some(ask);
    let answer = LAYERS.try_with(|layers| {
        let _inside = Inside::mark();
        let mut layers = layers.borrow_mut();
        if layers.is_empty() {
            layers.push(foreign());
        }
        ask.take().map(|ask| ask(&layers))
    });
    match (answer, ask) {
        (Ok(Some(answer)), _) => answer,
        // The thread is ending and its locals are gone: nothing cancels it, and it is not listed anywhere.
        (_, Some(ask)) => ask(&[foreign()]),
        _ => unreachable!("the question is asked once"),
    }
}

/// A guard that removes the layer when dropped, so that the previous context is the current one again.
pub(crate) struct Entered(());

impl Entered {
    /// Removes the layer. Returns the context of a scope that was entered, and true if the code in the layer
    /// [was told](super::has_observed_cancellation) of a cancellation. Not inlined, as the removed layer would lie in
    /// the frame of the scope.
    #[inline(never)]
    pub(crate) fn leave(self) -> (Option<Arc<LazyContext>>, bool) {
        std::mem::forget(self);
        match pop() {
            Some(Layer {
                context: LayerContext::Later(scope),
                told,
                ..
            }) => (Some(scope), told.get()),
            Some(layer) => (None, layer.told.get()),
            None => (None, false),
        }
    }
}

/// Makes `context` the calling thread's until the guard is dropped.
pub(crate) fn enter(context: impl Into<LayerContext>) -> Entered {
    let newest = (PIECES.with(Cell::get).newest_fork)();
    push(Layer::of(context, newest))
}

/// [`enter`] for the body of a scope whose context is made on demand. The layer is written in place, as
/// moving it takes longer than everything else. Not inlined, for the reason given at
/// [`leave`](Entered::leave).
#[inline(never)]
pub(crate) fn enter_scope(scope: Arc<LazyContext>) -> Entered {
    let newest = (PIECES.with(Cell::get).newest_fork)();
    let held = held_count();
    // As in `push`.
    let _gone = LAYERS.try_with(|layers| {
        let _inside = Inside::mark();
        layers.borrow_mut().push(Layer {
            context: LayerContext::Later(scope),
            after: After::fork(newest),
            told: Cell::new(false),
            pieces: None,
            held,
        });
    });
    Entered(())
}

/// [`enter`] for pieces of a pool's work, which run in the layer one after the other, each in a context of
/// its own that is made on demand.
pub(crate) fn enter_for_pieces(context: impl Into<LayerContext>) -> Entered {
    let pieces = PIECES.with(Cell::get);
    let layer = Layer::of(context, (pieces.newest_fork)());
    push(Layer {
        pieces: Some((pieces.count)()),
        ..layer
    })
}

pub(super) fn push(layer: Layer) -> Entered {
    // A thread that is ending and has lost its layers goes on without them.
    let _gone = LAYERS.try_with(|layers| {
        let _inside = Inside::mark();
        layers.borrow_mut().push(layer);
    });
    Entered(())
}

impl Drop for Entered {
    fn drop(&mut self) {
        drop(pop());
    }
}

/// Removes the newest layer and returns it, to be dropped outside the borrow: its context may hold the last
/// reference to a node.
#[inline]
fn pop() -> Option<Layer> {
    let gone = LAYERS.try_with(|layers| {
        let _inside = Inside::mark();
        layers.borrow_mut().pop()
    });
    gone.ok().flatten()
}
