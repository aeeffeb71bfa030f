//! Folders of pictures: a page of thumbnails, which are made when they are requested.

mod display;
mod lru_cache;
mod page;
mod settings;
mod thumbs;

pub(crate) use display::{DisplayMode, display_of};
pub(crate) use page::{BROKEN, POLICY, page};
pub use settings::Gallery;
pub(crate) use thumbs::{ThumbError, ThumbRequest, Thumbs};
