//! The scope of a crawl: the addresses that belong to it.
//!
//! Requests are sent to no other address, except for the robots.txt and sitemaps of its hosts, and to check links
//! (see [`Settings::check`](crate::Settings::check)).

use std::fmt;

use regex::Regex;
use serde::{Deserialize, Serialize};
use url::Url;

use super::normal::{SessionIds, Target, normal};
use super::skipped::Skipped;

/// The rules of a scope, as the user writes them. All crawls into one store must have the same rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeRules {
    /// The addresses where the crawl starts. Their hosts belong to it.
    pub seeds: Vec<String>,
    /// Other hosts that belong to the crawl, as `name` or `name:port`.
    pub hosts: Vec<String>,
    /// Subdomains of the hosts belong to the crawl, too.
    pub subdomains: bool,
    /// Only addresses below the folder of a seed belong to the crawl.
    pub below: bool,
    /// Regular expressions of which an address must match at least one, unless there are none.
    pub include: Vec<String>,
    /// Regular expressions of which an address must match none.
    pub exclude: Vec<String>,
}

/// The reason why scope rules are invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeError {
    /// There is no seed.
    NoSeed,
    /// A seed is not an `http` or `https` address.
    Seed(String),
    /// A host is not a host name or IP address with an optional port.
    Host(String),
    /// A pattern is not a regular expression.
    Pattern {
        /// The pattern.
        pattern: String,
        /// The reason, from the message of the regular expression parser.
        message: String,
    },
}

/// The scope of a crawl.
#[derive(Debug)]
pub struct CrawlScope {
    seeds: Vec<Url>,
    hosts: Vec<Url>,
    subdomains: bool,
    below: bool,
    include: Vec<Regex>,
    exclude: Vec<Regex>,
}

impl CrawlScope {
    /// Compiles the rules.
    ///
    /// # Errors
    /// There is no seed, or a seed, host or pattern is invalid.
    ///
    /// ```
    /// use reunite_crawl::address::{CrawlScope, ScopeRules};
    /// let rules = ScopeRules { seeds: vec!["http://h.test/docs/".into()], below: true, ..Default::default() };
    /// let scope = CrawlScope::new(&rules).unwrap();
    /// assert!(scope.contains(&"http://h.test/docs/a".parse().unwrap()));
    /// assert!(!scope.contains(&"http://h.test/blog".parse().unwrap()));
    /// assert!(!scope.contains(&"http://other.test/docs/".parse().unwrap()));
    /// ```
    pub fn new(rules: &ScopeRules) -> Result<Self, ScopeError> {
        if rules.seeds.is_empty() {
            return Err(ScopeError::NoSeed);
        }
        Ok(Self {
            seeds: rules
                .seeds
                .iter()
                .map(|text| seed(text))
                .collect::<Result<_, _>>()?,
            hosts: rules
                .hosts
                .iter()
                .map(|text| host(text))
                .collect::<Result<_, _>>()?,
            subdomains: rules.subdomains,
            below: rules.below,
            include: compile(&rules.include)?,
            exclude: compile(&rules.exclude)?,
        })
    }

    /// Returns the seeds in normal form.
    pub fn seeds(&self) -> &[Url] {
        &self.seeds
    }

    /// Returns true if an exclude pattern matches the address.
    pub fn is_excluded(&self, url: &Url) -> bool {
        let mut patterns = self.exclude.iter();
        patterns.any(|pattern| pattern.is_match(url.as_str()))
    }

    /// Returns why the address does not belong to the crawl, or `None` if it does.
    pub(crate) fn reason_to_skip(&self, url: &Url) -> Option<Skipped> {
        if self.is_excluded(url) {
            Some(Skipped::Excluded)
        } else if !self.contains(url) {
            Some(Skipped::Scope)
        } else {
            None
        }
    }

    /// Returns true if the address belongs to the crawl.
    pub fn contains(&self, url: &Url) -> bool {
        if self.is_excluded(url) {
            return false;
        }
        let text = url.as_str();
        if self.seeds.contains(url) {
            return true;
        }
        let included =
            self.include.is_empty() || self.include.iter().any(|pattern| pattern.is_match(text));
        included
            && (self.hosts.iter().any(|host| self.is_same_host(url, host))
                || self.seeds.iter().any(|seed| {
                    self.is_same_host(url, seed)
                        && (!self.below || url.path().starts_with(folder(seed)))
                }))
    }

    /// Returns true if the host of the address belongs to the crawl: for files of a host such as its robots.txt.
    pub fn has_host(&self, url: &Url) -> bool {
        let mut known = self.hosts.iter().chain(&self.seeds);
        known.any(|known| self.is_same_host(url, known))
    }

    /// Returns true if both addresses are on the same host and port, or on a subdomain if those belong.
    fn is_same_host(&self, url: &Url, known: &Url) -> bool {
        let (Some(host), Some(home)) = (url.host_str(), known.host_str()) else {
            return false;
        };
        port(url) == port(known)
            && (host == home
                || (self.subdomains
                    && known.domain().is_some()
                    && host
                        .strip_suffix(home)
                        .is_some_and(|prefix| prefix.ends_with('.'))))
    }
}

/// Returns the port unless it is the default one of the scheme: `http` and `https` of a host belong together.
fn port(url: &Url) -> Option<u16> {
    url.port()
}

fn compile(patterns: &[String]) -> Result<Vec<Regex>, ScopeError> {
    let compile = |pattern: &String| {
        Regex::new(pattern).map_err(|error| ScopeError::Pattern {
            pattern: pattern.clone(),
            message: reason(&error),
        })
    };
    patterns.iter().map(compile).collect()
}

/// Returns the reason in one line: the parser's message shows the pattern with a mark in several lines above it.
fn reason(error: &regex::Error) -> String {
    let message = error.to_string();
    let last = message.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// Returns the path up to its last slash.
fn folder(seed: &Url) -> &str {
    let path = seed.path();
    path.rfind('/').map_or("/", |end| &path[..=end])
}

/// Parses a seed. One without a scheme is an `https` address.
fn seed(text: &str) -> Result<Url, ScopeError> {
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let parsed = Url::parse(&full).map(|url| normal(&url, "", SessionIds::Keep));
    match parsed {
        Ok(Target::Page { url, .. }) => Ok(url),
        _ => Err(ScopeError::Seed(text.to_owned())),
    }
}

fn host(text: &str) -> Result<Url, ScopeError> {
    let plain = !text.contains(['/', '@', '?', '#']);
    Url::parse(&format!("http://{text}/"))
        .ok()
        .filter(|_| plain)
        .ok_or_else(|| ScopeError::Host(text.to_owned()))
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSeed => {
                f.write_str("no address to crawl; give one such as https://example.org/")
            }
            Self::Seed(text) => write!(
                f,
                "cannot crawl `{text}`; give an address such as https://example.org/"
            ),
            Self::Host(text) => write!(
                f,
                "invalid host `{text}`; give a name such as docs.example.org"
            ),
            Self::Pattern { pattern, message } => {
                write!(f, "invalid pattern `{pattern}`: {message}")
            }
        }
    }
}

impl std::error::Error for ScopeError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(change: impl FnOnce(&mut ScopeRules)) -> CrawlScope {
        let mut rules = ScopeRules {
            seeds: vec!["http://h.test/docs/index".to_owned()],
            ..ScopeRules::default()
        };
        change(&mut rules);
        CrawlScope::new(&rules).unwrap()
    }

    fn inside(scope: &CrawlScope, text: &str) -> bool {
        scope.contains(&Url::parse(text).unwrap())
    }

    #[test]
    fn addresses_on_the_host_and_port_of_a_seed_belong() {
        let scope = scope(|_| {});
        assert!(inside(&scope, "http://h.test/"));
        assert!(inside(&scope, "https://h.test/"));
        assert!(!inside(&scope, "http://h.test:8080/"));
        assert!(!inside(&scope, "http://www.h.test/"));
        assert!(!inside(&scope, "http://evilh.test/"));
        assert!(!inside(&scope, "http://h.test.evil.test/"));
    }

    #[test]
    fn subdomains_and_other_hosts_belong_on_request() {
        let scope = scope(|rules| {
            rules.subdomains = true;
            rules.hosts = vec!["cdn.test:8080".to_owned()];
        });
        assert!(inside(&scope, "http://www.h.test/"));
        assert!(!inside(&scope, "http://evilh.test/"));
        assert!(inside(&scope, "http://cdn.test:8080/x"));
        assert!(!inside(&scope, "http://cdn.test/x"));
    }

    #[test]
    fn patterns_narrow_the_scope_but_keep_the_seeds() {
        let scope = scope(|rules| {
            rules.below = true;
            rules.include = vec!["/docs/.*\\.html$".to_owned()];
            rules.exclude = vec!["private".to_owned()];
        });
        assert!(inside(&scope, "http://h.test/docs/index"));
        assert!(inside(&scope, "http://h.test/docs/a.html"));
        assert!(!inside(&scope, "http://h.test/docs/a.pdf"));
        assert!(!inside(&scope, "http://h.test/docs/private.html"));
        assert!(!inside(&scope, "http://h.test/other/a.html"));
    }

    #[test]
    fn a_seed_without_a_scheme_uses_https() {
        let rules = ScopeRules {
            seeds: vec!["h.test".to_owned()],
            ..ScopeRules::default()
        };
        let scope = CrawlScope::new(&rules).unwrap();
        assert_eq!(scope.seeds()[0].as_str(), "https://h.test/");
    }

    #[test]
    fn invalid_rules_are_refused() {
        for seed in ["", "ftp://h.test/", "http://", "::"] {
            let rules = ScopeRules {
                seeds: vec![seed.to_owned()],
                ..ScopeRules::default()
            };
            assert_eq!(
                CrawlScope::new(&rules).unwrap_err(),
                ScopeError::Seed(seed.to_owned())
            );
        }
        let rules = ScopeRules {
            seeds: vec!["h.test".to_owned()],
            include: vec!["(".to_owned()],
            ..ScopeRules::default()
        };
        let error = CrawlScope::new(&rules).unwrap_err();
        assert_eq!(error.to_string(), "invalid pattern `(`: unclosed group");
    }
}
