//! Helpers that the tests share.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod homes;
pub(crate) mod profile;
pub(crate) mod sort_inputs;

use std::any::Any;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Longer than any test runs; not a limit that a test may reach.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// Ends the process, printing the test's name, if the test hangs. Dropped when the test is over.
#[must_use = "watches until it is dropped"]
pub(crate) struct Watchdog(
    #[allow(dead_code, reason = "dropped to say that all is well")] mpsc::Sender<()>,
);

pub(crate) fn watchdog() -> Watchdog {
    let (well, hangs) = mpsc::channel::<()>();
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    std::thread::spawn(move || {
        if hangs.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            // Not by the captured `eprintln!`, which an abort would swallow.
            let _ = writeln!(std::io::stderr(), "\ntest {test} hangs");
            std::process::abort();
        }
    });
    Watchdog(well)
}

/// Returns when the live tree shows that the task with this name waits so.
pub(crate) fn until_waits(name: &str, how: &str) {
    let is_shown = || {
        let dump = reunite::dump().to_string();
        dump.lines()
            .any(|line| line.contains(name) && line.contains(how))
    };
    while !is_shown() {
        std::thread::yield_now();
    }
}

/// Blocks until the current task is cancelled, and returns by what and why.
pub(crate) fn until_cancelled() -> reunite::Cancelled {
    reunite::sleep(LONG).expect_err("nobody sleeps for an hour in a test")
}

/// The payload of the panic in `f`, which must panic.
pub(crate) fn payload_of<R>(f: impl FnOnce() -> R) -> Box<dyn Any + Send> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("expected a panic"),
        Err(payload) => payload,
    }
}

/// Counts its drops.
pub(crate) struct Counted<'a>(pub(crate) &'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Waits for a condition that other threads make true sooner or later.
pub(crate) fn until(mut arrived: impl FnMut() -> bool) {
    while !arrived() {
        std::thread::yield_now();
    }
}

/// Retries with more and more time, until the time sufficed: `None` means that it passed before the event that should
/// have come first. On a busy machine any time may pass before a thread has run at all.
pub(crate) fn with_time_enough<R>(mut attempt: impl FnMut(Duration) -> Option<R>) -> R {
    let mut time = Duration::from_millis(10);
    loop {
        match attempt(time) {
            Some(done) => return done,
            None => time *= 2,
        }
    }
}

/// A value that panics wherever it is dropped, unless a panic drops it.
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("a bomb was dropped");
        }
    }
}

/// The reports about the pool of that name.
pub(crate) fn stalls_of(pool: &str) -> Vec<reunite::Stall> {
    let mut stalls = stalls();
    stalls.retain(|stall| stall.waits.contains(&format!("`{pool}`")));
    stalls
}

/// All reports since the first call.
pub(crate) fn stalls() -> Vec<reunite::Stall> {
    static STALLS: OnceLock<Arc<Mutex<Vec<reunite::Stall>>>> = OnceLock::new();
    let stalls = STALLS.get_or_init(|| {
        let stalls: Arc<Mutex<Vec<reunite::Stall>>> = Arc::default();
        let ours = Arc::clone(&stalls);
        reunite::on_stall(move |stall| {
            let mut stalls = ours.lock().unwrap_or_else(PoisonError::into_inner);
            stalls.push(stall.clone());
        });
        stalls
    });
    let stalls = stalls.lock().unwrap_or_else(PoisonError::into_inner);
    stalls.clone()
}

/// All tasks of the live tree, and the scope of each.
pub(crate) fn shown() -> Vec<(String, reunite::DumpTask)> {
    fn add(scope: &reunite::DumpScope, all: &mut Vec<(String, reunite::DumpTask)>) {
        for task in &scope.tasks {
            all.push((scope.scope.to_string(), task.clone()));
            task.scopes.iter().for_each(|scope| add(scope, all));
        }
    }
    let mut all = Vec::new();
    reunite::dump()
        .scopes
        .iter()
        .for_each(|it| add(it, &mut all));
    all
}

/// A channel that holds some messages, and whose sender lives for ever.
pub(crate) fn open_channel(capacity: usize) -> reunite::channel::Receiver<u64> {
    let (tx, rx) = match capacity {
        0 => reunite::channel::rendezvous(),
        usize::MAX => reunite::channel::unbounded(),
        capacity => reunite::channel::bounded(capacity),
    };
    for n in 0..3 {
        let _full = tx.try_send(n);
    }
    std::mem::forget(tx);
    rx
}

/// The reason for which an iteration over the messages that `produce` sends leaves, in a task of its own.
pub(crate) fn consumed(
    produce: impl FnOnce(reunite::channel::Sender<u64>) + Send,
) -> Result<usize, reunite::JoinError> {
    let (tx, rx) = reunite::channel::bounded(8);
    reunite::scope(|s| {
        let consumer = s.spawn(move || rx.iter().count());
        produce(tx);
        consumer.join()
    })
}
