//! Background work of a window: started, told of, taken, and never waited for.

use std::fmt;
use std::sync::Arc;

use reunite::{Builder, JoinError, JoinHandle};

/// Asks the window to look again soon. Called on any thread; must not wait.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// A task outside any scope whose owner must not wait: not for its result, and not when it is dropped.
pub(crate) struct Errand<T>(Option<JoinHandle<T>>);

impl<T: Send + 'static> Errand<T> {
    /// Starts it; `wake` is called when [`take`](Self::take) has something.
    pub(crate) fn start(
        name: &str,
        wake: &Wake,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Self {
        let handle = Builder::new().name(name).spawn(work);
        let wake = Arc::clone(wake);
        handle.on_complete(move || wake());
        Self(Some(handle))
    }

    /// The result, once, when it is there.
    pub(crate) fn take(&mut self) -> Option<Result<T, JoinError>> {
        self.0.as_mut()?.try_join()
    }

    pub(crate) fn cancel(&self) {
        if let Some(handle) = &self.0 {
            handle.cancel();
        }
    }
}

impl<T> Drop for Errand<T> {
    /// A handle joins on drop. Here nobody has time for that: the task is told to stop, and let go of.
    fn drop(&mut self) {
        if let Some(handle) = self.0.take_if(|handle| !handle.is_finished()) {
            handle.cancel();
            handle.detach();
        }
    }
}

impl<T> fmt::Debug for Errand<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Errand").field(&self.0.is_some()).finish()
    }
}
