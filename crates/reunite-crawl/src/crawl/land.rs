//! What a fetch task does, on its thread: request, read, find the links.

use url::Url;

use super::robots::{self, Asked, Robots};
use super::sitemap;
use crate::address::{Scope, Target};
use crate::fetch::{Answer, Failure, Fetched, Fetcher, Request, header};
use crate::html::Link;
use crate::store::{Job, Role};

/// What a task came back with.
pub(super) enum Landed<'a> {
    Page {
        method: &'static str,
        fetched: Box<Fetched<'a>>,
        /// A redirect and the entries of a sitemap are links, too.
        links: Vec<Link>,
    },
    Robots(Asked, Robots),
}

pub(super) fn robots<'a>(fetcher: &'a Fetcher, origin: &str, scope: &Scope) -> Landed<'a> {
    let asked = robots::ask(fetcher, origin, scope);
    let robots = match &asked {
        Asked::Text(text) => Robots::new(text),
        Asked::None => Robots::Open,
        Asked::Lost(why) => Robots::Lost(why.clone()),
    };
    Landed::Robots(asked, robots)
}

pub(super) fn page<'a>(fetcher: &'a Fetcher, job: &Job, head: bool, sessions: bool) -> Landed<'a> {
    let url = job.url.clone();
    let mut request = Request { url, head };
    let mut fetched = fetcher.fetch(&request);
    if request.head && !is_answer_to_head(&fetched) {
        request.head = false;
        fetched = fetcher.fetch(&request);
    }
    let links = match &mut fetched.answer {
        Ok(answer) => links(job, answer, sessions),
        Err(_) => Vec::new(),
    };
    Landed::Page {
        method: if request.head { "HEAD" } else { "GET" },
        fetched: Box::new(fetched),
        links,
    }
}

/// Some servers know only `GET`, and say so in many ways.
fn is_answer_to_head(fetched: &Fetched<'_>) -> bool {
    match &fetched.answer {
        Ok(answer) => answer.status < 400 || answer.status == 429 || answer.status == 503,
        Err(failure) => !matches!(failure, Failure::Connection(_) | Failure::Protocol(_)),
    }
}

fn links(job: &Job, answer: &mut Answer<'_>, sessions: bool) -> Vec<Link> {
    let mut links = Vec::new();
    if let Some(Target::Page { url, fragment }) = answer.redirect.take() {
        links.push(Link {
            url,
            fragment,
            kind: "redirect".to_owned(),
            nofollow: false,
        });
    }
    if !(200..=299).contains(&answer.status) {
        return links;
    }
    match job.role {
        Role::External => {}
        Role::Sitemap => {
            let bytes = answer.body.as_ref().and_then(|body| body.bytes().ok());
            links.extend(sitemap::read(
                &bytes.unwrap_or_default(),
                &job.url,
                sessions,
            ));
        }
        Role::Page => {
            links.extend(canonical_header(answer, &job.url, sessions));
            if let Some(page) = &mut answer.page {
                let nofollow = answer.nofollow;
                links.extend(page.links.drain(..).map(|mut link| {
                    link.nofollow |= nofollow;
                    link
                }));
            }
        }
    }
    links
}

/// `Link: <address>; rel="canonical"`.
fn canonical_header(answer: &Answer<'_>, base: &Url, sessions: bool) -> Option<Link> {
    let value = header(&answer.headers, "link")?;
    let entry = value.split(',').find(|entry| {
        let entry = entry.to_ascii_lowercase();
        entry.contains("rel=canonical") || entry.contains("rel=\"canonical\"")
    })?;
    let address = entry.split_once('<')?.1.split_once('>')?.0;
    match crate::address::normal(base, address, sessions) {
        Target::Page { url, .. } => Some(Link {
            url,
            fragment: None,
            kind: "canonical".to_owned(),
            nofollow: false,
        }),
        _ => None,
    }
}
