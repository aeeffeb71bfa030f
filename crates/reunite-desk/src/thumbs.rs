//! Thumbnails of results, made on demand.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use reunite::channel::{Receiver, Sender, bounded, unbounded};
use reunite_images::{OutputFormat, Size, Transform, transform};

use crate::background::{BackgroundTask, Wake};

/// The longer side, in pixels: twice the size shown, for high-resolution screens.
const SIDE: u32 = 112;
/// The most pending requests. Few, because rows that were scrolled past need no thumbnail any more.
const QUEUE: usize = 24;

/// The path of a result and its edition: a result that was made again looks different.
pub(crate) type Key = (PathBuf, u32);

/// A thumbnail: four bytes per pixel, red, green, blue, opacity.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Thumb {
    pub(crate) size: [usize; 2],
    pub(crate) rgba: Vec<u8>,
}

/// Makes thumbnails one after another, in a background task.
pub(crate) struct Thumbs {
    requests: Sender<Key>,
    made: Receiver<(Key, Option<Thumb>)>,
    asked: HashSet<Key>,
    _task: BackgroundTask<()>,
}

impl Thumbs {
    pub(crate) fn new(wake: &Wake) -> Self {
        let (requests, keys) = bounded::<Key>(QUEUE);
        let (teller, made) = unbounded();
        let awake = Wake::clone(wake);
        let task = BackgroundTask::start("thumbnails", wake, move || {
            for key in keys.iter() {
                let thumb = thumb(&key.0);
                if teller.try_send((key, thumb)).is_err() {
                    break;
                }
                awake();
            }
        });
        Self {
            requests,
            made,
            asked: HashSet::new(),
            _task: task,
        }
    }

    /// Requests a thumbnail, unless it is already pending or too many are.
    pub(crate) fn want(&mut self, key: &Key) {
        if !self.asked.contains(key) && self.requests.try_send(key.clone()).is_ok() {
            self.asked.insert(key.clone());
        }
    }

    /// Takes a finished thumbnail; it is `None` if it could not be made.
    pub(crate) fn take(&mut self) -> Option<(Key, Option<Thumb>)> {
        let (key, thumb) = self.made.try_recv().ok()?;
        self.asked.remove(&key);
        Some((key, thumb))
    }
}

/// Makes a thumbnail. Returns `None` if the file is gone or not a picture.
fn thumb(path: &Path) -> Option<Thumb> {
    let settings = Transform {
        size: Size::new(SIDE, SIDE),
        format: Some(OutputFormat::Png),
        strip: true,
        ..Transform::default()
    };
    let small = transform(&std::fs::read(path).ok()?, &settings).ok()?;
    let pixels = image::load_from_memory(&small.bytes).ok()?.into_rgba8();
    Some(Thumb {
        size: [pixels.width() as usize, pixels.height() as usize],
        rgba: pixels.into_raw(),
    })
}
