//! Addresses: their normal form, the scope of a crawl, and traps.

mod normal;
mod scope;
mod skipped;
mod trap;

pub use normal::{SessionIds, Target, normal};
pub use scope::{CrawlScope, ScopeError, ScopeRules};
pub use skipped::Skipped;
pub(crate) use trap::{is_trap, shape};

use url::Url;

/// Returns scheme, host and port: the unit that has a robots.txt and a request rate of its own.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
