//! Requests, and the simple answers.

use std::io::{self, Read};
use std::net::IpAddr;

use reunite_base::escape::html;
use reunite_base::secret;
use reunite_net::Connection;

use crate::token;

/// The longest head of a request.
const LONGEST: usize = 16 * 1024;
const MOST_FIELDS: usize = 64;

const PAGE: &str = include_str!("page.html");

pub(crate) struct Request {
    method: String,
    path: String,
    token: Option<String>,
    host: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Page,
    Stream,
    Cancel,
}

impl Request {
    /// The one request of a connection; `None` if none came.
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
            if head.windows(4).any(|end| end == b"\r\n\r\n") || head.len() > LONGEST {
                break;
            }
        }
        client.head_is_read();
        Ok(Some(Self::parse(&head)))
    }

    /// What is no request has no method, and is refused as that.
    fn parse(head: &[u8]) -> Self {
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
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

    /// What is asked for, or the status that refuses it.
    pub(crate) fn judge(&self, token: &str) -> Result<Asked, u16> {
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
            ("GET", "/") => Ok(Asked::Page),
            ("GET", "/events") => Ok(Asked::Stream),
            ("POST", "/cancel") => Ok(Asked::Cancel),
            (_, "/" | "/events" | "/cancel") => Err(405),
            _ => Err(404),
        }
    }
}

/// Whether a `Host` is an address, or this machine: names of others' are not, wherever they lead.
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

pub(crate) fn why(status: u16) -> &'static str {
    match status {
        403 => "Open the address that the program has printed, with its token.",
        404 => "There is nothing here.",
        405 => "Not like that.",
        _ => "This is no request.",
    }
}

/// An answer of one sentence.
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

/// The page. Its script and style are known to the browser by a number that is used once.
pub(crate) fn page(title: &str) -> io::Result<Vec<u8>> {
    let once = token::make()?;
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{once}'; style-src 'nonce-{once}'; connect-src 'self'; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    );
    let page = PAGE
        .replace("{{once}}", &once)
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

    fn judge(head: &str) -> Result<Asked, u16> {
        Request::parse(head.as_bytes()).judge("secret")
    }

    #[test]
    fn only_who_knows_the_token_and_asks_this_machine_is_answered() {
        let host = "Host: 127.0.0.1:8000\r\n\r\n";
        let page = judge(&format!("GET /?token=secret HTTP/1.1\r\n{host}"));
        assert_eq!(page, Ok(Asked::Page));
        let cancel = judge(&format!("POST /cancel?token=secret HTTP/1.1\r\n{host}"));
        assert_eq!(cancel, Ok(Asked::Cancel));
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
    fn addresses_with_and_without_ports_are_this_machine() {
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
    fn a_title_is_no_part_of_the_page() {
        let page = String::from_utf8(page("<b> & \"c\"").unwrap()).unwrap();
        assert!(page.contains("&lt;b&gt; &amp; &quot;c&quot;") && !page.contains("{{"));
    }
}
