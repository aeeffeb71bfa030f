//! Inheritance: hooks that pass ambient values, such as the current `tracing` span, from parents to children.

use std::any::Any;

use crate::contain::assert_outside;
use crate::id::Label;
use crate::primitive::{Arc, Counter, Ordering, StaticMutex};

/// A hook that passes ambient values from a task to the tasks that it spawns; added by [`inherit`].
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
    /// Called where a task is spawned. The closure it returns is called on the task's thread before the task starts;
    /// the value that the closure returns is dropped there after the task completed. If there are several hooks, the
    /// last value is dropped first.
    ///
    /// Tasks in a pool inherit like tasks on threads: tasks of [`Pool::scope`](crate::Pool::scope), items of maps, and
    /// halves of a [`join`](crate::join()) that another thread runs. Once a hook was added, it is called at each fork.
    /// What the hook itself forks runs on the thread that called the hook.
    fn capture(&self) -> Box<dyn FnOnce() -> Box<dyn Any> + Send>;
}

static HOOKS: StaticMutex<Vec<Arc<dyn Inherit>>> = StaticMutex::new(Vec::new());
static COUNT: Counter = Counter::new(0);
/// The functions to call when a hook was added.
static LISTENERS: StaticMutex<Vec<fn()>> = StaticMutex::new(Vec::new());

/// Adds a hook for the rest of the process. Tasks spawned from now on inherit through it, unless their
/// builder says [`without_context`](crate::Builder::without_context). See [`Inherit`] for an example.
pub fn inherit(hook: impl Inherit + 'static) {
    let hook = Arc::new(hook);
    {
        let mut hooks = HOOKS.lock();
        hooks.push(hook);
        COUNT.store(hooks.len() as u64, Ordering::SeqCst);
    }
    let listeners = LISTENERS.lock().clone();
    listeners.iter().for_each(|listener| listener());
}

/// Calls `listener` whenever a hook is added, from now on.
pub(crate) fn on_inherit(listener: fn()) {
    LISTENERS.lock().push(listener);
}

/// Returns true if spawns have something to capture: a hook, or a `tracing` span.
#[inline]
pub(crate) fn is_inherited() -> bool {
    cfg!(feature = "tracing") || COUNT.load(Ordering::SeqCst) > 0
}

/// The values captured at a spawn.
#[derive(Default)]
pub(crate) struct Inherited {
    hooks: Vec<Box<dyn FnOnce() -> Box<dyn Any> + Send>>,
    /// The span that was current at the spawn.
    #[cfg(feature = "tracing")]
    around: Option<tracing::Span>,
}

impl Inherited {
    /// Captures the values, where a task is spawned.
    #[inline]
    pub(crate) fn capture() -> Self {
        if is_inherited() {
            Self::capture_all()
        } else {
            Self::default()
        }
    }

    #[cold]
    fn capture_all() -> Self {
        let hooks = match COUNT.load(Ordering::Acquire) {
            0 => Vec::new(),
            _ => HOOKS.lock().clone(),
        };
        assert_outside();
        Self {
            hooks: hooks.iter().map(|hook| hook.capture()).collect(),
            #[cfg(feature = "tracing")]
            around: Some(tracing::Span::current()),
        }
    }

    /// Sets the captured values on the thread of `task`. Dropping the result, on the same thread, restores the previous
    /// ones.
    #[inline]
    pub(crate) fn enter(self, task: &Label) -> Vec<Box<dyn Any>> {
        #[cfg(not(feature = "tracing"))]
        if self.hooks.is_empty() {
            return Vec::new();
        }
        self.enter_all(task)
    }

    #[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
    #[inline(never)]
    fn enter_all(self, task: &Label) -> Vec<Box<dyn Any>> {
        let entered = self.hooks.into_iter().map(|enter| enter());
        #[cfg(feature = "tracing")]
        let entered = entered.chain(self.around.map(|around| enter_span(task, around)));
        // The last value is dropped first, so that each hook finds the state that it has set.
        let mut entered: Vec<_> = entered.collect();
        entered.reverse();
        entered
    }
}

/// Enters a span for the task, at the level `DEBUG`, inside the one that was current at its spawn.
#[cfg(feature = "tracing")]
fn enter_span(task: &Label, around: tracing::Span) -> Box<dyn Any> {
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
}
