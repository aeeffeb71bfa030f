//! The crawl itself: which address is fetched when, and what becomes of the result.

mod coordinator;
mod difference;
mod event;
mod fetch_task;
mod host;
mod in_flight;
mod retry;
mod robots;
mod scheduler;
mod settings;
mod sitemap;
mod storing;

use std::fmt;

pub use difference::Difference;
pub use event::{CrawlEnd, CrawlEvent, Limit, PageEvent, Progress};
pub use settings::{Follow, Limits, Pace, Settings};

use crate::address::{CrawlScope, ScopeError, ScopeRules};
use crate::fetch::{AgentSettings, Fetcher};
use crate::store::{Store, StoreError};
use coordinator::Coordinator;

/// The reason why a crawl could not start or continue. Pages stored before are kept.
#[derive(Debug)]
pub enum CrawlError {
    /// The scope rules are invalid.
    Scope(ScopeError),
    /// The user agent cannot be sent; see [`AgentSettings::is_user_agent`].
    UserAgent(String),
    /// The store was created with other settings: these differ.
    OtherSettings(Vec<Difference>),
    /// The settings cannot be stored.
    Settings(serde_json::Error),
    /// The store cannot be read or written.
    Store(StoreError),
}

/// Crawls into a store until no address is left, a limit is reached, or the current task is cancelled.
///
/// A crawl continues where an earlier one into the same store ended. `watch` is called on this thread.
///
/// # Errors
/// The settings are invalid or differ from those of the store, or the store cannot be used. A page that cannot be
/// fetched is not an error: the failure is stored.
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
    watch: &mut dyn FnMut(CrawlEvent),
) -> Result<CrawlEnd, CrawlError> {
    let scope = CrawlScope::new(&settings.scope)?;
    // The HTTP client would panic.
    if !AgentSettings::is_user_agent(&settings.agent.user_agent) {
        return Err(CrawlError::UserAgent(settings.agent.user_agent.clone()));
    }
    check_settings(store, settings)?;
    let follow = &settings.follow;
    store.set_limits(settings.limits.depth.into(), follow.max_variants.into());
    let mut agent = settings.agent.clone();
    agent.connections = settings.pace.threads;
    agent.sessions = follow.session_ids();
    let fetcher = Fetcher::new(agent);
    let mut coordinator = Coordinator::new(store, settings, &scope, &fetcher, watch)?;
    coordinator.prepare()?;
    let end = reunite::scope(|tasks| {
        let end = coordinator.run(tasks);
        if end.is_err() {
            // The results of requests in flight cannot be stored: end the requests.
            fetcher.stop();
        }
        end
    });
    Ok(end?)
}

/// Checks that the settings are those that the store was created with, so that an address means the same page in
/// every run. Writes them into a new store.
fn check_settings(store: &mut Store, settings: &Settings) -> Result<(), CrawlError> {
    let scope = serde_json::to_string(&settings.scope).map_err(CrawlError::Settings)?;
    let follow = serde_json::to_string(&settings.follow).map_err(CrawlError::Settings)?;
    let mut differences = Vec::new();
    for (key, given) in [("scope", scope), ("follow", follow)] {
        match store.note(key)? {
            None => store.set_note(key, &given)?,
            Some(stored) if stored == given => {}
            Some(stored) => differences.extend(difference::between(key, &stored, &given)),
        }
    }
    if !differences.is_empty() {
        return Err(CrawlError::OtherSettings(differences));
    }
    Ok(store.commit()?)
}

/// Returns the scope rules that a store was created with.
///
/// # Errors
/// The store cannot be read.
pub fn rules_of(store: &Store) -> Result<Option<ScopeRules>, StoreError> {
    let text = store.note("scope")?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

impl From<StoreError> for CrawlError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ScopeError> for CrawlError {
    fn from(error: ScopeError) -> Self {
        Self::Scope(error)
    }
}

impl fmt::Display for CrawlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(error) => write!(f, "{error}"),
            Self::UserAgent(text) => write!(f, "the user agent {text:?} has control characters"),
            Self::OtherSettings(differences) => {
                f.write_str(
                    "this store was created with other settings; use the same settings or another store",
                )?;
                differences.iter().try_for_each(|it| write!(f, "; {it}"))
            }
            Self::Settings(error) => write!(f, "the settings cannot be stored: {error}"),
            Self::Store(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for CrawlError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Scope(error) => Some(error),
            Self::UserAgent(_) | Self::OtherSettings(_) => None,
            Self::Settings(error) => Some(error),
            Self::Store(error) => Some(error),
        }
    }
}
