//! Waits that last, and so are part of the search for deadlocks. Everywhere else that is off, as it depends on the time.

use std::sync::mpsc::{self, Sender};
use std::sync::{Barrier, Mutex as StdMutex};
use std::time::Duration;

use reunite::sync::{Mutex, Semaphore};
use reunite::{JoinHandle, channel, on_stall, refuse_deadlocks, scope, stall_after};

use crate::meter::Meter;
use crate::operation::{Growth, Operation};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "lasting/one-of-n-waits-for-a-lock",
        size: 64,
        growth: Growth::Logarithm,
        measure: locks,
    },
    Operation {
        name: "lasting/one-of-n-waits-for-a-message",
        size: 64,
        growth: Growth::Logarithm,
        measure: messages,
    },
    Operation {
        name: "lasting/one-of-n-waits-for-a-permit",
        size: 64,
        growth: Growth::Logarithm,
        measure: permits,
    },
    Operation {
        name: "lasting/one-of-n-joins-in-a-chain",
        size: 64,
        growth: Growth::Logarithm,
        measure: joins,
    },
];

/// Longer than a wait lasts before the search for deadlocks knows of it.
const LONG: Duration = Duration::from_millis(5);

/// Calls `f` with a function that returns when so many waits have lasted.
fn until_they_last(f: impl FnOnce(&dyn Fn(usize))) {
    static LASTING: StdMutex<Option<Sender<()>>> = StdMutex::new(None);
    let (lasts, lasting) = mpsc::channel();
    *LASTING.lock().expect("nobody panics") = Some(lasts);
    on_stall(|_| {
        let lasts = LASTING.lock().expect("nobody panics");
        lasts
            .iter()
            .for_each(|lasts| lasts.send(()).expect("it is awaited"));
    });
    stall_after(LONG);
    refuse_deadlocks(true);
    f(&|count| (0..count).for_each(|_| lasting.recv().expect("the sender is kept")));
    refuse_deadlocks(false);
    stall_after(None);
}

/// Runs `wait` on `size` threads, and drops what `hold` has returned once all have waited for long.
fn waiters<H>(size: usize, meter: &mut Meter, hold: impl Fn() -> H, wait: impl Fn() + Sync) {
    until_they_last(|last| {
        meter.rounds(size, || {
            let held = hold();
            scope(|s| {
                for _ in 0..size {
                    s.spawn(&wait);
                }
                last(size);
                drop(held);
            });
        });
    });
}

fn locks(size: usize, meter: &mut Meter) {
    let mutex = Mutex::new(0);
    let wait = || *mutex.lock().expect("no deadlock") += 1;
    waiters(size, meter, || mutex.lock(), wait);
}

fn permits(size: usize, meter: &mut Meter) {
    let semaphore = Semaphore::new(1);
    let wait = || drop(semaphore.acquire().expect("no deadlock"));
    waiters(size, meter, || semaphore.acquire(), wait);
}

fn messages(size: usize, meter: &mut Meter) {
    until_they_last(|last| {
        meter.rounds(size, || {
            let (sender, receiver) = channel::unbounded();
            scope(|s| {
                for _ in 0..size {
                    s.spawn(|| receiver.recv().expect("one for each"));
                }
                last(size);
                (0..size).for_each(|n| sender.send(n).expect("it is open"));
            });
        });
    });
}

/// Each task joins the one before it; the first waits for a message.
fn joins(size: usize, meter: &mut Meter) {
    fn join(task: JoinHandle<()>) {
        task.join().expect("no deadlock");
    }
    until_they_last(|last| {
        meter.rounds(size, || {
            let (sender, receiver) = channel::unbounded();
            let all = Barrier::new(size);
            scope(|s| {
                let (all, receiver) = (&all, &receiver);
                let mut before = s.spawn(move || {
                    all.wait();
                    receiver.recv().expect("it comes")
                });
                for _ in 1..size {
                    let task = before;
                    before = s.spawn(move || {
                        all.wait();
                        join(task);
                    });
                }
                last(size);
                sender.send(()).expect("it is open");
                join(before);
            });
        });
    });
}
