//! Threads for codecs. A codec cannot be stopped, so a task that waits for one may abandon it.
//!
//! A codec's thread borrows nothing, so it can go on after it is abandoned. As long as none is abandoned, there are no
//! more threads than pictures transformed at a time, and each reuses the memory it has allocated.

use std::sync::{Mutex, PoisonError};

use reunite::channel::{Receiver, Sender, bounded};
use reunite::{Builder, JoinError, JoinHandle, checkpoint};

use super::error::FileError;
use super::load::{Finished, Loaded};
use crate::transform::Transform;

/// The default stack size of a thread.
const STACK: usize = 2 << 20;

/// The scheduling priority of codec threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Priority {
    /// The priority of other threads.
    Normal,
    /// A priority below that of other threads.
    Low,
}

/// The idle codec threads.
pub(super) struct Codecs {
    idle: Mutex<Vec<Codec>>,
    priority: Priority,
}

/// A thread that transforms the pictures sent to it, one after another, until its sender is dropped.
struct Codec {
    pictures: Sender<(Loaded, Transform)>,
    results: Receiver<Result<Finished, FileError>>,
    task: JoinHandle<()>,
}

impl Codec {
    fn start(priority: Priority) -> Result<Self, JoinError> {
        let (pictures, requests) = bounded::<(Loaded, Transform)>(1);
        let (result, results) = bounded(1);
        let mut builder = Builder::new().name("codec");
        if priority == Priority::Low {
            // A thread with an explicit stack size is not recycled, so no other task inherits its priority.
            builder = builder.stack_size(STACK);
        }
        let task = builder.spawn_checked(move || {
            if priority == Priority::Low {
                lower_priority();
            }
            for (picture, settings) in requests.iter() {
                if result.send(picture.transform(&settings)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self {
            pictures,
            results,
            task,
        })
    }
}

impl Codecs {
    pub(super) fn new(priority: Priority) -> Self {
        Self {
            idle: Mutex::default(),
            priority,
        }
    }

    /// Transforms the picture on a codec thread. Abandons the thread when the current task is cancelled or its deadline
    /// passes.
    pub(super) fn transform(
        &self,
        picture: Loaded,
        settings: Transform,
    ) -> Result<Finished, FileError> {
        let idle = self.idle().pop();
        let codec = match idle.map_or_else(|| Codec::start(self.priority), Ok) {
            Ok(codec) => codec,
            // The system refused a thread: the current one transforms the picture, and cannot abandon it.
            Err(_refused) => return picture.transform(&settings),
        };
        if let Err(unsent) = codec.pictures.try_send((picture, settings)) {
            let (picture, settings) = unsent.into_message();
            return picture.transform(&settings);
        }
        if let Ok(result) = codec.results.recv() {
            self.idle().push(codec);
            return result;
        }
        if let Err(cancelled) = checkpoint() {
            // The codec stops at its next checkpoint, and releases its share of the memory then.
            codec.task.cancel();
            codec.task.detach();
            return Err(FileError::Image(cancelled.into()));
        }
        // The thread ended without a result.
        drop(codec.pictures);
        Err(match codec.task.join() {
            Err(error) => FileError::Task(error),
            Ok(()) => FileError::Read(std::io::Error::other("the codec ended without a result")),
        })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Codec>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lowers the priority of the current thread for the rest of its life.
#[cfg(target_os = "linux")]
fn lower_priority() {
    use rustix::process::{getpriority_process, setpriority_process};
    const STEPS: i32 = 5;
    // If refused, the thread runs at normal priority.
    let _refused = getpriority_process(None).and_then(|now| setpriority_process(None, now + STEPS));
}

/// Does nothing: other systems set the priority of the whole process only.
#[cfg(not(target_os = "linux"))]
fn lower_priority() {}
