//! What an observer does is told to no observer, whichever thread does it.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use common::{LONG, watchdog};
use reunite::{Event, Label, Observer, Pool, channel};

/// One at a time: every observer is told of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// Acts once, when a scope is opened; keeps what it was told of tasks and scopes.
struct Acts<F> {
    act: F,
    has_acted: AtomicBool,
    told: Arc<Mutex<Vec<(&'static str, u32)>>>,
}

/// Where it was spawned; zero if that is not in this file, as with the thread that runs a test.
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

/// What is told of `program`, with an observer that calls `act` when it is told of the first scope.
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

/// Asserts that nothing is told of `act`, which is handed a pool.
fn assert_untold(act: impl Fn(&Pool) + Send + Sync + 'static) {
    let pool = Pool::builder().threads(2).build().unwrap();
    let opened = line!() + 1;
    let told = told(move || act(&pool), || reunite::scope(|_| ()));
    assert_eq!(told, [("open", opened), ("end", opened)]);
}

/// Uses what observers are told of.
fn work() {
    reunite::scope(|s| s.spawn(|| ()).join().unwrap());
    reunite::sleep(std::time::Duration::from_micros(1)).unwrap();
}

/// Forks; another thread takes the half, as this one waits for it.
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
fn the_forks_of_an_observer_are_told_to_nobody() {
    assert_untold(|pool| fork(pool, work));
}

#[test]
fn nor_are_the_forks_of_their_halves() {
    assert_untold(|pool| fork(pool, || fork(pool, || fork(pool, work))));
}

#[test]
fn nor_are_the_tasks_of_its_scopes_in_pools() {
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
fn nor_are_the_items_of_its_maps_in_pools() {
    assert_untold(|pool| {
        pool.scope(|s| {
            let mut items = s.map(0..3, |_| work());
            // Who waits with a limit runs none.
            while let Some(item) = items.next_timeout(LONG).unwrap() {
                item.unwrap();
            }
        });
    });
}

#[test]
fn nor_are_the_tasks_that_it_spawns_and_installs() {
    assert_untold(|pool| {
        reunite::spawn(work).join().unwrap();
        pool.spawn(work).join().unwrap();
        pool.install(work);
        reunite::map(0..3, |_| work()).into_iter().for_each(drop);
    });
}

/// Those that its thread had open before are taken by others meanwhile.
#[test]
fn forks_around_an_observer_are_told_and_those_after_it() {
    let pool = Arc::new(Pool::builder().threads(1).build().unwrap());
    let (tx, rx) = channel::bounded(1);
    let ours = Arc::clone(&pool);
    let act = move || fork(&ours, || rx.recv().unwrap());
    let open = || reunite::scope(|_| ());
    let first = line!() + 3;
    let told = told(act, || {
        // The first that a thread forks in a pool is published, the second is private, as nobody else has a place.
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
