//! Robots.txt files (RFC 9309).

use std::fmt;
use std::time::Duration;

use texting_robots::Robot;
use url::Url;

use crate::address::{CrawlScope, Target};
use crate::fetch::{Fetcher, Method, Request};

/// The product token of this program in a robots.txt.
const TOKEN: &str = "reunite";
/// Bytes that are read of a robots.txt (RFC 9309, 2.5).
const MAX_BYTES: usize = 512_000;
/// Redirects that are followed (RFC 9309, 2.3.1.2).
const MAX_REDIRECTS: usize = 5;
/// The longest `Crawl-delay` that is obeyed.
const MAX_CRAWL_DELAY: Duration = Duration::from_secs(60);

/// The pages that a host allows to be fetched.
pub(super) enum Robots {
    /// All pages: the host has no robots.txt.
    AllowAll,
    /// The pages that these rules allow.
    Rules(Box<Robot>),
    /// The page could not be fetched: the rules are unknown, for this reason.
    Unavailable(String),
}

/// The answer of a host that was asked for its robots.txt.
#[derive(Debug)]
pub(super) enum RobotsAnswer {
    Text(Vec<u8>),
    /// The host has none.
    Missing,
    /// The host may have one, but it could not be fetched, for this reason.
    Unavailable(String),
}

impl Robots {
    pub(super) fn new(text: &[u8]) -> Self {
        let text = &text[..text.len().min(MAX_BYTES)];
        match Robot::new(TOKEN, text) {
            Ok(robot) => Self::Rules(Box::new(robot)),
            Err(error) => Self::Unavailable(format!("invalid robots.txt: {error}")),
        }
    }

    pub(super) fn allows(&self, url: &Url) -> bool {
        match self {
            Self::AllowAll => true,
            Self::Rules(robot) => robot.allowed(url.as_str()),
            Self::Unavailable(_) => false,
        }
    }

    /// Returns the delay between two requests that the rules ask for.
    pub(super) fn delay(&self) -> Option<Duration> {
        let Self::Rules(robot) = self else {
            return None;
        };
        let delay = Duration::try_from_secs_f32(robot.delay?).ok()?;
        Some(delay.min(MAX_CRAWL_DELAY))
    }

    pub(super) fn sitemaps(&self) -> &[String] {
        match self {
            Self::Rules(robot) => &robot.sitemaps,
            _ => &[],
        }
    }
}

/// Fetches a host's robots.txt. Does not follow redirects to hosts outside the scope, which get no requests.
pub(super) fn fetch(fetcher: &Fetcher, origin: &str, scope: &CrawlScope) -> RobotsAnswer {
    let Ok(mut url) = Url::parse(&format!("{origin}/robots.txt")) else {
        return RobotsAnswer::Missing;
    };
    for _ in 0..=MAX_REDIRECTS {
        let request = Request {
            url: url.clone(),
            method: Method::Get,
        };
        let answer = match fetcher.fetch(&request).answer {
            Ok(answer) => answer,
            Err(failure) => return RobotsAnswer::Unavailable(failure.to_string()),
        };
        match (answer.status, answer.redirect) {
            (200..=299, _) => {
                return match answer.body.map(|body| body.bytes()) {
                    Some(Ok(text)) => RobotsAnswer::Text(text),
                    _ => RobotsAnswer::Text(Vec::new()),
                };
            }
            (300..=399, Some(Target::Page { url: next, .. })) if scope.has_host(&next) => {
                url = next
            }
            (429 | 500.., _) => {
                return RobotsAnswer::Unavailable(format!("status {}", answer.status));
            }
            _ => return RobotsAnswer::Missing,
        }
    }
    RobotsAnswer::Missing
}

impl fmt::Debug for Robots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AllowAll => "AllowAll",
            Self::Rules(_) => "Rules",
            Self::Unavailable(_) => "Unavailable",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(text: &str, path: &str) -> bool {
        let url = Url::parse(&format!("http://h.test{path}")).unwrap();
        Robots::new(text.as_bytes()).allows(&url)
    }

    #[test]
    fn the_longest_match_decides_and_allow_wins_ties() {
        let text = "User-agent: *\nDisallow: /a/\nAllow: /a/b\nDisallow: /a/b/c\nAllow: /x\nDisallow: /x\n";
        assert!(!allows(text, "/a/z"));
        assert!(allows(text, "/a/b/d"));
        assert!(!allows(text, "/a/b/c/d"));
        assert!(allows(text, "/x"));
        assert!(allows(text, "/"));
        assert!(allows(text, "/robots.txt"));
    }

    #[test]
    fn the_program_s_own_group_takes_precedence_over_the_general_one() {
        let text = "User-agent: *\nDisallow: /\n\nUser-agent: Reunite\nDisallow: /no\n";
        assert!(allows(text, "/yes"));
        assert!(!allows(text, "/no"));
    }

    #[test]
    fn groups_for_the_same_program_are_one() {
        let text = "user-agent: reunite\ndisallow: /a\n\nuser-agent: other\ndisallow: /b\n\n\
                    user-agent: reunite\ndisallow: /c\n";
        assert!(!allows(text, "/a"));
        assert!(allows(text, "/b"));
        assert!(!allows(text, "/c"));
    }

    #[test]
    fn one_group_may_name_several_programs() {
        let text = "User-agent: a\nUser-agent: reunite\nDisallow: /p\n";
        assert!(!allows(text, "/p"));
    }

    #[test]
    fn asterisks_and_dollar_signs_are_wildcards() {
        let text = "User-agent: *\nDisallow: /*.pdf$\nDisallow: /q?*x=\nDisallow: /dir/*/end\n";
        assert!(!allows(text, "/a/b.pdf"));
        assert!(allows(text, "/a/b.pdf?x"));
        assert!(!allows(text, "/q?y=1&x=2"));
        assert!(!allows(text, "/dir/1/2/end/3"));
        assert!(allows(text, "/dir/end"));
    }

    #[test]
    fn paths_are_case_sensitive_and_may_be_percent_encoded() {
        let text = "User-agent: *\nDisallow: /%C3%BC\nDisallow: /A\n";
        assert!(!allows(text, "/%C3%BCber"));
        assert!(allows(text, "/a"));
    }

    #[test]
    fn empty_rules_forbid_nothing_and_comments_are_ignored() {
        assert!(allows("User-agent: *\nDisallow:\n", "/x"));
        assert!(!allows("User-agent: * # all\nDisallow: /x # this\n", "/x"));
        assert!(allows("", "/x"));
    }

    #[test]
    fn other_line_ends_a_byte_order_mark_and_invalid_bytes_are_accepted() {
        assert!(!allows("User-agent: *\rDisallow: /x\r", "/x"));
        assert!(!allows("\u{feff}User-agent: *\r\nDisallow: /x\r\n", "/x"));
        let invalid: Vec<u8> = (0..=255u8).cycle().take(100_000).collect();
        let _read = Robots::new(&invalid);
    }

    #[test]
    fn crawl_delays_and_sitemaps_are_parsed() {
        let text = "User-agent: *\nCrawl-delay: 2.5\nSitemap: http://h.test/s.xml\n";
        let robots = Robots::new(text.as_bytes());
        assert_eq!(robots.delay(), Some(Duration::from_millis(2500)));
        assert_eq!(robots.sitemaps(), ["http://h.test/s.xml"]);
        let robots = Robots::new(b"User-agent: *\nCrawl-delay: 86400\n");
        assert_eq!(robots.delay(), Some(MAX_CRAWL_DELAY));
    }

    #[test]
    fn an_unavailable_robots_txt_forbids_everything() {
        let url = Url::parse("http://h.test/").unwrap();
        assert!(!Robots::Unavailable(String::new()).allows(&url));
        assert!(Robots::AllowAll.allows(&url));
    }
}
