//! Decoding bytes to text, as browsers do.
//!
//! The encoding is that of the byte order mark, else of the header, else of the declaration near the top of the
//! page, else UTF-8 if the page is valid UTF-8, else Windows-1252, in which any bytes are valid.

use std::borrow::Cow;
use std::sync::LazyLock;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use regex::bytes::Regex;

/// Bytes at the start of a page that are searched for a declaration of its encoding.
const MAX_TOP: usize = 1024;

/// Returns the text of a page and the name of its encoding.
///
/// ```
/// let (text, name) = reunite_crawl::html::decode(b"gr\xfc\xdfe", Some("iso-8859-1"));
/// assert_eq!((&*text, name), ("grüße", "windows-1252"));
/// ```
pub fn decode<'a>(bytes: &'a [u8], header: Option<&str>) -> (Cow<'a, str>, &'static str) {
    let encoding = Encoding::for_bom(bytes)
        .map(|(encoding, _)| encoding)
        .or_else(|| Encoding::for_label(header?.as_bytes()))
        .or_else(|| declared(&bytes[..bytes.len().min(MAX_TOP)]))
        .unwrap_or_else(|| {
            if std::str::from_utf8(bytes).is_ok() {
                UTF_8
            } else {
                WINDOWS_1252
            }
        });
    let (text, used, _) = encoding.decode(bytes);
    (text, used.name())
}

/// Returns the encoding that the top of a page declares.
fn declared(top: &[u8]) -> Option<&'static Encoding> {
    static DECLARATION: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let meta = r#"<meta\s[^>]{0,300}?charset\s*=\s*["']?\s*([a-z0-9_:.-]+)"#;
        let xml = r#"^\s*<\?xml\s[^>]{0,100}?encoding\s*=\s*["']([a-z0-9_:.-]+)"#;
        let css = r#"^@charset "([a-z0-9_:.-]+)""#;
        Regex::new(&format!("(?i-u){meta}|{xml}|{css}")).ok()
    });
    let found = DECLARATION.as_ref()?.captures(top)?;
    let label = found.iter().skip(1).flatten().next()?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    // A declaration that is readable as ASCII is not in UTF-16.
    if encoding == UTF_16BE || encoding == UTF_16LE {
        return Some(UTF_8);
    }
    Some(encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(bytes: &[u8], header: Option<&str>) -> &'static str {
        decode(bytes, header).1
    }

    #[test]
    fn the_first_source_of_an_encoding_takes_precedence() {
        assert_eq!(name(b"\xff\xfea\0", Some("utf-8")), "UTF-16LE");
        let page = b"<meta http-equiv=x content='text/html; charset=Shift_JIS'>";
        assert_eq!(name(page, Some("koi8-r")), "KOI8-R");
        assert_eq!(name(page, None), "Shift_JIS");
        assert_eq!(name(page, Some("no such")), "Shift_JIS");
        assert_eq!(name(b"<META CHARSET=\"euc-jp\">", None), "EUC-JP");
        assert_eq!(name(b"<?xml version='1.0' encoding='gbk'?>", None), "GBK");
        assert_eq!(name(b"<meta charset=utf-16>", None), "UTF-8");
        assert_eq!(name("ü".as_bytes(), None), "UTF-8");
        assert_eq!(name(b"\xfc", None), "windows-1252");
    }

    #[test]
    fn a_declaration_too_far_down_is_ignored() {
        let mut page = vec![b' '; MAX_TOP];
        page.extend(b"<meta charset=koi8-r>");
        assert_eq!(name(&page, None), "UTF-8");
    }
}
