//! The pool that users hold, and its builder.

use std::io;
use std::panic::Location;

use super::install;
use super::member;
use super::roster::Roster;
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
use crate::quantity::quantity;
use crate::task::{JoinHandle, OnDrop, prepare_later, show, wait_naming_stragglers};
use crate::thread::examine;
use crate::wait::{self, Heed, WaitOutcome};

/// A pool of threads for work that computes. By default it has as many threads as the machine has cores.
///
/// Most programs need only the [global](Self::global) pool, which [`join`](crate::join),
/// [`par`](crate::par()) and the like use by themselves. Any thread may call a pool's methods: it takes part
/// in the work for as long as the call lasts, on its own stack, in the place of one of the pool's threads.
///
/// Dropping a pool waits for its threads; [`shutdown`](Self::shutdown) does so with a limit.
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

    /// Returns how many threads work at a time.
    pub fn threads(&self) -> usize {
        self.shared.roster.size
    }

    /// Runs `f` on the calling thread, with this pool as the one that [`join`](crate::join),
    /// [`par`](crate::par()) and the like use in it. `f` runs on the caller's stack;
    /// [`install`](Self::install) runs it on a stack of the pool's [`stack_size`](PoolBuilder::stack_size).
    ///
    /// ```
    /// let pool = reunite::Pool::builder().threads(1).build().unwrap();
    /// assert_eq!(pool.enter(|| reunite::join(|| 1, || 2)), (1, 2));
    /// ```
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        let _visit = member::visit(&self.shared);
        f()
    }

    /// Runs `f` on one of the pool's threads, whose stack has the pool's
    /// [`stack_size`](PoolBuilder::stack_size), and waits for it. [`join`](crate::join),
    /// [`par`](crate::par()) and the like use this pool in it. `f` may borrow. Called on one of the pool's
    /// own threads, it runs `f` on that thread.
    ///
    /// [`enter`](Self::enter), [`scope`](Self::scope), [`join`](Self::join) and [`par`](crate::par()) work on
    /// the caller's stack and cost less, as nothing is handed over. `install` is for code that recurses
    /// deeper than that stack allows, and for code that must run on threads that the pool has
    /// [prepared](PoolBuilder::on_start). `f` is queued behind the tasks [spawned](Self::spawn) before, and
    /// waits for a place among the pool's [`threads`](PoolBuilder::threads).
    ///
    /// In the live tree and in messages `f` is a task of its own, with the caller's line, to which the
    /// caller's [context](crate::Inherit) is passed on. A caller that has a place in a pool gives it up while
    /// it waits. If `f` waits for what the caller holds, that is a [deadlock](crate::Deadlock), and the wait
    /// of `f` is refused.
    ///
    /// In a destructor that runs because its stack unwinds, `f` runs on the caller's stack.
    ///
    /// # Cancellation
    /// A cancellation and a deadline of the caller's task reach `f`. It begins in any case, and the caller
    /// waits for it in any case, as it borrows. The calling task is left, see [partial
    /// results](crate#partial-results), if `f` was left.
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
    /// The caller runs tasks, too, when it joins them and when the body has ended. For code that needs the
    /// stack of the pool's threads, combine it with [`install`](Self::install):
    /// `pool.install(|| pool.scope(…))`.
    ///
    /// A task costs tens of nanoseconds and is queued: it is for work that computes. For tasks that wait use
    /// [`scope`](crate::scope()), where each has a thread of its own.
    ///
    /// # Panics
    /// If `body` panics: the scope is cancelled, and the tasks that have begun are joined first. If a task
    /// panicked and no join took that panic: with the payload of the first such task.
    ///
    /// # Cancellation
    /// The calling task is left, see [partial results](crate#partial-results), if the body was left, or if a
    /// cancellation from above kept tasks that no join took from completing, and the body was not told of
    /// that cancellation by a wait or a [`checkpoint`](crate::checkpoint).
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
    /// Its handle joins on drop, and has all the methods of a handle from [`spawn`](crate::spawn). A joiner
    /// runs the task itself if no worker has begun it. A task that is [`detach`](JoinHandle::detach)ed is
    /// waited for when the pool ends; it is not cancelled by [`shutdown`](crate::shutdown).
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

    /// Ends the pool's threads, and waits for at most `timeout` until they have. They finish the tasks that
    /// they have begun. Returns how many threads there were.
    ///
    /// # Errors
    /// Some threads have not ended in time: the error names the tasks that have not completed, and says how
    /// many threads have ended; the others end when they can. It is returned at once if the caller is one of
    /// the threads, as it cannot wait for itself.
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
        let threads = self.shared.roster.threads();
        let deadline = if member::takes_part(&self.shared) {
            Some(since)
        } else {
            deadline
        };
        let _ended = self.close(deadline, Heed::Nothing, at);
        self.waits_on_drop = false;
        let left = self.shared.roster.threads();
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

    /// Returns the tasks that [`spawn`](Self::spawn) started and that have not left.
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
        let roster = &self.shared.roster;
        roster.close();
        let site = WaitSite {
            verb: Verb::Shutdown,
            object: WaitObject::Made("a pool", at),
            at,
            on: WaitsOn::Anyone,
        };
        let ready = |parker: &_| roster.is_empty_or_wake(parker);
        wait::wait(site, deadline, heed, ready)
    }
}

// A panic in a job or a hook leaves nothing of a pool half changed.
impl std::panic::UnwindSafe for Pool {}
impl std::panic::RefUnwindSafe for Pool {}

impl Drop for Pool {
    fn drop(&mut self) {
        // A pool that is dropped by one of its own jobs cannot wait for the thread that drops it.
        if !self.waits_on_drop || member::takes_part(&self.shared) {
            self.shared.roster.close();
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

/// The time for which a thread that has a place may sleep where the library does not see it.
const SPARE_AFTER: Duration = Duration::from_millis(20);

/// The most threads that replace blocked ones.
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

    /// Sets how many threads work at a time, at least one and at most 1,024.
    ///
    /// A caller that takes part counts as one of them: while it works, one of the pool's threads pauses as
    /// soon as it has finished what it runs, so that a pool of one uses one core. (Callers themselves are not
    /// kept waiting: three that come at the same time work at the same time.)
    ///
    /// The default is the number in the environment variable `REUNITE_THREADS`, or else the number of cores
    /// that the process may use; the affinity mask and cgroup quotas are taken into account.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// Sets how many threads may be started in the place of blocked ones; the default is 256. When that many
    /// were started and all threads block, a wait that can fail [returns an
    /// error](crate::JoinError::is_starved). The end of a scope, and that of a [`join`](crate::join), cannot
    /// fail: for them one more thread is started.
    pub fn spares(mut self, spares: usize) -> Self {
        self.spares = spares;
        self
    }

    /// Sets how long a thread may sleep in something that the library does not see (a lock or a channel of
    /// `std`, a file) while work is queued and all places are taken. After that, another thread takes its
    /// place, as if the sleeping code had been wrapped in [`blocking`](crate::blocking). The default is 20
    /// ms, the minimum 1 ms; `None` turns this off.
    ///
    /// - There are no more threads than the [`spares`](Self::spares) allow. When those are used up, a joiner
    ///   runs a queued task on its own thread, whether or not there is a place. With `None` a joiner always
    ///   does so, and callers never take the last place from the pool's threads.
    /// - If all threads that have the places sleep like that and no other thread can be found, the tasks and
    ///   what they wait for are [reported](crate::on_stall). If one is found, this is reported only the first
    ///   time.
    /// - After the same time, the items of a [map](super::PoolScope::map) that wait behind a long one go to
    ///   other threads.
    /// - A thread that computes keeps its place, however long it takes. Where the system does not distinguish
    ///   a sleeping thread from a computing one (Linux does), the pool gets as many places again as it has,
    ///   after fifty times as long.
    /// - A fork that no thread has asked for is not visible to others, so it waits; `blocking` offers it
    ///   first.
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

    /// Sets the name that debuggers show for the threads. It must not contain a NUL.
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

    /// Sets a function that is called on each thread before it works. A panic in it has no further effect.
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

    /// Sets a function that is called on each thread after it has worked. A panic in it has no further
    /// effect.
    pub fn on_exit(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_exit = Some(Box::new(hook));
        self
    }

    /// Builds the pool and starts its threads.
    ///
    /// # Errors
    /// A choice is impossible ([`InvalidInput`](io::ErrorKind::InvalidInput)): a name that contains a NUL, a
    /// stack larger than the address space, too many threads. Then nothing was started. Or the system refuses
    /// a thread: then the threads already started have ended again when this returns.
    ///
    /// ```
    /// let error = reunite::Pool::builder().name("a\0b").build().unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    /// ```
    #[track_caller]
    pub fn build(self) -> io::Result<Pool> {
        examine(&self.name, self.stack_size)?;
        if let Some(threads) = self.threads.filter(|&threads| threads > SEATS) {
            let threads = quantity(threads, "thread");
            let why = format!("a pool of {threads} is too large: {SEATS} at most");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let pool = self.pool(Location::caller());
        for _ in 0..pool.threads() {
            pool.shared.roster.count_thread();
            pool.shared.start_thread()?;
        }
        Ok(pool)
    }

    /// Creates the pool without threads: they start when there is work for them.
    pub(super) fn pool(self, at: &'static Location<'static>) -> Pool {
        let size = self.threads.unwrap_or_else(default_threads);
        let number = TaskId::next();
        let shared = Arc::new(PoolShared {
            number,
            roster: Roster::new(size, self.spares, self.spare_after.is_some()),
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
