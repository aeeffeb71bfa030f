//! Queues between threads.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::watchdog;
use reunite::channel::{Receiver, Sender, bounded, rendezvous, select, select_timeout, unbounded};

type Pair = (Sender<usize>, Receiver<usize>);

/// Makes a channel of each kind.
fn kinds() -> Vec<Pair> {
    vec![
        rendezvous(),
        bounded(1),
        bounded(4),
        bounded(12),
        bounded(5_000),
        unbounded(),
    ]
}

#[test]
fn messages_arrive_in_order() {
    let _watch = watchdog();
    for (tx, rx) in kinds() {
        reunite::scope(|s| {
            s.spawn(move || (0..5_000).for_each(|n| tx.send(n).unwrap()));
            assert!(rx.iter().eq(0..5_000));
            assert!(rx.recv().unwrap_err().is_closed());
        });
    }
}

#[test]
fn each_message_goes_to_one_receiver() {
    let _watch = watchdog();
    for (tx, rx) in kinds() {
        let (count, sum) = (AtomicUsize::new(0), AtomicUsize::new(0));
        reunite::scope(|s| {
            for part in 0..4 {
                let tx = tx.clone();
                s.spawn(move || (0..1_000).for_each(|n| tx.send(part * 1_000 + n).unwrap()));
            }
            drop(tx);
            for _ in 0..3 {
                let rx = rx.clone();
                let (count, sum) = (&count, &sum);
                s.spawn(move || {
                    for n in &rx {
                        count.fetch_add(1, Ordering::SeqCst);
                        sum.fetch_add(n, Ordering::SeqCst);
                    }
                });
            }
            drop(rx);
        });
        assert_eq!(count.into_inner(), 4_000);
        assert_eq!(sum.into_inner(), (0..4_000).sum());
    }
}

#[test]
fn a_bounded_channel_holds_no_more_than_its_capacity() {
    let _watch = watchdog();
    let (tx, rx) = bounded(3);
    (0..3).for_each(|n| tx.try_send(n).unwrap());
    let error = tx.try_send(3).unwrap_err();
    assert!(error.is_full());
    assert_eq!(error.into_message(), 3);
    let error = tx.send_timeout(3, Duration::from_millis(1)).unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(rx.len(), 3);
    assert!(rx.iter().take(3).eq(0..3));
}

#[test]
fn a_rendezvous_send_returns_when_the_message_was_taken() {
    let _watch = watchdog();
    let (tx, rx) = rendezvous();
    assert!(tx.try_send(1).unwrap_err().is_full());
    assert!(
        tx.send_timeout(2, Duration::from_millis(1))
            .unwrap_err()
            .is_timeout()
    );
    assert!(
        rx.try_recv().unwrap_err().is_empty(),
        "a send that gave up leaves nothing"
    );
    let taken = AtomicUsize::new(0);
    reunite::scope(|s| {
        s.spawn(|| {
            tx.send(3).unwrap();
            assert_eq!(taken.load(Ordering::SeqCst), 1);
        });
        // The send cannot return before this.
        taken.store(1, Ordering::SeqCst);
        assert_eq!(rx.recv().unwrap(), 3);
    });
}

#[test]
fn a_try_send_succeeds_while_a_receiver_waits() {
    let _watch = watchdog();
    let (tx, rx) = rendezvous();
    reunite::scope(|s| {
        let taken = s.spawn(|| rx.recv().unwrap());
        let mut message = 7;
        // Until the receiver waits, no thread is there to take it.
        while let Err(error) = tx.try_send(message) {
            assert!(error.is_full());
            message = error.into_message();
            std::thread::yield_now();
        }
        assert_eq!(taken.join().unwrap(), 7);
    });
    assert!(tx.try_send(8).unwrap_err().is_full());
}

#[test]
fn close_drains_and_close_now_drops() {
    let _watch = watchdog();
    let (tx, rx) = unbounded();
    (0..5).for_each(|n| tx.send(n).unwrap());
    tx.close();
    assert!(tx.send(5).unwrap_err().is_closed());
    assert!(rx.is_closed());
    assert_eq!(rx.recv().unwrap(), 0);
    assert_eq!(rx.close_now(), 4);
    assert!(rx.try_recv().unwrap_err().is_closed());
}

#[test]
fn closing_wakes_all_waits_and_returns_unsent_messages() {
    let _watch = watchdog();
    for (round, capacity) in (0..200).flat_map(|round| [(round, 1), (round, 4)]) {
        let (tx, rx) = bounded(capacity);
        let (empty_tx, empty_rx) = if round % 4 < 2 {
            rendezvous()
        } else {
            bounded::<usize>(capacity)
        };
        (0..capacity).for_each(|_| tx.send(0).unwrap());
        reunite::scope(|s| {
            let senders: Vec<_> = (1..4)
                .map(|n| {
                    s.spawn({
                        let tx = tx.clone();
                        move || tx.send(n)
                    })
                })
                .collect();
            let receivers: Vec<_> = (0..3).map(|_| s.spawn(|| empty_rx.recv())).collect();
            if round % 2 == 0 {
                std::thread::yield_now();
            }
            tx.close();
            empty_tx.close();
            for (n, sender) in senders.into_iter().enumerate() {
                let error = sender.join().unwrap().unwrap_err();
                assert!(error.is_closed());
                assert_eq!(error.into_message(), n + 1);
            }
            for receiver in receivers {
                assert!(receiver.join().unwrap().unwrap_err().is_closed());
            }
        });
        let left = rx.iter().collect::<Vec<_>>();
        assert_eq!(
            left,
            vec![0; capacity],
            "what was sent before is still there"
        );
    }
}

#[test]
fn the_last_sender_and_the_last_receiver_close() {
    let _watch = watchdog();
    let (tx, rx) = unbounded::<u8>();
    let second = tx.clone();
    drop(tx);
    assert!(!rx.is_closed());
    drop(second);
    assert!(rx.recv().unwrap_err().is_closed());
    let (tx, rx) = unbounded();
    let second = rx.clone();
    tx.send(1).unwrap();
    drop(rx);
    tx.send(2).unwrap();
    drop(second);
    assert!(tx.send(3).unwrap_err().is_closed());
}

#[test]
fn held_messages_are_dropped_with_the_last_receiver() {
    struct Counts<'a>(&'a AtomicUsize);
    impl Drop for Counts<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let dropped = AtomicUsize::new(0);
    let (tx, rx) = unbounded();
    (0..10).for_each(|_| drop(tx.send(Counts(&dropped))));
    drop(rx);
    assert_eq!(dropped.load(Ordering::SeqCst), 10);
}

#[test]
fn a_cancelled_task_sends_and_receives_no_more() {
    let _watch = watchdog();
    for (tx, rx) in [bounded(1), bounded(4)] {
        cancel_whoever_waits(&tx, &rx);
    }
}

fn cancel_whoever_waits(tx: &Sender<usize>, rx: &Receiver<usize>) {
    let held = std::iter::repeat_with(|| tx.try_send(0))
        .take_while(Result::is_ok)
        .count();
    let (_quiet_tx, quiet_rx) = rendezvous::<u8>();
    reunite::scope(|s| {
        let sender = s.spawn(|| tx.send(1));
        let receiver = s.spawn(|| quiet_rx.recv());
        reunite::sleep(Duration::from_millis(1)).unwrap();
        sender.cancel();
        receiver.cancel();
        match sender.join() {
            Ok(sent) => {
                let error = sent.unwrap_err();
                assert!(error.is_cancelled());
                assert_eq!(error.into_message(), 1);
            }
            Err(error) => assert!(error.is_cancelled()),
        }
        match receiver.join() {
            Ok(received) => assert!(received.unwrap_err().is_cancelled()),
            Err(error) => assert!(error.is_cancelled()),
        }
    });
    assert!((0..held).all(|_| rx.recv().unwrap() == 0));
    assert!(rx.try_recv().unwrap_err().is_empty());
}

/// Timeouts and messages race: every message is received once or is still in the channel.
#[test]
fn no_message_is_lost_to_a_timeout() {
    let _watch = watchdog();
    for (tx, rx) in kinds() {
        let sent = AtomicUsize::new(0);
        let received = AtomicUsize::new(0);
        reunite::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    for n in 0..2_000 {
                        let timeout = Duration::from_micros(n % 30);
                        if tx.send_timeout(1, timeout).is_ok() {
                            sent.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
                s.spawn(|| {
                    for n in 0..2_000 {
                        let timeout = Duration::from_micros(n % 30);
                        if rx.recv_timeout(timeout).is_ok() {
                            received.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        assert_eq!(sent.into_inner(), received.into_inner() + rx.len());
    }
}

#[test]
fn select_takes_from_whichever_has_a_message() {
    let _watch = watchdog();
    for round in 0..100 {
        let (first_tx, first) = rendezvous();
        let (second_tx, second) = bounded([1, 4][round % 2]);
        reunite::scope(|s| {
            s.spawn(move || (0..20).for_each(|n| first_tx.send(n).unwrap()));
            s.spawn(move || (100..120).for_each(|n| second_tx.send(n).unwrap()));
            let mut open = vec![&first, &second];
            let mut sum = 0;
            while !open.is_empty() {
                let (which, message) = select(&open).unwrap();
                match message {
                    Ok(n) => sum += n,
                    Err(closed) => {
                        assert!(closed.is_closed());
                        open.remove(which);
                    }
                }
            }
            assert_eq!(sum, (0..20).sum::<i32>() + (100..120).sum::<i32>());
        });
    }
    let (_tx, rx) = unbounded::<u8>();
    assert!(
        select_timeout(&[&rx], Duration::from_millis(1))
            .unwrap_err()
            .is_timeout()
    );
    assert!(select::<u8>(&[]).unwrap_err().is_closed());
}

#[test]
fn a_worker_that_waits_for_a_message_makes_room_for_the_sender() {
    let _watch = watchdog();
    let pool = reunite::Pool::builder().threads(1).build().unwrap();
    for _ in 0..100 {
        let (tx, rx) = rendezvous();
        let (got, ()) = pool.join(|| rx.recv().unwrap(), || tx.send(7).unwrap());
        assert_eq!(got, 7);
    }
}

/// On one core, a channel of few messages is stored in another way.
#[cfg(target_os = "linux")]
#[test]
fn these_tests_pass_on_one_core_too() {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    const ON_ONE_CORE: &str = "REUNITE_TEST_ON_ONE_CORE";
    if std::env::var_os(ON_ONE_CORE).is_some() {
        assert_eq!(std::thread::available_parallelism().unwrap().get(), 1);
        return;
    }
    let run = || {
        let cores = sched_getaffinity(None).unwrap();
        let mut one = CpuSet::new();
        one.set(
            (0..CpuSet::MAX_CPU)
                .find(|core| cores.is_set(*core))
                .unwrap(),
        );
        sched_setaffinity(None, &one).unwrap();
        // The process inherits the core of the thread that starts it.
        let mut tests = std::process::Command::new(std::env::current_exe().unwrap());
        tests
            .arg("--nocapture")
            .env(ON_ONE_CORE, "1")
            .output()
            .unwrap()
    };
    let output = std::thread::spawn(run).join().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
}
