//! Title, links and anchors of a page, found in one pass over its tags without building a tree.

use std::cell::RefCell;
use std::collections::HashSet;

use lol_html::html_content::Element;
use lol_html::{HtmlRewriter, Settings, element, text};
use url::Url;

use super::css::sheet;
use crate::address::{SessionIds, Target, normal};

/// Links taken from one page, so that a page made of links cannot fill the disk.
const MAX_LINKS: usize = 50_000;

/// A link on a page.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Link {
    /// The address of the target in normal form.
    pub url: Url,
    /// The place inside the target.
    pub fragment: Option<String>,
    /// The name of the element, or `canonical`, `next`, `refresh`, `redirect`, `sitemap`, `sitemapindex` or `css`.
    pub kind: String,
    /// True if the page asks robots not to follow the link.
    pub nofollow: bool,
}

impl Link {
    /// Returns true if the target is part of the page, such as an image or a script, and not a page of its own.
    pub fn is_part(&self) -> bool {
        !matches!(
            self.kind.as_str(),
            "a" | "area"
                | "iframe"
                | "frame"
                | "canonical"
                | "refresh"
                | "redirect"
                | "sitemap"
                | "next"
        )
    }
}

/// The title, links and directives of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extract {
    /// The text of the first `title` element, with white space collapsed.
    pub title: Option<String>,
    /// The links in the order of the page, without duplicates.
    pub links: Vec<Link>,
    /// Links that are not valid addresses, as they are written.
    pub broken: Vec<String>,
    /// The canonical address of the page.
    pub canonical: Option<Url>,
    /// True if the page asks robots not to follow its links.
    pub nofollow: bool,
    /// True if the page asks search engines not to list it.
    pub noindex: bool,
    /// The number of links left out because there were too many.
    pub cut: usize,
}

/// The data of the tags before links are resolved: a `base` element applies to all links, also to earlier ones.
#[derive(Default)]
struct RawExtract {
    base: Option<String>,
    title: Option<String>,
    in_title: bool,
    /// True in the title of an SVG drawing, until its text.
    in_drawing: bool,
    noscript: String,
    style: String,
    robots: String,
    found: Vec<(String, &'static str, bool)>,
    cut: usize,
}

/// Elements with a title, a link or a directive.
const ELEMENTS: &str = "a, area, audio, base, embed, frame, iframe, image, img, input, link, meta, object, script, \
                      source, track, video, title";

/// Parses an HTML page.
///
/// ```
/// use reunite_crawl::address::SessionIds;
/// let page = r#"<title>Hello &amp; welcome</title><a href="b?x=1&amp;y=2#top">b</a><img src=c.png>"#;
/// let url = "http://h.test/a".parse().unwrap();
/// let extract = reunite_crawl::html::extract(page, &url, SessionIds::Strip);
/// assert_eq!(extract.title.as_deref(), Some("Hello & welcome"));
/// assert_eq!(extract.links[0].url.as_str(), "http://h.test/b?x=1&y=2");
/// assert_eq!(extract.links[0].fragment.as_deref(), Some("top"));
/// assert_eq!(extract.links[1].kind, "img");
/// ```
pub fn extract(page: &str, url: &Url, sessions: SessionIds) -> Extract {
    let mut raw = collect(page, RawExtract::default());
    // The parser takes the content of `noscript` for text. Without scripts it is part of the page.
    let noscript = std::mem::take(&mut raw.noscript);
    if !noscript.is_empty() {
        raw = collect(&noscript, raw);
    }
    raw.resolve(url, sessions)
}

/// Parses a style sheet.
///
/// ```
/// use reunite_crawl::address::SessionIds;
/// let url = "http://h.test/a.css".parse().unwrap();
/// let sheet = reunite_crawl::html::extract_sheet("a{b:url(c.png)}", &url, SessionIds::Strip);
/// assert_eq!(sheet.links[0].url.as_str(), "http://h.test/c.png");
/// assert_eq!(sheet.links[0].kind, "css");
/// ```
pub fn extract_sheet(text: &str, url: &Url, sessions: SessionIds) -> Extract {
    let mut raw = RawExtract::default();
    raw.sheet(text);
    raw.resolve(url, sessions)
}

/// Collects the data of the tags of a page.
fn collect(page: &str, raw: RawExtract) -> RawExtract {
    let raw = RefCell::new(raw);
    let settings = Settings::new()
        // The title of an SVG drawing is not the title of the page.
        .append_element_content_handler(element!("svg title", |_| {
            raw.borrow_mut().in_drawing = true;
            Ok(())
        }))
        .append_element_content_handler(element!(ELEMENTS, |el| {
            raw.borrow_mut().element(el);
            Ok(())
        }))
        .append_element_content_handler(element!("[style]", |el| {
            let style = attribute(el, "style").unwrap_or_default();
            raw.borrow_mut().sheet(&style);
            Ok(())
        }))
        .append_element_content_handler(text!("style", |chunk| {
            let mut raw = raw.borrow_mut();
            raw.style.push_str(chunk.as_str());
            if chunk.last_in_text_node() {
                let style = std::mem::take(&mut raw.style);
                raw.sheet(&style);
            }
            Ok(())
        }))
        .append_element_content_handler(text!("noscript", |chunk| {
            raw.borrow_mut().noscript.push_str(chunk.as_str());
            Ok(())
        }))
        .append_element_content_handler(text!("title", |chunk| {
            let mut raw = raw.borrow_mut();
            if raw.in_title {
                raw.title.get_or_insert_default().push_str(chunk.as_str());
                raw.in_title = !chunk.last_in_text_node();
            }
            Ok(())
        }));
    run(page, settings.with_strict(false));
    raw.into_inner()
}

/// Returns the anchors of a page, which are the places that a fragment can lead to.
///
/// ```
/// let anchors = reunite_crawl::html::anchors("<h1 id=top>x</h1><a name='a&amp;b'></a>");
/// assert!(anchors.contains("top") && anchors.contains("a&b"));
/// ```
pub fn anchors(page: &str) -> HashSet<String> {
    let found = RefCell::new(HashSet::new());
    let settings =
        Settings::new().append_element_content_handler(element!("[id], a[name]", |el| {
            let mut found = found.borrow_mut();
            found.extend(attribute(el, "id"));
            if el.tag_name() == "a" {
                found.extend(attribute(el, "name"));
            }
            Ok(())
        }));
    run(page, settings.with_strict(false));
    found.into_inner()
}

fn run(page: &str, settings: Settings<'_, '_>) {
    let mut reader = HtmlRewriter::new(settings, |_: &[u8]| {});
    // If the page cannot be parsed to its end, the links before that place still count.
    let _parsed = reader.write(page.as_bytes()).and_then(|()| reader.end());
}

/// Returns the decoded value of an attribute. lol_html returns it as it is written.
fn attribute(element: &Element<'_, '_>, name: &str) -> Option<String> {
    let written = element.get_attribute(name)?;
    if !written.contains(['&', '\0', '\r']) {
        return Some(written);
    }
    let clean = written
        .replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace('\0', "\u{fffd}");
    Some(htmlize::unescape_attribute(clean).into_owned())
}

impl RawExtract {
    fn element(&mut self, element: &Element<'_, '_>) {
        let is_html = element.namespace_uri() == "http://www.w3.org/1999/xhtml";
        let tag = element.tag_name();
        let get = |name| attribute(element, name);
        match tag.as_str() {
            "title" => {
                let of_page = !std::mem::take(&mut self.in_drawing);
                self.in_title = of_page && self.title.is_none();
                if self.in_title {
                    self.title = Some(String::new());
                }
            }
            "a" => {
                let href = get("href").or_else(|| get("xlink:href").filter(|_| !is_html));
                self.link(href, "a", is_nofollow(element));
            }
            // Elements of SVG and MathML with the same names have other meanings.
            _ if !is_html => {}
            "area" => self.link(get("href"), "area", is_nofollow(element)),
            "base" if self.base.is_none() => self.base = get("href"),
            "link" => self.link_element(get("href"), &get("rel").unwrap_or_default()),
            "meta" => self.meta(element),
            "iframe" => self.link(get("src"), "iframe", false),
            "frame" => self.link(get("src"), "frame", false),
            "script" => self.link(get("src"), "script", false),
            "img" | "image" => {
                self.link(get("src"), "img", false);
                self.candidates(get("srcset"), "img");
            }
            "source" => {
                self.link(get("src"), "source", false);
                self.candidates(get("srcset"), "source");
            }
            "video" => {
                self.link(get("src"), "video", false);
                self.link(get("poster"), "img", false);
            }
            "audio" => self.link(get("src"), "audio", false),
            "track" => self.link(get("src"), "track", false),
            "embed" => self.link(get("src"), "embed", false),
            "object" => self.link(get("data"), "object", false),
            "input" if get("type").is_some_and(|kind| kind.eq_ignore_ascii_case("image")) => {
                self.link(get("src"), "img", false);
            }
            _ => {}
        }
    }

    fn link(&mut self, href: Option<String>, kind: &'static str, nofollow: bool) {
        match href {
            Some(_) if self.found.len() >= MAX_LINKS => self.cut += 1,
            Some(href) => self.found.push((href, kind, nofollow)),
            None => {}
        }
    }

    fn sheet(&mut self, text: &str) {
        for address in sheet(text) {
            self.link(Some(address), "css", false);
        }
    }

    fn link_element(&mut self, href: Option<String>, rel: &str) {
        let is = |word| has_word(rel, word);
        let kind = if is("canonical") {
            "canonical"
        } else if is("next") || is("prev") || (is("alternate") && !is("stylesheet")) {
            "next"
        } else if is("preconnect") || is("dns-prefetch") {
            return;
        } else {
            "link"
        };
        self.link(href, kind, is("nofollow"));
    }

    fn meta(&mut self, element: &Element<'_, '_>) {
        let content = attribute(element, "content").unwrap_or_default();
        let is = |name: &str, value: &str| {
            attribute(element, name).is_some_and(|text| text.trim().eq_ignore_ascii_case(value))
        };
        if is("http-equiv", "refresh") {
            self.link(refresh(&content), "refresh", false);
        } else if is("name", "robots") || is("name", "reunite") {
            self.robots.push(',');
            self.robots.push_str(&content);
        }
    }

    /// Adds the addresses of a `srcset` attribute such as `a.png 1x, b.png 2x`.
    fn candidates(&mut self, srcset: Option<String>, kind: &'static str) {
        let srcset = srcset.unwrap_or_default();
        let mut rest = srcset.as_str();
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
            if rest.is_empty() {
                return;
            }
            let end = rest
                .find(|c: char| c.is_ascii_whitespace())
                .unwrap_or(rest.len());
            let (candidate, after) = rest.split_at(end);
            let address = candidate.trim_end_matches(',');
            self.link(Some(address.to_owned()), kind, false);
            rest = if address.len() < candidate.len() {
                after
            } else {
                after.split_once(',').map_or("", |(_, next)| next)
            };
        }
    }

    fn resolve(self, url: &Url, sessions: SessionIds) -> Extract {
        let base = self.base.and_then(|href| url.join(&href).ok());
        let base = base.as_ref().unwrap_or(url);
        let robots = directives(&self.robots);
        let mut extract = Extract {
            title: self.title.map(|title| {
                let title = htmlize::unescape(title);
                title.split_whitespace().collect::<Vec<_>>().join(" ")
            }),
            nofollow: robots.nofollow,
            noindex: robots.noindex,
            cut: self.cut,
            ..Extract::default()
        };
        let mut seen = HashSet::new();
        for (href, kind, nofollow) in self.found {
            match normal(base, &href, sessions) {
                Target::Page { url, fragment } => {
                    if kind == "canonical" && extract.canonical.is_none() {
                        extract.canonical = Some(url.clone());
                    }
                    let nofollow = nofollow || robots.nofollow;
                    let kind = kind.to_owned();
                    let link = Link {
                        url,
                        fragment,
                        kind,
                        nofollow,
                    };
                    if seen.insert(link.clone()) {
                        extract.links.push(link);
                    }
                }
                Target::Elsewhere => {}
                Target::Broken => extract.broken.push(href),
            }
        }
        extract
    }
}

/// The directives of a page or a header for robots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    pub(crate) nofollow: bool,
    pub(crate) noindex: bool,
}

/// Parses directives separated by commas or spaces.
pub(crate) fn directives(text: &str) -> Directives {
    let has = |word: &str| {
        let mut words = text.split(|c: char| c == ',' || c.is_whitespace());
        words.any(|found| found.eq_ignore_ascii_case(word) || found.eq_ignore_ascii_case("none"))
    };
    Directives {
        nofollow: has("nofollow"),
        noindex: has("noindex"),
    }
}

fn is_nofollow(element: &Element<'_, '_>) -> bool {
    attribute(element, "rel").is_some_and(|rel| has_word(&rel, "nofollow"))
}

fn has_word(words: &str, word: &str) -> bool {
    words
        .split_ascii_whitespace()
        .any(|found| found.eq_ignore_ascii_case(word))
}

/// Returns the address in the content of a refresh such as `5; url='next.html'`.
fn refresh(content: &str) -> Option<String> {
    let after_time = content
        .trim_start()
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    if after_time.len() == content.trim_start().len() {
        return None;
    }
    let rest = after_time
        .trim_start()
        .strip_prefix([';', ','])?
        .trim_start();
    let rest = match rest.get(..3) {
        Some(word) if word.eq_ignore_ascii_case("url") => rest[3..]
            .trim_start()
            .strip_prefix('=')
            .map_or(rest, str::trim_start),
        _ => rest,
    };
    let address = match rest.chars().next()? {
        quote @ ('"' | '\'') => rest[1..].split(quote).next().unwrap_or_default(),
        _ => rest,
    };
    Some(address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(page: &str) -> Extract {
        extract(
            page,
            &Url::parse("http://h.test/d/p").unwrap(),
            SessionIds::Strip,
        )
    }

    fn links(page: &str) -> Vec<(String, String)> {
        let links = of(page).links.into_iter();
        links
            .map(|link| (link.kind, link.url.to_string()))
            .collect()
    }

    fn one(kind: &str, url: &str) -> Vec<(String, String)> {
        vec![(kind.to_owned(), url.to_owned())]
    }

    #[test]
    fn the_first_base_applies_to_all_links() {
        let page = "<a href=a>x</a><base href=/b/><base href=/c/>";
        assert_eq!(links(page), one("a", "http://h.test/b/a"));
    }

    #[test]
    fn candidates_of_srcset_are_links() {
        let page = "<img srcset='a.png 1x, b.png,c,d.png 2x,  data:image/png;base64,AAAA 3x'>";
        let expected: Vec<_> = ["a.png", "b.png,c,d.png"]
            .iter()
            .map(|name| ("img".to_owned(), format!("http://h.test/d/{name}")))
            .collect();
        assert_eq!(links(page), expected);
    }

    #[test]
    fn addresses_in_styles_are_links() {
        let page =
            "<style>@import 'a';</style><p style=\"background:url(&quot;b&quot;)\"><base href=/c/>";
        let expected: Vec<_> = ["a", "b"]
            .iter()
            .map(|name| ("css".to_owned(), format!("http://h.test/c/{name}")))
            .collect();
        assert_eq!(links(page), expected);
    }

    #[test]
    fn refreshes_are_links() {
        for content in ["0;url=x", "5; URL = 'x' ", "1.5,\"x\"", "0 ; x"] {
            let page = format!(
                "<meta http-equiv=Refresh content=\"{}\">",
                content.replace('"', "&quot;")
            );
            assert_eq!(
                links(&page),
                one("refresh", "http://h.test/d/x"),
                "{content}"
            );
        }
        assert_eq!(links("<meta http-equiv=refresh content='url=x'>"), []);
        assert_eq!(links("<meta http-equiv=refresh content='30'>"), []);
    }

    #[test]
    fn nofollow_is_found_on_links_and_on_pages() {
        let links = of("<a rel='x NoFollow' href=a></a><a href=b></a>").links;
        assert!(links[0].nofollow && !links[1].nofollow);
        let page = of("<meta name=Robots content='noindex, NOFOLLOW'><a href=a></a>");
        assert!(page.nofollow && page.noindex && page.links[0].nofollow);
        assert!(of("<meta name=robots content=none>").nofollow);
        assert!(!of("<meta name=otherbot content=none>").nofollow);
    }

    #[test]
    fn the_title_is_the_first_one_with_collapsed_white_space() {
        assert_eq!(
            of("<title>\n a &lt; b  c</title><title>x</title>")
                .title
                .unwrap(),
            "a < b c"
        );
        assert_eq!(
            of("<svg><title>icon</title></svg><title>page</title>")
                .title
                .unwrap(),
            "page"
        );
        assert_eq!(of("<p>none").title, None);
    }

    #[test]
    fn invalid_addresses_are_listed_apart() {
        let extract = of("<a href='http://['></a><a href='tel:1'></a><a href='#here'></a>");
        assert_eq!(extract.broken, ["http://["]);
        assert_eq!(extract.links.len(), 1);
        assert_eq!(extract.links[0].fragment.as_deref(), Some("here"));
    }

    #[test]
    fn links_beyond_the_limit_are_counted_and_left_out() {
        let page = "<a href=x>".repeat(MAX_LINKS + 7);
        assert_eq!(of(&page).cut, 7);
    }
}
