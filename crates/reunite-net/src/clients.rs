//! The list of connected clients, and the server's counts.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use reunite::{JoinHandle, Straggler};

use crate::event::{RefusalReason, Served};
use crate::limits::Limits;
use crate::socket::Socket;
use crate::{Outcome, Peer};

/// The maximum number of tasks that send refusals at a time.
const MAX_REFUSALS: usize = 32;

#[derive(Default)]
pub(crate) struct Clients {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
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
    /// The task completed before its handle was stored.
    is_complete: bool,
}

impl Clients {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a client and returns its number, or returns why the limits refuse it.
    pub(crate) fn add(
        &self,
        peer: Peer,
        socket: &Arc<Socket>,
        limits: &Limits,
    ) -> Result<u64, RefusalReason> {
        let mut state = self.lock();
        let from_address =
            |state: &State| peer.ip().and_then(|ip| state.by_address.get(&ip).copied());
        let reason = if state.clients.len() >= limits.connections {
            Some(RefusalReason::TooMany)
        } else if from_address(&state).is_some_and(|count| count >= limits.per_address) {
            Some(RefusalReason::TooManyFromAddress)
        } else {
            None
        };
        if let Some(reason) = reason {
            state.served.refused += 1;
            return Err(reason);
        }
        let id = state.next;
        state.next += 1;
        if let Some(ip) = peer.ip() {
            *state.by_address.entry(ip).or_default() += 1;
        }
        let client = Client {
            peer,
            socket: Arc::clone(socket),
            since: Instant::now(),
            handle: None,
            is_complete: false,
        };
        state.clients.insert(id, client);
        Ok(id)
    }

    /// Stores the handle of a client's task. If the task has already completed, removes the client and returns the
    /// handle instead.
    pub(crate) fn started(
        &self,
        id: u64,
        handle: JoinHandle<Outcome>,
    ) -> Option<JoinHandle<Outcome>> {
        let mut state = self.lock();
        match state.clients.get_mut(&id) {
            Some(client) if !client.is_complete => {
                client.handle = Some(handle);
                None
            }
            _ => {
                state.remove(id);
                Some(handle)
            }
        }
    }

    /// Notes that a client's task has completed. If its handle is already stored, removes the client and returns the
    /// handle.
    pub(crate) fn completed(&self, id: u64) -> Option<JoinHandle<Outcome>> {
        let mut state = self.lock();
        let client = state.clients.get_mut(&id)?;
        client.is_complete = true;
        let handle = client.handle.take()?;
        state.remove(id);
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

    /// Returns a slot to send one more refusal; `None` if all slots are taken.
    pub(crate) fn start_refusal(self: &Arc<Self>) -> Option<RefusalSlot> {
        let mut state = self.lock();
        if state.refusals >= MAX_REFUSALS {
            return None;
        }
        state.refusals += 1;
        Some(RefusalSlot(Arc::clone(self)))
    }

    pub(crate) fn stragglers(&self) -> Vec<Straggler> {
        let state = self.lock();
        let late = state.clients.values().filter_map(|client| {
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

impl State {
    fn remove(&mut self, id: u64) {
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

/// The right to send one refusal; dropping it frees the slot.
pub(crate) struct RefusalSlot(Arc<Clients>);

impl Drop for RefusalSlot {
    fn drop(&mut self) {
        self.0.lock().refusals -= 1;
    }
}
