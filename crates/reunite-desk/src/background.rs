//! Background tasks of a window, which never waits for them.

use std::fmt;
use std::sync::Arc;

use reunite::{Builder, JoinError, JoinHandle};

/// Asks the window to call `tick` again soon. Called on any thread; must not wait.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// A task outside any scope. Its owner never waits for it, neither for the result nor on drop.
pub(crate) struct BackgroundTask<T>(Option<JoinHandle<T>>);

impl<T: Send + 'static> BackgroundTask<T> {
    /// Starts the task; `wake` is called when [`take`](Self::take) has its result.
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

    /// Takes the result, once, when the task has completed.
    pub(crate) fn take(&mut self) -> Option<Result<T, JoinError>> {
        self.0.as_mut()?.try_join()
    }

    /// Asks the task to stop.
    pub(crate) fn cancel(&self) {
        if let Some(handle) = &self.0 {
            handle.cancel();
        }
    }
}

impl<T> Drop for BackgroundTask<T> {
    /// Cancels and detaches the task. A handle would join it on drop, and the window must not wait.
    fn drop(&mut self) {
        if let Some(handle) = self.0.take_if(|handle| !handle.is_finished()) {
            handle.cancel();
            handle.detach();
        }
    }
}

impl<T> fmt::Debug for BackgroundTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BackgroundTask")
            .field(&self.0.is_some())
            .finish()
    }
}
