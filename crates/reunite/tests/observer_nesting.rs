//! Observers are not called for what an observer does, whichever thread does it.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use common::{LONG, watchdog};
use reunite::{Event, Label, Observer, Pool, channel};

/// One test at a time: every observer is called for the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// Acts once, when a scope is opened; records the events of tasks and scopes.
struct Acts<F> {
    act: F,
    has_acted: AtomicBool,
    told: Arc<Mutex<Vec<(&'static str, u32)>>>,
}

/// The line where it was spawned; zero if that is not in this file, as for the thread that runs a test.
fn line(of: &Label) -> u32 {
    let at = of.spawned_at();
    if at.file() == file!() { at.line() } else { 0 }
}

impl<F: Fn() + Send + Sync> Observer for Acts<F> {
    fn on_event(&self, event: &Event<'_>) {
        let told = match event {
            Event::Open { scope, .. } => ("open", line(scope)),
            Event::End { scope, .. } => ("end", line(scope)),
            Event::Spawn { task, .. } => ("spawn", line(task)),
            Event::Start { task } => ("start", line(task)),
            Event::Block { task, .. } => ("block", line(task)),
            Event::Resume { task } => ("resume", line(task)),
            Event::Complete { task, .. } => ("complete", line(task)),
            Event::Join { task, .. } => ("join", line(task)),
            _ => return,
        };
        if told.1 != 0 {
            self.told.lock().unwrap().push(told);
        }
        if told.0 == "open" && !self.has_acted.swap(true, Ordering::SeqCst) {
            (self.act)();
        }
    }
}

/// The events of `program`, with an observer that calls `act` at the first opening of a scope.
fn told(
    act: impl Fn() + Send + Sync + 'static,
    program: impl FnOnce(),
) -> Vec<(&'static str, u32)> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let _watchdog = watchdog();
    let told = Arc::new(Mutex::new(Vec::new()));
    let observing = reunite::observe(Acts {
        act,
        has_acted: AtomicBool::new(false),
        told: Arc::clone(&told),
    });
    program();
    drop(observing);
    let told = told.lock().unwrap();
    told.clone()
}

/// Asserts that observers are not called for `act`, which gets a pool.
fn assert_untold(act: impl Fn(&Pool) + Send + Sync + 'static) {
    let pool = Pool::builder().threads(2).build().unwrap();
    let opened = line!() + 1;
    let told = told(move || act(&pool), || reunite::scope(|_| ()));
    assert_eq!(told, [("open", opened), ("end", opened)]);
}

/// Does things for which observers are called.
fn work() {
    reunite::scope(|s| s.spawn(|| ()).join().unwrap());
    reunite::sleep(std::time::Duration::from_micros(1)).unwrap();
}

/// Forks; another thread takes the half, because this one waits for it.
fn fork(pool: &Pool, half: impl FnOnce() + Send) {
    let forker = thread::current().id();
    let (tx, rx) = channel::bounded(1);
    pool.join(
        || rx.recv().unwrap(),
        || {
            assert_ne!(thread::current().id(), forker);
            half();
            tx.send(()).unwrap();
        },
    );
}

#[test]
fn the_forks_of_an_observer_are_not_observed() {
    assert_untold(|pool| fork(pool, work));
}

#[test]
fn the_forks_of_its_halves_are_not_observed() {
    assert_untold(|pool| fork(pool, || fork(pool, || fork(pool, work))));
}

#[test]
fn the_tasks_of_its_scopes_in_pools_are_not_observed() {
    assert_untold(|pool| {
        let (tx, rx) = channel::bounded(1);
        pool.scope(|s| {
            let task = s.spawn(move || {
                work();
                tx.send(()).unwrap();
            });
            // A worker has to run it.
            rx.recv().unwrap();
            task.join().unwrap();
        });
    });
}

#[test]
fn the_items_of_its_maps_in_pools_are_not_observed() {
    assert_untold(|pool| {
        pool.scope(|s| {
            let mut items = s.map(0..3, |_| work());
            // A consumer that waits with a limit runs no items.
            while let Some(item) = items.next_timeout(LONG).unwrap() {
                item.unwrap();
            }
        });
    });
}

#[test]
fn the_tasks_that_it_spawns_and_installs_are_not_observed() {
    assert_untold(|pool| {
        reunite::spawn(work).join().unwrap();
        pool.spawn(work).join().unwrap();
        pool.install(work);
        reunite::map(0..3, |_| work()).into_iter().for_each(drop);
    });
}

/// Forks that its thread had open before are taken by other threads meanwhile.
#[test]
fn forks_open_around_an_observer_and_later_ones_are_observed() {
    let pool = Arc::new(Pool::builder().threads(1).build().unwrap());
    let (tx, rx) = channel::bounded(1);
    let ours = Arc::clone(&pool);
    let act = move || fork(&ours, || rx.recv().unwrap());
    let open = || reunite::scope(|_| ());
    let first = line!() + 3;
    let told = told(act, || {
        // The first fork of a thread is published; the second stays private, because no other thread has a place.
        let begin = || pool.join(open, || tx.send(()).unwrap());
        pool.join(begin, || ());
        let (tx, rx) = channel::bounded(1);
        pool.join(|| rx.recv().unwrap(), || tx.send(()).unwrap());
    });
    let halves = [first, first + 1, first + 3];
    let of_half = |half: u32| told.iter().filter(move |(_, line)| *line == half);
    for half in halves {
        let what: Vec<_> = of_half(half).map(|(what, _)| *what).collect();
        let whole = ["spawn", "start", "complete", "join"];
        assert_eq!(what, whole, "line {half} of {told:?}");
    }
    let opened = first - 4;
    let scope = [("open", opened), ("end", opened)];
    let others = told.iter().filter(|(_, line)| !halves.contains(line));
    assert_eq!(others.copied().collect::<Vec<_>>(), scope);
}
