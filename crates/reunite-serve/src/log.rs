//! The formats of the access log.

use std::time::{Duration, SystemTime};

use reunite_base::escape;
use reunite_net::Peer;
use serde::Serialize;

/// A log entry: one answer that was sent.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The client's address.
    pub peer: Peer,
    /// The account, if the site has accounts.
    pub user: Option<&'a str>,
    /// The time at which the response was complete.
    pub at: SystemTime,
    /// The request's first line, unchecked: it may contain any bytes.
    pub line: &'a [u8],
    /// The status of the answer.
    pub status: u16,
    /// The number of bytes of the body.
    pub bytes: u64,
    /// The time since the first byte of the request.
    pub time: Duration,
    /// The `Referer` of the request.
    pub referer: Option<&'a str>,
    /// The `User-Agent` of the request.
    pub agent: Option<&'a str>,
}

/// Formats an entry in the common log format, in UTC.
pub fn common(entry: &Entry<'_>) -> String {
    let client = entry.peer.ip().map_or("-".to_owned(), |ip| ip.to_string());
    let user = entry
        .user
        .map_or("-".to_owned(), |user| user.escape_default().to_string());
    let line = entry.line.escape_ascii();
    let (status, bytes) = (entry.status, entry.bytes);
    let at = when(entry.at);
    format!("{client} - {user} [{at}] \"{line}\" {status} {bytes}")
}

/// Formats a time as in `23/Nov/2026:16:18:05 +0000`.
fn when(at: SystemTime) -> String {
    let date = httpdate::fmt_http_date(at);
    let mut words = date.split(' ').skip(1);
    let mut word = || words.next().unwrap_or_default();
    let (day, month, year, time) = (word(), word(), word(), word());
    format!("{day}/{month}/{year}:{time} +0000")
}

#[derive(Serialize)]
struct Line<'a> {
    event: &'a str,
    client: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    /// Seconds since 1970.
    at: f64,
    request: String,
    status: u16,
    bytes: u64,
    milliseconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    referer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a str>,
}

/// Formats an entry as a JSON object. What a terminal would obey is escaped.
pub fn json(entry: &Entry<'_>) -> String {
    let line = Line {
        event: "request",
        client: entry.peer.to_string(),
        user: entry.user,
        at: entry
            .at
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0.0, |since| since.as_secs_f64()),
        request: String::from_utf8_lossy(entry.line).into_owned(),
        status: entry.status,
        bytes: entry.bytes,
        milliseconds: entry.time.as_secs_f64() * 1000.0,
        referer: entry.referer,
        agent: entry.agent,
    };
    let line = serde_json::to_string(&line).unwrap_or_default();
    escape::json(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_its_value_stays() {
        let agent = "a\u{9b}2J\u{202e}z";
        let line = json(&Entry {
            peer: Peer::Unix,
            user: None,
            at: SystemTime::UNIX_EPOCH,
            line: "GET /\u{9b} HTTP/1.1".as_bytes(),
            status: 400,
            bytes: 0,
            time: Duration::ZERO,
            referer: None,
            agent: Some(agent),
        });
        assert!(line.is_ascii(), "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["agent"], agent);
        assert_eq!(read["request"], "GET /\u{9b} HTTP/1.1");
    }
}
