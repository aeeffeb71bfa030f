//! Answers, and writing them to a connection.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::SystemTime;

use reunite_net::Connection;
use reunite_net::http::StatusCode;

use crate::request::{Method, Request};

/// Files up to this length are sent together with the head: copying them costs less than another system call.
const SMALL: u64 = 4 * 1024;

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The header fields, each with its line end.
    fields: String,
    pub(crate) body: Body,
}

pub(crate) enum Body {
    /// A response without a body and without `Content-Length`.
    None,
    Bytes(Arc<[u8]>),
    /// A part of a file.
    File {
        file: File,
        at: u64,
        length: u64,
    },
    /// Parts of a file, each with the text before it, its offset and its length; and the text after the last part.
    Parts {
        file: File,
        parts: Vec<(String, u64, u64)>,
        end: String,
    },
}

impl Body {
    fn length(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
            Self::Parts { parts, end, .. } => {
                let parts = parts
                    .iter()
                    .map(|(head, _, length)| head.len() as u64 + length);
                parts.sum::<u64>() + end.len() as u64
            }
        }
    }
}

impl Answer {
    pub(crate) fn new(status: StatusCode, body: Body) -> Self {
        Self {
            status,
            fields: String::with_capacity(384),
            body,
        }
    }

    /// Returns an answer with an error status, and a page that shows it.
    pub(crate) fn error(status: StatusCode) -> Self {
        let (code, reason) = (status.as_u16(), status.reason());
        let page = format!(
            "<!doctype html><html lang=en><meta charset=utf-8><meta name=color-scheme content=\"light dark\">\
             <title>{status}</title><body style=\"font:1.1rem/1.6 system-ui,sans-serif;margin:15vh auto;\
             max-width:30rem;padding:0 1rem\"><h1 style=\"font-size:4rem;margin:0\">{code}</h1><p>{reason}</p>\n"
        );
        let answer = Self::new(status, Body::Bytes(page.into_bytes().into()))
            .with("Content-Type", "text/html; charset=utf-8");
        match status {
            StatusCode::METHOD_NOT_ALLOWED => answer.with("Allow", ALLOWED),
            StatusCode::SERVICE_UNAVAILABLE => answer.with("Retry-After", "5"),
            _ => answer,
        }
    }

    /// Sets the body.
    pub(crate) fn with_body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// Adds a header field.
    pub(crate) fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.fields.push_str(name);
        self.fields.push_str(": ");
        // Writing to a string does not fail.
        let _ = write!(self.fields, "{value}");
        self.fields.push_str("\r\n");
        self
    }
}

/// The methods that are supported.
pub(crate) const ALLOWED: &str = "GET, HEAD, OPTIONS";

/// Writes an answer and returns how many bytes of its body were sent. `last` says that the connection ends with it.
pub(crate) fn send(
    client: &mut Connection,
    out: &mut Vec<u8>,
    request: Option<&Request>,
    answer: &Answer,
    last: bool,
) -> io::Result<u64> {
    let minor = request.map_or(1, |request| request.minor);
    let keeps = match (last, minor) {
        (true, _) => "Connection: close\r\n",
        (false, 0) => "Connection: keep-alive\r\n",
        (false, _) => "",
    };
    let status = answer.status;
    let length = answer.body.length();
    out.clear();
    // Writing to memory does not fail.
    let _ = write!(out, "HTTP/1.1 {status}\r\nDate: ");
    with_date(|date| out.extend_from_slice(date.as_bytes()));
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(keeps.as_bytes());
    out.extend_from_slice(answer.fields.as_bytes());
    out.extend_from_slice(b"X-Content-Type-Options: nosniff\r\n");
    if !matches!(status, StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT) {
        let _ = write!(out, "Content-Length: {length}\r\n");
    }
    out.extend_from_slice(b"\r\n");
    if request.is_some_and(|request| request.method == Method::Head) {
        client.send(out)?;
        return Ok(0);
    }
    match &answer.body {
        Body::None => client.send(out)?,
        Body::Bytes(bytes) => {
            out.extend_from_slice(bytes);
            client.send(out)?;
        }
        Body::File { file, at, length } if *length <= SMALL => {
            let start = out.len();
            out.resize(start + *length as usize, 0);
            file.read_exact_at(&mut out[start..], *at)?;
            client.send(out)?;
        }
        Body::File { file, at, length } => {
            client.send_more(out)?;
            check_complete(client.send_file(file, *at, *length)?, *length)?;
        }
        Body::Parts { file, parts, end } => {
            for (head, at, length) in parts {
                out.extend_from_slice(head.as_bytes());
                client.send_more(out)?;
                out.clear();
                check_complete(client.send_file(file, *at, *length)?, *length)?;
            }
            out.extend_from_slice(end.as_bytes());
            client.send(out)?;
        }
    }
    Ok(length)
}

/// Returns an error, which ends the connection, if fewer bytes were sent than announced.
fn check_complete(sent: u64, promised: u64) -> io::Result<()> {
    if sent == promised {
        return Ok(());
    }
    let message = format!("a file became shorter while it was sent: {sent} of {promised} bytes");
    Err(io::Error::new(ErrorKind::UnexpectedEof, message))
}

/// Calls `f` with the current time as HTTP writes it, formatted once per second and thread.
fn with_date(f: impl FnOnce(&str)) {
    thread_local! {
        static DATE: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
    }
    let now = SystemTime::now();
    let second = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    DATE.with_borrow_mut(|(of, date)| {
        if *of != second || date.is_empty() {
            *of = second;
            *date = httpdate::fmt_http_date(now);
        }
        f(date);
    });
}
