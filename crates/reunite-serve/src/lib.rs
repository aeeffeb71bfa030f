//! A folder over HTTP/1.1.
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
//! // … until somebody wants it to end:
//! server.shutdown(Duration::from_secs(10))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Protocol
//!
//! **One connection, one thread.** [`reunite_net`] tells which states a connection has, who may close it and why
//! shutting down loses no request that was read. Here is what happens in a state.
//!
//! *Reading*: the head is gathered in one buffer until an empty line has come, before one instant, and then looked
//! at as a whole. What follows it in the buffer is the beginning of the body or of the next request: requests
//! that come together are answered in their order. A head that is not exactly what RFC 9112 asks for is refused,
//! and so is every shape of which two readers might find two ends: lines that end in a bare LF, a bare CR, folded
//! fields, spaces before a colon, more than one length, a length beside a transfer coding, a coding that is not
//! just `chunked`. After such an answer the connection ends, since nobody knows where the next request begins.
//!
//! *Answering*: a body is read and thrown away before the answer, so that it is not taken for a request. If
//! it is long, or the client waits to be told to go on, the answer comes first and the connection
//! ends. Every answer says its length; one that cannot be kept, because the file became shorter meanwhile,
//! ends in the connection being cut, never in bytes that are not the file's.
//!
//! *The last answer* says `Connection: close`: when the client wishes it, when the server drains, after an error
//! about framing. The connection then lingers until the client has read it.
//!
//! **What is found where.** A target is cut into segments, each decoded once. One that is empty after decoding or
//! holds a slash, a backslash or a control character names nothing; `..` goes up, and never above the folder.
//! Hidden names are not there unless asked for. The path that results is opened *beneath* the folder by the system
//! itself where it can (`openat2`), so no link leads out of it, even one that is made while we look.
//!
//! **Thumbnails** ([`Gallery`]) have the addresses of their pictures with a query, so what may be asked for is decided as
//! for any file. The first who asks for one makes it, on its connection's task; those who ask meanwhile wait for
//! it, and those who come later find it on a shelf of a bounded size. What is in work is admitted by the memory that
//! headers announce. A picture that none can be made of is told once, and stays on the shelf as such.
#![forbid(unsafe_code)]
#![cfg(unix)]

mod answer;
mod auth;
mod coding;
mod conditional;
mod disk;
mod gallery;
mod listing;
mod log;
mod mime;
mod range;
mod request;
mod respond;
mod settings;
mod shared;
mod site;
mod target;

/// What TLS calls the protocol (RFC 7301).
pub const PROTOCOL: &str = "http/1.1";

/// The answer to who speaks HTTP where HTTP over TLS is spoken.
pub const NOT_ENCRYPTED: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
     Content-Length: 42\r\nConnection: close\r\n\r\nThis is an HTTPS port: ask with https://.\n";

pub use auth::{Account, Accounts};
pub use disk::Links;
pub use gallery::Gallery;
pub use log::{Entry, common, json};
pub use settings::Settings;
pub use site::Site;
