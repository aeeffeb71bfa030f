//! Events of a running crawl, and how it ended.

use crate::fetch::Failure;
use crate::store::HostCounts;

/// An event of a running crawl.
#[derive(Clone, Debug)]
pub enum CrawlEvent {
    /// A page was stored and its transaction committed.
    Page(PageEvent),
    /// Progress, sent twice a second.
    Progress(Progress),
    /// A message for the user.
    Warning(String),
}

/// A page that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageEvent {
    /// The address of the page.
    pub url: String,
    /// The HTTP status, if the server answered.
    pub status: Option<u16>,
    /// The failure, if there is no answer or the answer does not count.
    pub failure: Option<Failure>,
    /// The size of the decoded body in bytes.
    pub bytes: u64,
    /// The time from the request to the end of the answer.
    pub milliseconds: u64,
}

/// The progress of a crawl.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Addresses in the store that were fetched, in this run and in earlier ones.
    pub done: u64,
    /// Fetched addresses that failed.
    pub failed: u64,
    /// Addresses still to fetch, including those in flight.
    pub queued: u64,
    /// Addresses being fetched now.
    pub in_flight: usize,
    /// Pages per second in this run.
    pub rate: f64,
    /// The hosts with the most queued addresses.
    pub hosts: Vec<HostCounts>,
}

/// The end of a crawl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrawlEnd {
    /// The queue of addresses is empty.
    Done,
    /// A limit was reached. Addresses not yet fetched stay queued.
    Limit(Limit),
    /// The crawl was cancelled or its deadline passed. Addresses not yet fetched stay queued.
    Stopped,
}

/// The limit that ended a crawl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::pages`](crate::Limits::pages).
    Pages,
    /// [`Limits::bytes`](crate::Limits::bytes).
    Bytes,
}
