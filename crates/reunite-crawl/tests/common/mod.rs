//! A store in a directory of its own, a crawl of a loopback server into it, and queries of the store.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use loopback_site::{Page, Plan, Server, Site};
use reunite_crawl::fetch::Names;
use reunite_crawl::store::Store;
use reunite_crawl::{CrawlEnd, CrawlEvent, Settings, crawl};
use rusqlite::Connection;
use tempfile::TempDir;

/// A resolver that knows no name, so that tests send no requests to other machines.
#[derive(Debug)]
pub(crate) struct NoNames;

impl Names for NoNames {
    fn look_up(&self, host: &str, _: u16) -> std::io::Result<Vec<std::net::SocketAddr>> {
        Err(std::io::Error::other(format!(
            "{host} is not known in tests"
        )))
    }
}

/// Returns settings for a crawl without delays.
pub(crate) fn settings(seed: &str) -> Settings {
    let mut settings = Settings::default();
    settings.scope.seeds = vec![seed.to_owned()];
    settings.follow.sitemaps = false;
    settings.pace.delay = Duration::ZERO;
    settings.pace.per_host = 16;
    settings.pace.first_retry_delay = Duration::from_millis(5);
    settings.agent.names = Arc::new(NoNames);
    settings.agent.timeout = Duration::from_secs(10);
    settings
}

pub(crate) struct Place(pub(crate) TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("site.db")
    }

    pub(crate) fn crawl(&self, settings: &Settings) -> (CrawlEnd, Vec<CrawlEvent>) {
        let mut events = Vec::new();
        let mut store = Store::open(&self.file()).expect("a store");
        let ended = crawl(&mut store, settings, &mut |event| events.push(event)).expect("a crawl");
        (ended, events)
    }

    pub(crate) fn db(&self) -> Connection {
        Connection::open(self.file()).expect("a database")
    }

    /// Returns the first column of all rows.
    pub(crate) fn all<T: rusqlite::types::FromSql>(&self, sql: &str) -> Vec<T> {
        let db = self.db();
        let mut query = db.prepare(sql).expect("a query");
        let rows = query.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("values")
    }

    pub(crate) fn one<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        self.db()
            .query_row(sql, [], |row| row.get(0))
            .expect("a row")
    }

    /// Returns the fetched addresses in order.
    pub(crate) fn pages(&self) -> Vec<String> {
        self.all("SELECT url FROM pages JOIN urls USING (id) ORDER BY url")
    }
}

/// A page in a store, in the form of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) status: Option<u16>,
    pub(crate) failure: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) hash: Option<Vec<u8>>,
    pub(crate) links: BTreeSet<String>,
    pub(crate) redirect: Option<String>,
    pub(crate) depth: i64,
    pub(crate) headers: u32,
}

/// Returns the pages of a store without their times.
pub(crate) fn contents(db: &Connection) -> BTreeMap<String, Row> {
    let mut links: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    let mut query = db
        .prepare("SELECT source, url FROM links JOIN urls ON urls.id = target")
        .expect("links");
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    for row in rows.expect("links") {
        let (source, url) = row.expect("a link");
        links.entry(source).or_default().insert(url);
    }
    let mut query = db
        .prepare(
            "SELECT urls.url, pages.status, failure, title, bodies.hash, target.url, urls.depth, \
             json_array_length(headers), urls.id FROM pages JOIN urls USING (id) \
             LEFT JOIN bodies ON bodies.id = body LEFT JOIN urls AS target ON target.id = redirect",
        )
        .expect("pages");
    let rows = query.query_map([], |row| {
        let id: i64 = row.get(8)?;
        let page = Row {
            status: row.get(1)?,
            failure: row.get(2)?,
            title: row.get(3)?,
            hash: row.get(4)?,
            redirect: row.get(5)?,
            depth: row.get(6)?,
            headers: row.get::<_, Option<u32>>(7)?.unwrap_or(0),
            links: links.get(&id).cloned().unwrap_or_default(),
        };
        Ok((row.get::<_, String>(0)?, page))
    });
    let rows: Vec<_> = rows
        .expect("pages")
        .map(|row| row.expect("a page"))
        .collect();
    let count = rows.len();
    let rows: BTreeMap<_, _> = rows.into_iter().collect();
    assert_eq!(rows.len(), count, "no address twice");
    rows
}

/// A site and its server, on so many hosts.
pub(crate) fn site(
    pages: usize,
    hosts: usize,
    seed: u64,
    latency: (usize, usize),
) -> (Arc<Site>, Server) {
    let slot: Arc<std::sync::OnceLock<Arc<Site>>> = Arc::default();
    let of_server = Arc::clone(&slot);
    let server = Server::start(hosts, move |request| match of_server.get() {
        Some(site) => site.reply(request),
        None => loopback_site::Reply::status(503),
    })
    .expect("a server");
    let origins = (0..hosts).map(|host| format!("http://{}", server.address(host)));
    let site = Arc::new(Site::new(Plan {
        pages,
        seed,
        origins: origins.collect(),
        latency,
        words: (50, 300),
        faults: true,
        queries: true,
    }));
    slot.set(Arc::clone(&site))
        .unwrap_or_else(|_| panic!("set once"));
    (site, server)
}

/// The store has every page of the manifest, whole, and nothing else.
pub(crate) fn assert_complete(site: &Site, stored: &BTreeMap<String, Row>) {
    let manifest: BTreeMap<String, Page> = site
        .manifest()
        .map(|page| (page.url.clone(), page))
        .collect();
    let missing: Vec<_> = manifest
        .keys()
        .filter(|url| !stored.contains_key(*url))
        .collect();
    let extra: Vec<_> = stored
        .keys()
        .filter(|url| !manifest.contains_key(*url))
        .collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
    assert!(extra.is_empty(), "not in the manifest: {extra:?}");
    for (url, page) in &manifest {
        let row = &stored[url];
        let kind = page.kind;
        assert_eq!(row.status, Some(page.status), "{url} {kind:?}");
        assert_eq!(row.title, page.title, "{url} {kind:?}");
        assert_eq!(row.hash.as_deref(), Some(&page.hash[..]), "{url} {kind:?}");
        assert_eq!(row.redirect, page.redirect, "{url} {kind:?}");
        assert_eq!(row.links, page.links, "{url} {kind:?}");
        assert!(row.headers > 0, "{url}");
        let is_loop = matches!(kind, loopback_site::Kind::Loop(_));
        assert_eq!(row.failure.is_some(), is_loop, "{url} {:?}", row.failure);
    }
}
