//! The context of a scope, made on demand: most scopes of a pool have ended before it is needed.
//!
//! # Protocol
//! The facts that cannot be found out later are stored from the beginning: the number, the line, and the
//! context around the scope. That is a context that was made, or, if it was not made either, another
//! [`LazyContext`]. Such scopes, each opened inside the one before, form a *run*. The outermost of a run is
//! its *root*, which has a context around it.
//!
//! 1. Making a context makes those around it first, the outermost before the others. If two threads make the
//!    same one at the same time, the later one uses the earlier one's.
//! 2. As long as the context of a scope was not made, the scope itself cannot be cancelled or get a notice,
//!    but the task or scope around it may be cancelled. So a checkpoint in such a scope looks at the node
//!    around the root, and asks whether any context of the run was made. If so, it makes the scope's own
//!    context and looks at its node, which cancellations from above reach.
//! 3. The root records that a context of its run was made before that context can be found. A thread that
//!    cancels the context has found it. So a checkpoint that comes after the cancellation finds the record
//!    at the root.

use std::panic::Location;

use super::task_record::Context;
use crate::cancel::CancelNode;
use crate::id::{Label, LabelKind, TaskId};
use crate::primitive::{Arc, AtomicBool, OnceLock, Ordering};

pub(crate) struct LazyContext {
    number: TaskId,
    at: &'static Location<'static>,
    /// `None` once the scope has ended and this is not used any more.
    around: Option<OuterContext>,
    made: OnceLock<Arc<Context>>,
    /// The context in which a pool's tasks of the scope run, which has a node below the scope's.
    tasks: OnceLock<Arc<Context>>,
    /// In a root: true if any context of its run was made.
    is_any_made: AtomicBool,
}

/// The context around a scope.
pub(crate) struct OuterContext(OuterContextState);

enum OuterContextState {
    Made(Arc<Context>),
    Later {
        outer: Arc<LazyContext>,
        root: Arc<LazyContext>,
    },
}

impl From<Arc<Context>> for OuterContext {
    fn from(context: Arc<Context>) -> Self {
        Self(OuterContextState::Made(context))
    }
}

impl From<&Arc<LazyContext>> for OuterContext {
    #[inline]
    fn from(outer: &Arc<LazyContext>) -> Self {
        Self(match (outer.known(), outer.kept()) {
            (Some(made), _) => OuterContextState::Made(Arc::clone(made)),
            (None, OuterContextState::Made(_)) => OuterContextState::Later {
                outer: Arc::clone(outer),
                root: Arc::clone(outer),
            },
            (None, OuterContextState::Later { root, .. }) => OuterContextState::Later {
                outer: Arc::clone(outer),
                root: Arc::clone(root),
            },
        })
    }
}

impl LazyContext {
    /// Creates the context of a scope that is opened at the line `at`, inside `around`.
    #[inline]
    pub(crate) fn new(
        number: TaskId,
        at: &'static Location<'static>,
        around: OuterContext,
    ) -> Self {
        Self {
            number,
            at,
            around: Some(around),
            made: OnceLock::new(),
            tasks: OnceLock::new(),
            is_any_made: AtomicBool::new(false),
        }
    }

    /// Makes this equal to a [new](Self::new) one.
    #[inline]
    pub(crate) fn renew(
        &mut self,
        number: TaskId,
        at: &'static Location<'static>,
        around: OuterContext,
    ) {
        self.number = number;
        self.at = at;
        self.around = Some(around);
    }

    /// Clears this for a scope that has ended, before it is [renewed](Self::renew).
    #[inline]
    pub(crate) fn forget(&mut self) {
        self.around = None;
        self.tasks.take();
        if self.made.take().is_some() || self.is_any_made.load(Ordering::Relaxed) {
            self.is_any_made = AtomicBool::new(false);
        }
    }

    #[inline]
    fn kept(&self) -> &OuterContextState {
        match &self.around {
            Some(OuterContext(kept)) => kept,
            None => unreachable!("nobody has it"),
        }
    }

    /// Returns the context, if it was made.
    #[inline]
    pub(crate) fn known(&self) -> Option<&Arc<Context>> {
        self.made.get()
    }

    /// Returns the context. Makes it if it was not made yet.
    #[inline]
    pub(crate) fn get(&self) -> &Arc<Context> {
        self.known().unwrap_or_else(|| self.make())
    }

    /// Returns the context around the scope. Makes it if it was not made yet.
    pub(crate) fn around(&self) -> &Arc<Context> {
        match self.kept() {
            OuterContextState::Made(context) => context,
            OuterContextState::Later { outer, .. } => outer.get(),
        }
    }

    fn root(&self) -> &Self {
        match self.kept() {
            OuterContextState::Made(_) => self,
            OuterContextState::Later { root, .. } => root,
        }
    }

    /// Returns the scope's own context if it was made, otherwise that around the root: a context of the same
    /// task, perhaps with another node.
    #[inline]
    pub(super) fn nearest(&self) -> &Context {
        self.known().unwrap_or_else(|| match self.root().kept() {
            OuterContextState::Made(context) => context,
            OuterContextState::Later { .. } => unreachable!("a root has a context around it"),
        })
    }

    /// Returns true if a checkpoint must make the context and look at it (rule 2).
    #[inline]
    pub(super) fn must_look(&self) -> bool {
        self.nearest().node.must_look()
            || (self.known().is_none() && self.root().is_any_made.load(Ordering::Acquire))
    }

    /// Does what [`known`](Self::known) does, for the context in which the scope's tasks run.
    #[inline]
    pub(crate) fn known_tasks(&self) -> Option<&Arc<Context>> {
        self.tasks.get()
    }

    /// Does what [`get`](Self::get) does, for the context in which the scope's tasks run.
    #[inline]
    pub(crate) fn tasks(&self) -> &Arc<Context> {
        self.known_tasks().unwrap_or_else(|| self.make_tasks())
    }

    /// Does what [`nearest`](Self::nearest) does, for the context in which the scope's tasks run.
    #[inline]
    pub(super) fn nearest_to_tasks(&self) -> &Context {
        match self.known_tasks() {
            Some(tasks) => tasks,
            None => self.nearest(),
        }
    }

    /// Does what [`must_look`](Self::must_look) does, for one of the scope's tasks.
    #[inline]
    pub(crate) fn must_tasks_look(&self) -> bool {
        let looks = |tasks: &Arc<Context>| tasks.node.must_look();
        self.known_tasks().map_or_else(|| self.must_look(), looks)
    }

    #[cold]
    fn make_tasks(&self) -> &Arc<Context> {
        let scope = self.get();
        let made = Arc::new(Context {
            record: scope.record.clone(),
            node: CancelNode::of_tasks(&scope.node),
        });
        // As in `make_in`. The scope's own context was made, so its tasks look at that.
        let _too_late = self.tasks.set(made);
        let Some(made) = self.tasks.get() else {
            unreachable!("it was set, here or by another")
        };
        made
    }

    /// Makes the context. Not recursive, as scopes may be thousands deep.
    #[cold]
    fn make(&self) -> &Arc<Context> {
        let mut unmade = vec![self];
        let mut outer = self;
        let outermost = loop {
            match outer.kept() {
                OuterContextState::Made(context) => break context,
                OuterContextState::Later { outer: next, .. } => match next.known() {
                    Some(context) => break context,
                    None => {
                        unmade.push(next);
                        outer = next;
                    }
                },
            }
        };
        let mut around = outermost;
        for later in unmade.into_iter().rev() {
            around = later.make_in(around);
        }
        around
    }

    fn make_in(&self, around: &Context) -> &Arc<Context> {
        let label = Label::with_id(self.number, LabelKind::Scope, None, self.at);
        let made = Arc::new(Context {
            record: around.record.clone(),
            node: CancelNode::child(&around.node, label, None),
        });
        // Rule 3.
        self.root().is_any_made.store(true, Ordering::Release);
        // `get_or_init` would hold its own lock while making the context takes others.
        let _too_late = self.made.set(made);
        let Some(made) = self.made.get() else {
            unreachable!("it was set, here or by another")
        };
        made
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::current;
    use crate::error::{Cancelled, Why};

    fn later(around: impl Into<OuterContext>) -> Arc<LazyContext> {
        Arc::new(LazyContext::new(
            TaskId::next(),
            Location::caller(),
            around.into(),
        ))
    }

    /// A run of scopes, one inside the other, the outermost first.
    fn run(count: usize) -> Vec<Arc<LazyContext>> {
        let mut run = vec![later(current::shared())];
        for _ in 1..count {
            let inner = later(&run[run.len() - 1]);
            run.push(inner);
        }
        run
    }

    #[test]
    fn making_a_context_makes_those_around_it_first_however_many_they_are() {
        let mut run = run(10_000);
        assert!(run.iter().all(|it| it.known().is_none()));
        let innermost = run.len() - 2;
        assert!(Arc::ptr_eq(run[innermost].get(), run[innermost].get()));
        assert!(run[..=innermost].iter().all(|it| it.known().is_some()));
        assert!(run[innermost + 1].known().is_none());
        let ids = || run.iter().map(|it| it.get().node.label().id());
        assert!(ids().is_sorted());
        // The contexts are dropped one by one from the inside, because each has a reference to the one
        // around it.
        while run.pop().is_some() {}
    }

    #[test]
    fn a_cancellation_of_a_scope_whose_context_was_made_later_is_found_inside() {
        let run = run(5);
        let must_look = |it: &Arc<LazyContext>| it.must_look() && it.must_tasks_look();
        assert!(!run.iter().any(must_look));
        let why = Cancelled::new(Why::Failed, current::shared().record.label.clone());
        run[2].get().node.cancel(why);
        assert!(run[2..].iter().all(must_look));
        assert!(!run[..2].iter().any(must_look));
        let cancelled = |it: &Arc<LazyContext>| it.tasks().node.is_cancelled();
        assert!(run[2..].iter().all(cancelled));
        assert!(!run[..2].iter().any(cancelled));
        assert!(!later(&run[1]).must_look());
    }

    #[test]
    fn threads_that_ask_at_the_same_time_get_the_same_context() {
        let run = run(3);
        let ids: Vec<_> = std::thread::scope(|s| {
            let ask = || run[2].tasks().node.label().id();
            let asked: Vec<_> = (0..4).map(|_| s.spawn(ask)).collect();
            asked.into_iter().map(|id| id.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]));
    }
}
