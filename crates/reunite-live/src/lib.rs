//! A web page that shows a running program: the live tree of its scopes and tasks, what each waits for, how many are
//! spawned and completed, its deadlocks and stalls, and a button that cancels it.
//!
//! ```
//! use reunite_live::{Live, Options};
//!
//! let live = Live::start("127.0.0.1:0".parse().unwrap(), Options::new("night run"), || false)?;
//! eprintln!("live view: {}", live.url());
//! // … the work to watch …
//! drop(live); // open pages show that the program has ended
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Protocol
//! **Access.** A request must carry the token, which is part of the URL and new for each start; other requests are
//! answered with a 403 that reveals nothing. The view listens only at loopback addresses unless [`Options::anywhere`]
//! is set. The `Host` of a request must be an IP address or `localhost`: a page of another site whose name was made to
//! resolve to this machine (DNS rebinding) is refused even if it knows the token.
//!
//! **Data.** The view serves one self-contained page and one stream of events (`text/event-stream`). Four times per
//! second, and only while a client is connected, it takes one snapshot of the tree for all clients and sends at most
//! [`MOST_TASKS`] tasks of it. An observer counts spawned and completed tasks all the time, at the cost of one addition
//! per event. The same observer receives deadlocks, stalls, panics and stragglers; the program's own hooks for them
//! stay in place. The view's own tasks are left out of all figures and listed separately in the tree.
//!
//! **Shutdown.** Between two snapshots, streams wait on a channel without messages, which closes when [`Live`] is
//! dropped. All of them notice at once, send a final event and end. A client that does not receive it within a short
//! time is cut: the end of a program does not wait for its viewers.
#![forbid(unsafe_code)]
#![cfg(unix)]

mod counters;
mod own;
mod request;
mod snapshot;
mod stream;
mod token;

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use reunite::Observing;
use reunite::channel::{Receiver, Sender, bounded};
use reunite_net::http::{HeadReader, StatusCode};
use reunite_net::{Connection, Limits, Outcome, Server, Timeouts};

use counters::EventCounters;
use own::OwnServer;
pub use own::is_its_own;
use request::{Action, Request};
pub use snapshot::{MOST_OF_A_SCOPE, MOST_TASKS};
use stream::SnapshotCache;

/// The time that dropping a view waits for its clients.
const DRAIN: Duration = Duration::from_millis(500);
/// The maximum number of connections at a time.
const MAX_CLIENTS: usize = 32;

/// The options of a [`Live`] view.
#[derive(Clone, Debug)]
pub struct Options {
    title: String,
    anywhere: bool,
}

impl Options {
    /// Returns the default options, with this title for the page.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            anywhere: false,
        }
    }

    /// Sets whether the view may listen at addresses that other machines can reach. The token is still required, but is
    /// sent unencrypted.
    #[must_use]
    pub fn anywhere(mut self, anywhere: bool) -> Self {
        self.anywhere = anywhere;
        self
    }
}

/// A live view of this program; it ends when dropped.
#[derive(Debug)]
pub struct Live {
    server: Option<OwnServer>,
    /// Never used to send; streams wait for it to be dropped.
    end: Option<Sender<Infallible>>,
    url: String,
    _observing: Observing,
}

/// The state that all connections share.
struct Shared {
    title: String,
    token: String,
    snapshots: SnapshotCache,
    /// Disconnected when the view ends.
    end: Receiver<Infallible>,
    cancel: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Live {
    /// Starts a view at `address`; port 0 picks a free port. `cancel` is called when the button is pressed, and returns
    /// whether there was anything to cancel.
    ///
    /// # Errors
    /// Returns an error if the address is in use or needs privileges; if other machines could reach it
    /// ([`InvalidInput`](ErrorKind::InvalidInput)) and [`Options::anywhere`] is not set; or if the system has no thread
    /// or no random bytes left.
    pub fn start(
        address: SocketAddr,
        options: Options,
        cancel: impl Fn() -> bool + Send + Sync + 'static,
    ) -> io::Result<Self> {
        if !options.anywhere && !address.ip().is_loopback() {
            let message = format!(
                "other machines can reach {}, and anyone who has the URL could cancel this program",
                address.ip()
            );
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        let (counters, observing) = EventCounters::begin();
        let (end, at_end) = bounded(1);
        let shared = Shared {
            title: options.title,
            token: token::make()?,
            snapshots: SnapshotCache::new(counters),
            end: at_end,
            cancel: Box::new(cancel),
        };
        let token = shared.token.clone();
        let builder = Server::bind(address)?
            .limits(Limits {
                connections: MAX_CLIENTS,
                ..Limits::default()
            })
            .timeouts(Timeouts {
                idle: Duration::from_secs(5),
                header: Duration::from_secs(5),
                request: Duration::from_secs(5),
                write: Duration::from_secs(5),
                grace: Duration::from_millis(10),
            })
            .refuse_with(request::simple(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many viewers are connected.",
            ));
        let own = OwnServer::start(builder, move |client| serve(&shared, client))?;
        let address = own.server.address().unwrap_or(address);
        Ok(Self {
            url: format!("http://{}/?token={token}", reachable(address)),
            server: Some(own),
            end: Some(end),
            _observing: observing,
        })
    }

    /// Returns the URL of the page, with the token.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Replaces an unspecified address, such as `0.0.0.0`, by the loopback address, which a browser can open.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

impl Drop for Live {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(server) = self.server.take() {
            server.shutdown(DRAIN);
        }
    }
}

fn serve(shared: &Shared, client: Connection) -> Outcome {
    let mut client = HeadReader::new(client, request::MAX_HEAD);
    let Some(request) = Request::read(&mut client)? else {
        return Ok(());
    };
    let mut client = client.into_connection();
    let answer = match request.judge(&shared.token) {
        Ok(Action::Page) => request::page(&shared.title)?,
        Ok(Action::Stream) => return stream::send(&shared.snapshots, &shared.end, client),
        Ok(Action::Cancel) => match (shared.cancel)() {
            true => request::simple(StatusCode::ACCEPTED, "Cancelling."),
            false => request::simple(StatusCode::CONFLICT, "Nothing here can be cancelled."),
        },
        Err(status) => request::simple(status, request::explanation(status)),
    };
    client.send(&answer)?;
    client.close();
    Ok(())
}
