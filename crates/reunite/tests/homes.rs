//! The same programs wherever tasks run: on threads, in a pool's scope, as items of a map on threads or in a pool, as
//! halves of forks. What is promised holds in each.

mod common;

use std::collections::BTreeSet;
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{shown, until, watchdog};
use reunite::sync::{Barrier, Mutex, OnceCell, RwLock};
use reunite::{Builder, Deadlock, DumpTask, Pool, TaskId, WaitError};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Home {
    Threads,
    PoolScope,
    Map,
    PoolMap,
    Forks,
}

const HOMES: [Home; 5] = [
    Home::Threads,
    Home::PoolScope,
    Home::Map,
    Home::PoolMap,
    Home::Forks,
];

impl Home {
    /// What the task of that number and name is called there.
    fn names(self, number: usize, name: &str) -> String {
        match self {
            Self::Threads | Self::PoolScope => format!("task `{name}` ("),
            Self::Map | Self::PoolMap => format!("item {number} of map `{name}` ("),
            Self::Forks => "task #".to_owned(),
        }
    }

    /// Runs `task` for each name, all side by side, each on a thread of its own. What they return, or the text of their
    /// errors, in their order; and the lines at which they may have been spawned.
    fn run<T: Send>(
        self,
        names: &[&'static str],
        task: impl Fn(usize) -> T + Send + Sync,
    ) -> Vec<Result<T, String>> {
        let count = names.len();
        let task = &task;
        let pool = || Pool::builder().threads(count).build().unwrap();
        let told = |result: Result<T, reunite::JoinError>| result.map_err(|e| e.to_string());
        match self {
            Self::Threads => reunite::scope(|s| {
                let named = names.iter().enumerate();
                let tasks: Vec<_> = named
                    .map(|(n, name)| s.spawn_with(Builder::new().name(*name), move || task(n)))
                    .collect();
                tasks.into_iter().map(|task| told(task.join())).collect()
            }),
            Self::PoolScope => pool().scope(|s| {
                let named = names.iter().enumerate();
                let tasks: Vec<_> = named
                    .map(|(n, name)| s.spawn_named(*name, move || task(n)))
                    .collect();
                tasks.into_iter().map(|task| told(task.join())).collect()
            }),
            Self::Map => reunite::scope(|s| {
                s.map(0..count, task)
                    .label(|n| names[*n].to_owned())
                    .threads(count)
                    .into_iter()
                    .map(told)
                    .collect()
            }),
            Self::PoolMap => pool().scope(|s| {
                s.map(0..count, task)
                    .label(|n| names[*n].to_owned())
                    .map(told)
                    .collect()
            }),
            Self::Forks => pool().enter(|| {
                let outcomes: Vec<_> = (0..count).map(|_| Mutex::new(None)).collect();
                forks(0, &outcomes, task);
                outcomes
                    .into_iter()
                    .map(|outcome| Ok(outcome.into_inner().unwrap()))
                    .collect()
            }),
        }
    }
}

fn forks<T: Send>(
    first: usize,
    outcomes: &[Mutex<Option<T>>],
    task: &(impl Fn(usize) -> T + Send + Sync),
) {
    if let [outcome, rest @ ..] = outcomes {
        reunite::join(
            || *outcome.lock().unwrap() = Some(task(first)),
            || forks(first + 1, rest, task),
        );
    }
}

/// What a deadlock tells of those in it: one each, no thread, no line of the library.
fn check_links(home: Home, names: &[&str], deadlock: &Deadlock) {
    let links = deadlock.links();
    let ids: BTreeSet<TaskId> = links.iter().map(|link| link.task.id()).collect();
    assert_eq!(ids.len(), names.len(), "{home:?}: {deadlock}");
    for link in links {
        let at: &Location<'_> = link.task.spawned_at();
        // The first half of the outermost fork runs as a part of whoever forked.
        let is_forker = home == Home::Forks && link.task.to_string().starts_with("thread `");
        assert!(
            at.file().ends_with("homes.rs") || is_forker,
            "{home:?}: {deadlock}"
        );
    }
    if home != Home::Forks {
        for (number, name) in names.iter().enumerate() {
            let name = home.names(number, name);
            assert!(
                deadlock.to_string().contains(&name),
                "{home:?}: {name} in {deadlock}"
            );
        }
    }
}

/// Runs a program of which one wait is refused, in all homes.
fn one_is_refused(
    names: &[&'static str],
    program: impl Fn() -> Box<dyn Fn(usize) -> Result<(), WaitError> + Send + Sync>,
) {
    for home in HOMES {
        let _watchdog = watchdog();
        let outcomes = home.run(names, program());
        let refused = outcomes
            .iter()
            .filter_map(|outcome| outcome.as_ref().unwrap().as_ref().err());
        let refused: Vec<_> = refused.collect();
        assert_eq!(refused.len(), 1, "{home:?}: {refused:?}");
        check_links(home, names, refused[0].deadlock().unwrap());
    }
}

#[test]
fn two_locks_in_opposite_order() {
    one_is_refused(&["x", "y"], || {
        let locks = [Mutex::new(()), Mutex::new(())];
        let both = Barrier::new(2);
        Box::new(move |n| {
            let _mine = locks[n].lock()?;
            both.wait()?;
            locks[1 - n].lock().map(drop)
        })
    });
}

#[test]
fn five_philosophers_who_take_the_left_fork_first() {
    one_is_refused(&["a", "b", "c", "d", "e"], || {
        let forks: Vec<_> = (0..5).map(Mutex::new).collect();
        let seated = Barrier::new(5);
        Box::new(move |n| {
            let _left = forks[n].lock()?;
            seated.wait()?;
            forks[(n + 1) % 5].lock().map(drop)
        })
    });
}

#[test]
fn readers_who_write_what_the_next_reads() {
    one_is_refused(&["a", "b", "c"], || {
        let locks: Vec<_> = (0..3).map(RwLock::new).collect();
        let all = Barrier::new(3);
        Box::new(move |n| {
            let _mine = locks[n].read()?;
            all.wait()?;
            locks[(n + 1) % 3].write().map(drop)
        })
    });
}

#[test]
fn two_values_that_need_each_other() {
    one_is_refused(&["x", "y"], || {
        let cells: [OnceCell<()>; 2] = [OnceCell::new(), OnceCell::new()];
        let both = Barrier::new(2);
        Box::new(move |n| {
            let mut inner = Ok(());
            let outer = cells[n].get_or_init(|| {
                inner = both
                    .wait()
                    .and_then(|_| cells[1 - n].get_or_init(|| ()).copied());
            });
            outer?;
            inner
        })
    });
}

#[test]
fn philosophers_in_order_eat() {
    for home in HOMES {
        let _watchdog = watchdog();
        let forks: Vec<_> = (0..5).map(Mutex::new).collect();
        let meals = AtomicUsize::new(0);
        let outcomes = home.run(&["a", "b", "c", "d", "e"], |n| {
            let (low, high) = (n.min((n + 1) % 5), n.max((n + 1) % 5));
            for _ in 0..50 {
                let _low = forks[low].lock().unwrap();
                let _high = forks[high].lock().unwrap();
                meals.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert!(outcomes.iter().all(Result::is_ok));
        assert_eq!(meals.into_inner(), 250);
    }
}

#[test]
fn all_are_seen_with_what_they_wait_for_and_who_holds_it() {
    for home in HOMES {
        let _watchdog = watchdog();
        let lock = Mutex::new(());
        let (tell, told) = reunite::channel::bounded::<()>(8);
        // A name of its own, as other tests run beside this one.
        let names = ["holds it", "wants it", "wants it, too"];
        let guard = lock.lock().unwrap();
        let outcomes = reunite::scope(|s| {
            let looks = s.spawn(|| {
                let wants = |task: &&DumpTask| {
                    let waits = task.waits.as_ref().map_or("", |waits| &waits.what);
                    waits.contains("locks a mutex")
                        && task.task.spawned_at().file().ends_with("homes.rs")
                };
                // The first half of the outermost fork is a part of the thread that forked.
                let expected = if home == Home::Forks { 2 } else { 3 };
                let mut seen = Vec::new();
                until(|| {
                    let shown = shown();
                    let shown = shown.iter().map(|(_, task)| task);
                    seen = shown.filter(wants).cloned().collect();
                    seen.len() >= expected
                });
                if home != Home::Forks {
                    for (number, name) in names.iter().enumerate() {
                        let name = home.names(number, name);
                        let is_it = |task: &DumpTask| task.task.to_string().starts_with(&name);
                        assert!(seen.iter().any(is_it), "{home:?}: {name} in {seen:?}");
                    }
                }
                tell.send(()).unwrap();
            });
            let releases = move || {
                told.recv().unwrap();
                drop(guard);
            };
            // On a thread of the system: the guard may be dropped anywhere.
            let outcomes = std::thread::scope(|threads| {
                let ran = threads.spawn(|| home.run(&names, |_| lock.lock().map(drop)));
                releases();
                ran.join().unwrap()
            });
            looks.join().unwrap();
            outcomes
        });
        assert!(
            outcomes.iter().all(|it| matches!(it, Ok(Ok(())))),
            "{home:?}"
        );
    }
}

#[test]
fn a_panic_is_that_of_its_task_and_told_with_its_name() {
    for home in HOMES.into_iter().filter(|home| *home != Home::Forks) {
        let outcomes = home.run(&["first", "second", "third"], |n| {
            assert_ne!(n, 1, "as expected");
            n
        });
        assert_eq!(outcomes[0], Ok(0));
        assert_eq!(outcomes[2], Ok(2));
        let error = outcomes[1].as_ref().unwrap_err();
        let name = home.names(1, "second");
        assert!(
            error.starts_with(&name) && error.contains("as expected"),
            "{home:?}: {error}"
        );
    }
}

#[test]
fn a_wait_inside_a_task_ends_when_what_is_around_it_is_cancelled() {
    for home in HOMES {
        let _watchdog = watchdog();
        let waiting = AtomicUsize::new(0);
        let reasons = reunite::scope(|s| {
            let task = s.spawn(|| {
                let outcomes = home.run(&["a", "b"], |_| {
                    waiting.fetch_add(1, Ordering::SeqCst);
                    let why = reunite::sleep(Duration::from_secs(3600)).unwrap_err();
                    // Level-triggered.
                    assert!(reunite::checkpoint().is_err());
                    why.reason().to_owned()
                });
                outcomes
                    .into_iter()
                    .filter_map(Result::ok)
                    .collect::<Vec<_>>()
            });
            until(|| waiting.load(Ordering::SeqCst) == 2);
            task.cancel();
            task.join()
        });
        match reasons {
            Ok(reasons) => assert!(
                reasons.iter().all(|it| it.contains("through its handle")),
                "{reasons:?}"
            ),
            // The body was left by what it could not say.
            Err(error) => assert!(error.is_cancelled(), "{home:?}: {error}"),
        }
    }
}
