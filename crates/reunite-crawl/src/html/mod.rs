//! What a page says: its text, its title, its links, its places; what a style sheet refers to.

mod charset;
mod css;
mod links;

pub use charset::decode;
pub use css::sheet;
pub(crate) use links::directives;
pub use links::{Extract, Link, anchors, extract, extract_sheet};
