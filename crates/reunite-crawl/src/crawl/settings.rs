//! The settings of a crawl.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::{ScopeRules, SessionIds};
use crate::fetch::AgentSettings;

/// The settings of a crawl.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The addresses that belong to the crawl. Fixed for the life of a store.
    pub scope: ScopeRules,
    /// The links that are followed. Fixed for the life of a store.
    pub follow: Follow,
    /// The limits at which the crawl stops.
    pub limits: Limits,
    /// The number and rate of requests, and the retries.
    pub pace: Pace,
    /// The settings of the HTTP client.
    pub agent: AgentSettings,
    /// Also checks links to other sites, once all pages are fetched.
    pub check: bool,
}

/// The links that are followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follow {
    /// Follows links to images, scripts and other parts of pages.
    pub parts: bool,
    /// Follows links marked `nofollow`.
    pub nofollow: bool,
    /// Fetches pages that robots.txt forbids.
    pub forbidden: bool,
    /// Fetches sitemaps and the pages they list.
    pub sitemaps: bool,
    /// Keeps session IDs in addresses, so that each session has its own pages.
    pub sessions: bool,
    /// The largest number of addresses that differ only in the values of their query parameters.
    pub max_variants: u32,
    /// The largest number of redirects in a row.
    pub max_redirects: u32,
}

impl Default for Follow {
    fn default() -> Self {
        Self {
            parts: true,
            nofollow: false,
            forbidden: false,
            sitemaps: true,
            sessions: false,
            max_variants: 1000,
            max_redirects: 10,
        }
    }
}

impl Follow {
    pub(crate) fn robots_policy(&self) -> RobotsPolicy {
        if self.forbidden {
            RobotsPolicy::Ignore
        } else {
            RobotsPolicy::Obey
        }
    }

    pub(crate) fn session_ids(&self) -> SessionIds {
        if self.sessions {
            SessionIds::Keep
        } else {
            SessionIds::Strip
        }
    }
}

/// The treatment of the rules in a host's robots.txt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RobotsPolicy {
    Obey,
    Ignore,
}

/// The limits at which a crawl stops. Addresses not yet fetched stay queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest number of fetched addresses in the store, earlier runs included.
    pub pages: u64,
    /// The largest number of clicks from a seed.
    pub depth: u32,
    /// The largest number of bytes over the wire, earlier runs included.
    pub bytes: u64,
    /// The time that requests in flight have to complete after a cancellation.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pages: u64::MAX,
            depth: 200,
            bytes: u64::MAX,
            drain: Duration::from_secs(5),
        }
    }
}

/// The number and rate of requests, and the retries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The largest number of concurrent requests.
    pub threads: usize,
    /// The largest number of concurrent requests to one host.
    pub per_host: usize,
    /// The shortest time between the starts of two requests to one host.
    pub delay: Duration,
    /// The largest number of retries after a transient failure.
    pub retries: u32,
    /// The wait before the first retry. It doubles with every retry, and is randomised.
    pub first_retry_delay: Duration,
    /// The longest wait that a server can ask for.
    pub longest_wait: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            threads: 16,
            per_host: 4,
            delay: Duration::from_millis(100),
            retries: 3,
            first_retry_delay: Duration::from_millis(500),
            longest_wait: Duration::from_secs(600),
        }
    }
}
