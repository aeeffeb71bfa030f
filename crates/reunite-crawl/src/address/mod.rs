//! Which address is which page, which belong to the crawl, and which are traps.

mod normal;
mod scope;
mod trap;

pub use normal::{Target, normal};
pub use scope::{Scope, ScopeRules};
pub(crate) use trap::{is_trap, shape};

use url::Url;

/// Scheme, host and port: what a robots.txt is for, and whom politeness is owed to.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
