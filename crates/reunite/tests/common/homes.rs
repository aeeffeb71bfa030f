//! The homes of tasks: on threads, in a pool's scope, as items of a map on threads or in a pool, as halves of forks. A
//! test states its program once, and it runs in all of these.
//!
//! There are three forms. In [`Place::run`] the tasks are known from the beginning, and all run at the same time. In
//! [`Place::scope`] a body spawns and joins; where its tasks are items, each is the only item of a map. And
//! [`Place::cancelled_in`] is for one task that is cancelled while it runs.

use std::convert::Infallible;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reunite::sync::Mutex;
use reunite::{
    Builder, JoinError, JoinHandle, Label, Outcomes, Pool, PoolScope, PoolTask, Scope, ScopeBuilder,
};

use super::{until, watchdog};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    Threads,
    PoolScope,
    Map,
    PoolMap,
    Forks,
}

use Home::{Forks, Map, PoolMap, PoolScope as InPool, Threads};

/// All homes.
pub(crate) const ALL: &[Home] = &[Threads, InPool, Map, PoolMap, Forks];
/// Homes where a task has a name, and its failure is its own.
pub(crate) const NAMED: &[Home] = &[Threads, InPool, Map, PoolMap];
/// Homes where a task has a handle, and its scope's end waits for it.
pub(crate) const SCOPES: &[Home] = &[Threads, InPool];

/// A home, with its pool if it has one.
pub(crate) struct Place {
    pub(crate) home: Home,
    pub(crate) pool: Pool,
}

/// Prints where a program was when it failed.
struct Names(Home);

impl Drop for Names {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("with its tasks at home in {:?}", self.0);
        }
    }
}

/// Runs a program in each of these homes, with this many threads in the pool.
pub(crate) fn in_homes_with(threads: usize, homes: &[Home], program: impl Fn(&Place)) {
    for &home in homes {
        let _watchdog = watchdog();
        let _names = Names(home);
        let pool = Pool::builder().threads(threads).build().unwrap();
        program(&Place { home, pool });
    }
}

/// [`in_homes_with`] as many threads as most programs need. A map in a pool pulls four batches ahead for each of its
/// threads.
pub(crate) fn in_homes(homes: &[Home], program: impl Fn(&Place)) {
    in_homes_with(4, homes, program);
}

impl Home {
    /// The text by which reports identify the task of that number and name in this home.
    pub(crate) fn names(self, number: usize, name: &str) -> String {
        match self {
            Threads | InPool => format!("task `{name}` ("),
            Map | PoolMap => format!("item {number} of map `{name}` ("),
            Forks => "task #".to_owned(),
        }
    }

    pub(crate) fn is_map(self) -> bool {
        matches!(self, Map | PoolMap)
    }
}

impl Place {
    /// Runs `task` for each name, all at the same time. Returns how each completed, in their order.
    #[track_caller]
    pub(crate) fn run<T: Send>(
        &self,
        names: &[&str],
        task: impl Fn(usize) -> T + Send + Sync,
    ) -> Vec<Result<T, JoinError>> {
        let (count, task) = (names.len(), &task);
        let name = |n: &usize| names[*n].to_owned();
        match self.home {
            Threads => reunite::scope(|s| {
                let spawn = |n: usize| {
                    let builder = Builder::new().name(names[n]);
                    s.spawn_with(builder, move || task(n))
                };
                let tasks: Vec<_> = (0..count).map(spawn).collect();
                tasks.into_iter().map(|task| task.join()).collect()
            }),
            InPool => self.pool.scope(|s| {
                let spawn = |n: usize| s.spawn_named(names[n], move || task(n));
                let tasks: Vec<_> = (0..count).map(spawn).collect();
                tasks.into_iter().map(|task| task.join()).collect()
            }),
            Map => reunite::scope(|s| {
                let map = s.map(0..count, task).label(name).threads(count);
                map.into_iter().collect()
            }),
            PoolMap => self.pool.scope(|s| {
                s.map(0..count, task)
                    .label(name)
                    .window(4 * count)
                    .collect()
            }),
            Forks => self.pool.enter(|| {
                let outcomes: Vec<_> = (0..count).map(|_| Mutex::new(None)).collect();
                fork_all(0, &outcomes, task);
                let outcomes = outcomes.into_iter();
                outcomes
                    .map(|outcome| Ok(outcome.into_inner().unwrap()))
                    .collect()
            }),
        }
    }

    /// [`run`](Self::run) for tasks that need no names of their own.
    #[track_caller]
    pub(crate) fn run_many<T: Send>(
        &self,
        count: usize,
        task: impl Fn(usize) -> T + Send + Sync,
    ) -> Vec<T> {
        let outcomes = self.run(&vec!["one of many"; count], task).into_iter();
        outcomes.map(Result::unwrap).collect()
    }

    /// Runs `body` in a scope.
    #[track_caller]
    pub(crate) fn scope<'env, R>(
        &'env self,
        body: impl for<'scope> FnOnce(Nest<'scope, 'env>) -> R,
    ) -> R {
        match self.home {
            Threads => reunite::scope(|s| body(Nest::Threads(s))),
            InPool => self.pool.scope(|s| body(Nest::Pool(s))),
            Map => reunite::scope(|s| body(Nest::Map(s))),
            PoolMap => self.pool.scope(|s| body(Nest::PoolMap(s))),
            Forks => unreachable!("a fork has no body"),
        }
    }

    /// [`scope`](Self::scope) for tasks that need all threads of the pool.
    #[track_caller]
    pub(crate) fn limited_scope<'env, R>(
        &'env self,
        body: impl for<'scope> FnOnce(Nest<'scope, 'env>) -> R,
    ) -> R {
        if self.home != Threads {
            return self.scope(body);
        }
        let limited = ScopeBuilder::new().max_threads(self.pool.threads());
        limited.scope(|s| body(Nest::Threads(s))).unwrap()
    }

    /// Returns the result of a task that is cancelled while it does `work`, which raises the flag when it is about to
    /// wait.
    pub(crate) fn cancelled_in<T: Send>(
        &self,
        work: impl FnOnce(&AtomicBool) -> T + Send,
    ) -> Result<T, JoinError> {
        let (waits, begun) = (&AtomicBool::new(false), &AtomicBool::new(false));
        let until_it_waits = || until(|| waits.load(Ordering::SeqCst));
        match self.home {
            Threads | InPool => self.scope(|s| {
                let task = s.spawn(move || work(waits));
                until_it_waits();
                task.cancel();
                task.join()
            }),
            // Only the map has an item's handle. So its scope is cancelled, and the consumer heeds that when it has the
            // outcome.
            Map | PoolMap => self.scope(|s| {
                let item = s.spawn(move || work(waits));
                until_it_waits();
                s.cancel("cancelled through its handle");
                reunite::shield(|| item.join())
            }),
            // A half has no handle either: the task that forks is cancelled.
            Forks => reunite::scope(|s| {
                let forks = move || {
                    let until_begun = || {
                        until(|| {
                            // A fork is published where another one is made.
                            reunite::join(|| (), || ());
                            begun.load(Ordering::SeqCst)
                        });
                    };
                    let half = || {
                        begun.store(true, Ordering::SeqCst);
                        work(waits)
                    };
                    self.pool.join(until_begun, half).1
                };
                let task = s.spawn(forks);
                until_it_waits();
                task.cancel();
                task.join()
            }),
        }
    }
}

#[track_caller]
fn fork_all<T: Send>(
    first: usize,
    outcomes: &[Mutex<Option<T>>],
    task: &(impl Fn(usize) -> T + Send + Sync),
) {
    if let [outcome, rest @ ..] = outcomes {
        reunite::join(
            || *outcome.lock().unwrap() = Some(task(first)),
            || fork_all(first + 1, rest, task),
        );
    }
}

/// The scope through which a body spawns, with what all homes have.
#[derive(Clone, Copy)]
pub(crate) enum Nest<'scope, 'env> {
    Threads(&'scope Scope<'scope, 'env>),
    Pool(&'scope PoolScope<'scope, 'env>),
    Map(&'scope Scope<'scope, 'env>),
    PoolMap(&'scope PoolScope<'scope, 'env>),
}

impl<'scope, 'env> Nest<'scope, 'env> {
    #[track_caller]
    pub(crate) fn spawn<T: Send + 'scope>(
        self,
        f: impl FnOnce() -> T + Send + 'scope,
    ) -> Handle<'scope, T> {
        match self {
            Self::Threads(s) => Handle::Thread(s.spawn(f)),
            Self::Pool(s) => Handle::Pool(s.spawn(f)),
            Self::Map(s) => Handle::Item(Item::start(s.map([f], |f| f()).into_iter())),
            Self::PoolMap(s) => Handle::Item(Item::start(s.map([f], |f| f()))),
        }
    }

    #[track_caller]
    pub(crate) fn spawn_named<T: Send + 'scope>(
        self,
        name: &'static str,
        f: impl FnOnce() -> T + Send + 'scope,
    ) -> Handle<'scope, T> {
        let name_it = move |_: &_| name.to_owned();
        match self {
            Self::Threads(s) => Handle::Thread(s.spawn_with(Builder::new().name(name), f)),
            Self::Pool(s) => Handle::Pool(s.spawn_named(name, f)),
            Self::Map(s) => {
                let map = s.map([f], |f| f()).label(name_it);
                Handle::Item(Item::start(map.into_iter()))
            }
            Self::PoolMap(s) => Handle::Item(Item::start(s.map([f], |f| f()).label(name_it))),
        }
    }

    pub(crate) fn canceller(self) -> reunite::Canceller {
        match self {
            Self::Threads(s) | Self::Map(s) => s.canceller(),
            Self::Pool(s) | Self::PoolMap(s) => s.canceller(),
        }
    }

    pub(crate) fn cancel(self, reason: &str) {
        self.canceller().cancel(reason);
    }
}

/// The handle of a task. If the task is an item, dropping this cancels it.
pub(crate) enum Handle<'scope, T> {
    Thread(JoinHandle<T>),
    Pool(PoolTask<'scope, T>),
    Item(Item<'scope, T>),
}

/// The only item of a map.
pub(crate) struct Item<'scope, T> {
    outcomes: Box<dyn Next<T> + Send + 'scope>,
    /// Its outcome, if it was received early.
    outcome: Option<Result<T, JoinError>>,
}

type Outcome<T> = Option<Result<T, JoinError>>;

/// The operations that the tests call on a map.
trait Next<T> {
    fn next_outcome(&mut self) -> Outcome<T>;
    fn next_outcome_timeout(&mut self, timeout: Duration)
    -> Result<Outcome<T>, reunite::WaitError>;
}

impl<T> Next<T> for Outcomes<'_, T, Infallible> {
    fn next_outcome(&mut self) -> Outcome<T> {
        self.next()
    }

    fn next_outcome_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<Outcome<T>, reunite::WaitError> {
        self.next_timeout(timeout)
    }
}

impl<'scope, I, F, T> Next<T> for reunite::PoolMap<'scope, '_, I, F, T>
where
    I: Iterator<Item: Send + 'scope>,
    F: Fn(I::Item) -> T + Send + Sync + 'scope,
    T: Send + 'scope,
{
    fn next_outcome(&mut self) -> Outcome<T> {
        self.next()
    }

    fn next_outcome_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<Outcome<T>, reunite::WaitError> {
        self.next_timeout(timeout)
    }
}

impl<'scope, T> Item<'scope, T> {
    fn start(mut outcomes: impl Next<T> + Send + 'scope) -> Self {
        let outcome = outcomes.next_outcome_timeout(Duration::ZERO);
        Self {
            outcomes: Box::new(outcomes),
            outcome: outcome.map_or(None, |outcome| Some(outcome.expect("it has an item"))),
        }
    }

    fn join(mut self) -> Result<T, JoinError> {
        let outcome = self.outcome.take();
        outcome.unwrap_or_else(|| self.outcomes.next_outcome().expect("it has an item"))
    }
}

impl<T> Handle<'_, T> {
    #[track_caller]
    pub(crate) fn join(self) -> Result<T, JoinError> {
        match self {
            Self::Thread(task) => task.join(),
            Self::Pool(task) => task.join(),
            Self::Item(item) => item.join(),
        }
    }

    #[track_caller]
    pub(crate) fn join_timeout(&mut self, timeout: Duration) -> Result<T, JoinError> {
        match self {
            Self::Thread(task) => task.join_timeout(timeout),
            Self::Pool(task) => task.join_timeout(timeout),
            Self::Item(_) => unreachable!("an item's wait fails with another error"),
        }
    }

    #[track_caller]
    pub(crate) fn join_deadline(&mut self, deadline: Instant) -> Result<T, JoinError> {
        match self {
            Self::Thread(task) => task.join_deadline(deadline),
            Self::Pool(task) => task.join_deadline(deadline),
            Self::Item(_) => unreachable!("an item's wait fails with another error"),
        }
    }

    #[track_caller]
    pub(crate) fn try_join(&mut self) -> Option<Result<T, JoinError>> {
        match self {
            Self::Thread(task) => task.try_join(),
            Self::Pool(task) => task.try_join(),
            Self::Item(_) => unreachable!("an item has no handle"),
        }
    }

    pub(crate) fn cancel(&self) {
        match self {
            Self::Thread(task) => task.cancel(),
            Self::Pool(task) => task.cancel(),
            Self::Item(_) => unreachable!("an item has no handle"),
        }
    }

    pub(crate) fn is_finished(&self) -> bool {
        match self {
            Self::Thread(task) => task.is_finished(),
            Self::Pool(task) => task.is_finished(),
            Self::Item(_) => unreachable!("an item has no handle"),
        }
    }

    pub(crate) fn on_complete(&self, f: impl FnOnce() + Send + 'static) {
        match self {
            Self::Thread(task) => task.on_complete(f),
            Self::Pool(task) => task.on_complete(f),
            Self::Item(_) => unreachable!("an item has no handle"),
        }
    }

    pub(crate) fn label(&self) -> Label {
        match self {
            Self::Thread(task) => task.label().clone(),
            Self::Pool(task) => task.label(),
            Self::Item(_) => unreachable!("an item has no handle"),
        }
    }

    pub(crate) fn spawned_at(&self) -> &'static Location<'static> {
        match self {
            Self::Thread(task) => task.spawned_at(),
            Self::Pool(task) => task.spawned_at(),
            Self::Item(_) => unreachable!("an item has no handle"),
        }
    }
}
