//! The client: one for all fetches, so that connections are used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use reunite::sync::Semaphore;
use ureq::http::{Response, Version};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Proxy};
use url::Url;

use super::answer::{Answer, Body, header};
use super::cookies::Jar;
use super::names::{Names, Remembering, SystemNames};
use super::{Failure, body};

/// How requests are made.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// What this program calls itself.
    pub user_agent: String,
    /// Whether cookies are kept for the length of the crawl.
    pub cookies: bool,
    /// How long a page may take in all.
    pub timeout: Duration,
    /// How many decoded bytes a page may have.
    pub max_size: u64,
    /// How many connections are kept open for the next request.
    pub connections: usize,
    /// Whether session numbers in addresses are kept.
    pub keep_sessions: bool,
    /// Who knows the addresses of hosts.
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
            keep_sessions: false,
            names: Arc::new(SystemNames),
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where.
    pub url: Url,
    /// Only the headers.
    pub head: bool,
}

/// How it went.
#[derive(Debug)]
pub struct Fetched<'a> {
    /// When the request was begun.
    pub began: SystemTime,
    /// How long until the headers were there.
    pub wait: Option<Duration>,
    /// How long in all, reading the page included.
    pub total: Duration,
    /// What came of it.
    pub answer: Result<Answer<'a>, Failure>,
}

impl Fetched<'_> {
    /// What is known without a request.
    pub(crate) fn without_asking(failure: Failure) -> Self {
        Self {
            began: SystemTime::now(),
            wait: None,
            total: Duration::ZERO,
            answer: Err(failure),
        }
    }
}

/// Makes requests, from any number of threads.
pub struct Fetcher {
    agent: Agent,
    settings: AgentSettings,
    large: Semaphore,
    cookies: Option<Jar>,
    stopped: AtomicBool,
}

/// How many large bodies may be in memory at a time.
const LARGE_BODIES: u64 = 4;

impl Fetcher {
    /// With these settings, and the proxies that the environment names.
    pub fn new(settings: AgentSettings) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Every step of a redirect is a page of its own.
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
        let names = Remembering::new(Arc::clone(&settings.names));
        Self {
            agent: Agent::with_parts(config, DefaultConnector::default(), names),
            cookies: settings.cookies.then(Jar::default),
            settings,
            large: Semaphore::new(LARGE_BODIES),
            stopped: AtomicBool::new(false),
        }
    }

    /// Makes one request and reads the answer. Blocks for no longer than the settings allow.
    pub fn fetch(&self, request: &Request) -> Fetched<'_> {
        let (began, start) = (SystemTime::now(), Instant::now());
        let mut wait = None;
        let mut answer = self.ask(request, start, &mut wait);
        // Whatever a connection that was shut says of it, the page is still to be fetched.
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

    /// Shuts every connection, also those that are waited for: their fetches end at once.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.agent.clone().shutdown();
    }

    fn ask(
        &self,
        request: &Request,
        start: Instant,
        wait: &mut Option<Duration>,
    ) -> Result<Answer<'_>, Failure> {
        let url = request.url.as_str();
        let mut call = if request.head {
            self.agent.head(url)
        } else {
            self.agent.get(url)
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
        let bytes = if request.head {
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
        answer.interpret(&request.url, &bytes, self.settings.keep_sessions);
        Ok(answer)
    }
}

/// Header values are Latin-1 where they are not UTF-8.
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
