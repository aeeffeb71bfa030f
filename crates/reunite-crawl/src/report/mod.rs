//! Reports on a site: broken, slow, duplicate, orphaned and redirecting pages, and totals by host.

mod anchors;
mod collect;
mod findings;
mod format;
mod html;
mod json;
mod junit;
mod phrases;
mod query;
mod text;

pub use findings::{Anchor, Broken, Copies, HostLine, List, Malformed, Redirect, SiteReport, Slow};
pub use format::Format;
