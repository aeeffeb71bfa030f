//! The errors of `reunite bench table`.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use reunite::Cancelled;

/// The reason why the table cannot be measured or printed.
#[derive(Debug)]
pub(super) enum BenchError {
    /// The server of photos cannot start.
    Server(io::Error),
    /// The folder for the results cannot be created.
    ResultsFolder(io::Error),
    /// The folder has no photos.
    NoPhotos(PathBuf),
    /// A photo cannot be read.
    ReadPhoto(PathBuf, io::Error),
    /// The measurement was cancelled.
    Cancelled(Cancelled),
    /// A row cannot be written as JSON.
    Json(serde_json::Error),
    /// The HTML page cannot be written.
    WritePage(PathBuf, io::Error),
    /// Standard output cannot be written.
    WriteTable(io::Error),
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(error) => write!(f, "cannot start the server of photos: {error}"),
            Self::ResultsFolder(error) => {
                write!(f, "cannot create a folder for the results: {error}")
            }
            Self::NoPhotos(folder) => write!(
                f,
                "no photos in {}; choose another folder with --photos",
                folder.display()
            ),
            Self::ReadPhoto(file, error) => write!(f, "{}: {error}", file.display()),
            Self::Cancelled(cancelled) => write!(f, "{cancelled}"),
            Self::Json(error) => write!(f, "{error}"),
            Self::WritePage(file, error) => write!(f, "cannot write {}: {error}", file.display()),
            Self::WriteTable(error) => write!(f, "cannot write the table: {error}"),
        }
    }
}

impl Error for BenchError {}

/// The reason why a photo has no result.
#[derive(Debug)]
pub(super) struct PhotoError {
    pub(super) item: usize,
    pub(super) cause: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for PhotoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "photo {}: {}", self.item, self.cause)
    }
}

impl Error for PhotoError {}
