//! Request targets: their syntax, and the paths they name.

use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};
use reunite_net::http::StatusCode;

use crate::request::Method;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `*`: the server as a whole.
    Anything,
    /// The decoded segments, without empty ones and dots; whether the path ends in a slash; the query, not decoded.
    Path {
        segments: Vec<String>,
        is_folder: bool,
        query: Option<String>,
    },
    /// A well-formed target that cannot name a file.
    Nothing,
}

impl Target {
    /// Returns the path below the folder, unless it has hidden segments and `hidden` is false.
    pub(crate) fn path(segments: &[String], hidden: bool) -> Option<PathBuf> {
        let may =
            |segment: &String| hidden || !segment.starts_with('.') || segment == ".well-known";
        segments.iter().all(may).then(|| segments.iter().collect())
    }
}

/// Parses a target.
///
/// # Errors
/// Returns the status that refuses it.
pub(crate) fn parse(target: &[u8], method: Method) -> Result<Target, StatusCode> {
    if method == Method::Connect {
        // The target of a CONNECT is an authority; the answer will be that the method is not allowed.
        return if is_authority(target) {
            Ok(Target::Nothing)
        } else {
            Err(StatusCode::BAD_REQUEST)
        };
    }
    if target == b"*" {
        return if method == Method::Options {
            Ok(Target::Anything)
        } else {
            Err(StatusCode::BAD_REQUEST)
        };
    }
    let path = if target.starts_with(b"/") {
        target
    } else {
        after_authority(target)?
    };
    let (path, query) = match path.iter().position(|&byte| byte == b'?') {
        Some(at) => (&path[..at], Some(&path[at + 1..])),
        None => (path, None),
    };
    let in_path = |&byte: &u8| is_plain(byte) || b"%|[]".contains(&byte);
    let in_query = |byte: &u8| in_path(byte) || b"?{}^`\\".contains(byte);
    if !path.iter().all(in_path) || !query.unwrap_or_default().iter().all(in_query) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let query = query.map(|query| String::from_utf8_lossy(query).into_owned());
    segments_of(path, query)
}

/// Returns the part of an absolute URL after `http://host`.
fn after_authority(target: &[u8]) -> Result<&[u8], StatusCode> {
    let scheme = |scheme: &str| {
        let (head, rest) = target.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme.as_bytes()).then_some(rest)
    };
    let rest = scheme("http://")
        .or_else(|| scheme("https://"))
        .ok_or(StatusCode::BAD_REQUEST)?;
    let end = rest
        .iter()
        .position(|byte| b"/?".contains(byte))
        .unwrap_or(rest.len());
    if !is_authority(&rest[..end]) {
        return Err(StatusCode::BAD_REQUEST);
    }
    match &rest[end..] {
        [] => Ok(b"/"),
        [b'?', ..] => Err(StatusCode::BAD_REQUEST),
        path => Ok(path),
    }
}

fn segments_of(path: &[u8], query: Option<String>) -> Result<Target, StatusCode> {
    let mut segments = Vec::new();
    let mut is_folder = true;
    for raw in path.split(|&byte| byte == b'/').skip(1) {
        let segment = decode(raw).ok_or(StatusCode::BAD_REQUEST)?;
        if segment.contains(&0) {
            return Err(StatusCode::BAD_REQUEST);
        }
        is_folder = matches!(segment.as_slice(), b"" | b"." | b"..");
        match segment.as_slice() {
            b"" | b"." => {}
            b".." => {
                segments.pop().ok_or(StatusCode::BAD_REQUEST)?;
            }
            _ => match String::from_utf8(segment) {
                Ok(name) if !name.contains(['/', '\\']) && !name.chars().any(char::is_control) => {
                    segments.push(name);
                }
                _ => return Ok(Target::Nothing),
            },
        }
    }
    Ok(Target::Path {
        segments,
        is_folder,
        query,
    })
}

/// Decodes percent-encoding. Returns `None` if a `%` is not followed by two hexadecimal digits.
fn decode(raw: &[u8]) -> Option<Vec<u8>> {
    let mut codes = raw.split(|&byte| byte == b'%').skip(1);
    let is_code = |code: &[u8]| code.len() >= 2 && code[..2].iter().all(u8::is_ascii_hexdigit);
    codes.all(is_code).then(|| percent_decode(raw).collect())
}

/// Returns true if the byte may stand in a path unencoded.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte)
}

/// The bytes that are percent-encoded in a link: all except the slash and those accepted by [`is_plain`].
const CODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// A segment as it is written in a link.
pub(crate) fn encode(segment: &str) -> String {
    utf8_percent_encode(segment, CODED).to_string()
}

/// Returns true if `text` is a host with an optional port.
pub(crate) fn is_authority(text: &[u8]) -> bool {
    let (host, port) = if text.starts_with(b"[") {
        let Some(end) = text.iter().position(|&byte| byte == b']') else {
            return false;
        };
        let address = std::str::from_utf8(&text[1..end]).unwrap_or_default();
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return false;
        }
        match &text[end + 1..] {
            [] => return true,
            [b':', port @ ..] => (&text[1..end], port),
            _ => return false,
        }
    } else {
        match text.iter().position(|&byte| byte == b':') {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => (text, &b""[..]),
        }
    };
    let in_host = |&byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:".contains(&byte);
    let is_port = port.len() <= 5 && port.iter().all(u8::is_ascii_digit);
    let fits =
        std::str::from_utf8(port).is_ok_and(|port| port.is_empty() || port.parse::<u16>().is_ok());
    !host.is_empty() && decode(host).is_some() && host.iter().all(in_host) && is_port && fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(target: &str) -> Result<Option<Vec<String>>, StatusCode> {
        parse(target.as_bytes(), Method::Get).map(|target| match target {
            Target::Path { segments, .. } => Some(segments),
            _ => None,
        })
    }

    #[test]
    fn no_path_leaves_the_folder() {
        for up in [
            "/..",
            "/../x",
            "/a/../../x",
            "/%2e%2e/x",
            "/a/%2E./.%2e/x",
            "/./..",
        ] {
            assert_eq!(names(up), Err(StatusCode::BAD_REQUEST), "{up}");
        }
        for nothing in [
            "/a%2fb",
            "/..%2f..%2fx",
            "/a%5cb",
            "/..%5c..%5cx",
            "/a%0ab",
            "/%ff",
            "/C:%5cx",
        ] {
            assert_eq!(names(nothing), Ok(None), "{nothing}");
        }
        for bad in [
            "/a%00", "/%", "/%2", "/%zz", "/a\\b", "/a b", "/\u{e9}", "/a#b", "a",
        ] {
            assert_eq!(names(bad), Err(StatusCode::BAD_REQUEST), "{bad}");
        }
        assert_eq!(
            names("/a/./b//c/../d%20e"),
            Ok(Some(vec!["a".into(), "b".into(), "d e".into()]))
        );
        // Decoded only once.
        assert_eq!(names("/%252e%252e"), Ok(Some(vec!["%2e%2e".into()])));
    }

    #[test]
    fn links_code_what_is_not_plain() {
        for byte in 0..=0x7f_u8 {
            let is_itself = byte != b'/' && is_plain(byte);
            let name = char::from(byte).to_string();
            assert_eq!(encode(&name) == name, is_itself, "{name:?}");
        }
        assert_eq!(encode("é"), "%C3%A9");
    }

    #[test]
    fn encoded_names_are_decoded_to_the_same_names() {
        for name in ["a b", "100%", "é", "a?b#c", "\"<>&'", "a:b"] {
            assert_eq!(
                names(&format!("/{}", encode(name))),
                Ok(Some(vec![name.into()]))
            );
        }
    }
}
