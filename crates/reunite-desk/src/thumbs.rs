//! Small pictures of results, made when somebody is to see them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use reunite::channel::{Receiver, Sender, bounded, unbounded};
use reunite_images::{OutputFormat, Size, Transform, transform};

use crate::errand::{Errand, Wake};

/// The longer side, in pixels: twice what is shown, for fine screens.
const SIDE: u32 = 112;
/// More are not asked for at a time: whoever scrolls past does not want them any more.
const QUEUE: usize = 24;

/// A result, and its edition: one that was made again looks different.
pub(crate) type Key = (PathBuf, u32);

/// A small picture: four bytes a pixel, red, green, blue, opacity.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Thumb {
    pub(crate) size: [usize; 2],
    pub(crate) rgba: Vec<u8>,
}

/// Makes them one after another.
pub(crate) struct Thumbs {
    wanted: Sender<Key>,
    made: Receiver<(Key, Option<Thumb>)>,
    asked: HashSet<Key>,
    _errand: Errand<()>,
}

impl Thumbs {
    pub(crate) fn new(wake: &Wake) -> Self {
        let (wanted, keys) = bounded::<Key>(QUEUE);
        let (teller, made) = unbounded();
        let awake = Wake::clone(wake);
        let errand = Errand::start("thumbnails", wake, move || {
            for key in keys.iter() {
                let thumb = thumb(&key.0);
                if teller.try_send((key, thumb)).is_err() {
                    break;
                }
                awake();
            }
        });
        Self {
            wanted,
            made,
            asked: HashSet::new(),
            _errand: errand,
        }
    }

    /// Asks for one, unless that was done already or too many are asked for.
    pub(crate) fn want(&mut self, key: &Key) {
        if !self.asked.contains(key) && self.wanted.try_send(key.clone()).is_ok() {
            self.asked.insert(key.clone());
        }
    }

    /// One that is made; `None` in it if it cannot be.
    pub(crate) fn take(&mut self) -> Option<(Key, Option<Thumb>)> {
        let (key, thumb) = self.made.try_recv().ok()?;
        self.asked.remove(&key);
        Some((key, thumb))
    }
}

/// `None` if the file is not there any more, or no picture.
fn thumb(path: &Path) -> Option<Thumb> {
    let wanted = Transform {
        size: Size::new(SIDE, SIDE),
        format: Some(OutputFormat::Png),
        strip: true,
        ..Transform::default()
    };
    let small = transform(&std::fs::read(path).ok()?, &wanted).ok()?;
    let pixels = image::load_from_memory(&small.bytes).ok()?.into_rgba8();
    Some(Thumb {
        size: [pixels.width() as usize, pixels.height() as usize],
        rgba: pixels.into_raw(),
    })
}
