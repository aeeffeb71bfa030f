//! What a parent has reaches its children: a hook for ambient values such as the current `tracing` span.

use std::any::Any;

use crate::contain::assert_outside;
use crate::id::Label;
use crate::primitive::{Arc, Counter, Ordering, StaticMutex};

/// Ambient values that a task inherits from the task that spawned it.
///
/// ```
/// use std::{any::Any, cell::Cell};
/// thread_local! { static REQUEST: Cell<u64> = const { Cell::new(0) } }
///
/// struct Request;
/// impl reunite::Inherit for Request {
///     fn capture(&self) -> Box<dyn FnOnce() -> Box<dyn Any> + Send> {
///         let id = REQUEST.get();
///         Box::new(move || {
///             struct Back(u64);
///             impl Drop for Back {
///                 fn drop(&mut self) { REQUEST.set(self.0) }
///             }
///             Box::new(Back(REQUEST.replace(id)))
///         })
///     }
/// }
///
/// reunite::inherit(Request);
/// REQUEST.set(7);
/// assert_eq!(reunite::spawn(|| REQUEST.get()).join().unwrap(), 7);
/// ```
pub trait Inherit: Send + Sync {
    /// Called where a task is spawned. The closure it returns is called on the task's thread before the
    /// task starts; what that returns is dropped there after the task completed.
    fn capture(&self) -> Box<dyn FnOnce() -> Box<dyn Any> + Send>;
}

static HOOKS: StaticMutex<Vec<Arc<dyn Inherit>>> = StaticMutex::new(Vec::new());
static COUNT: Counter = Counter::new(0);

/// Adds a hook for the rest of the process. Tasks spawned from now on inherit through it, unless their
/// builder says [`without_context`](crate::Builder::without_context).
pub fn inherit(hook: impl Inherit + 'static) {
    let mut hooks = HOOKS.lock();
    hooks.push(Arc::new(hook));
    COUNT.store(hooks.len() as u64, Ordering::Release);
}

/// What was captured at the spawn.
#[derive(Default)]
pub(crate) struct Inherited(Vec<Box<dyn FnOnce() -> Box<dyn Any> + Send>>);

impl Inherited {
    /// Call where `task` is spawned.
    #[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
    pub(crate) fn capture(task: &Label) -> Self {
        let mut captured = Vec::new();
        if COUNT.load(Ordering::Acquire) > 0 {
            let hooks = HOOKS.lock().clone();
            assert_outside();
            captured.extend(hooks.iter().map(|hook| hook.capture()));
        }
        #[cfg(feature = "tracing")]
        captured.push(span(task));
        Self(captured)
    }

    /// Call on the task's thread; drop the result there.
    pub(crate) fn enter(self) -> Vec<Box<dyn Any>> {
        self.0.into_iter().map(|enter| enter()).collect()
    }
}

/// The task gets a span of its own, at the level `DEBUG`, within the one that is current at its spawn.
#[cfg(feature = "tracing")]
fn span(task: &Label) -> Box<dyn FnOnce() -> Box<dyn Any> + Send> {
    let around = tracing::Span::current();
    let task = task.clone();
    Box::new(move || {
        let around = around.entered();
        let own = tracing::debug_span!(
            target: "reunite",
            "task",
            id = task.id().as_u64(),
            name = task.name(),
            at = %task.spawned_at(),
        );
        // Dropped in this order.
        Box::new((own.entered(), around))
    })
}
