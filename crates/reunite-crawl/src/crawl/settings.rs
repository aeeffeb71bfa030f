//! What a crawl is to do, and how.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::ScopeRules;
use crate::fetch::AgentSettings;

/// Everything that can be chosen.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What belongs. It stays with the store.
    pub scope: ScopeRules,
    /// Which links are followed. It stays with the store.
    pub follow: Follow,
    /// When to stop.
    pub limits: Limits,
    /// How fast to go.
    pub pace: Pace,
    /// How requests are made.
    pub agent: AgentSettings,
    /// Whether to look at what pages link to on other sites, too.
    pub check: bool,
}

/// Which links are followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follow {
    /// Pictures, scripts and other parts of pages.
    pub parts: bool,
    /// Links that ask not to be followed.
    pub nofollow: bool,
    /// What robots.txt forbids.
    pub forbidden: bool,
    /// What sitemaps list.
    pub sitemaps: bool,
    /// Whether addresses keep their session numbers.
    pub sessions: bool,
    /// At most so many addresses that differ only in the values of their queries.
    pub max_variants: u32,
    /// At most so many redirects in a row.
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

/// When to stop. What is left stays queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At most so many addresses in the store.
    pub pages: u64,
    /// At most so many clicks from a seed.
    pub depth: u32,
    /// At most so many bytes over the wire.
    pub bytes: u64,
    /// After a cancellation, how long to wait for what is under way.
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

/// How fast to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Requests at a time.
    pub threads: usize,
    /// Requests at a time to one host.
    pub per_host: usize,
    /// Between the beginnings of two requests to one host, at least.
    pub delay: Duration,
    /// How often to try again what is worth it.
    pub retries: u32,
    /// How long to wait before the first new try; it doubles every time.
    pub patience: Duration,
    /// However long a server asks to wait, no longer than this.
    pub longest_wait: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            threads: 16,
            per_host: 4,
            delay: Duration::from_millis(100),
            retries: 3,
            patience: Duration::from_millis(500),
            longest_wait: Duration::from_secs(600),
        }
    }
}
