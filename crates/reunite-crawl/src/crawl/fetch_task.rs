//! The work of one fetch task, on its own thread: request, read the answer, find the links.

use url::Url;

use super::robots::{self, Robots, RobotsAnswer};
use super::sitemap;
use crate::address::{CrawlScope, SessionIds, Target};
use crate::fetch::{Answer, Failure, Fetched, Fetcher, Method, Request, header};
use crate::html::Link;
use crate::store::{Job, Role};

/// The result of a fetch task.
pub(super) enum FetchResult<'a> {
    Page(PageResult<'a>),
    Robots(RobotsAnswer, Robots),
}

/// A fetched page.
pub(super) struct PageResult<'a> {
    /// The method of the last request.
    pub(super) method: Method,
    pub(super) fetched: Box<Fetched<'a>>,
    /// The links of the page, including a redirect and the entries of a sitemap.
    pub(super) links: Vec<Link>,
}

/// Fetches and parses a host's robots.txt.
pub(super) fn robots<'a>(
    fetcher: &'a Fetcher,
    origin: &str,
    scope: &CrawlScope,
) -> FetchResult<'a> {
    let answer = robots::fetch(fetcher, origin, scope);
    let robots = match &answer {
        RobotsAnswer::Text(text) => Robots::new(text),
        RobotsAnswer::Missing => Robots::AllowAll,
        RobotsAnswer::Unavailable(why) => Robots::Unavailable(why.clone()),
    };
    FetchResult::Robots(answer, robots)
}

/// Fetches a page and finds its links. Falls back to `GET` if the server does not support `HEAD`.
pub(super) fn page<'a>(
    fetcher: &'a Fetcher,
    job: &Job,
    method: Method,
    sessions: SessionIds,
) -> FetchResult<'a> {
    let url = job.url.clone();
    let mut request = Request { url, method };
    let mut fetched = fetcher.fetch(&request);
    if request.method == Method::Head && !supports_head(&fetched) {
        request.method = Method::Get;
        fetched = fetcher.fetch(&request);
    }
    let links = match &mut fetched.answer {
        Ok(answer) => links(job, answer, sessions),
        Err(_) => Vec::new(),
    };
    FetchResult::Page(PageResult {
        method: request.method,
        fetched: Box::new(fetched),
        links,
    })
}

/// Returns true if the answer to a `HEAD` request counts. Servers without `HEAD` refuse it in many ways.
fn supports_head(fetched: &Fetched<'_>) -> bool {
    match &fetched.answer {
        Ok(answer) => answer.status < 400 || answer.status == 429 || answer.status == 503,
        Err(failure) => !matches!(failure, Failure::Connection(_) | Failure::Protocol(_)),
    }
}

fn links(job: &Job, answer: &mut Answer<'_>, sessions: SessionIds) -> Vec<Link> {
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

/// Returns the target of a `Link: <address>; rel="canonical"` header.
fn canonical_header(answer: &Answer<'_>, base: &Url, sessions: SessionIds) -> Option<Link> {
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
