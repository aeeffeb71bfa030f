//! The answer to a request.

use reunite::sync::Permit;
use sha2::{Digest, Sha256};
use url::Url;

use crate::address::{SessionIds, Target, normal};
use crate::html::{self, Extract};

/// A complete answer.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The HTTP version, such as `HTTP/1.1`.
    pub version: String,
    /// Names in lower case and values, in the order of the answer.
    pub headers: Vec<(String, String)>,
    /// The body, or `None` in an answer to `HEAD`.
    pub body: Option<Body>,
    /// The media type without parameters, in lower case.
    pub media: Option<String>,
    /// The character encoding of an HTML page or a style sheet.
    pub charset: Option<&'static str>,
    /// The target of a redirect.
    pub redirect: Option<Target>,
    /// The title and links of an HTML page or a style sheet.
    pub page: Option<Extract>,
    /// True if the page or its headers ask robots not to follow its links.
    pub nofollow: bool,
    /// True if the page or its headers ask search engines not to list it.
    pub noindex: bool,
    /// Held as long as a large body is in memory.
    pub(crate) permit: Option<Permit<'a>>,
}

/// A body as it is stored: content codings undone, then compressed with zstd if that makes it smaller.
#[derive(Clone, Debug)]
pub struct Body {
    /// The SHA-256 of the decoded bytes.
    pub hash: [u8; 32],
    /// The number of decoded bytes.
    pub size: u64,
    /// The number of bytes received, before content codings were undone.
    pub wire: u64,
    /// The decoded bytes, compressed if `zstd` is true.
    pub data: Vec<u8>,
    /// True if `data` is compressed.
    pub zstd: bool,
}

impl Body {
    pub(super) fn new(bytes: &[u8], wire: u64) -> Self {
        let compressed = zstd::bulk::compress(bytes, 3).ok();
        let compressed = compressed.filter(|data| data.len() < bytes.len());
        Self {
            hash: Sha256::digest(bytes).into(),
            size: bytes.len() as u64,
            wire,
            zstd: compressed.is_some(),
            data: compressed.unwrap_or_else(|| bytes.to_vec()),
        }
    }

    /// Returns the decoded bytes.
    ///
    /// # Errors
    /// The stored data is damaged.
    pub fn bytes(&self) -> std::io::Result<Vec<u8>> {
        unpack(&self.data, self.zstd, self.size)
    }
}

/// Returns the decoded bytes of a stored body.
pub(crate) fn unpack(data: &[u8], zstd: bool, size: u64) -> std::io::Result<Vec<u8>> {
    if !zstd {
        return Ok(data.to_vec());
    }
    let size = usize::try_from(size).map_err(std::io::Error::other)?;
    zstd::bulk::decompress(data, size)
}

/// Returns the first header with this name.
pub(crate) fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    let found = headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// Splits `Text/HTML; charset="UTF-8"` into `text/html` and `UTF-8`.
pub(super) fn media_type(value: &str) -> (String, Option<String>) {
    let mut parts = value.split(';');
    let media = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| value.trim().trim_matches('"').to_owned())
    });
    (media, charset)
}

pub(crate) fn is_html(media: &str) -> bool {
    matches!(media, "text/html" | "application/xhtml+xml")
}

/// Returns true if a body without a media type starts like an HTML page.
pub(super) fn looks_like_html(bytes: &[u8]) -> bool {
    let top = &bytes[..bytes.len().min(512)];
    let top = String::from_utf8_lossy(top).to_ascii_lowercase();
    let top = top.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    ["<!doctype html", "<html", "<head", "<body"]
        .iter()
        .any(|start| top.starts_with(start))
}

impl Answer<'_> {
    /// Parses the headers, and the body if it is HTML or a style sheet.
    pub(super) fn interpret(&mut self, url: &Url, bytes: &[u8], sessions: SessionIds) {
        let robots = self
            .headers
            .iter()
            .filter(|(name, _)| name == "x-robots-tag");
        let directives = header_directives(robots.map(|(_, value)| value.as_str()));
        self.nofollow = directives.nofollow;
        self.noindex = directives.noindex;
        if (300..400).contains(&self.status) && self.status != 304 {
            let location = header(&self.headers, "location");
            self.redirect = location.map(|text| normal(url, text, sessions));
        }
        let (media, charset) =
            header(&self.headers, "content-type").map_or((String::new(), None), media_type);
        let media = if media.is_empty() && looks_like_html(bytes) {
            "text/html".to_owned()
        } else {
            media
        };
        if is_html(&media) && !bytes.is_empty() {
            let (text, used) = html::decode(bytes, charset.as_deref());
            let page = html::extract(&text, url, sessions);
            self.nofollow |= page.nofollow;
            self.noindex |= page.noindex;
            self.charset = Some(used);
            self.page = Some(page);
        } else if media == "text/css" {
            let (text, used) = html::decode(bytes, charset.as_deref());
            self.charset = Some(used);
            self.page = Some(html::extract_sheet(&text, url, sessions));
        }
        self.media = Some(media).filter(|media| !media.is_empty());
    }
}

/// Returns the directives of `X-Robots-Tag` headers that are for all programs or for this one.
fn header_directives<'h>(values: impl Iterator<Item = &'h str>) -> html::Directives {
    let mut directives = html::Directives::default();
    for value in values {
        let (program, words) = match value.split_once(':') {
            Some((program, words)) if !program.contains(',') => (program.trim(), words),
            _ => ("", value),
        };
        if program.is_empty() || program.eq_ignore_ascii_case("reunite") {
            let found = html::directives(words);
            directives.nofollow |= found.nofollow;
            directives.noindex |= found.noindex;
        }
    }
    directives
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_is_split_from_its_parameters() {
        let (media, charset) = media_type("Text/HTML ; x=y; Charset=\"koi8-r\"");
        assert_eq!(
            (media.as_str(), charset.as_deref()),
            ("text/html", Some("koi8-r"))
        );
        assert_eq!(media_type("image/png"), ("image/png".to_owned(), None));
    }

    #[test]
    fn header_directives_for_other_programs_are_ignored() {
        let asked = |values: &[&str]| {
            let found = header_directives(values.iter().copied());
            (found.nofollow, found.noindex)
        };
        assert_eq!(asked(&["noindex, nofollow"]), (true, true));
        assert_eq!(asked(&["otherbot: nofollow"]), (false, false));
        assert_eq!(asked(&["reunite: nofollow"]), (true, false));
        assert_eq!(
            asked(&["unavailable_after: 25 Jun 2027 15:00:00 PST"]),
            (false, false)
        );
    }

    #[test]
    fn html_is_recognised_by_how_it_starts() {
        assert!(looks_like_html(b"\xef\xbb\xbf <!DOCTYPE HTML><p>"));
        assert!(!looks_like_html(b"{\"html\": 1}"));
    }
}
