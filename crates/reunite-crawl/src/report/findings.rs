//! The data of a report.

use serde::Serialize;

/// A report on a site. A list holds a limited number of entries, but its count includes all.
#[derive(Clone, Debug, Serialize)]
pub struct SiteReport {
    /// The addresses where the crawl started.
    pub seeds: Vec<String>,
    /// The number of fetched addresses.
    pub pages: u64,
    /// The number of addresses still queued. The report is incomplete unless this is 0.
    pub queued: u64,
    /// Pages that failed or were answered with a status of 400 or above.
    pub broken: List<Broken>,
    /// Links to anchors that the target page does not have.
    pub anchors: List<Anchor>,
    /// Links that are not valid addresses.
    pub malformed: List<Malformed>,
    /// Pages whose server refused the request with status 429.
    pub unknown: List<Broken>,
    /// Redirects.
    pub redirects: List<Redirect>,
    /// Pages that took longer than a second, slowest first.
    pub slow: List<Slow>,
    /// Addresses with the same content.
    pub copies: List<Copies>,
    /// Pages that are linked only from a sitemap.
    pub orphans: List<String>,
    /// Hosts, ordered by the number of fetched addresses.
    pub hosts: List<HostLine>,
    /// The number of addresses not fetched, by reason.
    pub skipped: Vec<(String, u64)>,
}

/// The first entries of a list, and the number of all.
#[derive(Clone, Debug, Serialize)]
pub struct List<T> {
    /// The number of all entries.
    pub count: u64,
    /// The first entries.
    pub first: Vec<T>,
}

/// A broken page.
#[derive(Clone, Debug, Serialize)]
pub struct Broken {
    /// The address of the page.
    pub url: String,
    /// The HTTP status, if the server answered.
    pub status: Option<u16>,
    /// The failure, if there is no answer or the answer does not count.
    pub failure: Option<String>,
    /// The kind of the failure, as [`Failure::kind`](crate::fetch::Failure::kind) spells it. Not in the JSON report.
    #[serde(skip)]
    pub kind: Option<String>,
    /// The pages that link to it.
    pub referrers: List<String>,
}

/// A missing anchor.
#[derive(Clone, Debug, Serialize)]
pub struct Anchor {
    /// The page without the anchor.
    pub url: String,
    /// The name of the anchor.
    pub fragment: String,
    /// The pages that link to it.
    pub referrers: List<String>,
}

/// A link that is not a valid address.
#[derive(Clone, Debug, Serialize)]
pub struct Malformed {
    /// The page with the link.
    pub url: String,
    /// The link as it is written.
    pub link: String,
}

/// A redirect.
#[derive(Clone, Debug, Serialize)]
pub struct Redirect {
    /// The address that redirects.
    pub url: String,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The target.
    pub to: String,
    /// The number of links to the address that redirects.
    pub links: u64,
}

/// A slow page.
#[derive(Clone, Debug, Serialize)]
pub struct Slow {
    /// The address of the page.
    pub url: String,
    /// The time from the request to the end of the answer.
    pub milliseconds: u64,
    /// The size of the decoded body in bytes.
    pub bytes: u64,
}

/// Addresses with the same content.
#[derive(Clone, Debug, Serialize)]
pub struct Copies {
    /// The size of the decoded body in bytes.
    pub bytes: u64,
    /// The addresses.
    pub urls: List<String>,
}

/// The totals of one host.
#[derive(Clone, Debug, Serialize)]
pub struct HostLine {
    /// Scheme, host and port.
    pub origin: String,
    /// The number of fetched addresses.
    pub pages: u64,
    /// The number of broken pages.
    pub broken: u64,
    /// The number of bytes over the wire.
    pub bytes: u64,
    /// The average time of a page.
    pub milliseconds: u64,
}

impl SiteReport {
    /// Returns the number of broken pages, missing anchors and invalid links.
    pub fn faults(&self) -> u64 {
        self.broken.count + self.anchors.count + self.malformed.count
    }

    /// Returns true if there is no fault.
    pub fn is_clean(&self) -> bool {
        self.faults() == 0
    }
}

impl Broken {
    /// Describes the problem in a few words.
    pub fn what(&self) -> String {
        match (&self.failure, self.status) {
            (Some(failure), _) => failure.clone(),
            (None, Some(status)) => format!("status {status}"),
            (None, None) => "no answer".to_owned(),
        }
    }
}

impl<T> List<T> {
    /// Returns the number of entries that are not among the first.
    pub fn more(&self) -> u64 {
        self.count.saturating_sub(self.first.len() as u64)
    }
}
