//! The context of a layer: made already, or on demand.

use std::cell::OnceCell;

use super::lazy_context::LazyContext;
use super::task_record::{Context, TaskContext};
use crate::cancel::CancelNode;
use crate::primitive::Arc;

/// The context of a layer. A task's context is put behind an `Arc` on demand: most tasks never wait, and are
/// never inspected.
pub(crate) enum LayerContext {
    Shared(Arc<Context>),
    Own(Context, OnceCell<Arc<Context>>),
    /// The context of a task whose record and node are made on demand.
    Asked(Arc<dyn TaskContext>, OnceCell<Arc<Context>>),
    Later(Arc<LazyContext>),
    OfTasks(Arc<LazyContext>),
}

impl LayerContext {
    pub(super) fn shared(&self) -> &Arc<Context> {
        match self {
            Self::Shared(context) => context,
            Self::Own(context, shared) => shared.get_or_init(|| Arc::new(context.clone())),
            Self::Asked(task, shared) => shared.get_or_init(|| Arc::new(Context::from(task))),
            Self::Later(later) => later.get(),
            Self::OfTasks(later) => later.tasks(),
        }
    }

    /// Returns true if a checkpoint must look more closely.
    #[inline]
    pub(super) fn must_look(&self) -> bool {
        match self {
            Self::Later(later) => later.must_look(),
            Self::OfTasks(later) => later.must_tasks_look(),
            Self::Asked(task, _) => task.known_node().is_some_and(CancelNode::must_look),
            Self::Shared(_) | Self::Own(..) => self.node.must_look(),
        }
    }

    /// Returns true if the context was not made yet.
    pub(super) fn is_unmade(&self) -> bool {
        match self {
            Self::Later(later) => later.known().is_none(),
            Self::OfTasks(later) => later.known_tasks().is_none(),
            Self::Asked(task, _) => task.known_node().is_none(),
            Self::Shared(_) | Self::Own(..) => false,
        }
    }
}

/// Dereferences to the context as far as it was made: see [`LazyContext::nearest`]. The context of a single task is
/// made.
impl std::ops::Deref for LayerContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        match self {
            Self::Shared(context) => context,
            Self::Own(context, _) => context,
            Self::Later(later) => later.nearest(),
            Self::OfTasks(later) => later.nearest_to_tasks(),
            Self::Asked(..) => self.shared(),
        }
    }
}

impl From<Context> for LayerContext {
    fn from(context: Context) -> Self {
        Self::Own(context, OnceCell::new())
    }
}

impl From<Arc<Context>> for LayerContext {
    fn from(context: Arc<Context>) -> Self {
        Self::Shared(context)
    }
}

impl From<Arc<dyn TaskContext>> for LayerContext {
    fn from(task: Arc<dyn TaskContext>) -> Self {
        Self::Asked(task, OnceCell::new())
    }
}

/// The context in which the tasks of this scope run.
pub(crate) struct TasksOf(pub(crate) Arc<LazyContext>);

impl From<TasksOf> for LayerContext {
    fn from(TasksOf(scope): TasksOf) -> Self {
        Self::OfTasks(scope)
    }
}
