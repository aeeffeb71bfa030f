//! An answer, read.

use reunite::sync::Permit;
use sha2::{Digest, Sha256};
use url::Url;

use crate::address::{Target, normal};
use crate::html::{self, Extract};

/// What a server said, whole.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The HTTP version, as `HTTP/1.1`.
    pub version: String,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// What came after the headers; none in answer to `HEAD`.
    pub body: Option<Body>,
    /// The media type, without parameters, lower case.
    pub media: Option<String>,
    /// The encoding of a text.
    pub charset: Option<&'static str>,
    /// Where a redirect leads.
    pub redirect: Option<Target>,
    /// What an HTML page says.
    pub page: Option<Extract>,
    /// What the page or its headers ask robots not to do.
    pub nofollow: bool,
    /// The same, for search engines.
    pub noindex: bool,
    /// Held as long as a large body is.
    pub(crate) permit: Option<Permit<'a>>,
}

/// A body as it is stored: decoded from its content coding, and compressed for the store.
#[derive(Clone, Debug)]
pub struct Body {
    /// SHA-256 of the decoded bytes.
    pub hash: [u8; 32],
    /// How many decoded bytes there are.
    pub size: u64,
    /// How many bytes came over the wire.
    pub wire: u64,
    /// The bytes, as `zstd` says.
    pub data: Vec<u8>,
    /// Whether `data` is compressed.
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

    /// The decoded bytes.
    ///
    /// # Errors
    /// What is stored is damaged.
    pub fn bytes(&self) -> std::io::Result<Vec<u8>> {
        unpack(&self.data, self.zstd, self.size)
    }
}

/// What a store holds of a body, as it was.
pub(crate) fn unpack(data: &[u8], zstd: bool, size: u64) -> std::io::Result<Vec<u8>> {
    if !zstd {
        return Ok(data.to_vec());
    }
    let size = usize::try_from(size).map_err(std::io::Error::other)?;
    zstd::bulk::decompress(data, size)
}

/// The first of the headers with this name.
pub(crate) fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    let found = headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// `text/html` and `UTF-8` of `Text/HTML; charset="UTF-8"`.
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

/// Whether a body without a media type is HTML all the same.
pub(super) fn looks_like_html(bytes: &[u8]) -> bool {
    let top = &bytes[..bytes.len().min(512)];
    let top = String::from_utf8_lossy(top).to_ascii_lowercase();
    let top = top.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    ["<!doctype html", "<html", "<head", "<body"]
        .iter()
        .any(|start| top.starts_with(start))
}

impl Answer<'_> {
    /// Reads what the headers and, if it is HTML or a style sheet, the body say.
    pub(super) fn interpret(&mut self, url: &Url, bytes: &[u8], keep_sessions: bool) {
        let robots = self
            .headers
            .iter()
            .filter(|(name, _)| name == "x-robots-tag");
        let asked = html_directives(robots.map(|(_, value)| value.as_str()));
        (self.nofollow, self.noindex) = asked;
        if (300..400).contains(&self.status) && self.status != 304 {
            let location = header(&self.headers, "location");
            self.redirect = location.map(|text| normal(url, text, keep_sessions));
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
            let page = html::extract(&text, url, keep_sessions);
            self.nofollow |= page.nofollow;
            self.noindex |= page.noindex;
            self.charset = Some(used);
            self.page = Some(page);
        } else if media == "text/css" {
            let (text, used) = html::decode(bytes, charset.as_deref());
            self.charset = Some(used);
            self.page = Some(html::extract_sheet(&text, url, keep_sessions));
        }
        self.media = Some(media).filter(|media| !media.is_empty());
    }
}

/// Of `X-Robots-Tag` headers: those for everybody and those for this program.
fn html_directives<'h>(values: impl Iterator<Item = &'h str>) -> (bool, bool) {
    let mut asked = (false, false);
    for value in values {
        let (whom, words) = match value.split_once(':') {
            Some((whom, words)) if !whom.contains(',') => (whom.trim(), words),
            _ => ("", value),
        };
        if whom.is_empty() || whom.eq_ignore_ascii_case("reunite") {
            let found = html::directives(words);
            asked.0 |= found.nofollow;
            asked.1 |= found.noindex;
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_have_parameters() {
        let (media, charset) = media_type("Text/HTML ; x=y; Charset=\"koi8-r\"");
        assert_eq!(
            (media.as_str(), charset.as_deref()),
            ("text/html", Some("koi8-r"))
        );
        assert_eq!(media_type("image/png"), ("image/png".to_owned(), None));
    }

    #[test]
    fn header_directives_may_be_for_others() {
        let asked = |values: &[&str]| html_directives(values.iter().copied());
        assert_eq!(asked(&["noindex, nofollow"]), (true, true));
        assert_eq!(asked(&["otherbot: nofollow"]), (false, false));
        assert_eq!(asked(&["reunite: nofollow"]), (true, false));
        assert_eq!(
            asked(&["unavailable_after: 25 Jun 2027 15:00:00 PST"]),
            (false, false)
        );
    }

    #[test]
    fn html_is_known_by_its_face() {
        assert!(looks_like_html(b"\xef\xbb\xbf <!DOCTYPE HTML><p>"));
        assert!(!looks_like_html(b"{\"html\": 1}"));
    }
}
