//! The only place that starts an operating system thread.

use std::io;

#[cfg(not(reunite_model))]
use super::recycle::Recycler;
use crate::deadlock::ThreadGuard;
#[cfg(not(reunite_model))]
use crate::id::Label;
use crate::observe::count_thread;
#[cfg(not(reunite_model))]
use crate::primitive::Duration;
#[cfg(all(target_os = "linux", not(reunite_model)))]
use crate::primitive::thread_local;
use crate::primitive::{Arc, Builder, JoinHandle};
use crate::task::{Task, Threads, run_chain};

/// The time for which a thread waits for its next task before it ends.
#[cfg(not(reunite_model))]
const KEEP_ALIVE: Duration = Duration::from_secs(10);

#[cfg(not(reunite_model))]
static RECYCLER: Recycler<Arc<dyn Task>> = Recycler::new(KEEP_ALIVE, run_named);

/// The name of threads while they run a task without a name.
#[cfg(not(reunite_model))]
const NAME: &str = "reunite";

/// Runs `task`, and the tasks that queue behind it, on a thread: at once, never behind another task.
///
/// # Errors
/// The operating system refuses to start a thread; then the task is untouched.
#[cfg(not(reunite_model))]
pub(crate) fn start(task: &Arc<dyn Task>) -> io::Result<()> {
    let chain = Arc::clone(task);
    if let (Some(_), false) = (task.on().stack_size, task.on().is_fresh) {
        // Such a thread is not recycled: the next task would inherit its stack size.
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

/// Runs `work` on a thread that was never used before, and returns when that thread has ended, including the
/// destructors of its thread-locals.
#[cfg(not(reunite_model))]
fn run_on_fresh_thread(
    task: &Label,
    stack_size: Option<usize>,
    work: Box<dyn FnOnce() + Send>,
) -> io::Result<()> {
    let name = task.name().unwrap_or(NAME).split('\0').next();
    let thread = launch(name.unwrap_or(NAME).to_owned(), stack_size, work)?;
    // A panic of the closure was caught on the thread itself.
    let _ended = thread.join();
    Ok(())
}

/// The starter that gives each task a thread at once.
pub(crate) const THREADS: Threads = Threads {
    start,
    #[cfg(not(reunite_model))]
    run_on_fresh_thread,
};

/// Under the model checker every task has a fresh thread; recycling has a model of its own.
#[cfg(reunite_model)]
pub(crate) fn start(task: &Arc<dyn Task>) -> io::Result<()> {
    let (guard, chain) = (ThreadGuard::new(), Arc::clone(task));
    let thread = Builder::new().spawn(move || guard.run(|| run_chain(chain)));
    thread.map(drop)
}

/// Starts a thread for a pool, which is neither recycled nor renamed.
///
/// # Errors
/// The operating system refuses to start a thread.
pub(crate) fn start_worker(
    name: String,
    stack_size: Option<usize>,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    launch(name, stack_size, work).map(drop)
}

/// Starts a thread that serves the library itself.
///
/// # Errors
/// The operating system refuses to start a thread.
pub(crate) fn start_helper(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    launch(name.to_owned(), None, work).map(drop)
}

/// The smallest stack that a thread gets, in bytes. A smaller one might not hold the frames of this library
/// and of the panic hook, and an overflow ends the process.
const LEAST_STACK: usize = 64 * 1024;

/// Checks that a thread can have this name and this stack size, for which the standard library's builder
/// would panic.
///
/// # Errors
/// [`InvalidInput`](io::ErrorKind::InvalidInput) if it cannot.
pub(crate) fn examine(name: &str, stack_size: Option<usize>) -> io::Result<()> {
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
    if name.contains('\0') {
        let why = format!("the thread name {name:?} contains a NUL byte");
        return Err(invalid(why));
    }
    match stack_size {
        Some(size) if isize::try_from(size).is_err() => Err(invalid(format!(
            "a stack of {size} bytes is larger than the address space"
        ))),
        _ => Ok(()),
    }
}

/// Starts a thread.
///
/// # Errors
/// The operating system refuses a thread, or the name or stack size is not possible.
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
    let (guard, counted) = (ThreadGuard::new(), count_thread());
    builder.spawn(move || {
        guard.run(move || {
            let _counted = counted;
            work();
        });
    })
}

/// Gives the calling thread the name that debuggers and `top` show. Linux keeps fifteen bytes of it.
#[cfg(all(target_os = "linux", not(reunite_model)))]
fn set_name(name: Option<&str>) {
    thread_local! {
        static IS_NAMED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    let was_named = IS_NAMED.replace(name.is_some());
    if name.is_none() && !was_named {
        // The thread has this name already, unless a task has changed it by other means. Most tasks have no
        // name, and a system call would cost a tenth of what a task costs.
        return;
    }
    let name = name.unwrap_or(NAME).split('\0').next().unwrap_or(NAME);
    let end = (0..=name.len().min(15))
        .rev()
        .find(|&end| name.is_char_boundary(end))
        .unwrap_or(0);
    if let Ok(name) = std::ffi::CString::new(&name[..end]) {
        // The name only helps people: if the system refuses it, nothing is lost.
        let _refused = rustix::thread::set_name(&name);
    }
}

/// On other systems a thread keeps the name with which it was started.
#[cfg(all(not(target_os = "linux"), not(reunite_model)))]
fn set_name(_: Option<&str>) {}
