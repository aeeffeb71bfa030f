//! Which addresses belong to the crawl. Nothing is ever sent to any other.

use regex::Regex;
use serde::{Deserialize, Serialize};
use url::Url;

use super::normal::{Target, normal};
use crate::store::Skipped;

/// What belongs, as it was asked for. Two crawls into one store must ask for the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeRules {
    /// Where the crawl begins. Their hosts belong.
    pub seeds: Vec<String>,
    /// More hosts that belong, as `name` or `name:port`.
    pub hosts: Vec<String>,
    /// Whether `docs.example.test` belongs if `example.test` does.
    pub subdomains: bool,
    /// Whether only what lies below the folder of a seed belongs.
    pub below: bool,
    /// If there are any, an address must match one.
    pub include: Vec<String>,
    /// An address must match none.
    pub exclude: Vec<String>,
}

/// The rules, ready to be asked.
#[derive(Debug)]
pub struct Scope {
    seeds: Vec<Url>,
    hosts: Vec<Url>,
    subdomains: bool,
    below: bool,
    include: Vec<Regex>,
    exclude: Vec<Regex>,
}

impl Scope {
    /// Compiles the rules.
    ///
    /// # Errors
    /// In words for a person: a seed is no address, a host no host, a pattern no regular expression.
    ///
    /// ```
    /// use reunite_crawl::address::{Scope, ScopeRules};
    /// let rules = ScopeRules { seeds: vec!["http://h.test/docs/".into()], below: true, ..Default::default() };
    /// let scope = Scope::new(&rules).unwrap();
    /// assert!(scope.contains(&"http://h.test/docs/a".parse().unwrap()));
    /// assert!(!scope.contains(&"http://h.test/blog".parse().unwrap()));
    /// assert!(!scope.contains(&"http://other.test/docs/".parse().unwrap()));
    /// ```
    pub fn new(rules: &ScopeRules) -> Result<Self, String> {
        if rules.seeds.is_empty() {
            return Err("give an address to begin with, such as https://example.org/".to_owned());
        }
        let patterns = |texts: &[String]| -> Result<Vec<Regex>, String> {
            let compile = |text: &String| {
                Regex::new(text).map_err(|error| format!("`{text}` is no pattern: {error}"))
            };
            texts.iter().map(compile).collect()
        };
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
            include: patterns(&rules.include)?,
            exclude: patterns(&rules.exclude)?,
        })
    }

    /// Where the crawl begins, in normal form.
    pub fn seeds(&self) -> &[Url] {
        &self.seeds
    }

    /// Whether the address is kept out by a pattern.
    pub fn is_excluded(&self, url: &Url) -> bool {
        let mut patterns = self.exclude.iter();
        patterns.any(|pattern| pattern.is_match(url.as_str()))
    }

    /// Why the address is none to crawl.
    pub(crate) fn judge(&self, url: &Url) -> Option<Skipped> {
        if self.is_excluded(url) {
            Some(Skipped::Excluded)
        } else if !self.contains(url) {
            Some(Skipped::Scope)
        } else {
            None
        }
    }

    /// Whether the address belongs.
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
            && (self.hosts.iter().any(|host| self.same_place(url, host))
                || self.seeds.iter().any(|seed| {
                    self.same_place(url, seed)
                        && (!self.below || url.path().starts_with(folder(seed)))
                }))
    }

    /// Whether its host belongs at all: for what is fetched on a host's behalf, such as its robots.txt.
    pub fn has_host(&self, url: &Url) -> bool {
        let mut places = self.hosts.iter().chain(&self.seeds);
        places.any(|place| self.same_place(url, place))
    }

    fn same_place(&self, url: &Url, place: &Url) -> bool {
        let (Some(host), Some(home)) = (url.host_str(), place.host_str()) else {
            return false;
        };
        port(url) == port(place)
            && (host == home
                || (self.subdomains
                    && place.domain().is_some()
                    && host
                        .strip_suffix(home)
                        .is_some_and(|prefix| prefix.ends_with('.'))))
    }
}

/// `http` and `https` with their own ports are two doors to one place.
fn port(url: &Url) -> Option<u16> {
    url.port()
}

/// The path up to its last slash.
fn folder(seed: &Url) -> &str {
    let path = seed.path();
    path.rfind('/').map_or("/", |end| &path[..=end])
}

fn seed(text: &str) -> Result<Url, String> {
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let parsed = Url::parse(&full).map(|url| normal(&url, "", true));
    match parsed {
        Ok(Target::Page { url, .. }) => Ok(url),
        _ => Err(format!(
            "`{text}` is no address to crawl; give one such as https://example.org/"
        )),
    }
}

fn host(text: &str) -> Result<Url, String> {
    let plain = !text.contains(['/', '@', '?', '#']);
    Url::parse(&format!("http://{text}/"))
        .ok()
        .filter(|_| plain)
        .ok_or_else(|| format!("`{text}` is no host; give a name such as docs.example.org"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(change: impl FnOnce(&mut ScopeRules)) -> Scope {
        let mut rules = ScopeRules {
            seeds: vec!["http://h.test/docs/index".to_owned()],
            ..ScopeRules::default()
        };
        change(&mut rules);
        Scope::new(&rules).unwrap()
    }

    fn inside(scope: &Scope, text: &str) -> bool {
        scope.contains(&Url::parse(text).unwrap())
    }

    #[test]
    fn the_host_and_its_port_decide() {
        let scope = scope(|_| {});
        assert!(inside(&scope, "http://h.test/"));
        assert!(inside(&scope, "https://h.test/"));
        assert!(!inside(&scope, "http://h.test:8080/"));
        assert!(!inside(&scope, "http://www.h.test/"));
        assert!(!inside(&scope, "http://evilh.test/"));
        assert!(!inside(&scope, "http://h.test.evil.test/"));
    }

    #[test]
    fn subdomains_and_more_hosts_belong_if_asked_for() {
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
    fn patterns_narrow_and_the_seed_stays() {
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
    fn an_address_without_a_scheme_is_meant_securely() {
        let rules = ScopeRules {
            seeds: vec!["h.test".to_owned()],
            ..ScopeRules::default()
        };
        let scope = Scope::new(&rules).unwrap();
        assert_eq!(scope.seeds()[0].as_str(), "https://h.test/");
    }

    #[test]
    fn nonsense_is_told() {
        for seed in ["", "ftp://h.test/", "http://", "::"] {
            let rules = ScopeRules {
                seeds: vec![seed.to_owned()],
                ..ScopeRules::default()
            };
            assert!(Scope::new(&rules).is_err(), "{seed:?}");
        }
        let rules = ScopeRules {
            seeds: vec!["h.test".to_owned()],
            include: vec!["(".to_owned()],
            ..ScopeRules::default()
        };
        assert!(Scope::new(&rules).unwrap_err().contains("no pattern"));
    }
}
