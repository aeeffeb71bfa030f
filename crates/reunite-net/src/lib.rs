//! Servers with one thread per client and a shutdown that loses no request.
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
//! **Tasks and their results.** One task accepts connections. It opens a scope and starts one task in it per client,
//! on a recycled thread. The scope, and with it the accepting task, ends when the last client's task has completed.
//! The *client list* holds an entry per client: its address, when it connected, its socket and its task's handle. The
//! entry is added before the task starts. Two steps follow, in either order: the accepting task stores the handle in
//! the entry, and the client's task completes. The second of the two removes the entry and takes the result from
//! the handle. Each result is therefore taken exactly once; a panic is reported as an [`Event`] and propagates no
//! further.
//!
//! **States of a connection.** A connection is in one of three states:
//!
//! 1. *Idle*: in [`Connection::more`], between two requests.
//! 2. *Reading*: bytes of a request have arrived. The whole head of the request must arrive before one deadline
//!    ([`Timeouts::header`]), however many reads that takes.
//! 3. *Answering*: from [`Connection::head_is_read`] on. The rest of the request must arrive before a second deadline
//!    ([`Timeouts::request`]), and the client must accept what is written at a minimum rate ([`Timeouts::write`]).
//!    The connection is then idle again.
//!
//! **Closing.** The handler owns the connection and closes it by returning. No other task closes the descriptor
//! while the handler runs. Other tasks may only *cut* the connection: shut its socket down in both directions, which
//! ends every read and write on it. A connection is cut when the time of [`Server::shutdown`] is over or the
//! [`Server`] is dropped.
//!
//! **Deadlines without a timer.** Sockets do not block. A task that finds nothing to read, or no room to write,
//! polls its socket until the deadline of its state. Since the limit is an instant and not a duration per read, a
//! client that sends one byte per second does not extend it. No thread watches the deadlines of other tasks.
//!
//! **Why shutdown loses no request.** Draining begins by closing the only write end of a pipe. The accepting task and
//! every idle connection poll the read end together with their own sockets. All of them therefore notice, whether they
//! slept before or begin to wait later. A connection that is reading or answering does not poll the pipe and is not
//! disturbed. Then:
//!
//! * the accepting task accepts the clients that already wait in the kernel's queue, and only then closes the
//!   listeners;
//! * an idle connection whose socket has bytes continues with them; one without bytes waits for a request that may be
//!   in transit, for the short [`Timeouts::grace`], and then reports that no more requests come;
//! * a handler that sees [`Connection::is_draining`] tells its client in the answer that it is the last one.
//!
//! A request that was read is therefore answered in full, provided the deadline allows it. Clients whose tasks are
//! still running at the deadline are returned as [`Stragglers`](reunite::Stragglers), cut and detached;
//! [`reunite::dump()`] lists them until they complete.
//!
//! **TLS** (the feature `tls`, [`Listener::secured`]). A client's task performs the handshake before it calls the
//! handler. The handshake must be complete within [`Timeouts::header`], counts towards the limits, and is abandoned
//! like an idle connection when the server shuts down. Only [`Connection::close`] tells the client that the data is
//! complete: to the client, a handler that fails looks like a truncated connection.
//!
//! **Limits.** A client beyond the limits is sent the refusal of [`ServerBuilder::refuse_with`] by a task of its own,
//! which has a short time. If too many such tasks are running, the client is closed without an answer. When the
//! system has no descriptor or thread left, the server reports an [`Event`] and keeps trying to accept.
#![forbid(unsafe_code)]
#![cfg(unix)]

mod accept;
mod clients;
mod connection;
mod drain;
mod event;
mod handshake;
#[cfg(feature = "http")]
pub mod http;
mod lifecycle;
mod limits;
mod listen;
mod raw;
mod server;
mod socket;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;

pub use connection::{Connection, ConnectionSender};
pub use event::{Event, RefusalReason, Served};
pub use limits::{Limits, Timeouts};
pub use listen::{Listener, Peer};
#[cfg(feature = "tls")]
pub use rustls;
pub use server::{Server, ServerBuilder};
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};

/// The result of a handler. An error ends the connection and is reported as [`Event::Failed`].
pub type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;
