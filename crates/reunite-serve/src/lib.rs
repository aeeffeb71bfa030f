//! Serves a folder over HTTP/1.1.
//!
//! ```no_run
//! use std::time::Duration;
//! use reunite_serve::{Settings, Site};
//!
//! let site = Site::open("public", Settings::default())?;
//! let server = site
//!     .builder()
//!     .listen(reunite_net::Listener::tcp("127.0.0.1:8080")?)
//!     .start(site.handler())?;
//! // … until it is to end:
//! server.shutdown(Duration::from_secs(10))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Protocol
//!
//! **One connection, one thread.** [`reunite_net`] documents the states of a connection, who may close it, and why a
//! shutdown loses no request that was read. This crate does the following in each state.
//!
//! *Reading*: the head is collected in one buffer until an empty line has arrived, before a single deadline, and then
//! parsed as a whole. What follows in the buffer is the beginning of the body or of the next request; pipelined
//! requests are answered in order. A head that does not conform to RFC 9112 is refused, as is every form on whose end
//! two parsers might disagree: lines that end in a bare LF, a bare CR, folded fields, spaces before a colon, more than
//! one `Content-Length`, a length together with a transfer coding, a transfer coding other than exactly `chunked`.
//! After such an answer the connection is closed, because the beginning of the next request is unknown.
//!
//! *Answering*: the body of a request is read and discarded before the answer, so that it is not taken for a request.
//! If the body is long, or the client expects `100 Continue`, the answer is sent first and the connection closed. Every
//! answer states its length. If a file becomes shorter while it is sent, the connection is cut; bytes that are not the
//! file's are never sent.
//!
//! *Last answer*: an answer says `Connection: close` if the client asked for it, if the server drains, or after a
//! framing error. The connection then stays open until the client has read the answer.
//!
//! **Paths.** A target is split into segments, each percent-decoded once. A segment with a slash, a backslash or a
//! control character after decoding matches no file; an empty segment is skipped; `..` goes up one level and is refused
//! above the folder. Hidden names do not exist unless [`Settings::hidden`] is set. The resulting path is opened
//! *beneath* the folder by the system itself where that is supported (`openat2`), so that no symbolic link leads out
//! of the folder, even one that is created at the same time.
//!
//! **Thumbnails** ([`Gallery`]) have the address of their picture with a query, so the rules for access to files apply.
//! The first request for a thumbnail makes it, in its connection's task; requests that arrive meanwhile wait for it,
//! and later ones find it in a cache of bounded size. Pictures are decoded within a limit on memory, by what their
//! headers announce. A failure is reported once and cached.
#![forbid(unsafe_code)]
#![cfg(unix)]

mod answer;
mod auth;
mod coding;
mod conditional;
mod gallery;
mod listing;
mod log;
mod mime;
mod range;
mod request;
mod resource;
mod respond;
mod root_dir;
mod settings;
mod shared;
mod site;
mod target;
mod thumbnail;

/// The ALPN name of the protocol (RFC 7301).
pub const PROTOCOL: &str = "http/1.1";

/// The answer to a plain HTTP request on a TLS port.
pub const NOT_ENCRYPTED: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
     Content-Length: 42\r\nConnection: close\r\n\r\nThis is an HTTPS port: use https:// URLs.\n";

pub use auth::{Account, Accounts};
pub use gallery::Gallery;
pub use log::{Entry, common, json};
pub use root_dir::Links;
pub use settings::Settings;
pub use site::Site;
