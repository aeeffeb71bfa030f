//! The crawl itself: who fetches what when.

mod clerk;
mod desk;
mod host;
mod land;
mod robots;
mod settings;
mod sitemap;
mod watch;

use std::fmt;

pub use settings::{Follow, Limits, Pace, Settings};
pub use watch::{Ended, Event, Limit, PageEvent, Progress};

use crate::address::{Scope, ScopeRules};
use crate::fetch::Fetcher;
use crate::store::{Store, StoreError};
use clerk::Clerk;

/// Why a crawl could not begin or go on. What was stored before is in the store.
#[derive(Debug)]
pub enum CrawlError {
    /// The settings make no sense, or are not those that the store was begun with.
    Settings(String),
    /// The store cannot be read or written.
    Store(StoreError),
}

/// Crawls into a store: goes on where it was, until nothing is left, a limit is reached, or the current task
/// is cancelled. `watch` is told of pages and of progress, on this thread.
///
/// # Errors
/// The settings are wrong, or the store cannot be used. Pages that cannot be fetched are no errors but rows.
///
/// ```
/// use reunite_crawl::{Settings, crawl, store::Store};
/// # use std::io::{Read, Write};
/// # let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
/// # let address = server.local_addr().unwrap();
/// # std::thread::spawn(move || for stream in server.incoming() {
/// #     let mut stream = stream.unwrap();
/// #     let _ = stream.read(&mut [0; 4096]);
/// #     let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
/// # });
/// let mut settings = Settings::default();
/// settings.scope.seeds = vec![format!("http://{address}/")];
/// # let dir = tempfile::tempdir().unwrap();
/// # let file = dir.path().join("site.db");
/// let mut store = Store::open(&file).unwrap();
/// crawl(&mut store, &settings, &mut |_| {}).unwrap();
/// assert_eq!(store.counts().unwrap().queued, 0);
/// ```
pub fn crawl(
    store: &mut Store,
    settings: &Settings,
    watch: &mut dyn FnMut(Event),
) -> Result<Ended, CrawlError> {
    let scope = Scope::new(&settings.scope).map_err(CrawlError::Settings)?;
    keep_settings(store, settings)?;
    let follow = &settings.follow;
    store.set_limits(settings.limits.depth.into(), follow.max_variants.into());
    let mut agent = settings.agent.clone();
    agent.connections = settings.pace.threads;
    agent.keep_sessions = follow.sessions;
    let fetcher = Fetcher::new(agent);
    let mut clerk = Clerk::new(store, settings, &scope, &fetcher, watch)?;
    clerk.prepare()?;
    let ended = reunite::scope(|tasks| {
        let ended = clerk.run(tasks);
        if ended.is_err() {
            // Nobody can store what is under way.
            fetcher.stop();
        }
        ended
    });
    Ok(ended?)
}

/// What a store was begun with stays so: the same addresses mean the same pages, in every run.
fn keep_settings(store: &mut Store, settings: &Settings) -> Result<(), CrawlError> {
    let text = |value: Result<String, _>| {
        value.map_err(|error: serde_json::Error| CrawlError::Settings(error.to_string()))
    };
    let scope = text(serde_json::to_string(&settings.scope))?;
    let follow = text(serde_json::to_string(&settings.follow))?;
    for (key, now) in [("scope", scope), ("follow", follow)] {
        match store.note(key)? {
            None => store.set_note(key, &now)?,
            Some(before) if before == now => {}
            Some(before) => {
                return Err(CrawlError::Settings(format!(
                    "this store was begun with other settings; give the same, or name another store\n\
                     then: {before}\nnow:  {now}"
                )));
            }
        }
    }
    Ok(store.commit()?)
}

/// What a store was begun with.
///
/// # Errors
/// It cannot be read.
pub fn rules_of(store: &Store) -> Result<Option<ScopeRules>, StoreError> {
    let text = store.note("scope")?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

impl From<StoreError> for CrawlError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl fmt::Display for CrawlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(what) => f.write_str(what),
            Self::Store(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for CrawlError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Settings(_) => None,
            Self::Store(error) => Some(error),
        }
    }
}
