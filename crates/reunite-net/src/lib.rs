//! Many clients, one thread each, drained without losing one.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::time::Duration;
//!
//! let server = reunite_net::Server::bind("127.0.0.1:0")?.start(|mut client| {
//!     let mut bytes = [0; 1024];
//!     while client.more()? {
//!         let count = client.read(&mut bytes)?;
//!         client.write_all(&bytes[..count])?;
//!     }
//!     Ok(())
//! })?;
//! # let mut client = std::net::TcpStream::connect(server.address().unwrap())?;
//! # client.write_all(b"hello")?;
//! # client.read_exact(&mut [0; 5])?;
//! # drop(client);
//! let served = server.shutdown(Duration::from_secs(10))?;
//! assert_eq!(served.connections, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Protocol
//!
//! **Who has what.** One task accepts. It opens a scope and starts one task in it for each client, on a recycled
//! thread; the scope ends when the last of them is back, and with it the accepting task. The *roster* lists
//! the clients: who, since when, their socket, their task's handle. A client enters it before its task
//! starts and leaves it when its task has completed; whoever of the two, the accepting task and the
//! completing one, comes second takes the result off the handle. So a panic is taken exactly once, is
//! told as an [`Event`], and reaches nobody else.
//!
//! **The states of a connection.** *Idle*: in [`Connection::more`], between requests. *Reading*: `more` has said
//! that bytes are there, and the whole of the request's head must come before one instant, however many reads
//! that takes ([`Timeouts::header`]). *Answering*: from [`Connection::head_is_read`], the rest of the request
//! must come before another instant ([`Timeouts::request`]), and whatever is written must be taken at a least
//! pace ([`Timeouts::write`]). Then idle again.
//!
//! **Who may close what.** The handler has the connection and closes it, by returning. Nobody else closes the
//! descriptor while it lives; what others may do is *cut*: shut the socket down both ways, which ends every
//! read and write on it. Only the end of [`Server::shutdown`]'s time does so, or the server being dropped.
//!
//! **Deadlines without a timer.** Sockets do not block; who finds nothing to read, or no room to write, polls
//! until the instant that its state has. An instant, not a span: a client that sends one byte a second
//! gains nothing by it. No thread looks after others' deadlines.
//!
//! **Why shutdown loses no request.** Draining begins by closing the one write end of a pipe. Every idle
//! connection, and the accepting task, polls the read end together with its own socket, so all of them hear
//! of it whether they slept before or come later; a connection that reads or answers does not look there and
//! is not disturbed. Then
//!
//! * the accepting task takes what already queues in the kernel, and only then closes the listeners;
//! * an idle connection for which bytes are there goes on with them; one for which there are none
//!   waits for what may be on its way, for a short [`Timeouts::grace`], and then says that no more comes;
//! * a handler that sees [`Connection::is_draining`] tells its client in its answer that it is the last.
//!
//! So a request that was read is answered in full, as long as the deadline allows. Those who are not back at
//! the deadline are named ([`Stragglers`](reunite::Stragglers)), cut, and let go: [`reunite::dump()`] lists them until they return.
//!
//! **TLS** (the feature `tls`, [`Listener::secured`]). The handshake is the first thing that a client's task does, before
//! the handler is called: whole within [`Timeouts::header`], counted by the limits, given up like an idle
//! connection when the server shuts down. Only [`Connection::close`] tells the client that what it has is all: the
//! end of a handler that failed looks to it like the cut that it is.
//!
//! **Limits.** A client beyond the limits is told so in the words the server was given, by a task of its
//! own and a short time; when even those are many, it is closed without a word. When the
//! system has no descriptor or thread left, that is told, and accepting goes on when one may be free again.
#![forbid(unsafe_code)]
#![cfg(unix)]

mod accept;
mod connection;
mod drain;
mod event;
mod handshake;
mod limits;
mod listen;
mod manners;
mod raw;
mod roster;
mod server;
mod socket;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;

pub use connection::{Connection, Sender};
pub use event::{Event, Served, Why};
pub use limits::{Limits, Timeouts};
pub use listen::{Listener, Peer};
#[cfg(feature = "tls")]
pub use rustls;
pub use server::{Server, ServerBuilder};
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};

/// What a handler returns: any error ends its connection and is told as [`Event::Failed`].
pub type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;
