//! Parsing HTML pages and style sheets: text, title, links, anchors.

mod charset;
mod css;
mod links;

pub use charset::decode;
pub use css::sheet;
pub(crate) use links::{Directives, directives};
pub use links::{Extract, Link, anchors, extract, extract_sheet};
