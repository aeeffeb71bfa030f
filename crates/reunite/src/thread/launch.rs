//! The only place that starts an operating system thread.

use std::io;

#[cfg(not(reunite_model))]
use super::recycle::Recycler;
use crate::deadlock::Alive;
#[cfg(not(reunite_model))]
use crate::id::Label;
use crate::observe::count_thread;
#[cfg(not(reunite_model))]
use crate::primitive::Duration;
#[cfg(all(target_os = "linux", not(reunite_model)))]
use crate::primitive::thread_local;
use crate::primitive::{Arc, Builder, JoinHandle};
use crate::task::{Task, Threads, run_chain};

/// How long a thread waits for its next task before it ends.
#[cfg(not(reunite_model))]
const KEEP_ALIVE: Duration = Duration::from_secs(10);

#[cfg(not(reunite_model))]
static RECYCLER: Recycler<Arc<dyn Task>> = Recycler::new(KEEP_ALIVE, run_named);

/// What threads are called while they run a task that has no name.
#[cfg(not(reunite_model))]
const NAME: &str = "reunite";

/// Runs `task`, and what queues behind it, on a thread: at once, never behind another task.
///
/// # Errors
/// The system refuses to start one; the task is untouched.
#[cfg(not(reunite_model))]
pub(crate) fn start(task: &Arc<dyn Task>) -> io::Result<()> {
    let chain = Arc::clone(task);
    if let (Some(_), false) = (task.on().stack_size, task.on().is_fresh) {
        // A thread of an unusual size is not recycled: the next task would inherit the size.
        let work = || run_named(chain);
        return launch(NAME.to_owned(), task.on().stack_size, work).map(drop);
    }
    match RECYCLER.reuse(chain) {
        Ok(()) => Ok(()),
        Err(chain) => launch(NAME.to_owned(), None, || RECYCLER.live(chain)).map(drop),
    }
}

#[cfg(not(reunite_model))]
fn run_named(chain: Arc<dyn Task>) {
    set_name(chain.label().name());
    run_chain(chain);
}

/// Runs `work` on a thread that was never used before, and returns when that has ended, its thread-locals' destructors
/// included.
#[cfg(not(reunite_model))]
fn run_apart(
    task: &Label,
    stack_size: Option<usize>,
    work: Box<dyn FnOnce() + Send>,
) -> io::Result<()> {
    let name = task.name().unwrap_or(NAME).split('\0').next();
    let thread = launch(name.unwrap_or(NAME).to_owned(), stack_size, work)?;
    // What the closure panics with was caught on it.
    let _ended = thread.join();
    Ok(())
}

/// Each task gets a thread, at once.
pub(crate) const THREADS: Threads = Threads {
    start,
    #[cfg(not(reunite_model))]
    run_apart,
};

/// In a model every task has a fresh thread; recycling has a model of its own.
#[cfg(reunite_model)]
pub(crate) fn start(task: &Arc<dyn Task>) -> io::Result<()> {
    let (alive, chain) = (Alive::new(), Arc::clone(task));
    let thread = Builder::new().spawn(move || alive.during(|| run_chain(chain)));
    thread.map(drop)
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
    launch(name, stack_size, work).map(drop)
}

/// A thread that serves the library itself.
///
/// # Errors
/// The system refuses to start one.
pub(crate) fn start_helper(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    launch(name.to_owned(), None, work).map(drop)
}

/// The smallest stack that a thread gets: with less, this library's own frames and the panic hook's might not
/// fit, and an overflow ends the process.
const LEAST_STACK: usize = 64 * 1024;

/// Says whether a thread can have this name and this stack. The system's own builder would panic.
///
/// # Errors
/// [`InvalidInput`](io::ErrorKind::InvalidInput).
pub(crate) fn examine(name: &str, stack_size: Option<usize>) -> io::Result<()> {
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
    if name.contains('\0') {
        let why = format!("the name {name:?} has a NUL in it, which no thread's name may");
        return Err(invalid(why));
    }
    match stack_size {
        Some(size) if isize::try_from(size).is_err() => Err(invalid(format!(
            "a stack of {size} bytes is larger than memory can be"
        ))),
        _ => Ok(()),
    }
}

/// # Errors
/// The system refuses a thread, or there is none like that.
fn launch(
    name: String,
    stack_size: Option<usize>,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    examine(&name, stack_size)?;
    let builder = Builder::new().name(name);
    let builder = match stack_size {
        Some(size) => builder.stack_size(size.max(LEAST_STACK)),
        None => builder,
    };
    let (alive, counted) = (Alive::new(), count_thread());
    builder.spawn(move || {
        alive.during(move || {
            let _counted = counted;
            work();
        });
    })
}

/// Gives the calling thread the name that debuggers and `top` show; Linux keeps fifteen bytes of it.
#[cfg(all(target_os = "linux", not(reunite_model)))]
fn set_name(name: Option<&str>) {
    thread_local! {
        static IS_NAMED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    let was_named = IS_NAMED.replace(name.is_some());
    if name.is_none() && !was_named {
        // It is called so already, unless a task has changed that behind the library. Most tasks have no name, and a system
        // call would be a tenth of what one costs.
        return;
    }
    let name = name.unwrap_or(NAME).split('\0').next().unwrap_or(NAME);
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
fn set_name(_: Option<&str>) {}
