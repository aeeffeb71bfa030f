//! Thumbnails: each is made once, few at a time, and cached.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reunite::sync::OnceCell;
use reunite_images::batch::{FileError, Maker};
use reunite_images::{Fit, OutputFormat, Probe, Transform};

use super::lru_cache::SizedLruCache;
use super::settings::{ErrorHook, Gallery};

/// The size of the cache.
const CACHE_BYTES: usize = 64 << 20;
/// The maximum time to make a thumbnail.
const TIME_LIMIT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ThumbSize {
    /// The size of a tile, for high-resolution screens.
    Small,
    /// The size of a screen.
    Large,
}

impl ThumbSize {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Small => "thumb",
            Self::Large => "view",
        }
    }

    fn transform(self, probe: &Probe) -> Transform {
        let (side, fit) = match self {
            Self::Small => (400, Fit::Cover),
            Self::Large => (2048, Fit::Fit),
        };
        Transform {
            size: reunite_images::Size::new(side, side),
            fit,
            // Transparent parts must show the background of the page, which may be light or dark.
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

/// A thumbnail as a request names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThumbRequest {
    pub(crate) size: ThumbSize,
    /// The address names the version of the file, so that it changes with the file.
    pub(crate) is_versioned: bool,
}

impl ThumbRequest {
    /// Returns the thumbnail that a query, such as `thumb=VERSION` or `view`, asks for.
    pub(crate) fn from_query(query: &str) -> Option<Self> {
        query.split('&').find_map(|part| {
            let (name, version) = part.split_once('=').unwrap_or((part, ""));
            let size = match name {
                "thumb" => ThumbSize::Small,
                "view" => ThumbSize::Large,
                _ => return None,
            };
            Some(Self {
                size,
                is_versioned: !version.is_empty(),
            })
        })
    }
}

/// A size of one version of one file.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    /// The device and the inode.
    file: (u64, u64),
    /// The modification time.
    changed: (i64, i64),
    length: u64,
    size: ThumbSize,
}

#[derive(Clone)]
pub(crate) struct Thumb {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) kind: &'static str,
}

/// The reason why there is no thumbnail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThumbError {
    /// The file is not a picture that can be decoded.
    Broken,
    /// A temporary failure, or a cancellation.
    Stopped,
}

type ThumbCell = OnceCell<Result<Thumb, ThumbError>>;

pub(crate) struct Thumbs {
    maker: Maker,
    cache: Mutex<SizedLruCache<Key, ThumbCell>>,
    on_error: ErrorHook,
}

impl Thumbs {
    pub(crate) fn new(gallery: &Gallery) -> Self {
        Self {
            maker: Maker::new(gallery.memory, gallery.threads, TIME_LIMIT),
            cache: Mutex::new(SizedLruCache::new(CACHE_BYTES)),
            on_error: Arc::clone(&gallery.on_error),
        }
    }

    /// Returns the thumbnail of a file; `name` names the file in messages.
    pub(crate) fn get(
        &self,
        file: File,
        metadata: &Metadata,
        size: ThumbSize,
        name: &str,
    ) -> Result<Thumb, ThumbError> {
        let key = Key {
            file: (metadata.dev(), metadata.ino()),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
            length: metadata.len(),
            size,
        };
        let cell = self.cache().get(&key);
        let mut is_maker = false;
        let made = cell.get_or_init(|| {
            is_maker = true;
            self.make(file, size, name)
        });
        let made = made.map_or(Err(ThumbError::Stopped), Clone::clone);
        if is_maker {
            match &made {
                Ok(thumb) => self.cache().made(&key, thumb.bytes.len()),
                Err(ThumbError::Broken) => self.cache().made(&key, 0),
                Err(ThumbError::Stopped) => self.cache().remove(&key),
            }
        }
        made
    }

    fn make(&self, file: File, size: ThumbSize, name: &str) -> Result<Thumb, ThumbError> {
        let error = match self.maker.make(file, |probe| size.transform(probe)) {
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
            return Err(ThumbError::Stopped);
        }
        let why = match &error {
            FileError::TimedOut => format!("took longer than {} s", TIME_LIMIT.as_secs()),
            error => error.to_string(),
        };
        (self.on_error)(&format!("{name}: no thumbnail: {why}"));
        // A read error may be temporary; a broken picture stays broken.
        Err(match error {
            FileError::Read(_) => ThumbError::Stopped,
            _ => ThumbError::Broken,
        })
    }

    fn cache(&self) -> MutexGuard<'_, SizedLruCache<Key, ThumbCell>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
