//! What a report says.

use serde::Serialize;

/// Everything there is to say. Lists hold at most as many entries as were asked for; the counts hold all.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Where the crawl began.
    pub seeds: Vec<String>,
    /// Addresses fetched.
    pub pages: u64,
    /// Addresses still queued: what follows is not the whole story then.
    pub queued: u64,
    /// Pages that are missing, fail, or cannot be had.
    pub broken: List<Broken>,
    /// Links to places that the page they lead to does not have.
    pub anchors: List<Anchor>,
    /// Links that are no addresses.
    pub malformed: List<Malformed>,
    /// Servers that asked to be left alone: nobody knows about these pages.
    pub unknown: List<Broken>,
    /// Pages that lead elsewhere.
    pub redirects: List<Redirect>,
    /// The slowest pages.
    pub slow: List<Slow>,
    /// Addresses with the same content.
    pub copies: List<Copies>,
    /// Pages that only a sitemap leads to.
    pub orphans: List<String>,
    /// Hosts, by how many of their addresses were fetched.
    pub hosts: List<HostLine>,
    /// Addresses not fetched, by reason.
    pub skipped: Vec<(String, u64)>,
}

/// The first entries of a list, and how many there are in all.
#[derive(Clone, Debug, Serialize)]
pub struct List<T> {
    /// In all.
    pub count: u64,
    /// The first of them.
    pub first: Vec<T>,
}

/// A page that is not as it should be.
#[derive(Clone, Debug, Serialize)]
pub struct Broken {
    /// Its address.
    pub url: String,
    /// What the server said.
    pub status: Option<u16>,
    /// What went wrong, if there is no answer that counts.
    pub failure: Option<String>,
    /// Pages that link to it.
    pub referrers: List<String>,
}

/// A link to a place that is not there.
#[derive(Clone, Debug, Serialize)]
pub struct Anchor {
    /// The page that has no such place.
    pub url: String,
    /// The place.
    pub fragment: String,
    /// Pages that link to it.
    pub referrers: List<String>,
}

/// A link that is no address.
#[derive(Clone, Debug, Serialize)]
pub struct Malformed {
    /// The page it is on.
    pub url: String,
    /// As it is written.
    pub link: String,
}

/// A page that leads elsewhere.
#[derive(Clone, Debug, Serialize)]
pub struct Redirect {
    /// From where.
    pub url: String,
    /// With which status.
    pub status: Option<u16>,
    /// To where.
    pub to: String,
    /// How many links lead to it.
    pub links: u64,
}

/// A page that takes long.
#[derive(Clone, Debug, Serialize)]
pub struct Slow {
    /// Its address.
    pub url: String,
    /// How long it took.
    pub milliseconds: u64,
    /// Decoded bytes.
    pub bytes: u64,
}

/// Addresses with the same content.
#[derive(Clone, Debug, Serialize)]
pub struct Copies {
    /// How large each is.
    pub bytes: u64,
    /// Where it is.
    pub urls: List<String>,
}

/// One host.
#[derive(Clone, Debug, Serialize)]
pub struct HostLine {
    /// Scheme, host and port.
    pub origin: String,
    /// Addresses fetched.
    pub pages: u64,
    /// Of those, how many are broken.
    pub broken: u64,
    /// Bytes over the wire.
    pub bytes: u64,
    /// How long a page takes on average.
    pub milliseconds: u64,
}

impl Report {
    /// Whether anything is broken: a page, a place, a link.
    pub fn is_clean(&self) -> bool {
        self.broken.count + self.anchors.count + self.malformed.count == 0
    }
}

impl Broken {
    /// What is wrong, in a few words.
    pub fn what(&self) -> String {
        match (&self.failure, self.status) {
            (Some(failure), _) => failure.clone(),
            (None, Some(status)) => format!("status {status}"),
            (None, None) => "no answer".to_owned(),
        }
    }
}

impl<T> List<T> {
    /// How many are not among the first.
    pub fn more(&self) -> u64 {
        self.count.saturating_sub(self.first.len() as u64)
    }
}
