//! The only place that starts an operating system thread.

use std::io;

use super::recycle::Recycler;
use crate::deadlock::Alive;
use crate::observe::count_thread;
use crate::primitive::{Arc, Builder, Duration};
use crate::task::{Entry, run_chain};

/// How long a thread waits for its next task before it ends.
#[cfg(not(reunite_model))]
const KEEP_ALIVE: Duration = Duration::from_secs(10);

#[cfg(not(reunite_model))]
static RECYCLER: Recycler = Recycler::new(KEEP_ALIVE);

/// What threads are called while they run a task that has no name.
const NAME: &str = "reunite";

/// Runs `entry`, and what queues behind it, on a thread: at once, never behind another task.
///
/// # Errors
/// The system refuses to start one; the entry is untouched.
#[cfg(not(reunite_model))]
pub(crate) fn start(entry: &Arc<Entry>) -> io::Result<()> {
    let chain = Arc::clone(entry);
    let work = Box::new(move || {
        set_name(chain.who.label.name().unwrap_or(NAME));
        run_chain(chain);
    });
    let builder = Builder::new().name(NAME.to_owned());
    if let Some(size) = entry.stack_size {
        // A thread of an unusual size is not recycled: the next task would inherit the size.
        let builder = builder.stack_size(size);
        return launch(builder, work);
    }
    match RECYCLER.reuse(work) {
        Ok(()) => Ok(()),
        Err(work) => launch(builder, || RECYCLER.live(work)),
    }
}

/// In a model every task has a fresh thread; recycling has a model of its own.
#[cfg(reunite_model)]
pub(crate) fn start(entry: &Arc<Entry>) -> io::Result<()> {
    let chain = Arc::clone(entry);
    Builder::new().spawn(move || run_chain(chain)).map(drop)
}

/// A thread for a pool: neither recycled nor renamed.
///
/// # Errors
/// The system refuses to start one.
pub(crate) fn start_worker(
    name: String,
    stack_size: Option<usize>,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let builder = Builder::new().name(name);
    let builder = match stack_size {
        Some(size) => builder.stack_size(size),
        None => builder,
    };
    launch(builder, work)
}

/// A thread that serves the library itself.
///
/// # Errors
/// The system refuses to start one.
#[cfg(all(unix, feature = "signal"))]
pub(crate) fn start_helper(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    launch(Builder::new().name(name.to_owned()), work)
}

fn launch(builder: Builder, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let (alive, counted) = (Alive::new(), count_thread());
    let thread = builder.spawn(move || {
        alive.begin();
        let (_alive, _counted) = (alive, counted);
        work();
    });
    thread.map(drop)
}

/// The name that debuggers and `top` show; Linux keeps fifteen bytes of it.
#[cfg(all(target_os = "linux", not(reunite_model)))]
fn set_name(name: &str) {
    let end = (0..=name.len().min(15))
        .rev()
        .find(|&end| name.is_char_boundary(end))
        .unwrap_or(0);
    if let Ok(name) = std::ffi::CString::new(&name[..end]) {
        // Only a hint for people: a system that refuses it costs nothing.
        let _refused = rustix::thread::set_name(&name);
    }
}

/// Elsewhere a thread keeps the name it was started with.
#[cfg(all(not(target_os = "linux"), not(reunite_model)))]
fn set_name(_: &str) {}
