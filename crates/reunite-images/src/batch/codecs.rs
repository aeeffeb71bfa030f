//! Threads for codecs, which cannot be stopped: whoever waits for one may let go of it.
//!
//! A codec borrows nothing, so that it can be left alone with its picture. While nobody leaves there are no
//! more of these threads than pictures are transformed at a time, and what they have allocated stays theirs.

use std::sync::{Mutex, PoisonError};

use reunite::channel::{Receiver, Sender, bounded};
use reunite::{Builder, JoinError, JoinHandle, checkpoint};

use super::error::FileError;
use super::load::{Finished, Loaded};
use crate::transform::Transform;

/// As much as a thread has if nobody says otherwise.
const STACK: usize = 2 << 20;

/// Those that have nothing to do.
pub(super) struct Codecs {
    idle: Mutex<Vec<Codec>>,
    polite: bool,
}

/// A thread that makes one picture after the other, until nobody sends one any more.
struct Codec {
    pictures: Sender<(Loaded, Transform)>,
    results: Receiver<Result<Finished, FileError>>,
    task: JoinHandle<()>,
}

impl Codec {
    fn start(polite: bool) -> Result<Self, JoinError> {
        let (pictures, theirs) = bounded::<(Loaded, Transform)>(1);
        let (ours, results) = bounded(1);
        let mut builder = Builder::new().name("codec");
        if polite {
            // A thread that has a stack of its own size is not recycled: what comes next may be in a hurry.
            builder = builder.stack_size(STACK);
        }
        let task = builder.spawn_checked(move || {
            if polite {
                step_back();
            }
            for (picture, wanted) in theirs.iter() {
                if ours.send(picture.transform(&wanted)).is_err() {
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
    pub(super) fn new(polite: bool) -> Self {
        Self {
            idle: Mutex::default(),
            polite,
        }
    }

    /// Transforms the picture, or leaves that when the current task is cancelled or its time is up.
    pub(super) fn transform(
        &self,
        picture: Loaded,
        wanted: Transform,
    ) -> Result<Finished, FileError> {
        let idle = self.idle().pop();
        let codec = match idle.map_or_else(|| Codec::start(self.polite), Ok) {
            Ok(codec) => codec,
            // No more threads to be had: then here, and not to be left.
            Err(_refused) => return picture.transform(&wanted),
        };
        if let Err(unsent) = codec.pictures.try_send((picture, wanted)) {
            let (picture, wanted) = unsent.into_message();
            return picture.transform(&wanted);
        }
        if let Ok(result) = codec.results.recv() {
            self.idle().push(codec);
            return result;
        }
        if let Err(cancelled) = checkpoint() {
            // It stops when it looks next, and gives back its share of the memory then.
            codec.task.cancel();
            codec.task.detach();
            return Err(FileError::Image(cancelled.into()));
        }
        // It ended without a result.
        drop(codec.pictures);
        Err(match codec.task.join() {
            Err(error) => FileError::Task(error),
            Ok(()) => FileError::Read(std::io::Error::other("its codec ended without a result")),
        })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Codec>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The current thread gets a core when others leave one. Lasts as long as the thread.
#[cfg(target_os = "linux")]
fn step_back() {
    use rustix::process::{getpriority_process, setpriority_process};
    const STEPS: i32 = 5;
    // Refused, it is as fast as the others: that is no fault.
    let _refused = getpriority_process(None).and_then(|now| setpriority_process(None, now + STEPS));
}

/// Elsewhere it would be the whole process.
#[cfg(not(target_os = "linux"))]
fn step_back() {}
