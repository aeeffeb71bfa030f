//! Thumbnails: made once for all who ask, few at a time, and kept for those who come later.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reunite::sync::OnceCell;
use reunite_images::batch::{FileError, Maker};
use reunite_images::{Fit, OutputFormat, Probe, Transform};

use super::settings::{Gallery, Tell};
use super::shelf::Shelf;

/// How many bytes of them are kept.
const KEPT: usize = 64 << 20;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Size {
    /// A tile, for fine screens.
    Small,
    /// A screenful.
    Large,
}

impl Size {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Small => "thumb",
            Self::Large => "view",
        }
    }

    fn wanted(self, probe: &Probe) -> Transform {
        let (side, fit) = match self {
            Self::Small => (400, Fit::Cover),
            Self::Large => (2048, Fit::Fit),
        };
        Transform {
            size: reunite_images::Size::new(side, side),
            fit,
            // What shows through shows the page, be it light or dark.
            format: Some(if probe.has_alpha() {
                OutputFormat::WebP
            } else {
                OutputFormat::Jpeg
            }),
            quality: 78,
            strip: true,
            ..Transform::default()
        }
    }
}

/// Which thumbnail is asked for, and whether by a name that changes with the file.
pub(crate) fn asked(query: &str) -> Option<(Size, bool)> {
    query.split('&').find_map(|part| {
        let (name, version) = part.split_once('=').unwrap_or((part, ""));
        let size = match name {
            "thumb" => Size::Small,
            "view" => Size::Large,
            _ => return None,
        };
        Some((size, !version.is_empty()))
    })
}

/// One version of one file.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    place: (u64, u64),
    changed: (i64, i64),
    length: u64,
    size: Size,
}

#[derive(Clone)]
pub(crate) struct Thumb {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) kind: &'static str,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// It cannot be made of this file.
    Broken,
    /// Not now.
    Stopped,
}

type Made = OnceCell<Result<Thumb, Failed>>;

pub(crate) struct Thumbs {
    maker: Maker,
    shelf: Mutex<Shelf<Key, Made>>,
    tell: Tell,
}

impl Thumbs {
    pub(crate) fn new(gallery: &Gallery) -> Self {
        Self {
            maker: Maker::new(gallery.memory, gallery.threads, PATIENCE),
            shelf: Mutex::new(Shelf::new(KEPT)),
            tell: Arc::clone(&gallery.tell),
        }
    }

    /// That of a file; `name` is for people.
    pub(crate) fn get(
        &self,
        file: File,
        found: &Metadata,
        size: Size,
        name: &str,
    ) -> Result<Thumb, Failed> {
        let key = Key {
            place: (found.dev(), found.ino()),
            changed: (found.mtime(), found.mtime_nsec()),
            length: found.len(),
            size,
        };
        let place = self.shelf().place(&key);
        let mut is_maker = false;
        let made = place.get_or_init(|| {
            is_maker = true;
            self.make(file, size, name)
        });
        let made = made.map_or(Err(Failed::Stopped), Clone::clone);
        if is_maker {
            match &made {
                Ok(thumb) => self.shelf().made(&key, thumb.bytes.len()),
                Err(Failed::Broken) => self.shelf().made(&key, 0),
                Err(Failed::Stopped) => self.shelf().forget(&key),
            }
        }
        made
    }

    fn make(&self, file: File, size: Size, name: &str) -> Result<Thumb, Failed> {
        let error = match self.maker.make(file, |probe| size.wanted(probe)) {
            Ok(made) => {
                return Ok(Thumb {
                    kind: match made.format {
                        OutputFormat::WebP => "image/webp",
                        OutputFormat::Png => "image/png",
                        _ => "image/jpeg",
                    },
                    bytes: made.bytes.into(),
                });
            }
            Err(error) => error,
        };
        if error.is_cancelled() {
            return Err(Failed::Stopped);
        }
        let why = match &error {
            FileError::TimedOut => format!("it took longer than {} s", PATIENCE.as_secs()),
            error => error.to_string(),
        };
        (self.tell)(&format!("{name}: no thumbnail: {why}"));
        // The disk may do better next time; the picture will not.
        Err(match error {
            FileError::Read(_) => Failed::Stopped,
            _ => Failed::Broken,
        })
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf<Key, Made>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
