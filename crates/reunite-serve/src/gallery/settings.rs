//! The settings of a gallery.

use std::sync::Arc;

pub(super) type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Folders are shown as pictures.
#[derive(Clone)]
pub struct Gallery {
    pub(super) memory: u64,
    pub(super) threads: usize,
    pub(super) tell: Tell,
}

impl Gallery {
    /// With thumbnails that together hold at most `memory` bytes while they are made, on at most `threads` threads.
    pub fn new(memory: u64, threads: usize) -> Self {
        Self {
            memory,
            threads,
            tell: Arc::new(|_| {}),
        }
    }

    /// Calls `tell` with a line for people when a picture has no thumbnail, once for each version of its file.
    #[must_use]
    pub fn on_trouble(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.tell = Arc::new(tell);
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
