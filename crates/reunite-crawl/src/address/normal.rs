//! One page, one address.
//!
//! The `url` crate parses as browsers do (WHATWG). On top of that come the two equivalences of RFC 3986,
//! 6.2.2: percent-encoded unreserved characters stand for themselves, and hexadecimal digits are upper
//! case. Fragments lead inside a page, credentials are nobody's business, and session numbers would make
//! every visit a new page: all three are taken off.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

/// Longer ones lead nowhere that can be trusted to be a page.
const LONGEST: usize = 4096;

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To a page, and perhaps to a place in it.
    Page {
        /// Its address in normal form.
        url: Url,
        /// What stood after the `#`, decoded; empty ones are none.
        fragment: Option<String>,
    },
    /// To something that is not fetched: `mailto:`, `javascript:`, `data:`.
    Elsewhere,
    /// Nowhere: it is no address at all.
    Broken,
}

/// The page that `text` means when it is written on a page with the address `base`.
///
/// ```
/// use reunite_crawl::address::{Target, normal};
/// let base = "http://example.test/a/b".parse().unwrap();
/// let Target::Page { url, fragment } = normal(&base, " ../%7euser/./x?b#top ", false) else { panic!() };
/// assert_eq!(url.as_str(), "http://example.test/~user/x?b");
/// assert_eq!(fragment.as_deref(), Some("top"));
/// assert_eq!(normal(&base, "mailto:me@example.test", false), Target::Elsewhere);
/// ```
pub fn normal(base: &Url, text: &str, keep_sessions: bool) -> Target {
    let Ok(mut url) = base.join(text) else {
        return Target::Broken;
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Target::Elsewhere;
    }
    if url.host_str().is_none_or(str::is_empty) || url.as_str().len() > LONGEST {
        return Target::Broken;
    }
    let fragment = url
        .fragment()
        .filter(|text| !text.is_empty())
        .map(|text| percent_decode_str(text).decode_utf8_lossy().into_owned());
    url.set_fragment(None);
    // They fail only for addresses without a host.
    let _has_host = url.set_username("").and_then(|()| url.set_password(None));
    let path = tidy(url.path());
    let path = if keep_sessions {
        path
    } else {
        without_session(path)
    };
    if path != url.path() {
        let path = path.into_owned();
        url.set_path(&path);
    }
    if let Some(query) = url.query() {
        let tidied = tidy(query);
        let kept = if keep_sessions {
            tidied.into_owned()
        } else {
            let kept: Vec<&str> = tidied.split('&').filter(|pair| !is_session(pair)).collect();
            kept.join("&")
        };
        let changed = kept != query;
        if kept.is_empty() {
            url.set_query(None);
        } else if changed {
            url.set_query(Some(&kept));
        }
    }
    Target::Page { url, fragment }
}

/// Unreserved characters decoded, the other codes in upper case.
fn tidy(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        match code(bytes, at) {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                out.push(char::from(byte));
                at += 3;
            }
            Some(_) => {
                out.push_str(&text[at..at + 3].to_ascii_uppercase());
                at += 3;
            }
            None => {
                out.push(character);
                at += character.len_utf8();
            }
        }
    }
    Cow::Owned(out)
}

/// The byte that is written as `%XX` at this place.
fn code(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    if bytes.get(at) != Some(&b'%') {
        return None;
    }
    u8::try_from(digit(at + 1)? * 16 + digit(at + 2)?).ok()
}

fn without_session(path: Cow<'_, str>) -> Cow<'_, str> {
    let lower = path.to_ascii_lowercase();
    let Some(start) = lower.find(";jsessionid=") else {
        return path;
    };
    let end = path[start..]
        .find('/')
        .map_or(path.len(), |length| start + length);
    Cow::Owned(format!("{}{}", &path[..start], &path[end..]))
}

/// A well-known name with a value that looks drawn by lot.
fn is_session(pair: &str) -> bool {
    let Some((name, value)) = pair.split_once('=') else {
        return false;
    };
    let name = name.to_ascii_lowercase();
    let known = ["phpsessid", "jsessionid", "sessionid", "session_id", "sid"];
    (known.contains(&name.as_str()) || name.starts_with("aspsessionid"))
        && value.len() >= 16
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> String {
        let base = Url::parse("http://h.test/dir/page?q").unwrap();
        match normal(&base, text, false) {
            Target::Page { url, .. } => url.into(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn spellings_of_one_address_are_one() {
        for (text, expected) in [
            ("HTTP://H.Test:80/dir/../x", "http://h.test/x"),
            ("//h.test", "http://h.test/"),
            ("", "http://h.test/dir/page?q"),
            ("?", "http://h.test/dir/page"),
            ("?a=1&b=2", "http://h.test/dir/page?a=1&b=2"),
            ("x#y", "http://h.test/dir/x"),
            ("/%7Euser/%c3%bc/%2f", "http://h.test/~user/%C3%BC/%2F"),
            ("/ü", "http://h.test/%C3%BC"),
            ("/a%2Eb?c=%41", "http://h.test/a.b?c=A"),
            ("/100%", "http://h.test/100%"),
            ("http://me:secret@h.test/", "http://h.test/"),
            ("\n /a\tb ", "http://h.test/ab"),
            ("http://bücher.test/", "http://xn--bcher-kva.test/"),
            ("/a;jsessionid=0123?x", "http://h.test/a?x"),
            ("/a?PHPSESSID=0123456789abcdef&x=1", "http://h.test/a?x=1"),
            ("/a?sid=12", "http://h.test/a?sid=12"),
            ("mailto:a@b", "Elsewhere"),
            ("javascript:void(0)", "Elsewhere"),
            ("http://", "Broken"),
            ("http://[::1/", "Broken"),
        ] {
            assert_eq!(page(text), expected, "{text:?}");
        }
    }

    #[test]
    fn normal_form_is_its_own_normal_form() {
        for text in ["/%7e%zz%2e%", "/a?%61=%2", "/%25%37%45", "//x.test:0443/%"] {
            let once = page(text);
            assert_eq!(page(&once), once, "{text}");
        }
    }

    #[test]
    fn sessions_are_kept_if_asked_for() {
        let base = Url::parse("http://h.test/").unwrap();
        let text = "/a;jsessionid=1?sid=0123456789abcdef";
        let Target::Page { url, .. } = normal(&base, text, true) else {
            panic!("a page");
        };
        assert_eq!(url.as_str(), format!("http://h.test{text}"));
    }

    #[test]
    fn fragments_are_decoded() {
        let base = Url::parse("http://h.test/").unwrap();
        let Target::Page { fragment, .. } = normal(&base, "#%C3%BCber%20uns", false) else {
            panic!("a page");
        };
        assert_eq!(fragment.as_deref(), Some("über uns"));
    }
}
