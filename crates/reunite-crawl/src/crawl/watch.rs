//! What a crawl tells of itself while it runs.

use crate::store::HostCounts;

/// Something to tell. Of a page it is told only once it is in the store to stay.
#[derive(Clone, Debug)]
pub enum Event {
    /// A page was stored.
    Page(PageEvent),
    /// How far it is, twice a second.
    Progress(Progress),
    /// What a person should know.
    Warning(String),
}

/// A page that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageEvent {
    /// Its address.
    pub url: String,
    /// What the server said, if it did.
    pub status: Option<u16>,
    /// Why there is no answer, or none that counts.
    pub failure: Option<String>,
    /// Decoded bytes of the body.
    pub bytes: u64,
    /// How long it took.
    pub milliseconds: u64,
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Addresses in the store that were fetched, in this run and before.
    pub done: u64,
    /// Of those, how many failed.
    pub failed: u64,
    /// Addresses to be fetched.
    pub queued: u64,
    /// Of those, how many are under way.
    pub in_flight: usize,
    /// Pages a second, in this run.
    pub rate: f64,
    /// The hosts with most to do.
    pub hosts: Vec<HostCounts>,
}

/// A limit of [`Limits`](super::settings::Limits) that ends a crawl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The number of pages.
    Pages,
    /// The number of bytes over the wire.
    Bytes,
}

/// How a crawl ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing is left.
    Done,
    /// A limit was reached; what is left is queued.
    Limit(Limit),
    /// It was cancelled, or its deadline passed; what is left is queued.
    Stopped,
}
