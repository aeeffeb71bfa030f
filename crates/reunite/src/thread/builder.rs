//! Tasks outside any scope: `spawn`, its builder, and the end of the program.

use std::panic::Location;

use super::launch::THREADS;
use crate::cancel::Node;
use crate::current;
use crate::deadline;
use crate::error::{JoinError, Why};
use crate::id::{Kind, Label};
use crate::observe::{Straggler, Stragglers};
use crate::primitive::{Arc, Duration, Instant, OnceLock};
use crate::profile;
use crate::task::{Group, JoinHandle, OnDrop, OnThread, Rules, Spec, Starter, prepare};

/// Starts a task on a thread of its own, outside any scope: its handle joins on drop.
///
/// The thread is recycled, and with it its [thread-locals](crate#thread-locals), unless
/// [`fresh_threads`](Builder::fresh_threads) was asked for.
///
/// Where a scope would do, prefer [`scope`](crate::scope): its tasks may borrow. A refusal by the
/// operating system is the error of the join; [`Builder::spawn_checked`] returns it at once.
///
/// ```
/// let task = reunite::spawn(|| (1..=10).product::<u64>());
/// assert_eq!(task.join().unwrap(), 3_628_800);
/// ```
#[track_caller]
#[must_use = "dropping the handle stops the task and waits for it: join it, or `detach` it"]
pub fn spawn<T, F>(f: F) -> JoinHandle<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    Builder::new().spawn(f)
}

/// A task with a name, a stack size, or without its parent's context.
///
/// ```
/// let task = reunite::Builder::new().name("indexer").stack_size(256 * 1024).spawn(|| 1);
/// assert_eq!(task.name(), Some("indexer"));
/// assert_eq!(task.join().unwrap(), 1);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `spawn` is called"]
pub struct Builder {
    name: Option<String>,
    on: OnThread,
    inherit: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// No name, the system's stack size, the parent's context.
    pub fn new() -> Self {
        Self {
            name: None,
            on: OnThread::default(),
            inherit: true,
        }
    }

    /// A name for messages and debuggers, which show it up to a NUL.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The size of the thread's stack in bytes, at least 64 KiB. Such a thread is not recycled.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.on.stack_size = Some(bytes);
        self
    }

    /// Whether the task runs on a thread that was never used before, and completes when that has ended: the destructors of
    /// its thread-locals have run before a join returns, its scope ends, or its callbacks run. Like a thread of
    /// `std::thread::spawn` that is joined. What they wait for counts as the task's waits; a panic in one ends the
    /// process.
    ///
    /// Otherwise a task's thread may have run others before, and wait ten seconds for the next: it finds what those left in
    /// thread-locals, and what it leaves there is dropped late. Costs more than a thread of `std`, as a second one, which is
    /// recycled, waits for its end.
    ///
    /// ```
    /// use std::cell::Cell;
    /// thread_local! { static CALLS: Cell<u32> = const { Cell::new(0) } }
    /// for _ in 0..2 {
    ///     let task = reunite::Builder::new().fresh_threads(true).spawn(|| CALLS.replace(1));
    ///     assert_eq!(task.join().unwrap(), 0);
    /// }
    /// ```
    pub fn fresh_threads(mut self, fresh: bool) -> Self {
        self.on.is_fresh = fresh;
        self
    }

    /// The task does not get what its parent has, see [`Inherit`](crate::Inherit).
    pub fn without_context(mut self) -> Self {
        self.inherit = false;
        self
    }

    #[inline]
    pub(crate) fn spec(self, at: &'static Location<'static>) -> Spec {
        let label = Label::new(Kind::Task, self.name, at);
        Spec {
            label,
            on: self.on,
            inherit: self.inherit,
        }
    }

    /// Starts the task; see [`spawn`].
    #[track_caller]
    #[must_use = "dropping the handle stops the task and waits for it: join it, or `detach` it"]
    pub fn spawn<T, F>(self, f: F) -> JoinHandle<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let handle = admit(root(), self.spec(Location::caller()), f);
        handle.start();
        handle
    }

    /// Starts the task, or says at once that the operating system refuses a thread.
    ///
    /// # Errors
    /// [`JoinError::is_refused`], with the system's reason in [`JoinError::io_error`].
    ///
    /// ```
    /// match reunite::Builder::new().name("worker").spawn_checked(|| 1 + 1) {
    ///     Ok(worker) => assert_eq!(worker.join().unwrap(), 2),
    ///     Err(refused) => eprintln!("{refused}"), // do without it
    /// }
    /// ```
    #[track_caller]
    pub fn spawn_checked<T, F>(self, f: F) -> Result<JoinHandle<T>, JoinError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.spawn_checked_at(Location::caller(), f)
    }

    /// [`spawn_checked`](Self::spawn_checked) at a line that is told.
    pub(crate) fn spawn_checked_at<T, F>(
        self,
        at: &'static Location<'static>,
        f: F,
    ) -> Result<JoinHandle<T>, JoinError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let handle = admit(root(), self.spec(at), f);
        match handle.task().start() {
            Ok(()) => Ok(handle),
            Err(error) => {
                handle.task().refuse(error);
                Err(handle.join().err().expect("a refused task has no value"))
            }
        }
    }
}

/// Makes a task of `group`, which is not started yet.
fn admit<T, F>(group: &Arc<Group>, spec: Spec, f: F) -> JoinHandle<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let parent = Some(current::who());
    let packet = prepare(spec, group, parent, None, || Ok(f()), |task| task);
    JoinHandle::new(packet, OnDrop::Join)
}

/// The group of all tasks outside scopes.
static ROOT: OnceLock<Arc<Group>> = OnceLock::new();

fn root() -> &'static Arc<Group> {
    profile::begin_if_asked();
    ROOT.get().unwrap_or_else(|| make_root())
}

#[cold]
fn make_root() -> &'static Arc<Group> {
    let label = Label::new(Kind::Scope, Some("program".to_owned()), Location::caller());
    let rules = Rules {
        policy: None,
        max_threads: None,
    };
    let made = Group::new(
        Node::root(label, None),
        None,
        rules,
        Starter::Threads(THREADS),
    );
    // Not by `get_or_init`: making it takes locks.
    let _too_late = ROOT.set(made);
    let Some(root) = ROOT.get() else {
        unreachable!("it was set, here or by another")
    };
    root
}

/// The tasks that were [`detach`](JoinHandle::detach)ed and still run, in spawn order.
///
/// ```
/// use std::sync::mpsc;
/// let (stop, wait) = mpsc::channel::<()>();
/// reunite::Builder::new().name("lone").spawn(move || wait.recv()).detach();
/// assert_eq!(reunite::detached()[0].task.name(), Some("lone"));
/// drop(stop);
/// ```
pub fn detached() -> Vec<Straggler> {
    root().stragglers_if(|who| who.is_detached())
}

/// Ends the program's threads in order: asks every task outside a scope, detached ones included, to stop,
/// and waits for all of them for at most `timeout`. Returns how many it asked.
///
/// Called by a task, it is about the others: the task itself, and those that wait for it (the task whose scope it
/// belongs to, the one that spawned it, and so on), are neither asked to stop nor waited for.
///
/// Not final: tasks may be spawned afterwards.
///
/// # Errors
/// Those that did not stop in time, by name, with what they are doing, and how many of the others did. They go on.
///
/// ```
/// use std::time::Duration;
/// reunite::spawn(|| reunite::sleep(Duration::from_secs(3600))).detach();
/// assert_eq!(reunite::shutdown(Duration::from_secs(60)).unwrap(), 1);
/// ```
#[track_caller]
pub fn shutdown(timeout: Duration) -> Result<usize, Stragglers> {
    shutdown_until(deadline::after(timeout), Location::caller())
}

/// [`shutdown`] that waits until `deadline`.
///
/// # Errors
/// As [`shutdown`].
#[track_caller]
pub fn shutdown_deadline(deadline: Instant) -> Result<usize, Stragglers> {
    shutdown_until(Some(deadline), Location::caller())
}

fn shutdown_until(
    deadline: Option<Instant>,
    at: &'static Location<'static>,
) -> Result<usize, Stragglers> {
    let root = root();
    let around = current::around();
    let asked = root.cancel_members_but(&around, &Why::Shutdown);
    let all_came = root.wait_for_all_but(&around, deadline, at);
    profile::write_if_asked();
    if all_came {
        Ok(asked)
    } else {
        let is_late = |who: &current::Who| !around.contains(&who.label.id());
        let late = root.stragglers_if(is_late);
        let stopped = asked.saturating_sub(late.len());
        Err(Stragglers::new(late, stopped))
    }
}
