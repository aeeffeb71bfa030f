//! The settings of a gallery.

use std::sync::Arc;

pub(super) type ErrorHook = Arc<dyn Fn(&str) + Send + Sync>;

/// The options of galleries, which show folders as pictures.
#[derive(Clone)]
pub struct Gallery {
    pub(super) memory: u64,
    pub(super) threads: usize,
    pub(super) on_error: ErrorHook,
}

impl Gallery {
    /// Returns the options of galleries whose thumbnails are made within `memory` bytes in total, on at most `threads`
    /// threads.
    pub fn new(memory: u64, threads: usize) -> Self {
        Self {
            memory,
            threads,
            on_error: Arc::new(|_| {}),
        }
    }

    /// Calls `on_error` with a message when no thumbnail of a picture can be made, once for each version of its file.
    #[must_use]
    pub fn on_trouble(mut self, on_error: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_error = Arc::new(on_error);
        self
    }
}

impl std::fmt::Debug for Gallery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gallery")
            .field("memory", &self.memory)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}
