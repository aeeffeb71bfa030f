//! A generated site, reproducible by its seed, and its manifest.
//!
//! Every twentieth page is a *hub*. The hubs form a tree in which each has ten children. A hub links to the nineteen
//! pages of its own group and to its children, so every page can be reached from the first. The kind of every other
//! page is random: most are ordinary; some redirect, are missing, succeed only after an error, are slow, are copies of
//! others, use another encoding, or are not HTML.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::rng::Rng;
use crate::server::{Reply, Request};

const GROUP: usize = 20;
const BRANCHES: usize = 10;

/// The parameters of a site.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The number of pages, including those with faults.
    pub pages: usize,
    /// The seed: the same parameters and seed give the same site.
    pub seed: u64,
    /// The origins that the pages are distributed over, such as `http://127.0.0.1:4000`.
    pub origins: Vec<String>,
    /// The minimum and maximum time of an answer, in milliseconds.
    pub latency: (usize, usize),
    /// The minimum and maximum number of words on a page.
    pub words: (usize, usize),
    /// Adds pages with faults: redirect loops, temporary errors, slow and missing pages.
    pub faults: bool,
    /// Gives some addresses a query, whose `&` is written as a character reference in HTML.
    pub queries: bool,
}

/// The kind of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Links to the pages of its group and to other hubs.
    Hub,
    /// An HTML page.
    Ordinary,
    /// An HTML page in another encoding than UTF-8.
    Encoded(&'static str),
    /// An HTML page, compressed if the client accepts gzip.
    Packed,
    /// An HTML page that takes five times as long.
    Slow,
    /// A page with the same bytes as another page.
    Copy(usize),
    /// A file that is not HTML.
    Picture,
    /// A redirect with this status to another page.
    Redirect(u16, usize),
    /// A redirect to itself.
    Loop(usize),
    /// A page that does not exist (404).
    Missing,
    /// An ordinary page, after this many answers with status 500.
    Heals(usize),
}

/// An entry of the manifest.
#[derive(Clone, Debug)]
pub struct Page {
    /// The URL in normal form.
    pub url: String,
    /// The kind.
    pub kind: Kind,
    /// The final status, after temporary errors.
    pub status: u16,
    /// The title, if it has one.
    pub title: Option<String>,
    /// The SHA-256 of the body.
    pub hash: [u8; 32],
    /// The targets of its links, in normal form.
    pub links: BTreeSet<String>,
    /// The target, if it is a redirect.
    pub redirect: Option<String>,
}

/// A generated site.
#[derive(Clone, Debug)]
pub struct Site {
    plan: Plan,
}

impl Site {
    /// Returns the site with these parameters.
    pub fn new(plan: Plan) -> Self {
        Self { plan }
    }

    /// Returns the URL of the first page, where a crawl begins.
    pub fn root(&self) -> String {
        self.url(0)
    }

    /// Returns all pages.
    pub fn manifest(&self) -> impl Iterator<Item = Page> + '_ {
        (0..self.plan.pages).map(|number| self.page(number))
    }

    /// Returns how long all answers take in total if each page is requested once.
    pub fn total_latency(&self) -> Duration {
        (0..self.plan.pages)
            .map(|number| self.latency(number))
            .sum()
    }

    fn rng(&self, number: usize, purpose: u64) -> Rng {
        Rng::new(self.plan.seed ^ (purpose << 40), number as u64)
    }

    /// Returns the kind of a page.
    pub fn kind(&self, number: usize) -> Kind {
        if number.is_multiple_of(GROUP) {
            return Kind::Hub;
        }
        let mut rng = self.rng(number, 1);
        let lot = rng.below(1000);
        let other = rng.below(self.plan.pages / GROUP) * GROUP;
        match lot {
            0..20 => Kind::Redirect([301, 302, 303, 307, 308][rng.below(5)], other),
            20..40 => Kind::Copy(other),
            40..70 => Kind::Picture,
            70..85 => Kind::Encoded("iso-8859-1"),
            85..95 => Kind::Encoded("shift_jis"),
            95..100 => Kind::Encoded("utf-16le"),
            100..180 => Kind::Packed,
            180..190 if self.plan.faults => Kind::Slow,
            190..200 if self.plan.faults => Kind::Missing,
            200..205 if self.plan.faults => Kind::Heals(rng.between(1, 2)),
            205..208 if self.plan.faults => Kind::Loop(number),
            _ => Kind::Ordinary,
        }
    }

    fn origin(&self, number: usize) -> &str {
        &self.plan.origins[(number / GROUP) % self.plan.origins.len()]
    }

    fn path(&self, number: usize) -> String {
        if number == 0 {
            return "/".to_owned();
        }
        let name = match self.kind(number) {
            Kind::Hub => "index.html".to_owned(),
            Kind::Picture => format!("picture-{number}.png"),
            _ => match number % 4 {
                0 if self.plan.queries => format!("view?id={number}&lang=en"),
                1 => format!("%C3%BCber-{number}"),
                _ => format!("page-{number}.html"),
            },
        };
        format!("/section-{}/{name}", number / GROUP)
    }

    /// Returns the URL of a page, in normal form.
    pub fn url(&self, number: usize) -> String {
        format!("{}{}", self.origin(number), self.path(number))
    }

    fn latency(&self, number: usize) -> Duration {
        let (low, high) = self.plan.latency;
        let time = self.rng(number, 2).between(low, high);
        let slow = if self.kind(number) == Kind::Slow {
            5
        } else {
            1
        };
        Duration::from_millis((time * slow) as u64)
    }

    /// Returns the pages that a page links to.
    fn targets(&self, number: usize) -> Vec<usize> {
        let pages = self.plan.pages;
        let mut targets = vec![0];
        if number.is_multiple_of(GROUP) {
            let hub = number / GROUP;
            targets.extend(number + 1..number + GROUP);
            targets.extend((1..=BRANCHES).map(|branch| (hub * BRANCHES + branch) * GROUP));
        } else {
            let mut rng = self.rng(number, 3);
            targets.push(number - number % GROUP);
            targets.extend((0..rng.between(3, 20)).map(|_| rng.below(pages)));
        }
        targets.retain(|&target| target < pages);
        targets
    }

    /// Returns the address of a link in one of the forms that occur in HTML: relative, with a fragment, unescaped.
    fn written(&self, from: usize, to: usize, rng: &mut Rng) -> String {
        let (url, path) = (self.url(to), self.path(to));
        // A hub may have a copy in another place, where its links must lead to the same pages: no relative ones.
        let same_host = self.origin(from) == self.origin(to) && self.kind(from) != Kind::Hub;
        let text = match rng.below(6) {
            0 if same_host => path,
            1 if same_host && from / GROUP == to / GROUP && to != 0 && from != 0 => {
                format!("./x/../{}", path.rsplit('/').next().unwrap_or_default())
            }
            2 => format!("{url}#part-{}", rng.below(3)),
            3 => url.replace("%C3%BC", "%c3%bc"),
            4 => url.replace("%C3%BC", "ü").replace("page", "p%61ge"),
            _ => url,
        };
        text.replace('&', if rng.below(2) == 0 { "&amp;" } else { "&#38;" })
    }

    fn title(&self, number: usize) -> String {
        format!("Page {number} of {} – größer & kleiner", self.plan.pages)
    }

    /// Returns the HTML of a page, before it is encoded.
    fn html(&self, number: usize, japanese: bool) -> String {
        let mut rng = self.rng(number, 4);
        let title = if japanese {
            format!("ページ {number}")
        } else {
            self.title(number).replace('&', "&amp;")
        };
        let mut html = format!(
            "<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n<body><h1>{title}</h1>\n"
        );
        let targets = self.targets(number);
        let (low, high) = self.plan.words;
        let words = self.rng(number, 5).between(low, high) / targets.len().max(1);
        for (place, &target) in targets.iter().enumerate() {
            html.push_str(&format!("<p id=part-{place}>"));
            for _ in 0..words {
                html.push_str(WORDS[rng.below(WORDS.len())]);
                html.push(' ');
            }
            let address = self.written(number, target, &mut rng);
            let address = if japanese {
                address.replace('ü', "%C3%BC")
            } else {
                address
            };
            if matches!(self.kind(target), Kind::Picture) {
                html.push_str(&format!("<img alt='' src=\"{address}\"></p>\n"));
            } else {
                html.push_str(&format!("<a href=\"{address}\">there</a></p>\n"));
            }
        }
        html.push_str("<!-- <a href=\"/never\"> --></body></html>\n");
        html
    }

    fn body(&self, number: usize) -> Vec<u8> {
        match self.kind(number) {
            Kind::Copy(of) => self.body(of),
            Kind::Picture => {
                let mut rng = self.rng(number, 6);
                let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
                bytes.extend((0..rng.between(100, 1000)).flat_map(|_| rng.next().to_le_bytes()));
                bytes
            }
            Kind::Encoded(name) => encode(&self.html(number, name == "shift_jis"), name),
            Kind::Redirect(..) | Kind::Loop(_) => b"<p>moved".to_vec(),
            Kind::Missing => b"<p>not here".to_vec(),
            _ => self.html(number, false).into_bytes(),
        }
    }

    /// Returns the target of a redirect.
    fn redirect(&self, number: usize) -> Option<usize> {
        match self.kind(number) {
            Kind::Redirect(_, to) => Some(to),
            Kind::Loop(to) => Some(to),
            _ => None,
        }
    }

    /// Returns the manifest's entry of a page.
    pub fn page(&self, number: usize) -> Page {
        let kind = self.kind(number);
        let body = self.body(number);
        let source = match kind {
            Kind::Copy(of) => of,
            _ => number,
        };
        let is_html = !matches!(
            kind,
            Kind::Picture | Kind::Redirect(..) | Kind::Loop(_) | Kind::Missing
        );
        let links = if is_html {
            self.targets(source)
        } else {
            Vec::new()
        };
        let redirect = self.redirect(number).map(|to| self.url(to));
        Page {
            url: self.url(number),
            kind,
            status: match kind {
                Kind::Redirect(status, _) => status,
                Kind::Loop(_) => 302,
                Kind::Missing => 404,
                _ => 200,
            },
            title: is_html.then(|| match kind {
                Kind::Encoded("shift_jis") => format!("ページ {number}"),
                _ => self.title(source),
            }),
            hash: Sha256::digest(&body).into(),
            links: links
                .into_iter()
                .map(|to| self.url(to))
                .chain(redirect.clone())
                .collect(),
            redirect,
        }
    }

    /// Returns the site's reply to a request.
    pub fn reply(&self, request: &Request) -> Reply {
        let Some(number) = self.number(request) else {
            return Reply::status(404);
        };
        let reply = match self.kind(number) {
            Kind::Heals(times) if request.before < times => Reply::status(500),
            Kind::Missing => Reply::html(self.body(number)).with_status(404),
            Kind::Redirect(..) | Kind::Loop(_) => {
                let page = self.page(number);
                let to = page.redirect.unwrap_or_default();
                Reply::html(self.body(number))
                    .with_status(page.status)
                    .header("location", to)
            }
            Kind::Picture => Reply::bytes("image/png", self.body(number)),
            Kind::Encoded(name) => {
                Reply::bytes(&format!("text/html; charset={name}"), self.body(number))
            }
            Kind::Packed if accepts_gzip(request) => {
                Reply::html(gzip(&self.body(number))).header("content-encoding", "gzip")
            }
            _ => Reply::html(self.body(number)),
        };
        reply.after(self.latency(number))
    }

    /// Returns the number of the requested page, if it is one of this site.
    pub fn number(&self, request: &Request) -> Option<usize> {
        let path = decoded(&request.path);
        let path = path.as_str();
        if path == "/" {
            return (request.host == 0).then_some(0);
        }
        let (section, name) = path.strip_prefix("/section-")?.split_once('/')?;
        let hub: usize = section.parse().ok()?;
        let digits = |text: &str| {
            text.chars()
                .filter(char::is_ascii_digit)
                .collect::<String>()
        };
        let number = match name {
            "index.html" => hub * GROUP,
            _ if name.starts_with("view?") => digits(name).parse().ok()?,
            _ => digits(name.rsplit('-').next()?).parse().ok()?,
        };
        let exact = number < self.plan.pages
            && decoded(&self.path(number)) == path
            && (number / GROUP) % self.plan.origins.len() == request.host;
        exact.then_some(number)
    }
}

/// Decodes percent-encoding: some clients request addresses as they are written in the HTML.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(code) if byte == b'%' => {
                bytes.push(code);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn accepts_gzip(request: &Request) -> bool {
    request
        .headers
        .get("accept-encoding")
        .is_some_and(|codings| codings.contains("gzip"))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // Writing into memory does not fail.
    let _written = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn encode(text: &str, name: &str) -> Vec<u8> {
    if name == "utf-16le" {
        return text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    }
    let encoding = encoding_rs::Encoding::for_label(name.as_bytes()).unwrap_or(encoding_rs::UTF_8);
    encoding.encode(text).0.into_owned()
}

const WORDS: &[&str] = &[
    "the", "harbour", "was", "quiet", "when", "they", "came", "down", "from", "hill", "with",
    "lamps", "and", "a", "letter", "nobody", "had", "read", "until", "morning", "bells", "rang",
    "over", "slow", "water", "boats", "turned", "their", "heads", "into", "wind", "as", "if",
    "asked", "to", "wait",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn site() -> Site {
        Site::new(Plan {
            pages: 2000,
            seed: 1,
            origins: vec!["http://a.test".to_owned(), "http://b.test".to_owned()],
            latency: (20, 200),
            words: (100, 500),
            faults: true,
            queries: true,
        })
    }

    #[test]
    fn every_page_is_linked_and_has_a_unique_url() {
        let site = site();
        let pages: Vec<Page> = site.manifest().collect();
        let urls: HashSet<&String> = pages.iter().map(|page| &page.url).collect();
        assert_eq!(urls.len(), pages.len());
        let linked: HashSet<&String> = pages.iter().flat_map(|page| &page.links).collect();
        assert_eq!(linked, urls);
    }

    #[test]
    fn all_kinds_of_pages_occur() {
        let site = site();
        let kinds: HashSet<_> = (0..2000)
            .map(|n| std::mem::discriminant(&site.kind(n)))
            .collect();
        assert_eq!(kinds.len(), 11);
    }
}
