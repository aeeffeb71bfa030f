//! Loads a file into memory, with a share of the memory budget for its transform.
//!
//! One task at a time loads, in the order of the list. Before it reads a file, it waits for as many bytes of the
//! budget as the file is long. After it has read the header, it waits for the rest of what the picture will need.
//! All others that hold a share of the budget hold their whole share and wait for no more, so the wait ends.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use img_parts::Bytes;
use reunite::sync::{OwnedPermit, Semaphore};
use reunite::{WaitError, checkpoint};

use super::error::FileError;
use crate::apply::{Encoded, transform_probed};
use crate::error::ImageError;
use crate::format::InputFormat;
use crate::probe::Probe;
use crate::transform::Transform;

/// The bytes read between two checkpoints.
const PIECE: u64 = 4 << 20;

/// A file in memory, with its shares of the budget.
pub(super) struct Loaded {
    bytes: Bytes,
    probe: Probe,
    file: OwnedPermit,
    work: OwnedPermit,
}

/// An encoded result, with the share of the budget that it still takes.
pub(super) struct Finished {
    pub(super) encoded: Encoded,
    pub(super) bytes_in: u64,
    _share: OwnedPermit,
}

/// Loads the file at `path`.
pub(super) fn load(
    path: &Path,
    settings: &Transform,
    budget: &Arc<Semaphore>,
) -> Result<Loaded, FileError> {
    let input = File::open(path).map_err(FileError::Read)?;
    let (loaded, _) = load_open(input, |_| settings.clone(), budget)?;
    Ok(loaded)
}

/// Loads an open file. `choose` is called with its header and returns the settings of the transform.
pub(super) fn load_open(
    mut input: File,
    choose: impl FnOnce(&Probe) -> Transform,
    budget: &Arc<Semaphore>,
) -> Result<(Loaded, Transform), FileError> {
    let length = input.metadata().map_err(FileError::Read)?.len();
    let mut bytes = Vec::new();
    let first = input.by_ref().take(16).read_to_end(&mut bytes);
    first.map_err(FileError::Read)?;
    // A file that is not a picture is not read any further.
    InputFormat::of(&bytes).map_err(FileError::Image)?;
    let file = hold(budget, 0, length)?;
    read(&mut input, length, &mut bytes)?;
    let bytes = Bytes::from(bytes);
    let probe = Probe::of(&bytes).map_err(FileError::Image)?;
    let settings = choose(&probe);
    // Checked before waiting for the memory that a decompression bomb declares.
    probe
        .check_limit(settings.max_pixels)
        .map_err(FileError::Image)?;
    // `peak_bytes` includes the file, whose bytes are held already.
    let rest = probe.peak_bytes(&settings).saturating_sub(file.count());
    let work = hold(budget, file.count(), rest)?;
    let loaded = Loaded {
        bytes,
        probe,
        file,
        work,
    };
    Ok((loaded, settings))
}

/// Waits for `more` bytes of the budget, in addition to those already `held`.
fn hold(budget: &Arc<Semaphore>, held: u64, more: u64) -> Result<OwnedPermit, FileError> {
    let (needed, allowed) = (held.saturating_add(more), budget.permits());
    if needed > allowed {
        return Err(FileError::Memory { needed, allowed });
    }
    budget.acquire_many_owned(more).map_err(wait_failed)
}

/// Converts the error of a wait.
pub(super) fn wait_failed(error: WaitError) -> FileError {
    FileError::Image(match error.as_cancelled() {
        Some(cancelled) => cancelled.clone().into(),
        None => ImageError::unsupported(error.to_string()),
    })
}

/// Reads the rest of a file that is `length` bytes long.
fn read(input: &mut File, length: u64, bytes: &mut Vec<u8>) -> Result<(), FileError> {
    let error = |why: &str| FileError::Read(io::Error::other(why));
    let room = usize::try_from(length).ok().and_then(|length| {
        let more = (length + 1).saturating_sub(bytes.len());
        bytes.try_reserve_exact(more).ok()
    });
    room.ok_or_else(|| error("not enough memory for the file"))?;
    loop {
        checkpoint().map_err(|cancelled| FileError::Image(cancelled.into()))?;
        // Reads up to one byte more than `length`, to detect a file that grows.
        let left = (length + 1).saturating_sub(bytes.len() as u64);
        let piece = input.take(left.min(PIECE)).read_to_end(bytes);
        if piece.map_err(FileError::Read)? == 0 {
            break;
        }
    }
    if bytes.len() as u64 > length {
        return Err(error("the file grew while it was read"));
    }
    Ok(())
}

impl Loaded {
    /// Transforms the picture, and releases all of its budget except the bytes of the result.
    pub(super) fn transform(self, settings: &Transform) -> Result<Finished, FileError> {
        let Self {
            bytes,
            probe,
            file,
            mut work,
        } = self;
        let encoded = transform_probed(&bytes, probe, settings).map_err(FileError::Image)?;
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
