//! The HTTP client. All requests share one, so that connections are reused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use reunite::sync::Semaphore;
use ureq::http::{HeaderValue, Response, Version};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Proxy};
use url::Url;

use super::answer::{Answer, Body, header};
use super::cookies::Jar;
use super::names::{CachingResolver, Names, SystemNames};
use super::{Failure, body};
use crate::address::SessionIds;

/// The settings of the HTTP client.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// The value of the `User-Agent` header; see [`is_user_agent`](Self::is_user_agent).
    pub user_agent: String,
    /// Keeps cookies until the crawl ends.
    pub cookies: bool,
    /// The largest total time for a page.
    pub timeout: Duration,
    /// The largest size of a decoded page in bytes.
    pub max_size: u64,
    /// The largest number of idle connections that are kept open.
    pub connections: usize,
    /// The treatment of session IDs in addresses.
    pub sessions: SessionIds,
    /// Looks up the IP addresses of hosts.
    pub names: Arc<dyn Names>,
}

impl Default for AgentSettings {
    fn default() -> Self {
        Self {
            user_agent: concat!("reunite/", env!("CARGO_PKG_VERSION")).to_owned(),
            cookies: false,
            timeout: Duration::from_secs(30),
            max_size: 10 << 20,
            connections: 16,
            sessions: SessionIds::Strip,
            names: Arc::new(SystemNames),
        }
    }
}

impl AgentSettings {
    /// Returns true if the text can be sent as a `User-Agent`: if it has no line end or other control character.
    ///
    /// ```
    /// use reunite_crawl::fetch::AgentSettings;
    ///
    /// assert!(AgentSettings::is_user_agent("Link checker (+https://example.org/)"));
    /// assert!(!AgentSettings::is_user_agent("two\nlines"));
    /// ```
    pub fn is_user_agent(text: &str) -> bool {
        HeaderValue::from_bytes(text.as_bytes()).is_ok()
    }
}

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Asks for the headers and the body.
    Get,
    /// Asks for the headers only.
    Head,
}

impl Method {
    /// Returns the name of the method in HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The address.
    pub url: Url,
    /// The method.
    pub method: Method,
}

/// A completed request.
#[derive(Debug)]
pub struct Fetched<'a> {
    /// The time at which the request started.
    pub began: SystemTime,
    /// The time until the headers arrived.
    pub wait: Option<Duration>,
    /// The total time, including reading the page.
    pub total: Duration,
    /// The answer, or the reason why there is none.
    pub answer: Result<Answer<'a>, Failure>,
}

impl Fetched<'_> {
    /// Returns a failure that is known without a request.
    pub(crate) fn without_request(failure: Failure) -> Self {
        Self {
            began: SystemTime::now(),
            wait: None,
            total: Duration::ZERO,
            answer: Err(failure),
        }
    }
}

/// An HTTP client that any number of threads can use.
pub struct Fetcher {
    agent: Agent,
    settings: AgentSettings,
    /// Permits for large bodies.
    large: Semaphore,
    cookies: Option<Jar>,
    stopped: AtomicBool,
}

/// Large bodies in memory at the same time.
const LARGE_BODIES: u64 = 4;

impl Fetcher {
    /// Creates a client with these settings, and the proxy that the environment names.
    pub fn new(settings: AgentSettings) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Each redirect is stored as a page of its own.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(settings.timeout))
            .user_agent(settings.user_agent.as_str())
            .accept("text/html,application/xhtml+xml,*/*;q=0.8")
            .accept_encoding("gzip, br, zstd")
            .max_idle_connections(settings.connections)
            .max_idle_connections_per_host(settings.connections)
            .proxy(Proxy::try_from_env())
            .tls_config(tls)
            .build();
        let names = CachingResolver::new(Arc::clone(&settings.names));
        Self {
            agent: Agent::with_parts(config, DefaultConnector::default(), names),
            cookies: settings.cookies.then(Jar::default),
            settings,
            large: Semaphore::new(LARGE_BODIES),
            stopped: AtomicBool::new(false),
        }
    }

    /// Makes a request and reads the answer. Blocks no longer than [`AgentSettings::timeout`].
    pub fn fetch(&self, request: &Request) -> Fetched<'_> {
        let (began, start) = (SystemTime::now(), Instant::now());
        let mut wait = None;
        let mut answer = self.send(request, start, &mut wait);
        // The error of a connection that was shut down says nothing about the page, which is still to be fetched.
        if answer.is_err() && self.stopped.load(Ordering::Acquire) {
            answer = Err(Failure::Stopped);
        }
        Fetched {
            began,
            wait,
            total: start.elapsed(),
            answer,
        }
    }

    /// Shuts down every connection, also those in use: their requests fail at once with [`Failure::Stopped`].
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.agent.clone().shutdown();
    }

    fn send(
        &self,
        request: &Request,
        start: Instant,
        wait: &mut Option<Duration>,
    ) -> Result<Answer<'_>, Failure> {
        let url = request.url.as_str();
        let mut call = match request.method {
            Method::Get => self.agent.get(url),
            Method::Head => self.agent.head(url),
        };
        if let Some(jar) = &self.cookies {
            let cookies = jar.for_request(&request.url);
            if !cookies.is_empty() {
                call = call.header("cookie", cookies);
            }
        }
        let response = reunite::blocking(|| call.call())?;
        *wait = Some(start.elapsed());
        if let Some(jar) = &self.cookies {
            let set = response.headers().get_all("set-cookie").into_iter();
            jar.store(set.filter_map(|value| value.to_str().ok()), &request.url);
        }
        self.read(request, response)
    }

    fn read(
        &self,
        request: &Request,
        response: Response<ureq::Body>,
    ) -> Result<Answer<'_>, Failure> {
        let (head, body) = response.into_parts();
        let headers: Vec<(String, String)> = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
            .collect();
        let mut answer = Answer {
            status: head.status.as_u16(),
            version: version(head.version).to_owned(),
            body: None,
            media: None,
            charset: None,
            redirect: None,
            page: None,
            nofollow: false,
            noindex: false,
            permit: None,
            headers,
        };
        let bytes = if request.method == Method::Head {
            Vec::new()
        } else {
            let codings = header(&answer.headers, "content-encoding").unwrap_or_default();
            let codings: Vec<String> = codings
                .split(',')
                .map(|coding| coding.trim().to_ascii_lowercase())
                .filter(|coding| !coding.is_empty())
                .collect();
            let read = body::read(
                body.into_reader(),
                &codings,
                self.settings.max_size,
                &self.large,
            )?;
            answer.body = Some(Body::new(&read.bytes, read.wire));
            answer.permit = read.permit;
            read.bytes
        };
        answer.interpret(&request.url, &bytes, self.settings.sessions);
        Ok(answer)
    }
}

/// Decodes a header value as UTF-8, or as Latin-1 if it is not UTF-8.
fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(
        |_| bytes.iter().copied().map(char::from).collect(),
        str::to_owned,
    )
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}
