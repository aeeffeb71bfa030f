//! Requests to the view: reading, access checks, and answers other than the stream.

use std::io::{self, Read};
use std::net::IpAddr;

use reunite_base::escape::html;
use reunite_base::secret;
use reunite_net::Connection;

use crate::token;

/// The maximum length of a request's head, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// The maximum number of fields in a head.
const MAX_FIELDS: usize = 64;

const PAGE: &str = include_str!("page.html");

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
    pub(crate) fn read(client: &mut Connection) -> io::Result<Option<Self>> {
        if !client.more()? {
            return Ok(None);
        }
        let mut head = Vec::new();
        let mut bytes = [0; 4096];
        loop {
            let count = client.read(&mut bytes)?;
            if count == 0 {
                return Ok(None);
            }
            head.extend_from_slice(&bytes[..count]);
            if head.windows(4).any(|end| end == b"\r\n\r\n") || head.len() > MAX_HEAD {
                break;
            }
        }
        client.head_is_read();
        Ok(Some(Self::parse(&head)))
    }

    /// Parses a head. The method of a malformed head is empty, and `judge` refuses it.
    fn parse(head: &[u8]) -> Self {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Request::new(&mut fields);
        let whole = parsed.parse(head).is_ok_and(|status| status.is_complete());
        let target = parsed.path.filter(|_| whole).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let token = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("token="));
        let mut hosts = parsed
            .headers
            .iter()
            .filter(|field| field.name.eq_ignore_ascii_case("host"));
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => std::str::from_utf8(host.value).ok(),
            _ => None,
        };
        Self {
            method: parsed
                .method
                .filter(|_| whole)
                .unwrap_or_default()
                .to_owned(),
            path: path.to_owned(),
            token: token.map(str::to_owned),
            host: host.map(str::to_owned),
        }
    }

    /// Returns the action that is requested, or the status that refuses it.
    pub(crate) fn judge(&self, token: &str) -> Result<Action, u16> {
        if self.method.is_empty() {
            return Err(400);
        }
        if !self.host.as_deref().is_some_and(is_address) {
            return Err(403);
        }
        let given = self.token.as_deref().unwrap_or_default();
        if !secret::is_same(token.as_bytes(), given.as_bytes()) {
            return Err(403);
        }
        match (self.method.as_str(), self.path.as_str()) {
            ("GET", "/") => Ok(Action::Page),
            ("GET", "/events") => Ok(Action::Stream),
            ("POST", "/cancel") => Ok(Action::Cancel),
            (_, "/" | "/events" | "/cancel") => Err(405),
            _ => Err(404),
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
pub(crate) fn explanation(status: u16) -> &'static str {
    match status {
        403 => "Open the URL that the program has printed, with its token.",
        404 => "Not found.",
        405 => "Method not allowed.",
        _ => "Malformed request.",
    }
}

/// Returns an answer of one sentence.
pub(crate) fn simple(status: u16, sentence: &str) -> Vec<u8> {
    let reason = match status {
        202 => "Accepted",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        _ => "Service Unavailable",
    };
    answer(
        &format!("{status} {reason}"),
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
    Ok(answer("200 OK", "text/html; charset=utf-8", &policy, &page))
}

fn answer(status: &str, kind: &str, policy: &str, body: &str) -> Vec<u8> {
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

    fn judge(head: &str) -> Result<Action, u16> {
        Request::parse(head.as_bytes()).judge("secret")
    }

    #[test]
    fn a_request_needs_the_token_and_an_address_as_its_host() {
        let host = "Host: 127.0.0.1:8000\r\n\r\n";
        let page = judge(&format!("GET /?token=secret HTTP/1.1\r\n{host}"));
        assert_eq!(page, Ok(Action::Page));
        let cancel = judge(&format!("POST /cancel?token=secret HTTP/1.1\r\n{host}"));
        assert_eq!(cancel, Ok(Action::Cancel));
        for (head, status) in [
            (format!("GET / HTTP/1.1\r\n{host}"), 403),
            (format!("GET /?token=secre HTTP/1.1\r\n{host}"), 403),
            (format!("GET /events?token=other HTTP/1.1\r\n{host}"), 403),
            (format!("GET /cancel?token=secret HTTP/1.1\r\n{host}"), 405),
            (format!("GET /x?token=secret HTTP/1.1\r\n{host}"), 404),
            ("GET /?token=secret HTTP/1.1\r\n\r\n".to_owned(), 403),
            (
                "GET /?token=secret HTTP/1.1\r\nHost: rebound.example\r\n\r\n".to_owned(),
                403,
            ),
            (
                "GET /?token=secret HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: b\r\n\r\n".to_owned(),
                403,
            ),
            ("rubbish\r\n\r\n".to_owned(), 400),
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
