//! Folders of pictures: a page of thumbnails, made when somebody is to see them.

mod page;
mod shelf;
mod thumbs;

use std::path::Path;
use std::sync::Arc;

use reunite_images::InputFormat;

pub(crate) use page::{BROKEN, POLICY, page};
pub(crate) use thumbs::{Failed, Size, Thumb, Thumbs};

type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Folders are shown as pictures.
#[derive(Clone)]
pub struct Gallery {
    memory: u64,
    threads: usize,
    tell: Tell,
}

impl Gallery {
    /// With thumbnails that together hold at most `memory` bytes while they are made, on at most `threads` threads.
    pub fn new(memory: u64, threads: usize) -> Self {
        Self {
            memory,
            threads,
            tell: Arc::new(|_| {}),
        }
    }

    /// Calls `tell` with a line for people when a picture has no thumbnail, once for each version of its file.
    #[must_use]
    pub fn on_trouble(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.tell = Arc::new(tell);
        self
    }
}

impl std::fmt::Debug for Gallery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gallery")
            .field("memory", &self.memory)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

/// How a file is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Small as a thumbnail, large as it is.
    Picture,
    /// A thumbnail large and small: browsers do not know the format.
    Converted,
    /// As it is: only browsers know the format.
    Itself,
    /// Not a picture.
    Not,
}

pub(crate) fn shown(path: &Path) -> Shown {
    match InputFormat::from_path(path) {
        Some(InputFormat::Tiff) => Shown::Converted,
        Some(_) => Shown::Picture,
        None => match path.extension().and_then(|name| name.to_str()) {
            Some(name)
                if ["svg", "avif"]
                    .iter()
                    .any(|it| name.eq_ignore_ascii_case(it)) =>
            {
                Shown::Itself
            }
            _ => Shown::Not,
        },
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
