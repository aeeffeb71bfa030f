//! Servers: choices, start, shutdown.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reunite::{Builder, JoinHandle, Stragglers};

use crate::accept::{House, Report, on_standard_error, run};
use crate::drain::Drain;
use crate::event::{Event, Served};
use crate::limits::{Limits, Timeouts};
use crate::listen::Listener;
use crate::roster::Roster;
use crate::{Connection, Outcome};

/// A server that does not run yet.
#[must_use = "a builder does nothing until `start` is called"]
pub struct ServerBuilder {
    listeners: Vec<Listener>,
    limits: Limits,
    timeouts: Timeouts,
    refusal: Vec<u8>,
    report: Report,
}

impl ServerBuilder {
    /// Listens here, too.
    pub fn listen(mut self, listener: Listener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// How many clients at a time.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long things may take.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// What a client beyond the limits is sent before it is closed.
    pub fn refuse_with(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.refusal = bytes.into();
        self
    }

    /// Who is told of panics, errors and refusals. Unless replaced, what concerns the server (panics, no more
    /// threads or descriptors) goes to standard error, and what concerns one client goes nowhere.
    pub fn on_event(mut self, report: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.report = Arc::new(report);
        self
    }

    /// Starts to accept. `handler` is called for each client in a task of its own.
    ///
    /// # Errors
    /// The system has no thread or no pipe left.
    #[track_caller]
    pub fn start<H>(self, handler: H) -> io::Result<Server>
    where
        H: Fn(Connection) -> Outcome + Send + Sync + 'static,
    {
        let drain = Arc::new(Drain::new()?);
        let roster = Arc::new(Roster::default());
        let addresses = self
            .listeners
            .iter()
            .filter_map(Listener::address)
            .collect();
        let house = Arc::new(House {
            handler,
            limits: self.limits,
            timeouts: self.timeouts,
            refusal: self.refusal,
            report: self.report,
            drain: Arc::clone(&drain),
            roster: Arc::clone(&roster),
        });
        let accepting = Builder::new()
            .name("accept")
            .spawn_checked(move || run(&house, self.listeners))
            .map_err(io::Error::other)?;
        Ok(Server {
            accepting: Some(accepting),
            addresses,
            drain,
            roster,
        })
    }
}

impl std::fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("listeners", &self.listeners)
            .field("limits", &self.limits)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

/// A server that runs. Dropped, it cuts its clients and waits for their tasks; [`shutdown`](Self::shutdown) is the
/// polite way.
pub struct Server {
    accepting: Option<JoinHandle<()>>,
    addresses: Vec<SocketAddr>,
    drain: Arc<Drain>,
    roster: Arc<Roster>,
}

impl Server {
    /// A server that listens at `address`, with port 0 at any that is free.
    ///
    /// # Errors
    /// The address cannot be found, is in use, or is not for everybody to have.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<ServerBuilder> {
        Ok(Self::on(Listener::tcp(address)?))
    }

    /// A server that listens there.
    pub fn on(listener: Listener) -> ServerBuilder {
        Self::builder().listen(listener)
    }

    /// A server that listens nowhere yet; see [`ServerBuilder::listen`].
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            listeners: Vec::new(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            refusal: Vec::new(),
            report: Arc::new(on_standard_error),
        }
    }

    /// Where it listens first; `None` if that is a file.
    pub fn address(&self) -> Option<SocketAddr> {
        self.addresses.first().copied()
    }

    /// Everywhere it listens, files left out.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// How many clients are connected.
    pub fn connected(&self) -> usize {
        self.roster.connected()
    }

    /// What was done up to now.
    pub fn served(&self) -> Served {
        self.roster.served()
    }

    /// Stops accepting, tells the handlers, and waits for all of them for at most `time`. Every request that was
    /// read is answered; see the [protocol](crate#protocol). Not cut short when the caller is cancelled: this
    /// is what one does then.
    ///
    /// # Errors
    /// Those that were not back in time, by name, the one that came first first, and what was done all the same.
    /// Their connections are cut and their tasks let go.
    pub fn shutdown(self, time: Duration) -> Result<Served, Stragglers<Served>> {
        self.shutdown_until(Instant::now().checked_add(time))
    }

    /// [`shutdown`](Self::shutdown) that waits until `deadline`.
    ///
    /// # Errors
    /// As there.
    pub fn shutdown_deadline(self, deadline: Instant) -> Result<Served, Stragglers<Served>> {
        self.shutdown_until(Some(deadline))
    }

    fn shutdown_until(mut self, until: Option<Instant>) -> Result<Served, Stragglers<Served>> {
        self.drain.begin();
        let Some(mut accepting) = self.accepting.take() else {
            return Ok(self.roster.served());
        };
        let back = reunite::shield(|| match until {
            Some(until) => !accepting
                .join_deadline(until)
                .is_err_and(|error| error.is_timeout()),
            None => {
                let _result = accepting.join_timeout(Duration::MAX);
                true
            }
        });
        let late = if back {
            Vec::new()
        } else {
            self.roster.stragglers()
        };
        if !back {
            accepting.cancel();
            self.roster.cut();
            accepting.detach();
        }
        let served = self.roster.served();
        if back || late.is_empty() {
            Ok(served)
        } else {
            Err(Stragglers::new(late, served))
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            self.drain.begin();
            accepting.cancel();
            self.roster.cut();
            // Dropping the handle waits.
            drop(accepting);
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("addresses", &self.addresses)
            .field("connected", &self.connected())
            .finish_non_exhaustive()
    }
}
