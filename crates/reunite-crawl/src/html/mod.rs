//! What a page says: its text, its title, its links, its places.

mod charset;
mod links;

pub use charset::decode;
pub(crate) use links::directives;
pub use links::{Extract, Link, anchors, extract};
