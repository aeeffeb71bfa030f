//! Folders of pictures: a page of thumbnails, made when somebody is to see them.

mod page;
mod settings;
mod shelf;
mod shown;
mod thumbs;

pub(crate) use page::{BROKEN, POLICY, page};
pub use settings::Gallery;
pub(crate) use shown::{Shown, shown};
pub(crate) use thumbs::{Failed, Size, Thumb, Thumbs, asked};
