//! Host name resolution.

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

/// Looks up the IP addresses of hosts.
pub trait Names: Debug + Send + Sync {
    /// Returns the addresses of a host. May block.
    ///
    /// # Errors
    /// The name does not exist, or could not be resolved.
    fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The resolver of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNames;

impl Names for SystemNames {
    fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok((host, port).to_socket_addrs()?.collect())
    }
}

/// The time for which a resolved name is remembered.
const CACHE_TIME: Duration = Duration::from_secs(300);
/// Names remembered.
const MAX_CACHED: usize = 10_000;

/// Addresses by host and port, with the time of their look-up.
type Cache = HashMap<(String, u16), (Instant, Vec<SocketAddr>)>;

/// The resolver of the HTTP client: looks names up within the time limit, and remembers the results for a while.
#[derive(Debug)]
pub(super) struct CachingResolver {
    names: Arc<dyn Names>,
    cache: Mutex<Cache>,
}

impl CachingResolver {
    pub(super) fn new(names: Arc<dyn Names>) -> Self {
        Self {
            names,
            cache: Mutex::default(),
        }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_up(
        &self,
        host: &str,
        port: u16,
        timeout: &NextTimeout,
    ) -> Result<Vec<SocketAddr>, ureq::Error> {
        if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let key = (host.to_owned(), port);
        if let Some((when, addresses)) = self.cache().get(&key)
            && when.elapsed() < CACHE_TIME
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
                // A look-up of the system cannot be stopped: the task is detached, and listed as such.
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
        let mut cache = self.cache();
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(key, (Instant::now(), found.clone()));
        Ok(found)
    }
}

impl Resolver for CachingResolver {
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
        let found = self.look_up(host, uri.port_u16().unwrap_or(default), &timeout)?;
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
