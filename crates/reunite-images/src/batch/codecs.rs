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

/// Those that have nothing to do.
#[derive(Default)]
pub(super) struct Codecs(Mutex<Vec<Codec>>);

/// A thread that makes one picture after the other, until nobody sends one any more.
struct Codec {
    pictures: Sender<(Loaded, Transform)>,
    results: Receiver<Result<Finished, FileError>>,
    task: JoinHandle<()>,
}

impl Codec {
    fn start() -> Result<Self, JoinError> {
        let (pictures, theirs) = bounded::<(Loaded, Transform)>(1);
        let (ours, results) = bounded(1);
        let task = Builder::new().name("codec").try_spawn(move || {
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
    /// Transforms the picture, or leaves that when the current task is cancelled or its time is up.
    pub(super) fn transform(
        &self,
        picture: Loaded,
        wanted: Transform,
    ) -> Result<Finished, FileError> {
        let idle = self.idle().pop();
        let codec = match idle.map_or_else(Codec::start, Ok) {
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
