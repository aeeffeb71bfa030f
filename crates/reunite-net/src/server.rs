//! The server: its builder, start and shutdown.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reunite::{Builder, JoinHandle, Label, Stragglers};

use crate::accept::{EventHook, Shared, on_standard_error, run};
use crate::clients::Clients;
use crate::drain::Drain;
use crate::event::{Event, Served};
use crate::limits::{Limits, Timeouts};
use crate::listen::Listener;
use crate::{Connection, Outcome};

/// The options of a server that is not running yet.
#[must_use = "a builder does nothing until `start` is called"]
pub struct ServerBuilder {
    listeners: Vec<Listener>,
    limits: Limits,
    timeouts: Timeouts,
    refusal: Vec<u8>,
    on_event: EventHook,
}

impl ServerBuilder {
    /// Adds a listener.
    pub fn listen(mut self, listener: Listener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// Sets how many clients are served at a time.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how long each state of a connection may last.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Sets the bytes that a client beyond the limits is sent before it is closed.
    pub fn refuse_with(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.refusal = bytes.into();
        self
    }

    /// Calls `hook` on every panic, error and refusal. By default, events that concern the whole server (panics, no
    /// threads or descriptors left) are written to standard error, and events that concern one client are ignored.
    pub fn on_event(mut self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.on_event = Arc::new(hook);
        self
    }

    /// Starts accepting clients, and calls `handler` for each client in a task of its own.
    ///
    /// # Errors
    /// Returns an error if the system cannot create the thread or the pipe.
    #[track_caller]
    pub fn start<H>(self, handler: H) -> io::Result<Server>
    where
        H: Fn(Connection) -> Outcome + Send + Sync + 'static,
    {
        let drain = Arc::new(Drain::new()?);
        let clients = Arc::new(Clients::default());
        let addresses = self
            .listeners
            .iter()
            .filter_map(Listener::address)
            .collect();
        let shared = Arc::new(Shared {
            handler,
            limits: self.limits,
            timeouts: self.timeouts,
            refusal: self.refusal,
            on_event: self.on_event,
            drain: Arc::clone(&drain),
            clients: Arc::clone(&clients),
        });
        let accepting = Builder::new()
            .name("accept")
            .spawn_checked(move || run(&shared, self.listeners))
            .map_err(io::Error::other)?;
        Ok(Server {
            task: accepting.label().clone(),
            accepting: Some(accepting),
            addresses,
            drain,
            clients,
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

/// A running server. Dropping it cuts its clients and waits for their tasks; [`shutdown`](Self::shutdown) lets them
/// finish.
pub struct Server {
    task: Label,
    accepting: Option<JoinHandle<()>>,
    addresses: Vec<SocketAddr>,
    drain: Arc<Drain>,
    clients: Arc<Clients>,
}

impl Server {
    /// Returns a builder for a server that listens at `address`; port 0 picks a free port.
    ///
    /// # Errors
    /// Returns an error if the address cannot be resolved, is in use, or needs privileges.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<ServerBuilder> {
        Ok(Self::on(Listener::tcp(address)?))
    }

    /// Returns a builder for a server with this listener.
    pub fn on(listener: Listener) -> ServerBuilder {
        Self::builder().listen(listener)
    }

    /// Returns a builder for a server without a listener; see [`ServerBuilder::listen`].
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            listeners: Vec::new(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            refusal: Vec::new(),
            on_event: Arc::new(on_standard_error),
        }
    }

    /// Returns the address of the first TCP listener; `None` if all listeners are Unix sockets.
    pub fn address(&self) -> Option<SocketAddr> {
        self.addresses.first().copied()
    }

    /// Returns the addresses of all TCP listeners.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns the label of the task that accepts clients. The tasks of the clients are below it in the live tree.
    pub fn task(&self) -> &Label {
        &self.task
    }

    /// Returns how many clients are connected.
    pub fn connected(&self) -> usize {
        self.clients.connected()
    }

    /// Returns what the server has done so far.
    pub fn served(&self) -> Served {
        self.clients.served()
    }

    /// Stops accepting, notifies the handlers, and waits at most `time` for them to return. Every request that was
    /// read is answered; see the [protocol](crate#protocol). The wait does not end early when the caller is
    /// cancelled, because shutting down is what a cancelled caller does.
    ///
    /// # Errors
    /// Returns the clients whose handlers did not return in time, the earliest first, and what the server has done.
    /// Their connections are cut and their tasks detached.
    pub fn shutdown(self, time: Duration) -> Result<Served, Stragglers<Served>> {
        self.shutdown_until(Instant::now().checked_add(time))
    }

    /// Shuts down like [`shutdown`](Self::shutdown), but waits until `deadline`.
    ///
    /// # Errors
    /// Returns the same errors as [`shutdown`](Self::shutdown).
    pub fn shutdown_deadline(self, deadline: Instant) -> Result<Served, Stragglers<Served>> {
        self.shutdown_until(Some(deadline))
    }

    fn shutdown_until(mut self, until: Option<Instant>) -> Result<Served, Stragglers<Served>> {
        self.drain.begin();
        let Some(mut accepting) = self.accepting.take() else {
            return Ok(self.clients.served());
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
            self.clients.stragglers()
        };
        if !back {
            accepting.cancel();
            self.clients.cut();
            accepting.detach();
        }
        let served = self.clients.served();
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
            self.clients.cut();
            // Dropping the handle waits for the task.
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
