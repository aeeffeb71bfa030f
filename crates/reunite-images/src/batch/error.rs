//! Why a picture has no result.

use std::fmt;
use std::path::PathBuf;

use reunite::JoinError;

use crate::error::ImageError;

/// Why one picture has no result.
#[derive(Debug)]
pub enum FileError {
    /// The input cannot be read.
    Read(std::io::Error),
    /// It cannot be decoded or encoded.
    Image(ImageError),
    /// It needs more bytes than [`Options::memory`](super::Options::memory) allows.
    Memory {
        /// What it needs: at least, if the file alone is too long.
        needed: u64,
        /// What there is for all pictures together.
        allowed: u64,
    },
    /// The result cannot be written.
    Write(PathBuf, std::io::Error),
    /// It took longer than [`Options::item_timeout`](super::Options::item_timeout).
    TimedOut,
    /// Before it was begun, [`Watch::wanted`](super::Watch::wanted) said that it need not be.
    Unwanted,
    /// It was cancelled, or panicked.
    Task(JoinError),
}

impl FileError {
    /// Whether it was stopped, and nothing is wrong with it.
    pub fn is_cancelled(&self) -> bool {
        match self {
            Self::Image(error) => error.is_cancelled(),
            Self::Task(error) => error.is_cancelled(),
            Self::Unwanted => true,
            Self::Read(_) | Self::Memory { .. } | Self::Write(..) | Self::TimedOut => false,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "cannot be read: {error}"),
            Self::Image(error) => write!(f, "{error}"),
            Self::Memory { needed, allowed } => write!(
                f,
                "needs {} of memory, more than the limit of {}",
                binary(*needed, u64::div_ceil),
                binary(*allowed, |bytes, unit| bytes / unit)
            ),
            Self::Write(path, error) => write!(f, "cannot write {}: {error}", path.display()),
            Self::Unwanted => f.write_str("cancelled before it was begun"),
            Self::TimedOut => f.write_str("took longer than the time limit"),
            Self::Task(error) => match error.panic_message() {
                Some(message) => write!(f, "a fault in this program or its codecs: {message}"),
                None => write!(f, "{error}"),
            },
        }
    }
}

impl std::error::Error for FileError {}

/// In the unit in which one would type it: a need rounded up is enough.
fn binary(bytes: u64, round: impl Fn(u64, u64) -> u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} bytes"),
        0x400..0x10_0000 => format!("{} KiB", round(bytes, 1 << 10)),
        _ => format!("{} MiB", round(bytes, 1 << 20)),
    }
}
