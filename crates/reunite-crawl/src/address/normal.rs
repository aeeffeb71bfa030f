//! The normal form of an address, so that each page has one address.
//!
//! The `url` crate parses addresses as browsers do (WHATWG). Two equivalences of RFC 3986, 6.2.2, are applied on
//! top: percent-encoded unreserved characters are decoded, and hexadecimal digits are in upper case. Three parts
//! are removed: the fragment, which leads inside a page; credentials; and session IDs, which would make each visit
//! a new page.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

/// The longest address, in bytes, that is taken for a page.
const MAX_LEN: usize = 4096;

/// The target of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A page, or a place inside it.
    Page {
        /// The address of the page in normal form.
        url: Url,
        /// The text after the `#`, decoded, unless it is empty.
        fragment: Option<String>,
    },
    /// An address that is not fetched, such as `mailto:`, `javascript:` or `data:`.
    Elsewhere,
    /// An invalid address.
    Broken,
}

/// The treatment of session IDs in addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionIds {
    /// Session IDs are kept: each session has its own addresses.
    Keep,
    /// Session IDs are removed.
    Strip,
}

/// Returns the target of a link with the text `text` on a page with the address `base`.
///
/// ```
/// use reunite_crawl::address::{SessionIds, Target, normal};
/// let base = "http://example.test/a/b".parse().unwrap();
/// let target = normal(&base, " ../%7euser/./x?b#top ", SessionIds::Strip);
/// let Target::Page { url, fragment } = target else { panic!() };
/// assert_eq!(url.as_str(), "http://example.test/~user/x?b");
/// assert_eq!(fragment.as_deref(), Some("top"));
/// assert_eq!(normal(&base, "mailto:me@example.test", SessionIds::Strip), Target::Elsewhere);
/// ```
pub fn normal(base: &Url, text: &str, sessions: SessionIds) -> Target {
    let Ok(mut url) = base.join(text) else {
        return Target::Broken;
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Target::Elsewhere;
    }
    if url.host_str().is_none_or(str::is_empty) || url.as_str().len() > MAX_LEN {
        return Target::Broken;
    }
    let fragment = url
        .fragment()
        .filter(|text| !text.is_empty())
        .map(|text| percent_decode_str(text).decode_utf8_lossy().into_owned());
    url.set_fragment(None);
    // Fails only for addresses without a host, which are refused above.
    let _has_host = url.set_username("").and_then(|()| url.set_password(None));
    let path = normalise_percent_codes(url.path());
    let path = if sessions == SessionIds::Keep {
        path
    } else {
        without_session(path)
    };
    if path != url.path() {
        let path = path.into_owned();
        url.set_path(&path);
    }
    if let Some(query) = url.query() {
        let normalised = normalise_percent_codes(query);
        let kept = if sessions == SessionIds::Keep {
            normalised.into_owned()
        } else {
            let kept: Vec<&str> = normalised
                .split('&')
                .filter(|pair| !is_session(pair))
                .collect();
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

/// Decodes unreserved characters and puts the other percent codes in upper case.
fn normalise_percent_codes(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        match percent_code(bytes, at) {
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

/// Returns the byte that is written as `%XX` at this index.
fn percent_code(bytes: &[u8], at: usize) -> Option<u8> {
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

/// Returns true for a query parameter with the name of a session ID and a value that looks random.
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
        match normal(&base, text, SessionIds::Strip) {
            Target::Page { url, .. } => url.into(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn all_spellings_of_an_address_have_one_normal_form() {
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
    fn the_normal_form_of_a_normal_form_is_the_same() {
        for text in ["/%7e%zz%2e%", "/a?%61=%2", "/%25%37%45", "//x.test:0443/%"] {
            let once = page(text);
            assert_eq!(page(&once), once, "{text}");
        }
    }

    #[test]
    fn session_ids_are_kept_on_request() {
        let base = Url::parse("http://h.test/").unwrap();
        let text = "/a;jsessionid=1?sid=0123456789abcdef";
        let Target::Page { url, .. } = normal(&base, text, SessionIds::Keep) else {
            panic!("a page");
        };
        assert_eq!(url.as_str(), format!("http://h.test{text}"));
    }

    #[test]
    fn fragments_are_decoded() {
        let base = Url::parse("http://h.test/").unwrap();
        let Target::Page { fragment, .. } = normal(&base, "#%C3%BCber%20uns", SessionIds::Strip)
        else {
            panic!("a page");
        };
        assert_eq!(fragment.as_deref(), Some("über uns"));
    }
}
