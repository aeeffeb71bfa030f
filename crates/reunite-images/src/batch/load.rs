//! From a file to a picture that is in memory and may be worked on.
//!
//! One thread loads, in the order of the list. Before it reads a file it waits for as many bytes of the
//! budget as the file is long; when it has read the header it waits for the rest of what the picture will
//! need. Whoever else holds a share of the budget has all of it and waits for nothing, so the wait ends.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use img_parts::Bytes;
use reunite::sync::{OwnedPermit, Semaphore};
use reunite::{WaitError, checkpoint};

use super::error::FileError;
use crate::apply::{Encoded, made};
use crate::error::ImageError;
use crate::format::InputFormat;
use crate::probe::Probe;
use crate::transform::Transform;

/// As much as is read between two looks at whether to stop.
const PIECE: u64 = 4 << 20;

/// A picture in memory, with its shares of the budget.
pub(super) struct Loaded {
    bytes: Bytes,
    probe: Probe,
    file: OwnedPermit,
    work: OwnedPermit,
}

/// A finished picture, with the share that it still takes.
pub(super) struct Finished {
    pub(super) encoded: Encoded,
    pub(super) bytes_in: u64,
    _share: OwnedPermit,
}

pub(super) fn load(
    path: &Path,
    wanted: &Transform,
    budget: &Arc<Semaphore>,
) -> Result<Loaded, FileError> {
    let input = File::open(path).map_err(FileError::Read)?;
    let (loaded, _) = load_open(input, |_| wanted.clone(), budget)?;
    Ok(loaded)
}

/// A file that is open already, for what is wanted when its header is known.
pub(super) fn load_open(
    mut input: File,
    wanted: impl FnOnce(&Probe) -> Transform,
    budget: &Arc<Semaphore>,
) -> Result<(Loaded, Transform), FileError> {
    let length = input.metadata().map_err(FileError::Read)?.len();
    let mut bytes = Vec::new();
    let first = input.by_ref().take(16).read_to_end(&mut bytes);
    first.map_err(FileError::Read)?;
    // What is no picture is not read.
    InputFormat::of(&bytes).map_err(FileError::Image)?;
    let file = hold(budget, 0, length)?;
    read(&mut input, length, &mut bytes)?;
    let bytes = Bytes::from(bytes);
    let probe = Probe::of(&bytes).map_err(FileError::Image)?;
    let wanted = wanted(&probe);
    // Before anything waits for the memory that a bomb announces.
    let allowed = probe.check_limit(wanted.max_pixels);
    allowed.map_err(FileError::Image)?;
    // The file is counted there, too.
    let rest = probe.peak_bytes(&wanted).saturating_sub(file.count());
    let work = hold(budget, file.count(), rest)?;
    let loaded = Loaded {
        bytes,
        probe,
        file,
        work,
    };
    Ok((loaded, wanted))
}

/// Waits for `more` bytes beside those that are `held`.
fn hold(budget: &Arc<Semaphore>, held: u64, more: u64) -> Result<OwnedPermit, FileError> {
    let (needed, allowed) = (held.saturating_add(more), budget.permits());
    if needed > allowed {
        return Err(FileError::Memory { needed, allowed });
    }
    budget.acquire_many_owned(more).map_err(stopped)
}

/// A wait that did not end well.
pub(super) fn stopped(error: WaitError) -> FileError {
    FileError::Image(match error.as_cancelled() {
        Some(cancelled) => cancelled.clone().into(),
        None => ImageError::unsupported(error.to_string()),
    })
}

/// The rest of a file of this length.
fn read(input: &mut File, length: u64, bytes: &mut Vec<u8>) -> Result<(), FileError> {
    let error = |why: &str| FileError::Read(io::Error::other(why));
    let room = usize::try_from(length).ok().and_then(|length| {
        let more = (length + 1).saturating_sub(bytes.len());
        bytes.try_reserve_exact(more).ok()
    });
    room.ok_or_else(|| error("there is not enough memory for the file"))?;
    loop {
        checkpoint().map_err(|cancelled| FileError::Image(cancelled.into()))?;
        // One byte more would be seen.
        let left = (length + 1).saturating_sub(bytes.len() as u64);
        let piece = input.take(left.min(PIECE)).read_to_end(bytes);
        if piece.map_err(FileError::Read)? == 0 {
            break;
        }
    }
    if bytes.len() as u64 > length {
        return Err(error("it became longer while it was read"));
    }
    Ok(())
}

impl Loaded {
    /// Decodes, resizes and encodes, and gives back all of the budget but what the result takes.
    pub(super) fn transform(self, wanted: &Transform) -> Result<Finished, FileError> {
        let Self {
            bytes,
            probe,
            file,
            mut work,
        } = self;
        let encoded = made(&bytes, probe, wanted).map_err(FileError::Image)?;
        let bytes_in = bytes.len() as u64;
        drop(bytes);
        drop(file);
        work.shrink_to(encoded.bytes.len() as u64);
        Ok(Finished {
            encoded,
            bytes_in,
            _share: work,
        })
    }
}
