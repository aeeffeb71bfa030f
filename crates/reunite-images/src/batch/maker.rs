//! Single pictures for whoever asks: many who ask, one budget.
//!
//! Whoever asks waits for a turn, then loads, alone: so only one holds a part of its share of the memory and waits
//! for the rest, and those who hold all of theirs wait for nothing.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use reunite::ScopeBuilder;
use reunite::sync::Semaphore;

use super::codecs::Codecs;
use super::error::FileError;
use super::load::{load_open, stopped};
use crate::apply::Encoded;
use crate::probe::Probe;
use crate::transform::Transform;

/// Makes pictures one by one, for as many threads as ask, within a budget of memory.
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
    turns: Semaphore,
    loading: Semaphore,
    codecs: Codecs,
    item_timeout: Duration,
}

impl Maker {
    /// All pictures in work hold at most `memory` bytes together, their files included; at most `threads` are in work
    /// at a time, and none for longer than `item_timeout`.
    pub fn new(memory: u64, threads: usize, item_timeout: Duration) -> Self {
        Self {
            budget: Arc::new(Semaphore::new(memory)),
            turns: Semaphore::new(threads.max(1) as u64),
            loading: Semaphore::new(1),
            codecs: Codecs::new(false),
            item_timeout,
        }
    }

    /// One picture, when it is its turn. `wanted` is told what the header says.
    ///
    /// # Errors
    /// The file cannot be read or is no picture, takes too much memory or time, or the current task was cancelled.
    pub fn make(
        &self,
        file: File,
        wanted: impl FnOnce(&Probe) -> Transform,
    ) -> Result<Encoded, FileError> {
        let _turn = self.turns.acquire().map_err(stopped)?;
        let (loaded, wanted) = {
            let _alone = self.loading.acquire().map_err(stopped)?;
            load_open(file, wanted, &self.budget)?
        };
        let ended = ScopeBuilder::new()
            .name("picture")
            .timeout(self.item_timeout)
            .scope_ended(|_| self.codecs.transform(loaded, wanted));
        // If it was cut short, what was made says so.
        match ended.value.unwrap_or(Err(FileError::Unwanted)) {
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
            .field("threads", &self.turns.permits())
            .finish_non_exhaustive()
    }
}
