//! Waits for anyone under the model checker. The modelled process has the threads that the library knows, and the
//! model's own.

use crate::channel::{Receiver, Sender, bounded, unbounded};
use crate::primitive::{Arc, Counter, Ordering, count_threads_in_model};

const RUNS: usize = 10_000;

fn check(program: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(
        move || {
            count_threads_in_model();
            program();
        },
        RUNS,
    );
}

#[test]
fn a_wait_that_somebody_ends_is_never_refused() {
    check(|| {
        let (there, back) = (bounded::<u8>(1), bounded::<u8>(1));
        crate::scope(|s| {
            let echoes = s.spawn(|| {
                let got = there.1.recv().unwrap();
                back.0.send(got).unwrap();
            });
            there.0.send(1).unwrap();
            assert_eq!(back.1.recv().unwrap(), 1);
            echoes.join().unwrap();
        });
    });
}

/// A message ends the wait also if its sender does nothing more after sending it.
#[test]
fn the_last_that_a_thread_does_is_not_overlooked() {
    check(|| {
        let (tx, rx) = unbounded::<u8>();
        let keeps = tx.clone();
        crate::scope(|s| {
            for _ in 0..2 {
                let tx = tx.clone();
                drop(s.spawn(move || tx.send(1).unwrap()));
            }
            assert_eq!(rx.recv().unwrap() + rx.recv().unwrap(), 2);
        });
        drop(keeps);
    });
}

/// A worker that gives up looks for work once more before it counts as idle, and may find some.
#[test]
fn a_worker_is_not_idle_before_its_last_look() {
    check(|| {
        let pool = crate::Pool::builder().threads(1).spares(0);
        let pool = pool.build().unwrap();
        let (tx, rx) = unbounded::<u8>();
        for _ in 0..2 {
            let tx = tx.clone();
            pool.spawn(move || tx.send(1).unwrap()).detach();
            assert_eq!(rx.recv().unwrap(), 1);
        }
    });
}

#[test]
fn whoever_waits_for_nobody_is_refused() {
    check(|| {
        let (_tx, rx) = unbounded::<u8>();
        let refused = Counter::new(0);
        crate::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| refused.fetch_add(u64::from(rx.recv().is_err()), Ordering::SeqCst));
            }
        });
        assert_eq!(refused.into_inner(), 3);
    });
}

/// Each task sends to the next one when its receive has returned, even with an error. So one refusal is enough.
#[test]
fn a_refusal_that_helps_the_others_is_the_only_one() {
    check(|| {
        let queues: Arc<[(Sender<u8>, Receiver<u8>)]> = (0..3).map(|_| bounded(1)).collect();
        let refused = Counter::new(0);
        crate::scope(|s| {
            for n in 0..3 {
                let (queues, refused) = (Arc::clone(&queues), &refused);
                s.spawn(move || {
                    refused.fetch_add(u64::from(queues[n].1.recv().is_err()), Ordering::SeqCst);
                    queues[(n + 1) % 3].0.send(1).unwrap();
                });
            }
        });
        assert_eq!(refused.into_inner(), 1);
    });
}
