//! A page that shows a running program: the live tree of its scopes and tasks, what each waits for, how many come and
//! go, what was refused or stalls, and a button that cancels it.
//!
//! ```
//! use reunite_live::{Live, Options};
//!
//! let live = Live::start("127.0.0.1:0".parse().unwrap(), Options::new("night run"), || false)?;
//! eprintln!("live view: {}", live.url());
//! // … what is to be watched …
//! drop(live); // whoever watches is told that it has ended
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Protocol
//! **Who may look.** Whoever knows the token, which is part of the address and made anew by each start; other requests
//! get a 403 that tells nothing. Only loopback addresses are listened at unless [`Options::anywhere`]. The `Host` of a
//! request must be an address or `localhost`: a page from elsewhere, whose name was made to lead here, is refused even
//! if it knew the token.
//!
//! **What is sent.** One page, in which all is that it needs, and one stream of events (`text/event-stream`): four
//! times a second while somebody watches, and only then, the tree is looked at, once for all who watch, and sent, at most
//! [`MOST_TASKS`] tasks of it. What comes and goes is counted by an observer all the time, which costs each event one
//! addition. The same observer hears of deadlocks, stalls, panics and stragglers: nothing that a program does about them
//! is replaced. What the view itself does is in no figure, and apart in the tree.
//!
//! **The end.** Streams wait for the next look in a queue that nobody sends into, and which closes when [`Live`] is
//! dropped; so all of them hear of it at once, say so, and end. Who does not take it within a short time is cut: the end
//! of a program does not wait for who watches it.
#![forbid(unsafe_code)]
#![cfg(unix)]

mod moment;
mod own;
mod request;
mod stream;
mod tally;
mod token;

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use reunite::Observing;
use reunite::channel::{Receiver, Sender, bounded};
use reunite_net::{Connection, Limits, Outcome, Server, Timeouts};

pub use moment::{MOST_OF_A_SCOPE, MOST_TASKS};
pub use own::is_its_own;
use request::{Asked, Request};
use stream::Looks;
use tally::Tally;

/// How long the end waits for who watches.
const DRAIN: Duration = Duration::from_millis(500);
/// How many may watch at a time.
const MOST_WATCHERS: usize = 32;

/// Choices for a [`Live`] view.
#[derive(Clone, Debug)]
pub struct Options {
    title: String,
    anywhere: bool,
}

impl Options {
    /// What is watched, for people.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            anywhere: false,
        }
    }

    /// Whether others than this machine may look, if they know the token. It goes over the network in the clear.
    #[must_use]
    pub fn anywhere(mut self, anywhere: bool) -> Self {
        self.anywhere = anywhere;
        self
    }
}

/// A view of this program, until dropped.
#[derive(Debug)]
pub struct Live {
    server: Option<Server>,
    /// Nothing is sent; its drop is what streams wait for.
    end: Option<Sender<Infallible>>,
    url: String,
    _observing: Observing,
}

/// What all connections share.
struct House {
    title: String,
    token: String,
    looks: Looks,
    end: Receiver<Infallible>,
    cancel: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Live {
    /// Listens at `address`, with port 0 at any that is free. `cancel` is called when somebody presses the button, and
    /// says whether there was something to cancel.
    ///
    /// # Errors
    /// The address is in use, or not for everybody to have, or others could reach it
    /// ([`InvalidInput`](ErrorKind::InvalidInput)); the system has no thread or no random bytes left.
    pub fn start(
        address: SocketAddr,
        options: Options,
        cancel: impl Fn() -> bool + Send + Sync + 'static,
    ) -> io::Result<Self> {
        if !options.anywhere && !address.ip().is_loopback() {
            let message = format!(
                "{} can be reached from elsewhere, and whoever knows the token may cancel this program",
                address.ip()
            );
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        let (tally, observing) = Tally::begin();
        let (end, ends) = bounded(1);
        let house = House {
            title: options.title,
            token: token::make()?,
            looks: Looks::new(tally),
            end: ends,
            cancel: Box::new(cancel),
        };
        let token = house.token.clone();
        let builder = Server::bind(address)?
            .limits(Limits {
                connections: MOST_WATCHERS,
                ..Limits::default()
            })
            .timeouts(Timeouts {
                idle: Duration::from_secs(5),
                header: Duration::from_secs(5),
                request: Duration::from_secs(5),
                write: Duration::from_secs(5),
                grace: Duration::from_millis(10),
            })
            .refuse_with(request::simple(503, "Too many watch already."));
        let server = own::start(builder, move |client| serve(&house, client))?;
        let address = server.address().unwrap_or(address);
        Ok(Self {
            url: format!("http://{}/?token={token}", reachable(address)),
            server: Some(server),
            end: Some(end),
            _observing: observing,
        })
    }

    /// Where to look: the address, with the token.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// An address that a browser on this machine can be given.
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
            // Who is late was cut.
            let _late = server.shutdown(DRAIN);
        }
    }
}

fn serve(house: &House, mut client: Connection) -> Outcome {
    own::mark_thread();
    let Some(request) = Request::read(&mut client)? else {
        return Ok(());
    };
    let answer = match request.judge(&house.token) {
        Ok(Asked::Page) => request::page(&house.title)?,
        Ok(Asked::Stream) => return stream::send(&house.looks, &house.end, client),
        Ok(Asked::Cancel) => match (house.cancel)() {
            true => request::simple(202, "It was asked to stop."),
            false => request::simple(409, "Nothing here can be cancelled."),
        },
        Err(status) => request::simple(status, request::why(status)),
    };
    client.send(&answer, false)?;
    client.close();
    Ok(())
}
