//! Who is connected.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use reunite::{JoinHandle, Straggler};

use crate::event::{Served, Why};
use crate::limits::Limits;
use crate::socket::Socket;
use crate::{Outcome, Peer};

/// Refused clients that are being told so.
const MAX_REFUSALS: usize = 32;

#[derive(Default)]
pub(crate) struct Roster {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    clients: BTreeMap<u64, Client>,
    by_address: HashMap<IpAddr, usize>,
    refusals: usize,
    served: Served,
}

struct Client {
    peer: Peer,
    socket: Arc<Socket>,
    since: Instant,
    handle: Option<JoinHandle<Outcome>>,
    /// The task completed before its handle came.
    is_back: bool,
}

impl Roster {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists a client if the limits allow.
    pub(crate) fn enter(
        &self,
        peer: Peer,
        socket: &Arc<Socket>,
        limits: &Limits,
    ) -> Result<u64, Why> {
        let mut inner = self.lock();
        let from_there =
            |inner: &Inner| peer.ip().and_then(|ip| inner.by_address.get(&ip).copied());
        let why = if inner.clients.len() >= limits.connections {
            Some(Why::TooMany)
        } else if from_there(&inner).is_some_and(|count| count >= limits.per_address) {
            Some(Why::TooManyFromThere)
        } else {
            None
        };
        if let Some(why) = why {
            inner.served.refused += 1;
            return Err(why);
        }
        let id = inner.next;
        inner.next += 1;
        if let Some(ip) = peer.ip() {
            *inner.by_address.entry(ip).or_default() += 1;
        }
        let client = Client {
            peer,
            socket: Arc::clone(socket),
            since: Instant::now(),
            handle: None,
            is_back: false,
        };
        inner.clients.insert(id, client);
        Ok(id)
    }

    /// Gives the client its task's handle; or, if the task has completed meanwhile, strikes the client and gives the
    /// handle back.
    pub(crate) fn started(
        &self,
        id: u64,
        handle: JoinHandle<Outcome>,
    ) -> Option<JoinHandle<Outcome>> {
        let mut inner = self.lock();
        match inner.clients.get_mut(&id) {
            Some(client) if !client.is_back => {
                client.handle = Some(handle);
                None
            }
            _ => {
                inner.strike(id);
                Some(handle)
            }
        }
    }

    /// The client's task has completed: strikes the client and gives the handle, unless that is still to come.
    pub(crate) fn is_back(&self, id: u64) -> Option<JoinHandle<Outcome>> {
        let mut inner = self.lock();
        let client = inner.clients.get_mut(&id)?;
        client.is_back = true;
        let handle = client.handle.take()?;
        inner.strike(id);
        Some(handle)
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut Served)) {
        count(&mut self.lock().served);
    }

    pub(crate) fn served(&self) -> Served {
        self.lock().served
    }

    pub(crate) fn connected(&self) -> usize {
        self.lock().clients.len()
    }

    /// The right to tell one more client that it is refused.
    pub(crate) fn may_refuse(self: &Arc<Self>) -> Option<Refusal> {
        let mut inner = self.lock();
        if inner.refusals >= MAX_REFUSALS {
            return None;
        }
        inner.refusals += 1;
        Some(Refusal(Arc::clone(self)))
    }

    pub(crate) fn stragglers(&self) -> Vec<Straggler> {
        let inner = self.lock();
        let late = inner.clients.values().filter_map(|client| {
            let handle = client.handle.as_ref()?;
            let doing = client.socket.phase().to_string();
            Some(Straggler::new(
                handle.label().clone(),
                client.since.elapsed(),
                doing,
            ))
        });
        late.collect()
    }

    pub(crate) fn cut(&self) {
        for client in self.lock().clients.values() {
            client.socket.cut();
        }
    }
}

impl Inner {
    fn strike(&mut self, id: u64) {
        let Some(client) = self.clients.remove(&id) else {
            return;
        };
        if let Some(ip) = client.peer.ip()
            && let Some(count) = self.by_address.get_mut(&ip)
        {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&ip);
            }
        }
    }
}

/// Given back when dropped.
pub(crate) struct Refusal(Arc<Roster>);

impl Drop for Refusal {
    fn drop(&mut self) {
        self.0.lock().refusals -= 1;
    }
}
