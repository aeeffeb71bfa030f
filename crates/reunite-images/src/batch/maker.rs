//! Single pictures for many tasks, within one budget.
//!
//! A task waits for a slot, and then loads while no other task loads. So at most one task holds a part of its share of
//! the memory and waits for the rest; all others hold their whole share and wait for no more.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use reunite::ScopeBuilder;
use reunite::sync::Semaphore;

use super::codecs::{Codecs, Priority};
use super::error::FileError;
use super::load::{load_open, wait_failed};
use crate::apply::Encoded;
use crate::probe::Probe;
use crate::transform::Transform;

/// Makes single pictures for any number of threads, within a budget of memory.
///
/// ```no_run
/// use std::{fs::File, time::Duration};
/// use reunite_images::{Transform, batch::Maker};
///
/// let maker = Maker::new(500 << 20, 4, Duration::from_secs(30));
/// let small = maker.make(File::open("photo.jpg")?, |_| Transform::default())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Maker {
    budget: Arc<Semaphore>,
    slots: Semaphore,
    loading: Semaphore,
    codecs: Codecs,
    item_timeout: Duration,
}

impl Maker {
    /// Creates a maker. All pictures being made hold at most `memory` bytes together, their files included. At most
    /// `threads` pictures are made at a time, none for longer than `item_timeout`.
    pub fn new(memory: u64, threads: usize, item_timeout: Duration) -> Self {
        Self {
            budget: Arc::new(Semaphore::new(memory)),
            slots: Semaphore::new(threads.max(1) as u64),
            loading: Semaphore::new(1),
            codecs: Codecs::new(Priority::Normal),
            item_timeout,
        }
    }

    /// Makes a picture when a slot is free. `choose` is called with the header and returns the settings of the transform.
    ///
    /// # Errors
    /// The file cannot be read or is not a picture, takes too much memory or time, or the current task was cancelled.
    pub fn make(
        &self,
        file: File,
        choose: impl FnOnce(&Probe) -> Transform,
    ) -> Result<Encoded, FileError> {
        let _slot = self.slots.acquire().map_err(wait_failed)?;
        let (loaded, settings) = {
            let _loading = self.loading.acquire().map_err(wait_failed)?;
            load_open(file, choose, &self.budget)?
        };
        let ended = ScopeBuilder::new()
            .name("picture")
            .timeout(self.item_timeout)
            .scope_ended(|_| self.codecs.transform(loaded, settings));
        // If the scope was cancelled, the value says so.
        match ended.value.unwrap_or(Err(FileError::Skipped)) {
            Ok(finished) => Ok(finished.encoded),
            Err(FileError::Image(error)) if error.is_late() => Err(FileError::TimedOut),
            Err(error) => Err(error),
        }
    }
}

impl std::fmt::Debug for Maker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Maker")
            .field("memory", &self.budget.permits())
            .field("threads", &self.slots.permits())
            .finish_non_exhaustive()
    }
}
