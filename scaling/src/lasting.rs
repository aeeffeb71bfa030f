//! Waits that last, and so enter the search for deadlocks. All other operations are measured without that search,
//! because it depends on the time.

use reunite::sync::{Mutex, Semaphore};
use reunite::{channel, refuse_deadlocks};

use crate::meter::Meter;
use crate::operation::{Growth, Operation};
use crate::threads::joined_in_a_chain;
use crate::waiting_threads::all_wait;

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

/// Runs `wait` on `size` threads, and drops the value of `hold` once all of them wait.
fn waiters<H>(size: usize, meter: &mut Meter, hold: impl Fn() -> H, wait: impl Fn() + Sync) {
    refuse_deadlocks(true);
    meter.rounds(size, || {
        let held = hold();
        all_wait(size, &wait, || drop(held));
    });
    refuse_deadlocks(false);
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
    refuse_deadlocks(true);
    meter.rounds(size, || {
        let (sender, receiver) = channel::unbounded();
        let send = || (0..size).for_each(|n| sender.send(n).expect("it is open"));
        let receive = || {
            receiver.recv().expect("one for each");
        };
        all_wait(size, receive, send);
    });
    refuse_deadlocks(false);
}

/// Each task joins the one before it; the first waits for a message.
fn joins(size: usize, meter: &mut Meter) {
    refuse_deadlocks(true);
    meter.rounds(size, || joined_in_a_chain(size));
    refuse_deadlocks(false);
}
