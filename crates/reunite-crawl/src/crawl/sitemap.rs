//! Sitemaps: lists of the pages of a site (sitemaps.org).

use std::io::Read;

use quick_xml::Reader;
use quick_xml::events::Event;
use url::Url;

use crate::address::{SessionIds, Target, normal};
use crate::html::Link;

/// The protocol's limit of entries.
const MAX_ENTRIES: usize = 50_000;
/// The protocol's limit of decompressed bytes.
const MAX_BYTES: u64 = 50 << 20;

/// Returns the entries of a sitemap: pages as links of the kind `sitemap`, other sitemaps as `sitemapindex`.
pub(super) fn read(bytes: &[u8], base: &Url, sessions: SessionIds) -> Vec<Link> {
    let decompressed = decompress(bytes);
    let bytes = decompressed.as_deref().unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let entries = if text.starts_with('<') {
        parse_xml(text)
    } else {
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("http"));
        lines
            .map(|line| ("sitemap", line.to_owned()))
            .take(MAX_ENTRIES)
            .collect()
    };
    let links =
        entries
            .into_iter()
            .filter_map(|(kind, address)| match normal(base, &address, sessions) {
                Target::Page { url, .. } => Some(Link {
                    url,
                    fragment: None,
                    kind: kind.to_owned(),
                    nofollow: false,
                }),
                _ => None,
            });
    links.collect()
}

/// Decompresses gzip: a `sitemap.xml.gz` is often served without a content coding.
fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return None;
    }
    let mut decompressed = Vec::new();
    let decoder = flate2::read::MultiGzDecoder::new(bytes);
    decoder
        .take(MAX_BYTES)
        .read_to_end(&mut decompressed)
        .ok()?;
    Some(decompressed)
}

/// Returns the entries up to the first place that is not well-formed XML.
fn parse_xml(text: &str) -> Vec<(&'static str, String)> {
    let mut reader = Reader::from_str(text);
    let mut entries = Vec::new();
    let mut kind = None;
    let mut address: Option<String> = None;
    while entries.len() < MAX_ENTRIES {
        match reader.read_event() {
            Ok(Event::Start(tag)) => match tag.local_name().as_ref() {
                "url" => kind = Some("sitemap"),
                "sitemap" => kind = Some("sitemapindex"),
                "loc" if tag.name().prefix().is_none() => address = Some(String::new()),
                _ => {}
            },
            Ok(Event::Text(part)) => {
                if let Some(address) = &mut address {
                    address.push_str(&part);
                }
            }
            Ok(Event::CData(part)) => {
                if let Some(address) = &mut address {
                    address.push_str(&part);
                }
            }
            Ok(Event::GeneralRef(name)) => {
                if let Some(address) = &mut address {
                    let name: &str = &name;
                    address.push_str(&htmlize::unescape(format!("&{name};")));
                }
            }
            Ok(Event::End(tag)) if tag.local_name().as_ref() == "loc" => {
                if let (Some(kind), Some(address)) = (kind, address.take()) {
                    entries.push((kind, address.trim().to_owned()));
                }
            }
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn of(text: &[u8]) -> Vec<(String, String)> {
        let base = Url::parse("http://h.test/sitemap.xml").unwrap();
        let links = read(text, &base, SessionIds::Strip).into_iter();
        links
            .map(|link| (link.kind, link.url.to_string()))
            .collect()
    }

    fn entry(kind: &str, url: &str) -> (String, String) {
        (kind.to_owned(), url.to_owned())
    }

    const MAP: &[u8] = b"<?xml version='1.0'?><urlset xmlns='x' xmlns:image='y'><url><loc> http://h.test/a?x=1&amp;y=2 \
        </loc><image:image><image:loc>http://h.test/i.png</image:loc></image:image></url>\
        <url><loc><![CDATA[http://h.test/b]]></loc></url>";

    #[test]
    fn pages_are_found_even_if_the_end_is_missing() {
        let expected = [
            entry("sitemap", "http://h.test/a?x=1&y=2"),
            entry("sitemap", "http://h.test/b"),
        ];
        assert_eq!(of(MAP), expected);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(MAP).unwrap();
        assert_eq!(of(&encoder.finish().unwrap()), expected);
    }

    #[test]
    fn indexes_list_sitemaps_and_plain_text_lists_one_page_per_line() {
        let index = b"<sitemapindex><sitemap><loc>/s1.xml</loc></sitemap></sitemapindex>";
        assert_eq!(of(index), [entry("sitemapindex", "http://h.test/s1.xml")]);
        assert_eq!(
            of(b"http://h.test/t\nrubbish\n"),
            [entry("sitemap", "http://h.test/t")]
        );
        assert_eq!(of(b"<html><loc>x</loc>"), []);
        assert_eq!(of(b""), []);
    }
}
