//! Ctrl-C: what a program does at an interrupt, in order.
//!
//! An *interrupt* is a `SIGINT` or a `SIGTERM`, elsewhere than on Unix a Ctrl-C. A *listener*, a thread that the first
//! [`on_interrupt`] starts and that never ends, waits for interrupts. All else is in one registry, under one lock:
//!
//! 1. A guard has one entry, from `on_interrupt` to its drop. The entry is *waiting* while it holds the action, and
//!    *called* once the action was taken out.
//! 2. Only the thread that takes an action out, under the lock, calls it, after it has released the lock. So an action is
//!    called at most once.
//! 3. The listener handles one interrupt at a time. If there are entries and all of them are waiting, it takes out all
//!    actions, and starts a thread that calls them: the listener itself never waits for an action. If there are no
//!    entries, or if one was called, the listener ends the process.
//! 4. If an entry was called, the program is stopping. A new entry is then called at once by the thread that makes it.
//!
//! No interrupt is lost: `on_interrupt` returns after the listener's signals are registered and after its entry is
//! there, so an interrupt that comes later finds the entry or an entry of rule 4. The listener takes no action while
//! `on_interrupt` holds the lock.

use std::fmt;
use std::io;

use crate::contain::contain;
use crate::primitive::StaticMutex;
use crate::thread::start_helper;

type Action = Box<dyn FnOnce() + Send>;

/// The registry of the guards.
struct Registry {
    is_listening: bool,
    next: u64,
    entries: Vec<Entry>,
}

struct Entry {
    guard: u64,
    /// `None` if the entry was called.
    action: Option<Action>,
}

static REGISTRY: StaticMutex<Registry> = StaticMutex::new(Registry {
    is_listening: false,
    next: 0,
    entries: Vec::new(),
});

/// A guard of an action for interrupts; returned by [`on_interrupt`]. When it is dropped, the action is removed. Without
/// an action, an interrupt ends the process, as it does by default.
#[must_use = "the action is removed when this is dropped"]
pub struct InterruptGuard(u64);

/// Calls `action` at the first interrupt: at Ctrl-C, or on Unix at a request to terminate (`SIGTERM`). Usually the action
/// cancels the scope of the program, so that all tasks end in order.
///
/// A second interrupt ends the process at once, as it does by default, in case something does not stop, be it the action.
/// The action runs on a thread of the library, once; it may still be running when the dropping of the guard returns. If several guards
/// exist, all of their actions are called. If an action was called and its guard still exists, the program is stopping,
/// and a new action is called at once.
///
/// Handlers of these signals that the program had before, and a wish to ignore them, are not restored.
///
/// After the first call, a thread of the library waits for interrupts, and waits that any thread could end are no longer
/// refused when every other thread waits: an interrupt could end them. Cycles of joins and locks are still found.
///
/// # Errors
/// The system refused the signals or the thread.
///
/// # Panics
/// If the program is stopping already and `action` panics. Otherwise, a panic of `action` goes to the panic hook only.
///
/// ```no_run
/// use std::time::Duration;
/// fn main() -> std::io::Result<()> {
///     let ended = reunite::ScopeBuilder::new().name("program").scope(|s| {
///         let canceller = s.canceller();
///         let _guard = reunite::on_interrupt(move || canceller.cancel("interrupted"))?;
///         let task = s.spawn(|| while reunite::sleep(Duration::from_secs(1)).is_ok() { println!("working") });
///         Ok(task.join()?)   // every wait ends at Ctrl-C
///     });
///     ended?
/// }
/// ```
pub fn on_interrupt(action: impl FnOnce() + Send + 'static) -> io::Result<InterruptGuard> {
    let mut action: Option<Action> = Some(Box::new(action));
    let mut registry = REGISTRY.lock();
    if !registry.is_listening {
        listen()?;
        registry.is_listening = true;
    }
    let guard = InterruptGuard(registry.next);
    registry.next += 1;
    let is_stopping = registry.is_stopping();
    registry.entries.push(Entry {
        guard: guard.0,
        action: action.take_if(|_| !is_stopping),
    });
    drop(registry);
    if let Some(action) = action {
        action();
    }
    Ok(guard)
}

impl Registry {
    fn is_stopping(&self) -> bool {
        self.entries.iter().any(|entry| entry.action.is_none())
    }
}

/// Handles an interrupt. Returns false if it is to end the process.
fn interrupt() -> bool {
    let mut registry = REGISTRY.lock();
    if registry.entries.is_empty() || registry.is_stopping() {
        return false;
    }
    let actions: Vec<_> = registry
        .entries
        .iter_mut()
        .filter_map(|entry| entry.action.take())
        .collect();
    drop(registry);
    let call = move || actions.into_iter().for_each(contain);
    // If the system refuses the thread, nothing was called, and the process ends as without an action.
    start_helper("reunite-stopping", call).is_ok()
}

#[cfg(unix)]
fn listen() -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    start_helper("reunite-interrupt", move || {
        for signal in signals.forever() {
            if !interrupt() && emulate_default_handler(signal).is_err() {
                std::process::exit(128 + signal);
            }
        }
    })
}

#[cfg(not(unix))]
fn listen() -> io::Result<()> {
    let on_signal = || {
        if !interrupt() {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(on_signal).map_err(io::Error::other)
}

impl Drop for InterruptGuard {
    fn drop(&mut self) {
        let mut registry = REGISTRY.lock();
        let at = registry
            .entries
            .iter()
            .position(|entry| entry.guard == self.0);
        let entry = at.map(|at| registry.entries.remove(at));
        drop(registry);
        // Outside the lock: the destructor of the action is the user's code.
        drop(entry);
    }
}

impl fmt::Debug for InterruptGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InterruptGuard")
    }
}
