//! The start-up handshake of services: the parent waits until the service reports that it is ready.

use std::fmt;
use std::panic::Location;

use crate::error::{JoinError, JoinErrorKind};
use crate::observe::Verb;
use crate::park::Parker;
use crate::primitive::{Arc, Instant, Mutex};
use crate::task::JoinHandle;

/// The handle by which a service reports that it is ready; see
/// [`Scope::spawn_ready`](crate::Scope::spawn_ready).
///
/// ```
/// use std::{io, net::TcpListener};
/// reunite::scope(|s| {
///     let (port, server) = s
///         .spawn_ready(reunite::Builder::new().name("server"), |ready| -> io::Result<()> {
///             let listener = TcpListener::bind("127.0.0.1:0")?;
///             ready.up(listener.local_addr()?.port());
///             Ok(()) // … and serve
///         })
///         .unwrap();
///     assert_ne!(port, 0);
///     server.join().unwrap().unwrap();
/// });
/// ```
#[must_use = "the starter of the service waits until `up` is called or the task completes"]
pub struct Ready<R>(Arc<ReadyCell<R>>);

struct ReadyCell<R>(Mutex<(Option<R>, Option<Parker>)>);

impl<R> Ready<R> {
    /// Reports that the service is ready: the call that started the service returns `value`.
    pub fn up(self, value: R) {
        let mut cell = self.0.0.lock();
        cell.0 = Some(value);
        let parker = cell.1.take();
        drop(cell);
        if let Some(parker) = parker {
            parker.unpark();
        }
    }
}

impl<R> ReadyCell<R> {
    /// Returns true if the service is ready; otherwise stores the parker, which `up` unparks, in the same
    /// critical section.
    fn is_up_or_wake(&self, parker: &Parker) -> bool {
        let mut cell = self.0.lock();
        if cell.0.is_none() {
            cell.1 = Some(parker.clone());
        }
        cell.0.is_some()
    }
}

pub(super) fn hand_shake<R, T, E>(
    at: &'static Location<'static>,
    deadline: Option<Instant>,
    spawn: impl FnOnce(Ready<R>) -> JoinHandle<T, E>,
) -> Result<(R, JoinHandle<T, E>), JoinError<E>> {
    let cell = Arc::new(ReadyCell(Mutex::new((None, None))));
    let handle = spawn(Ready(Arc::clone(&cell)));
    let is_up = |parker: &_| cell.is_up_or_wake(parker);
    if let Err(error) = handle.wait_for_either(Verb::Start, at, deadline, is_up) {
        // The task has no handle any more.
        handle.cancel();
        return Err(error);
    }
    let value = cell.0.lock().0.take();
    match value {
        Some(value) => Ok((value, handle)),
        None => {
            let label = handle.label().clone();
            handle.join()?;
            Err(JoinError::new(label, JoinErrorKind::NeverReady))
        }
    }
}

impl<R> fmt::Debug for Ready<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ready")
    }
}
