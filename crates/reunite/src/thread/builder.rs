//! Tasks outside any scope: `spawn`, its builder, and the shutdown of the program.

use std::panic::Location;

use super::launch::THREADS;
use crate::cancel::CancelNode;
use crate::current;
use crate::deadline;
use crate::error::{JoinError, Why};
use crate::id::{Label, LabelKind};
use crate::observe::{Straggler, Stragglers};
use crate::primitive::{Arc, Duration, Instant, OnceLock};
use crate::profile;
use crate::task::{Group, JoinHandle, OnDrop, OnThread, Rules, Spec, Starter, prepare};

/// Starts a task on a thread of its own, outside any scope. Dropping its handle joins the task.
///
/// The thread is recycled, and with it its [thread-locals](crate#thread-locals), unless
/// [`fresh_threads`](Builder::fresh_threads) was chosen.
///
/// If a scope suffices, prefer [`scope`](crate::scope()), because its tasks may borrow. If the operating
/// system refuses a thread, the join returns that error; [`Builder::spawn_checked`] returns it at once.
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

/// A builder of tasks: chooses a name, a stack size, a fresh thread, or a task without its parent's context.
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
    /// Creates a builder without name, with the system's stack size and the parent's context.
    pub fn new() -> Self {
        Self {
            name: None,
            on: OnThread::default(),
            inherit: true,
        }
    }

    /// Sets the task's name, for messages and debuggers. Debuggers show it up to the first NUL.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the size of the thread's stack in bytes, at least 64 KiB. Such a thread is not recycled.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.on.stack_size = Some(bytes);
        self
    }

    /// Chooses whether the task runs on a thread that was never used before, and completes when that thread
    /// has ended.
    ///
    /// With `true`, the destructors of the thread's thread-locals have run before a join returns, the scope
    /// ends, or the task's callbacks run, as with a thread of `std::thread::spawn` that is joined. Waits of
    /// these destructors count as waits of the task; a panic in one of them ends the process.
    ///
    /// With `false`, the default, the task's thread may have run other tasks before, and afterwards waits
    /// ten seconds for the next one. The task finds in thread-locals what earlier tasks left there, and what
    /// it leaves there is dropped late. A fresh thread costs more than a thread of `std`, because a second
    /// thread, which is recycled, waits for its end.
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

    /// Makes the task start without its parent's context; see [`Inherit`](crate::Inherit).
    pub fn without_context(mut self) -> Self {
        self.inherit = false;
        self
    }

    #[inline]
    pub(crate) fn spec(self, at: &'static Location<'static>) -> Spec {
        let label = Label::new(LabelKind::Task, self.name, at);
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

    /// Starts the task, or returns an error at once if the operating system refuses a thread.
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

    /// Does what [`spawn_checked`](Self::spawn_checked) does, with a given spawn site.
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

/// Makes a task of `group` that is not started yet.
fn admit<T, F>(group: &Arc<Group>, spec: Spec, f: F) -> JoinHandle<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let parent = Some(current::record());
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
    let label = Label::new(
        LabelKind::Scope,
        Some("program".to_owned()),
        Location::caller(),
    );
    let rules = Rules {
        policy: None,
        max_threads: None,
    };
    let made = Group::new(
        CancelNode::root(label, None),
        None,
        rules,
        Starter::Threads(THREADS),
    );
    // `get_or_init` would hold its own lock while making the group takes others.
    let _too_late = ROOT.set(made);
    let Some(root) = ROOT.get() else {
        unreachable!("it was set, here or by another")
    };
    root
}

/// Returns the tasks that were [`detach`](JoinHandle::detach)ed and still run, in spawn order.
///
/// ```
/// use std::sync::mpsc;
/// let (stop, wait) = mpsc::channel::<()>();
/// reunite::Builder::new().name("lone").spawn(move || wait.recv()).detach();
/// assert_eq!(reunite::detached()[0].task.name(), Some("lone"));
/// drop(stop);
/// ```
pub fn detached() -> Vec<Straggler> {
    root().stragglers_if(|record| record.is_detached())
}

/// Cancels every task outside a scope, including detached ones, and waits at most `timeout` until all of
/// them have ended. Returns how many tasks it cancelled.
///
/// If a task calls this, the task itself is neither cancelled nor waited for, and neither are the tasks that
/// wait for it (the task that opened its scope, the task that spawned it, and so on).
///
/// Tasks can still be spawned afterwards.
///
/// # Errors
/// Some tasks did not stop in time: the error names them, says what they are doing, and how many others
/// stopped. They go on running.
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

/// Shuts down like [`shutdown`], and waits at most until `deadline`.
///
/// # Errors
/// As [`shutdown`].
///
/// ```
/// use std::time::{Duration, Instant};
/// reunite::spawn(|| reunite::sleep(Duration::from_secs(3600))).detach();
/// assert_eq!(reunite::shutdown_deadline(Instant::now() + Duration::from_secs(60)).unwrap(), 1);
/// ```
#[track_caller]
pub fn shutdown_deadline(deadline: Instant) -> Result<usize, Stragglers> {
    shutdown_until(Some(deadline), Location::caller())
}

fn shutdown_until(
    deadline: Option<Instant>,
    at: &'static Location<'static>,
) -> Result<usize, Stragglers> {
    let root = root();
    let around = current::enclosing_tasks();
    let asked = root.cancel_members_but(&around, &Why::Shutdown);
    let all_came = root.wait_for_all_but(&around, deadline, at);
    profile::write_if_asked();
    if all_came {
        Ok(asked)
    } else {
        let is_late = |record: &current::TaskRecord| !around.contains(&record.label.id());
        let late = root.stragglers_if(is_late);
        let stopped = asked.saturating_sub(late.len());
        Err(Stragglers::new(late, stopped))
    }
}
