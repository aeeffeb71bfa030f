//! robots.txt, as RFC 9309 has it.

use std::fmt;
use std::time::Duration;

use texting_robots::Robot;
use url::Url;

use crate::address::{Scope, Target};
use crate::fetch::{Fetcher, Request};

/// What this program is called in a robots.txt.
const TOKEN: &str = "reunite";
/// No more than this is read (RFC 9309, 2.5).
const LONGEST: usize = 512_000;
/// So many redirects are followed (RFC 9309, 2.3.1.2).
const REDIRECTS: usize = 5;
/// Nobody means more by it.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// What a host allows.
pub(super) enum Robots {
    /// Everything: there is no robots.txt.
    Open,
    /// What the rules say.
    Rules(Box<Robot>),
    /// Nothing: nobody can say what the rules are.
    Lost(String),
}

/// What asking for it came to.
#[derive(Debug)]
pub(super) enum Asked {
    Text(Vec<u8>),
    None,
    Lost(String),
}

impl Robots {
    pub(super) fn new(text: &[u8]) -> Self {
        let text = &text[..text.len().min(LONGEST)];
        match Robot::new(TOKEN, text) {
            Ok(robot) => Self::Rules(Box::new(robot)),
            Err(error) => Self::Lost(format!("it cannot be read: {error}")),
        }
    }

    pub(super) fn allows(&self, url: &Url) -> bool {
        match self {
            Self::Open => true,
            Self::Rules(robot) => robot.allowed(url.as_str()),
            Self::Lost(_) => false,
        }
    }

    /// What it asks to wait between two requests.
    pub(super) fn delay(&self) -> Option<Duration> {
        let Self::Rules(robot) = self else {
            return None;
        };
        let delay = Duration::try_from_secs_f32(robot.delay?).ok()?;
        Some(delay.min(LONGEST_DELAY))
    }

    pub(super) fn sitemaps(&self) -> &[String] {
        match self {
            Self::Rules(robot) => &robot.sitemaps,
            _ => &[],
        }
    }
}

/// Asks a host for its robots.txt. Redirects to hosts out of scope are not followed: nothing is sent there.
pub(super) fn ask(fetcher: &Fetcher, origin: &str, scope: &Scope) -> Asked {
    let Ok(mut url) = Url::parse(&format!("{origin}/robots.txt")) else {
        return Asked::None;
    };
    for _ in 0..=REDIRECTS {
        let request = Request {
            url: url.clone(),
            head: false,
        };
        let answer = match fetcher.fetch(&request).answer {
            Ok(answer) => answer,
            Err(failure) => return Asked::Lost(failure.to_string()),
        };
        match (answer.status, answer.redirect) {
            (200..=299, _) => {
                return match answer.body.map(|body| body.bytes()) {
                    Some(Ok(text)) => Asked::Text(text),
                    _ => Asked::Text(Vec::new()),
                };
            }
            (300..=399, Some(Target::Page { url: next, .. })) if scope.has_host(&next) => {
                url = next
            }
            (429 | 500.., _) => return Asked::Lost(format!("status {}", answer.status)),
            _ => return Asked::None,
        }
    }
    Asked::None
}

impl fmt::Debug for Robots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Rules(_) => "Rules",
            Self::Lost(_) => "Lost",
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
    fn our_own_group_beats_everybody_s() {
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
    fn one_group_may_be_for_several_programs() {
        let text = "User-agent: a\nUser-agent: reunite\nDisallow: /p\n";
        assert!(!allows(text, "/p"));
    }

    #[test]
    fn stars_and_dollars_are_special() {
        let text = "User-agent: *\nDisallow: /*.pdf$\nDisallow: /q?*x=\nDisallow: /dir/*/end\n";
        assert!(!allows(text, "/a/b.pdf"));
        assert!(allows(text, "/a/b.pdf?x"));
        assert!(!allows(text, "/q?y=1&x=2"));
        assert!(!allows(text, "/dir/1/2/end/3"));
        assert!(allows(text, "/dir/end"));
    }

    #[test]
    fn percent_codes_and_case_of_paths_count() {
        let text = "User-agent: *\nDisallow: /%C3%BC\nDisallow: /A\n";
        assert!(!allows(text, "/%C3%BCber"));
        assert!(allows(text, "/a"));
    }

    #[test]
    fn an_empty_rule_forbids_nothing_and_comments_are_none() {
        assert!(allows("User-agent: *\nDisallow:\n", "/x"));
        assert!(!allows("User-agent: * # all\nDisallow: /x # this\n", "/x"));
        assert!(allows("", "/x"));
    }

    #[test]
    fn other_line_ends_a_byte_order_mark_and_rubbish_do_no_harm() {
        assert!(!allows("User-agent: *\rDisallow: /x\r", "/x"));
        assert!(!allows("\u{feff}User-agent: *\r\nDisallow: /x\r\n", "/x"));
        let rubbish: Vec<u8> = (0..=255u8).cycle().take(100_000).collect();
        let _read = Robots::new(&rubbish);
    }

    #[test]
    fn delays_and_sitemaps_are_read() {
        let text = "User-agent: *\nCrawl-delay: 2.5\nSitemap: http://h.test/s.xml\n";
        let robots = Robots::new(text.as_bytes());
        assert_eq!(robots.delay(), Some(Duration::from_millis(2500)));
        assert_eq!(robots.sitemaps(), ["http://h.test/s.xml"]);
        let robots = Robots::new(b"User-agent: *\nCrawl-delay: 86400\n");
        assert_eq!(robots.delay(), Some(LONGEST_DELAY));
    }

    #[test]
    fn what_cannot_be_had_forbids_everything() {
        let url = Url::parse("http://h.test/").unwrap();
        assert!(!Robots::Lost(String::new()).allows(&url));
        assert!(Robots::Open.allows(&url));
    }
}
