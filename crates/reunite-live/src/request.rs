//! Requests to the view: reading, access checks, and answers other than the stream.

use std::io;
use std::net::IpAddr;

use reunite_base::escape::html;
use reunite_base::secret;
use reunite_net::http::{Fields, HeadReader, NextHead, RequestLine, StatusCode};

use crate::token;

/// The maximum length of a request's head, in bytes.
pub(crate) const MAX_HEAD: usize = 16 * 1024;
/// The maximum number of fields in a head.
const MAX_FIELDS: usize = 64;

const PAGE: &str = include_str!("page.html");

/// A request. The method of a malformed one is empty.
#[derive(Default)]
pub(crate) struct Request {
    method: String,
    path: String,
    token: Option<String>,
    host: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Page,
    Stream,
    Cancel,
}

impl Request {
    /// Reads the only request of a connection; `None` if the client sent none.
    pub(crate) fn read(client: &mut HeadReader) -> io::Result<Option<Self>> {
        let head = match client.next_head()? {
            NextHead::Head(head) => head,
            NextHead::TooLong(_) => Vec::new(),
            NextHead::End => return Ok(None),
        };
        client.connection_mut().head_is_read();
        Ok(Some(Self::parse(&head).unwrap_or_default()))
    }

    /// Parses a head; `None` if it is malformed.
    fn parse(head: &[u8]) -> Option<Self> {
        let (line, lines) = RequestLine::parse(head).ok()?;
        let fields = Fields::parse(lines).ok()?;
        if line.minor > 1 || fields.count() > MAX_FIELDS {
            return None;
        }
        if !line.target.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let target = std::str::from_utf8(line.target).ok()?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let token = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("token="));
        Some(Self {
            method: std::str::from_utf8(line.method).ok()?.to_owned(),
            path: path.to_owned(),
            token: token.map(str::to_owned),
            host: fields.text("host").map(str::to_owned),
        })
    }

    /// Returns the action that is requested, or the status that refuses it.
    pub(crate) fn judge(&self, token: &str) -> Result<Action, StatusCode> {
        if self.method.is_empty() {
            return Err(StatusCode::BAD_REQUEST);
        }
        if !self.host.as_deref().is_some_and(is_address) {
            return Err(StatusCode::FORBIDDEN);
        }
        let given = self.token.as_deref().unwrap_or_default();
        if !secret::is_same(token.as_bytes(), given.as_bytes()) {
            return Err(StatusCode::FORBIDDEN);
        }
        match (self.method.as_str(), self.path.as_str()) {
            ("GET", "/") => Ok(Action::Page),
            ("GET", "/events") => Ok(Action::Stream),
            ("POST", "/cancel") => Ok(Action::Cancel),
            (_, "/" | "/events" | "/cancel") => Err(StatusCode::METHOD_NOT_ALLOWED),
            _ => Err(StatusCode::NOT_FOUND),
        }
    }
}

/// Returns true if a `Host` is an IP address or `localhost`. Other names are refused, whatever they resolve to.
fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Returns the explanation that goes with a refusal.
pub(crate) fn explanation(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "Open the URL that the program has printed, with its token.",
        StatusCode::NOT_FOUND => "Not found.",
        StatusCode::METHOD_NOT_ALLOWED => "Method not allowed.",
        _ => "Malformed request.",
    }
}

/// Returns an answer of one sentence.
pub(crate) fn simple(status: StatusCode, sentence: &str) -> Vec<u8> {
    answer(
        status,
        "text/plain; charset=utf-8",
        "default-src 'none'",
        &format!("{sentence}\n"),
    )
}

/// Returns the answer with the page. The browser accepts its script and style by a nonce.
pub(crate) fn page(title: &str) -> io::Result<Vec<u8>> {
    let nonce = token::make()?;
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    );
    let page = PAGE
        .replace("{{nonce}}", &nonce)
        .replace("{{title}}", &html(title))
        .replace("{{process}}", &std::process::id().to_string());
    Ok(answer(
        StatusCode::OK,
        "text/html; charset=utf-8",
        &policy,
        &page,
    ))
}

fn answer(status: StatusCode, kind: &str, policy: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: {policy}\r\nReferrer-Policy: no-referrer\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(head: &str) -> Result<Action, StatusCode> {
        let request = Request::parse(head.as_bytes()).unwrap_or_default();
        request.judge("secret")
    }

    #[test]
    fn a_request_needs_the_token_and_an_address_as_its_host() {
        let host = "Host: 127.0.0.1:8000\r\n\r\n";
        let page = judge(&format!("GET /?token=secret HTTP/1.1\r\n{host}"));
        assert_eq!(page, Ok(Action::Page));
        let cancel = judge(&format!("POST /cancel?token=secret HTTP/1.1\r\n{host}"));
        assert_eq!(cancel, Ok(Action::Cancel));
        for (head, status) in [
            (format!("GET / HTTP/1.1\r\n{host}"), StatusCode::FORBIDDEN),
            (
                format!("GET /?token=secre HTTP/1.1\r\n{host}"),
                StatusCode::FORBIDDEN,
            ),
            (
                format!("GET /events?token=other HTTP/1.1\r\n{host}"),
                StatusCode::FORBIDDEN,
            ),
            (
                format!("GET /cancel?token=secret HTTP/1.1\r\n{host}"),
                StatusCode::METHOD_NOT_ALLOWED,
            ),
            (
                format!("GET /x?token=secret HTTP/1.1\r\n{host}"),
                StatusCode::NOT_FOUND,
            ),
            (
                "GET /?token=secret HTTP/1.1\r\n\r\n".to_owned(),
                StatusCode::FORBIDDEN,
            ),
            (
                "GET /?token=secret HTTP/1.1\r\nHost: rebound.example\r\n\r\n".to_owned(),
                StatusCode::FORBIDDEN,
            ),
            (
                "GET /?token=secret HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: b\r\n\r\n".to_owned(),
                StatusCode::FORBIDDEN,
            ),
            ("rubbish\r\n\r\n".to_owned(), StatusCode::BAD_REQUEST),
            (
                format!("GET /?token=secret HTTP/1.2\r\n{host}"),
                StatusCode::BAD_REQUEST,
            ),
            (
                format!("GET /?token=secret&\u{1} HTTP/1.1\r\n{host}"),
                StatusCode::BAD_REQUEST,
            ),
        ] {
            assert_eq!(judge(&head), Err(status), "{head}");
        }
    }

    #[test]
    fn hosts_are_addresses_or_localhost_with_or_without_a_port() {
        for host in [
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1",
            "[::1]:80",
            "10.0.0.7:80",
        ] {
            assert!(is_address(host), "{host}");
        }
        for host in [
            "",
            "example.org",
            "127.0.0.1.example.org",
            "localhost.example:80",
        ] {
            assert!(!is_address(host), "{host}");
        }
    }

    #[test]
    fn a_title_is_escaped() {
        let page = String::from_utf8(page("<b> & \"c\"").unwrap()).unwrap();
        assert!(page.contains("&lt;b&gt; &amp; &quot;c&quot;") && !page.contains("{{"));
    }
}
