//! From host names to addresses.

use std::collections::HashMap;
use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Who knows the addresses of hosts.
pub trait Names: Debug + Send + Sync {
    /// The addresses of a host; may block.
    ///
    /// # Errors
    /// There are none, or nobody can say.
    fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNames;

impl Names for SystemNames {
    fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok((host, port).to_socket_addrs()?.collect())
    }
}

const REMEMBERED: Duration = Duration::from_secs(300);
const MOST_REMEMBERED: usize = 10_000;

type Book = HashMap<(String, u16), (Instant, Vec<SocketAddr>)>;

/// Asks [`Names`] on behalf of the client, within its time, and remembers the answers for a while.
#[derive(Debug)]
pub(super) struct Remembering {
    names: Arc<dyn Names>,
    known: Mutex<Book>,
}

impl Remembering {
    pub(super) fn new(names: Arc<dyn Names>) -> Self {
        Self {
            names,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Book> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(
        &self,
        host: &str,
        port: u16,
        timeout: &NextTimeout,
    ) -> Result<Vec<SocketAddr>, ureq::Error> {
        if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let key = (host.to_owned(), port);
        if let Some((when, addresses)) = self.known().get(&key)
            && when.elapsed() < REMEMBERED
        {
            return Ok(addresses.clone());
        }
        let (names, asked) = (Arc::clone(&self.names), key.clone());
        let mut task = reunite::Builder::new()
            .name(format!("look up {host}"))
            .spawn(move || names.look_up(&asked.0, asked.1));
        let limit = timeout
            .not_zero()
            .map_or(Duration::from_secs(60), |limit| *limit);
        let found = match task.join_timeout(limit) {
            Ok(found) => found,
            Err(error) if error.is_timeout() => {
                // The system's look-up cannot be stopped. It is let go, counted and named.
                task.detach();
                return Err(ureq::Error::Timeout(ureq::Timeout::Resolve));
            }
            Err(error) => return Err(ureq::Error::Io(io::Error::other(error.to_string()))),
        };
        let found = found.map_err(|error| {
            ureq::Error::Io(io::Error::new(io::ErrorKind::NotFound, error.to_string()))
        })?;
        if found.is_empty() {
            return Err(ureq::Error::HostNotFound);
        }
        let mut known = self.known();
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        known.insert(key, (Instant::now(), found.clone()));
        Ok(found)
    }
}

impl Resolver for Remembering {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
        let default = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        let found = self.ask(host, uri.port_u16().unwrap_or(default), &timeout)?;
        let mut addresses = self.empty();
        for address in config.ip_family().keep_wanted(found.into_iter()).take(16) {
            addresses.push(address);
        }
        if addresses.is_empty() {
            return Err(ureq::Error::HostNotFound);
        }
        Ok(addresses)
    }
}
