//! The error of a picture in a batch.

use std::fmt;
use std::path::PathBuf;

use reunite::JoinError;
use reunite_base::units::need_and_limit;

use crate::error::ImageError;

/// The reason why a picture has no result.
#[derive(Debug)]
pub enum FileError {
    /// The input cannot be read.
    Read(std::io::Error),
    /// The picture cannot be decoded, transformed or encoded.
    Image(ImageError),
    /// The picture needs more memory than [`Options::memory`](super::Options::memory) allows.
    Memory {
        /// The bytes that the picture needs; a lower bound if the file alone is too long.
        needed: u64,
        /// The bytes allowed for all pictures together.
        allowed: u64,
    },
    /// The result cannot be written.
    Write(PathBuf, std::io::Error),
    /// The picture took longer than [`Options::item_timeout`](super::Options::item_timeout).
    TimedOut,
    /// The picture was skipped before it was started: [`Watch::should_load`](super::Watch::should_load) returned false.
    Skipped,
    /// The picture's task was cancelled, or panicked.
    Task(JoinError),
}

impl FileError {
    /// Returns true if the picture was cancelled or skipped, and did not fail.
    pub fn is_cancelled(&self) -> bool {
        match self {
            Self::Image(error) => error.is_cancelled(),
            Self::Task(error) => error.is_cancelled(),
            Self::Skipped => true,
            Self::Read(_) | Self::Memory { .. } | Self::Write(..) | Self::TimedOut => false,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "cannot be read: {error}"),
            Self::Image(error) => write!(f, "{error}"),
            Self::Memory { needed, allowed } => {
                let (needed, allowed) = need_and_limit(*needed, *allowed);
                write!(
                    f,
                    "needs {needed} of memory, more than the limit of {allowed}"
                )
            }
            Self::Write(path, error) => write!(f, "cannot write {}: {error}", path.display()),
            Self::Skipped => f.write_str("cancelled before it was started"),
            Self::TimedOut => f.write_str("took longer than the time limit"),
            Self::Task(error) => match error.panic_message() {
                Some(message) => write!(f, "a bug in this program or its codecs: {message}"),
                None => write!(f, "{error}"),
            },
        }
    }
}

impl std::error::Error for FileError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_one_byte_is_not_plural() {
        let (needed, allowed) = (2, 1);
        let error = FileError::Memory { needed, allowed };
        let message = "needs 2 bytes of memory, more than the limit of 1 byte";
        assert_eq!(error.to_string(), message);
    }
}
