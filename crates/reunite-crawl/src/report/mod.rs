//! What a crawl found out about a site: what is broken, slow, duplicated, orphaned, redirecting, by host.

mod anchors;
mod collect;
mod findings;
mod format;
mod html;
mod json;
mod junit;
mod query;
mod text;

pub use findings::{Anchor, Broken, Copies, HostLine, List, Malformed, Redirect, Report, Slow};
pub use format::Format;
