//! A pool as its users hold it.

use std::io;
use std::panic::Location;

use super::install;
use super::marks::SEATS;
use super::member;
use super::roster::Roster;
use super::scope::{self, PoolScope};
use super::shared::{Duties, Hook, Shared, Watch};
use super::watch;
use crate::current;
use crate::deadline;
use crate::deadlock::{Object, On, Site};
use crate::id::TaskId;
use crate::observe::{Straggler, Stragglers, Verb};
use crate::primitive::{Arc, AtomicBool, Duration, Instant, OnceLock, available_parallelism, now};
use crate::task::{JoinHandle, OnDrop, chase, prepare_later, show};
use crate::thread::examine;
use crate::wait::{self, Heed, Wait};

/// A pool of threads for work that computes: as many as the machine has cores, unless told otherwise.
///
/// Most programs need only the [global](Self::global) one, which [`join`](crate::join) and its kin use by
/// themselves. Any thread may call a pool's methods: it takes part in the work for as long as the call
/// lasts, on its own stack, in the place of one of the pool's threads.
///
/// Dropping a pool waits for its threads; see [`shutdown`](Self::shutdown) for a limit.
///
/// ```
/// let pool = reunite::Pool::builder().threads(2).name("render").build().unwrap();
/// let (left, right) = pool.join(|| 6 * 7, || "right");
/// assert_eq!((left, right), (42, "right"));
/// ```
pub struct Pool {
    pub(super) shared: Arc<Shared>,
    waits_on_drop: bool,
}

impl Pool {
    /// A pool with choices.
    pub fn builder() -> PoolBuilder {
        PoolBuilder::new()
    }

    /// How many threads work at a time.
    pub fn threads(&self) -> usize {
        self.shared.roster.size
    }

    /// Runs `f` here and now, on the caller's stack, with this pool as the one that [`join`](crate::join) and its kin use
    /// in it. The pool's [`stack_size`](PoolBuilder::stack_size) does not help it: [`install`](Self::install) is for that.
    ///
    /// ```
    /// let pool = reunite::Pool::builder().threads(1).build().unwrap();
    /// assert_eq!(pool.enter(|| reunite::join(|| 1, || 2)), (1, 2));
    /// ```
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        let _visit = member::visit(&self.shared);
        f()
    }

    /// Runs `f` on one of the pool's threads, whose stack has the pool's [`stack_size`](PoolBuilder::stack_size), and
    /// waits for it. What `f` calls of [`join`](crate::join) and its kin uses this pool. `f` may borrow. One of the pool's
    /// own threads runs `f` where it is.
    ///
    /// [`enter`](Self::enter), [`scope`](Self::scope), [`join`](Self::join) and [`par`](crate::par()) work on the caller's
    /// stack and cost less: nothing is handed over. `install` is for what recurses deeper than that stack allows, and for
    /// what must run on threads that the pool has [prepared](PoolBuilder::on_start). It is queued behind what was
    /// [spawned](Self::spawn) before, and waits for a place among the pool's [`threads`](PoolBuilder::threads).
    ///
    /// `f` belongs to the caller's task: a cancellation and a deadline of that reach it, although it begins in any case,
    /// and the caller waits for it in any case, as it borrows. In the live tree and in messages it is a task of its own,
    /// with the caller's line, to which the caller's [context](crate::Inherit) is passed on. A caller that has a place in a
    /// pool gives it up while it waits. If `f` waits for what the caller holds, that is a [deadlock](crate::Deadlock), and
    /// `f` is told.
    ///
    /// In a destructor that runs because its stack unwinds, `f` runs on the caller's stack.
    ///
    /// # Panics
    /// If `f` does, with its payload. If the pool has no thread yet (only the [global](Self::global) one may not) and the
    /// system refuses one. It leaves the task around it, see [partial results](crate#partial-results), if `f` was left.
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

    /// Runs `body` here, on the caller's stack, and the tasks it spawns in the pool; they may borrow what lives outside.
    /// Returns when all are done.
    ///
    /// The caller runs tasks, too, when it joins them and when the body has ended. [`install`](Self::install) is for what
    /// needs the stack of the pool's threads: `pool.install(|| pool.scope(…))`.
    ///
    /// A task costs tens of nanoseconds and waits for its turn: for work that computes. For tasks that wait
    /// use [`scope`](crate::scope()), where each has a thread of its own.
    ///
    /// # Panics
    /// If `body` panics: the scope is cancelled, and what has begun is joined first. If a task panicked and
    /// no join took that: with the payload of the first that did.
    ///
    /// It leaves the task around it, see [partial results](crate#partial-results), if its body was left, or if a
    /// cancellation from above, of which the body was not told by a wait or a [`checkpoint`](crate::checkpoint), kept
    /// tasks from completing that no join took.
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

    /// Queues a task that borrows nothing for the pool's workers. Its handle joins on drop, and can do all
    /// that the handle of a [`spawn`](crate::spawn) can; a joiner runs the task itself if no worker has
    /// begun it. A task that is [`detach`](JoinHandle::detach)ed is waited for when the pool ends, and not asked to stop by
    /// [`shutdown`](crate::shutdown).
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
        let (group, parent) = (self.shared.group(), current::who());
        let packet = prepare_later(Location::caller(), group, parent, || Ok(f()));
        let handle = JoinHandle::new(packet, OnDrop::Join);
        let enqueue = |task| self.shared.enqueue(task);
        handle.task().start_in_queue(enqueue);
        handle
    }

    /// Ends the pool's threads, and waits for that at most `timeout`. What they have begun, they finish. Returns how
    /// many threads there were.
    ///
    /// # Errors
    /// The tasks that have not completed, by name, and how many threads have ended; the others end when they can. At
    /// once if the caller is one of them, as it cannot wait for itself.
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

    /// [`shutdown`](Self::shutdown) that waits until `deadline`.
    ///
    /// # Errors
    /// As there.
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
            // No task is at work: hooks are, or threads on their way out.
            let waited = now().saturating_duration_since(since);
            let doing = format!("{left} of its threads have not ended");
            late.push(Straggler::new(self.shared.label(at), waited, doing));
        }
        Err(Stragglers::new(late, threads.saturating_sub(left)))
    }

    /// The tasks that [`spawn`](Self::spawn) started and that have not left.
    fn stragglers(&self) -> Vec<Straggler> {
        let group = self.shared.group.get();
        group.map_or_else(Vec::new, |group| group.stragglers_if(|_| true))
    }

    fn close(
        &self,
        deadline: Option<Instant>,
        heed: Heed<'_>,
        at: &'static Location<'static>,
    ) -> Wait {
        let roster = &self.shared.roster;
        roster.close();
        let site = Site {
            verb: Verb::Shutdown,
            object: Object::Made("a pool", at),
            at,
            on: On::Anyone,
        };
        let ready = |parker: &_| roster.is_empty_or_wake(parker);
        wait::wait(site, deadline, heed, ready)
    }
}

// A panic in a job or a hook leaves nothing of a pool half done.
impl std::panic::UnwindSafe for Pool {}
impl std::panic::RefUnwindSafe for Pool {}

impl Drop for Pool {
    fn drop(&mut self) {
        // A pool dropped by one of its own jobs cannot wait for the thread that drops it.
        if !self.waits_on_drop || member::takes_part(&self.shared) {
            self.shared.roster.close();
            return;
        }
        let at = Location::caller();
        chase(
            &self.shared.label(at),
            |deadline| self.close(deadline, Heed::Patiently, at),
            || self.stragglers(),
        );
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({}, {} threads)", self.shared.name, self.threads())
    }
}

/// Choices about a pool; see [`Pool::builder`].
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

/// What the threads of every pool do.
const DUTIES: Duties = Duties {
    work: member::work,
    watch: watch::over,
};

/// How long a thread that has a place may sleep where the library does not see it.
const SPARE_AFTER: Duration = Duration::from_millis(20);

/// Threads in the place of blocked ones, at most.
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

    /// How many threads work at a time, at least one and at most 1,024. A caller that takes part counts as one of them:
    /// while it works, a thread of the pool makes room for it when it is done with what it is at, so that a pool of one
    /// uses one core. (Callers themselves are not kept waiting: three that come at the same time work at the same time.)
    /// If not told: the number in the environment variable
    /// `REUNITE_THREADS`, or else as many as the process may use cores, the affinity mask and cgroup
    /// quotas counted.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// How many threads may be started in the place of blocked ones; 256 if not told. When there are as many,
    /// and all block, a wait that can fail [does](crate::JoinError::is_starved); the end of a scope, and of a
    /// [`join`](crate::join), cannot, and gets a thread more.
    pub fn spares(mut self, spares: usize) -> Self {
        self.spares = spares;
        self
    }

    /// How long a thread may sleep in something that the library does not see (a lock or a channel of `std`, a file)
    /// while work is queued and all places are taken: then another thread takes its place, as if it had said
    /// [`blocking`](crate::blocking). If all who have the places sleep like that and no other thread can be found, it is
    /// [reported](crate::on_stall) which task waits for which; where one is found, only for the first time. 20 ms if not told, at least one; `None` for never. There are no more
    /// threads than the [`spares`](Self::spares) allow: when they are spent, a joiner runs a queued task in its own place,
    /// be there one or not, and with `None` it always does, and callers never take the last place from the pool's threads.
    /// As late, the items of a [map](super::PoolScope::map) that wait behind one that lasts go to other threads.
    /// What computes keeps its place, however long it takes; where
    /// the system does not tell the one from the other (it does on Linux), as many places more are given as the
    /// pool has, fifty times as late. A fork that nobody has asked for cannot be seen by others, so it waits:
    /// `blocking` offers it first.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    /// let pool = reunite::Pool::builder().threads(1).spare_after(Duration::from_millis(1));
    /// let pool = pool.build().unwrap();
    /// let (tx, rx) = mpsc::channel();
    /// // The only thread sleeps, and what would wake it is queued behind that.
    /// let waits = pool.spawn(move || rx.recv().unwrap());
    /// pool.spawn(move || tx.send(7).unwrap()).detach();
    /// assert_eq!(waits.join().unwrap(), 7);
    /// ```
    pub fn spare_after(mut self, asleep: impl Into<Option<Duration>>) -> Self {
        self.spare_after = asleep.into();
        self
    }

    /// What debuggers call the threads. There must be no NUL in it.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The size of the threads' stacks in bytes, at least 64 KiB. A caller that takes part works on its own stack, however
    /// large that is: [`Pool::install`] runs a closure on a thread of the pool.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Called on each thread before it works. A panic in it changes nothing else.
    pub fn on_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_start = Some(Box::new(hook));
        self
    }

    /// Called on each thread after it has worked. A panic in it changes nothing else.
    pub fn on_exit(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_exit = Some(Box::new(hook));
        self
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// A choice is impossible ([`InvalidInput`](io::ErrorKind::InvalidInput)): a name with a NUL in it, a stack larger
    /// than memory, too many threads. Nothing was started. Or the system refuses a thread: those already started
    /// have ended again when this returns.
    ///
    /// ```
    /// let error = reunite::Pool::builder().name("a\0b").build().unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    /// ```
    #[track_caller]
    pub fn build(self) -> io::Result<Pool> {
        examine(&self.name, self.stack_size)?;
        if let Some(threads) = self.threads.filter(|&threads| threads > SEATS) {
            let why = format!("a pool of {threads} threads is too large: {SEATS} at most");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let pool = self.pool(Location::caller());
        for _ in 0..pool.threads() {
            pool.shared.roster.count_thread();
            pool.shared.start_thread()?;
        }
        Ok(pool)
    }

    /// Its threads start when there is work for them.
    pub(super) fn pool(self, at: &'static Location<'static>) -> Pool {
        let size = self.threads.unwrap_or_else(default_threads);
        let number = TaskId::next();
        let shared = Arc::new(Shared {
            number,
            roster: Roster::new(size, self.spares, self.spare_after.is_some()),
            name: self.name,
            built_at: at,
            stack_size: self.stack_size,
            on_start: self.on_start,
            on_exit: self.on_exit,
            group: OnceLock::new(),
            has_thread: AtomicBool::new(false),
            watch: Watch::new(self.spare_after),
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
