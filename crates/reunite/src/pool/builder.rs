//! The pool that users hold, and its builder.

use std::io;
use std::panic::Location;

use super::install;
use super::member;
use super::members::Members;
use super::scope::{self, PoolScope};
use super::seat_marks::SEATS;
use super::shared::{Duties, Hook, PoolShared, WatchState};
use super::watch;
use crate::current;
use crate::deadline;
use crate::deadlock::{WaitObject, WaitSite, WaitsOn};
use crate::id::TaskId;
use crate::observe::{Straggler, Stragglers, Verb};
use crate::primitive::{Arc, AtomicBool, Duration, Instant, OnceLock, available_parallelism, now};
use crate::profile;
use crate::quantity::quantity;
use crate::task::{JoinHandle, OnDrop, prepare_later, show, wait_naming_stragglers};
use crate::thread::examine;
use crate::wait::{self, Heed, WaitOutcome};

/// A pool of threads for work that computes. By default it has as many threads as the machine has cores.
///
/// Most programs need only the [global](Self::global) pool, which [`join`](crate::join), [`par`](crate::par()) and
/// the like use by themselves. Any thread may call a pool's methods. A thread that calls [`enter`](Self::enter),
/// [`scope`](Self::scope) or [`join`](Self::join) takes part in the work during the call: it works on its own
/// stack, and takes the place of one of the pool's threads.
///
/// Dropping a pool waits until its threads have run all queued tasks and have ended; [`shutdown`](Self::shutdown)
/// does so with a time limit.
///
/// ```
/// let pool = reunite::Pool::builder().threads(2).name("render").build().unwrap();
/// let (left, right) = pool.join(|| 6 * 7, || "right");
/// assert_eq!((left, right), (42, "right"));
/// ```
pub struct Pool {
    pub(super) shared: Arc<PoolShared>,
    waits_on_drop: bool,
}

impl Pool {
    /// Returns a builder, which chooses threads, name, stack size and hooks.
    pub fn builder() -> PoolBuilder {
        PoolBuilder::new()
    }

    /// Returns the number of threads that work at a time, as chosen by [`threads`](PoolBuilder::threads).
    pub fn threads(&self) -> usize {
        self.shared.members.size
    }

    /// Runs `f` on the calling thread. Inside `f`, [`join`](crate::join), [`par`](crate::par()) and the like use
    /// this pool. `f` runs on the caller's stack; [`install`](Self::install) runs it on a stack of the pool's
    /// [`stack_size`](PoolBuilder::stack_size).
    ///
    /// ```
    /// let pool = reunite::Pool::builder().threads(1).build().unwrap();
    /// assert_eq!(pool.enter(|| reunite::join(|| 1, || 2)), (1, 2));
    /// ```
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        let _visit = member::visit(&self.shared);
        f()
    }

    /// Runs `f` on one of the pool's threads, whose stack has the pool's [`stack_size`](PoolBuilder::stack_size),
    /// and waits for it. Inside `f`, [`join`](crate::join), [`par`](crate::par()) and the like use this pool. `f`
    /// may borrow. If the caller is one of the pool's own threads, `f` runs on that thread.
    ///
    /// [`enter`](Self::enter), [`scope`](Self::scope), [`join`](Self::join) and [`par`](crate::par()) work on the
    /// caller's stack and cost less, because no other thread is involved. `install` is for code that recurses
    /// deeper than the caller's stack allows, and for code that must run on threads that the pool has
    /// [prepared](PoolBuilder::on_start). `f` is queued behind the tasks that were [spawned](Self::spawn) before,
    /// and waits until one of the pool's [places](PoolBuilder::threads) is free.
    ///
    /// In the live tree and in messages `f` is a task of its own, with the source line of the caller; it inherits
    /// the caller's [context](crate::Inherit). A caller that has a place in a pool gives it up while it waits. If
    /// `f` waits for a lock that the caller holds, that is a [deadlock](crate::Deadlock), and the wait of `f` is
    /// refused.
    ///
    /// In a destructor that runs while the caller unwinds, `f` runs on the caller's stack.
    ///
    /// # Cancellation
    /// A cancellation of the caller's task, and its deadline, reach `f`. Even so, `f` always begins, and the
    /// caller always waits for its end, because `f` may borrow. If `f` leaves, the calling task leaves (see
    /// [partial results](crate#partial-results)).
    ///
    /// # Panics
    /// If `f` panics, with its payload. If the pool has no thread yet (possible only for the
    /// [global](Self::global) one) and the system refuses one.
    ///
    /// ```
    /// fn depth(n: u32) -> u32 {
    ///     if n == 0 { 0 } else { std::hint::black_box(depth(n - 1)) + 1 }
    /// }
    /// let pool = reunite::Pool::builder().threads(1).stack_size(256 << 20).build().unwrap();
    /// assert_eq!(pool.install(|| depth(200_000)), 200_000);
    /// ```
    #[track_caller]
    pub fn install<R, F>(&self, f: F) -> R
    where
        R: Send,
        F: FnOnce() -> R + Send,
    {
        install::run(&self.shared, Location::caller(), f)
    }

    /// Runs `body` on the caller's stack, and the tasks it spawns in the pool; they may borrow what lives
    /// outside. Returns when all of them have completed.
    ///
    /// The caller runs tasks, too, when it joins them and when the body has ended. If these need the stack of the
    /// pool's threads, call [`install`](Self::install) around it: `pool.install(|| pool.scope(…))`.
    ///
    /// A task costs tens of nanoseconds and is queued: it is for work that computes. For tasks that wait use
    /// [`scope`](crate::scope()), where each has a thread of its own.
    ///
    /// # Panics
    /// If `body` panics: the scope is cancelled (tasks that have not begun never run), and the tasks that have
    /// begun are joined first. If a task panicked and no join took that panic: with the payload of the first such
    /// task.
    ///
    /// # Cancellation
    /// The calling task leaves (see [partial results](crate#partial-results)) in two cases: if `body` left; and if
    /// a cancellation from outside the scope stopped tasks that were not joined, and no wait or
    /// [`checkpoint`](crate::checkpoint) of `body` returned that cancellation.
    ///
    /// ```
    /// let text = String::from("to be or not to be");
    /// let (words, letters) = reunite::Pool::global().scope(|s| {
    ///     let words = s.spawn(|| text.split_whitespace().count());
    ///     let letters = s.spawn(|| text.chars().filter(|c| c.is_alphabetic()).count());
    ///     (words.join().unwrap(), letters.join().unwrap())
    /// });
    /// assert_eq!((words, letters), (6, 13));
    /// ```
    #[track_caller]
    pub fn scope<'env, R, F>(&self, body: F) -> R
    where
        F: for<'scope> FnOnce(&'scope PoolScope<'scope, 'env>) -> R,
    {
        let at = Location::caller();
        self.enter(|| scope::run(&self.shared, at, body))
    }

    /// Queues a task that borrows nothing for the pool's workers.
    ///
    /// The handle joins on drop, and has all the methods of a handle from [`spawn`](crate::spawn). A joiner runs
    /// the task itself if no worker has begun it. The end of the pool waits for the tasks that were
    /// [`detach`](JoinHandle::detach)ed. [`shutdown`](crate::shutdown) does not cancel the pool's tasks.
    ///
    /// ```
    /// let task = reunite::Pool::global().spawn(|| (1..=10).product::<u64>());
    /// assert_eq!(task.join().unwrap(), 3_628_800);
    /// ```
    #[track_caller]
    #[must_use = "dropping the handle stops the task and waits for it: join it, or `detach` it"]
    pub fn spawn<T, F>(&self, f: F) -> JoinHandle<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (group, parent) = (self.shared.group(), current::record());
        let packet = prepare_later(Location::caller(), group, parent, || Ok(f()));
        let handle = JoinHandle::new(packet, OnDrop::Join);
        let enqueue = |task| self.shared.enqueue(task);
        handle.task().start_in_queue(enqueue);
        handle
    }

    /// Closes the pool, and waits at most `timeout` until its threads have ended. They first run all queued tasks
    /// to their ends. Returns the number of threads that the pool had. A cancellation of the caller does not end
    /// the wait.
    ///
    /// # Errors
    /// Some threads have not ended in time. The error names the tasks that have not completed, and says how many
    /// threads have ended; the others end as soon as their tasks have ended. If the caller takes part in the pool,
    /// the error is returned at once, because the caller cannot wait for itself.
    ///
    /// ```
    /// use std::time::Duration;
    /// let pool = reunite::Pool::builder().threads(2).build().unwrap();
    /// let task = pool.spawn(|| 6 * 7);
    /// assert_eq!(pool.shutdown(Duration::from_secs(60)).unwrap(), 2);
    /// assert_eq!(task.join().unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn shutdown(self, timeout: Duration) -> Result<usize, Stragglers> {
        self.shutdown_until(deadline::after(timeout), Location::caller())
    }

    /// Shuts down like [`shutdown`](Self::shutdown), and waits at most until `deadline`.
    ///
    /// # Errors
    /// As [`shutdown`](Self::shutdown).
    #[track_caller]
    pub fn shutdown_deadline(self, deadline: Instant) -> Result<usize, Stragglers> {
        self.shutdown_until(Some(deadline), Location::caller())
    }

    fn shutdown_until(
        mut self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<usize, Stragglers> {
        let since = now();
        let threads = self.shared.members.threads();
        let deadline = if member::takes_part(&self.shared) {
            Some(since)
        } else {
            deadline
        };
        let _ended = self.close(deadline, Heed::Nothing, at);
        self.waits_on_drop = false;
        let left = self.shared.members.threads();
        if left == 0 {
            return Ok(threads);
        }
        let mut late = self.stragglers();
        if late.is_empty() {
            // No task runs any more, but hooks do, or threads are about to end.
            let waited = now().saturating_duration_since(since);
            let doing = format!("{left} of its threads have not ended");
            late.push(Straggler::new(self.shared.label(at), waited, doing));
        }
        Err(Stragglers::new(late, threads.saturating_sub(left)))
    }

    /// Returns the tasks of [`spawn`](Self::spawn) that have not ended.
    fn stragglers(&self) -> Vec<Straggler> {
        let group = self.shared.group.get();
        group.map_or_else(Vec::new, |group| group.stragglers_if(|_| true))
    }

    fn close(
        &self,
        deadline: Option<Instant>,
        heed: Heed<'_>,
        at: &'static Location<'static>,
    ) -> WaitOutcome {
        let members = &self.shared.members;
        members.close();
        let site = WaitSite {
            verb: Verb::Shutdown,
            object: WaitObject::Made("a pool", at),
            at,
            on: WaitsOn::Anyone,
        };
        let ready = |parker: &_| members.is_empty_or_wake(parker);
        wait::wait(site, deadline, heed, ready)
    }
}

// A panic in a job or in a hook is caught before it reaches the state of the pool.
impl std::panic::UnwindSafe for Pool {}
impl std::panic::RefUnwindSafe for Pool {}

impl Drop for Pool {
    fn drop(&mut self) {
        // A pool that is dropped by one of its own jobs cannot wait for the thread that drops it.
        if !self.waits_on_drop || member::takes_part(&self.shared) {
            self.shared.members.close();
            return;
        }
        let at = Location::caller();
        wait_naming_stragglers(
            &self.shared.label(at),
            |deadline| self.close(deadline, Heed::Patiently, at),
            || self.stragglers(),
        );
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let threads = quantity(self.threads(), "thread");
        write!(f, "Pool({}, {threads})", self.shared.name)
    }
}

/// A builder of pools; see [`Pool::builder`].
///
/// ```
/// let pool = reunite::Pool::builder().threads(2).name("render").stack_size(4 << 20).build().unwrap();
/// assert_eq!(pool.threads(), 2);
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct PoolBuilder {
    threads: Option<usize>,
    spares: usize,
    name: String,
    stack_size: Option<usize>,
    on_start: Option<Hook>,
    on_exit: Option<Hook>,
    spare_after: Option<Duration>,
}

/// The functions that the threads of every pool run.
const DUTIES: Duties = Duties {
    work: member::work,
    watch: watch::over,
};

/// The default of [`PoolBuilder::spare_after`].
const SPARE_AFTER: Duration = Duration::from_millis(20);

/// The default of [`PoolBuilder::spares`].
const SPARES: usize = 256;

impl PoolBuilder {
    pub(super) fn new() -> Self {
        Self {
            threads: None,
            spares: SPARES,
            name: "reunite-pool".to_owned(),
            stack_size: None,
            on_start: None,
            on_exit: None,
            spare_after: Some(SPARE_AFTER),
        }
    }

    /// Sets how many threads work at a time, from 1 to 1,024 (0 counts as 1). These are the *places* of the pool:
    /// a thread that works holds one, and gives it up while it blocks.
    ///
    /// A caller that takes part holds a place, too: while it works, one of the pool's threads pauses as soon as it
    /// has finished its current piece of work, so that a pool of one thread uses one core. (Callers do not wait
    /// for a place: three callers at the same time work at the same time.)
    ///
    /// The default is the number in the environment variable `REUNITE_THREADS`, or else the number of cores
    /// that the process may use; the affinity mask and cgroup quotas are taken into account.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// Sets how many threads may be started to replace blocked ones; the default is 256. When that many were
    /// started, all threads block and work is queued, a wait that can return an error [returns
    /// one](crate::JoinError::is_starved). The end of a scope or of a [`join`](crate::join) cannot return an
    /// error: for such a wait one more thread is started.
    pub fn spares(mut self, spares: usize) -> Self {
        self.spares = spares;
        self
    }

    /// Sets how long a thread may sleep in a call that the library does not see (a lock or a channel of `std`, a
    /// file) while work is queued and all [places](Self::threads) are taken. After that, another thread takes its
    /// place, as if the call had been wrapped in [`blocking`](crate::blocking). The default is 20 ms, the minimum
    /// 1 ms; `None` turns this off.
    ///
    /// - The number of threads stays within what [`spares`](Self::spares) allows. When the spares are used up, a
    ///   joiner runs the queued task for which it waits on its own thread, even if no place is free. With `None` a
    ///   joiner always does so, and callers never take the last place from the pool's threads.
    /// - If all threads that hold places sleep in such calls, this is [reported](crate::on_stall), with the tasks
    ///   concerned. If another thread could take a place, it is reported only once in the life of the pool.
    /// - After the same time, the items of a [map](super::PoolScope::map) that wait behind a long one go to
    ///   other threads.
    /// - A thread that computes keeps its place, however long it takes. Only Linux tells whether a thread sleeps
    ///   or computes. On other systems, a thread that has begun nothing new for fifty times as long loses its
    ///   place; at most as many threads as the pool has places can be without theirs at a time.
    /// - Other threads cannot see a closure that the sleeping thread has forked (see [`join`](crate::join)) unless
    ///   they asked for it before, so it waits until the thread goes on. `blocking` offers such closures to the
    ///   other threads first.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    /// let pool = reunite::Pool::builder().threads(1).spare_after(Duration::from_millis(1));
    /// let pool = pool.build().unwrap();
    /// let (tx, rx) = mpsc::channel();
    /// // The pool's only thread sleeps, and the task that would wake it is queued behind.
    /// let waits = pool.spawn(move || rx.recv().unwrap());
    /// pool.spawn(move || tx.send(7).unwrap()).detach();
    /// assert_eq!(waits.join().unwrap(), 7);
    /// ```
    pub fn spare_after(mut self, asleep: impl Into<Option<Duration>>) -> Self {
        self.spare_after = asleep.into();
        self
    }

    /// Sets the name that debuggers show for the threads. If it contains a NUL, [`build`](Self::build) returns an
    /// error.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the size of the threads' stacks in bytes, at least 64 KiB. A caller that takes part works on its
    /// own stack, whatever its size; [`Pool::install`] runs a closure on a thread of the pool.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Sets a function that is called on each of the pool's threads before its first work. A panic in the function
    /// ends only the function.
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
    /// let started = Arc::new(AtomicU32::new(0));
    /// let count = Arc::clone(&started);
    /// let pool = reunite::Pool::builder().threads(1).on_start(move || { count.fetch_add(1, Ordering::SeqCst); });
    /// let seen = pool.build().unwrap().install(|| started.load(Ordering::SeqCst));
    /// assert!(seen >= 1);
    /// ```
    pub fn on_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_start = Some(Box::new(hook));
        self
    }

    /// Sets a function that is called on each of the pool's threads after its last work. A panic in the function
    /// ends only the function.
    pub fn on_exit(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_exit = Some(Box::new(hook));
        self
    }

    /// Builds the pool and starts its threads.
    ///
    /// # Errors
    /// - A setting is invalid ([`InvalidInput`](io::ErrorKind::InvalidInput)): a name that contains a NUL, a stack
    ///   larger than the address space, more than 1,024 threads. Then no thread was started.
    /// - The system refused a thread. Then the threads already started have ended when this returns.
    ///
    /// ```
    /// let error = reunite::Pool::builder().name("a\0b").build().unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    /// ```
    #[track_caller]
    pub fn build(self) -> io::Result<Pool> {
        self.examine()?;
        let pool = self.pool(Location::caller());
        for _ in 0..pool.threads() {
            pool.shared.members.count_thread();
            pool.shared.start_thread()?;
        }
        Ok(pool)
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// A setting is invalid.
    pub(super) fn examine(&self) -> io::Result<()> {
        examine(&self.name, self.stack_size)?;
        if let Some(threads) = self.threads.filter(|&threads| threads > SEATS) {
            let threads = quantity(threads, "thread");
            let why = format!("a pool of {threads} is too large: {SEATS} at most");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        Ok(())
    }

    /// Creates the pool without threads. They start when there is work for them.
    pub(super) fn pool(self, at: &'static Location<'static>) -> Pool {
        profile::begin_if_asked();
        let size = self.threads.unwrap_or_else(default_threads);
        let number = TaskId::next();
        let shared = Arc::new(PoolShared {
            number,
            members: Members::new(size, self.spares, self.spare_after.is_some()),
            name: self.name,
            built_at: at,
            stack_size: self.stack_size,
            on_start: self.on_start,
            on_exit: self.on_exit,
            group: OnceLock::new(),
            has_thread: AtomicBool::new(false),
            watch: WatchState::new(self.spare_after),
            duties: DUTIES,
        });
        let visible = Arc::downgrade(&shared);
        show(number, visible);
        Pool {
            shared,
            waits_on_drop: true,
        }
    }
}

fn default_threads() -> usize {
    std::env::var("REUNITE_THREADS")
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|&threads| threads > 0)
        .unwrap_or_else(available_parallelism)
        .min(SEATS)
}
