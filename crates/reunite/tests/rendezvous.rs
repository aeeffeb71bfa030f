//! Channels without capacity: a send returns when a receiver has its message.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{until_waits, watchdog};
use reunite::channel::{Receiver, bounded, select, select_timeout, try_select, unbounded};

/// A message that counts how often it was dropped.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Sends once a receiver waits.
fn try_until_sent<T>(mut message: T, try_send: impl Fn(T) -> Result<(), T>) {
    while let Err(back) = try_send(message) {
        message = back;
        std::thread::yield_now();
    }
}

#[test]
fn it_holds_nothing() {
    let _watchdog = watchdog();
    let (tx, rx) = bounded(0);
    assert!(tx.is_empty() && rx.is_empty());
    let full = tx.try_send(1).unwrap_err();
    assert!(full.is_full());
    assert_eq!(full.into_message(), 1);
    let late = tx.send_timeout(2, Duration::from_millis(1)).unwrap_err();
    assert!(late.is_timeout());
    assert_eq!(late.into_message(), 2);
    let late = tx.send_deadline(3, Instant::now()).unwrap_err();
    assert!(late.is_timeout());
    assert_eq!((late.into_message(), tx.len(), rx.len()), (3, 0, 0));
    assert!(rx.try_recv().unwrap_err().is_empty());
    let late = rx.recv_timeout(Duration::from_millis(1)).unwrap_err();
    assert!(late.is_timeout());
}

#[test]
fn a_send_returns_when_its_message_was_taken() {
    let _watchdog = watchdog();
    for _ in 0..200 {
        let (tx, rx) = bounded(0);
        let begun = AtomicUsize::new(0);
        reunite::scope(|s| {
            let sender = s.spawn(|| {
                tx.send(7).unwrap();
                begun.load(Ordering::SeqCst)
            });
            std::thread::yield_now();
            begun.store(1, Ordering::SeqCst);
            assert_eq!(rx.recv().unwrap(), 7);
            assert_eq!(
                sender.join().unwrap(),
                1,
                "the send returned before the receive"
            );
        });
    }
}

#[test]
fn messages_come_in_the_order_in_which_they_are_sent() {
    let _watchdog = watchdog();
    let (tx, rx) = bounded(0);
    reunite::scope(|s| {
        s.spawn(move || (0..5_000).for_each(|n| tx.send(n).unwrap()));
        assert!(rx.iter().eq(0..5_000));
        assert!(rx.recv().unwrap_err().is_closed());
    });
}

#[test]
fn try_recv_takes_from_a_sender_that_waits() {
    let _watchdog = watchdog();
    let (tx, rx) = bounded(0);
    reunite::scope(|s| {
        let sender = s.spawn(|| tx.send(7));
        let taken = loop {
            match rx.try_recv() {
                Ok(message) => break message,
                Err(error) => assert!(error.is_empty(), "{error}"),
            }
            std::thread::yield_now();
        };
        assert_eq!(taken, 7);
        sender.join().unwrap().unwrap();
    });
}

/// A receiver that waits for this channel alone gets the message first, then one that waits for several.
#[test]
fn try_send_finds_a_receiver_that_waits_for_this_channel_or_for_several() {
    let _watchdog = watchdog();
    let (tx, rx) = bounded(0);
    let (_other, from_other) = unbounded();
    let send = |message| {
        try_until_sent(message, |message| {
            tx.try_send(message).map_err(|error| error.into_message())
        });
    };
    reunite::scope(|s| {
        let named = |name| reunite::Builder::new().name(name);
        let several = s.spawn_with(named("several"), || select(&[&rx, &from_other]).unwrap());
        until_waits("several", "selects among channels");
        let alone = s.spawn_with(named("alone"), || rx.recv().unwrap());
        until_waits("alone", "receives from a channel");
        send(7);
        assert_eq!(alone.join().unwrap(), 7);
        assert!(!several.is_finished());
        send(8);
        let (which, message) = several.join().unwrap();
        assert_eq!((which, message.unwrap()), (0, 8));
    });
}

#[test]
fn a_select_takes_from_a_sender_that_comes_later_or_waits() {
    let _watchdog = watchdog();
    for round in 0..100 {
        let (one, from_one) = bounded(0);
        let (two, from_two) = bounded(0);
        reunite::scope(|s| {
            let sender = s.spawn(|| {
                if round % 2 == 0 {
                    one.send(1)
                } else {
                    two.send(2)
                }
            });
            if round % 3 == 0 {
                std::thread::yield_now();
            }
            let (which, message) = select(&[&from_one, &from_two]).unwrap();
            assert_eq!((which, message.unwrap()), (round % 2, 1 + round % 2));
            sender.join().unwrap().unwrap();
        });
        let late = select_timeout(&[&from_one, &from_two], Duration::ZERO);
        assert!(late.unwrap_err().is_timeout());
        assert!(try_select(&[&from_one, &from_two]).unwrap_err().is_empty());
    }
}

#[test]
fn closing_gives_a_sender_that_waits_its_message_back() {
    let _watchdog = watchdog();
    for last_is_dropped in [false, true] {
        let (tx, rx) = bounded(0);
        reunite::scope(|s| {
            let sender = s.spawn(|| tx.send(7));
            if last_is_dropped {
                drop(rx);
            } else {
                rx.close();
            }
            let error = sender.join().unwrap().unwrap_err();
            assert!(error.is_closed());
            assert_eq!(error.into_message(), 7);
        });
    }
}

#[test]
fn closing_wakes_a_receiver_that_waits() {
    let _watchdog = watchdog();
    for last_is_dropped in [false, true] {
        let (tx, rx) = bounded::<u8>(0);
        reunite::scope(|s| {
            let receiver = s.spawn(|| rx.recv());
            if last_is_dropped {
                drop(tx);
            } else {
                tx.close();
            }
            assert!(receiver.join().unwrap().unwrap_err().is_closed());
        });
    }
}

/// Timeouts, cancellations, closings and hand-overs race: what was sent was received, and what was not came back.
#[test]
fn each_message_is_handed_over_once_or_comes_back() {
    let _watchdog = watchdog();
    for round in 0..60 {
        let (dropped, sent, received) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        let (tx, rx) = bounded(0);
        let made = AtomicUsize::new(0);
        reunite::scope(|s| {
            for n in 0..3u64 {
                let (tx, made, sent, dropped) = (tx.clone(), &made, &sent, &dropped);
                let sender = s.spawn(move || {
                    for step in 0..100 {
                        made.fetch_add(1, Ordering::SeqCst);
                        let timeout = Duration::from_micros((step * 7 + n) % 30);
                        match tx.send_timeout(Counted(dropped), timeout) {
                            Ok(()) => drop(sent.fetch_add(1, Ordering::SeqCst)),
                            Err(error) => drop(error.into_message()),
                        }
                    }
                });
                let (rx, received) = (rx.clone(), &received);
                let receiver = s.spawn(move || {
                    for step in 0..100 {
                        let timeout = Duration::from_micros((step * 5 + n) % 30);
                        if rx.recv_timeout(timeout).is_ok() {
                            received.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
                match (round + n) % 6 {
                    0 => sender.cancel(),
                    1 => receiver.cancel(),
                    _ => {}
                }
                sender.detach();
                receiver.detach();
            }
            if round % 5 == 0 {
                tx.close();
            }
        });
        let (sent, received) = (sent.into_inner(), received.into_inner());
        assert_eq!(sent, received);
        drop((tx, rx));
        assert_eq!(dropped.into_inner(), made.into_inner());
    }
}

#[test]
fn a_cancelled_sender_or_receiver_leaves_the_next_its_turn() {
    let _watchdog = watchdog();
    for _ in 0..100 {
        let (tx, rx) = bounded(0);
        reunite::scope(|s| {
            let given_up = s.spawn(|| tx.send(1));
            let stays = s.spawn(|| tx.send(2));
            given_up.cancel();
            let first = rx.recv().unwrap();
            match given_up.join() {
                Ok(Ok(())) => assert_eq!((first, rx.recv().unwrap()), (1, 2)),
                Ok(Err(error)) => assert_eq!((first, error.into_message()), (2, 1)),
                Err(error) => assert!(error.is_cancelled() && first == 2),
            }
            stays.join().unwrap().unwrap();
            let given_up = s.spawn(|| rx.recv());
            let stays = s.spawn(|| rx.recv());
            given_up.cancel();
            tx.send(3).unwrap();
            match given_up.join() {
                Ok(Ok(taken)) => {
                    assert_eq!(taken, 3);
                    tx.send(4).unwrap();
                    assert_eq!(stays.join().unwrap().unwrap(), 4);
                }
                Ok(Err(_)) | Err(_) => assert_eq!(stays.join().unwrap().unwrap(), 3),
            }
        });
    }
}

#[test]
fn a_message_may_send_when_it_is_dropped() {
    struct Sends<'a>(&'a reunite::channel::Sender<u8>);
    impl Drop for Sends<'_> {
        fn drop(&mut self) {
            assert!(self.0.try_send(1).is_err());
        }
    }
    let _watchdog = watchdog();
    let (inner, _rx) = bounded(0);
    let (tx, rx) = bounded(0);
    reunite::scope(|s| {
        let sender = s.spawn(|| tx.send(Sends(&inner)).is_ok());
        drop(rx.recv().unwrap());
        assert!(sender.join().unwrap());
        drop(tx.try_send(Sends(&inner)));
    });
}

#[test]
fn channels_can_be_sent_through_channels() {
    type Next = Option<Box<Receiver<Step>>>;
    struct Step(u32, Next);
    let _watchdog = watchdog();
    let (tx, mut rx) = bounded::<Step>(0);
    reunite::scope(|s| {
        s.spawn(move || {
            let mut tx = tx;
            for n in 0..1_000 {
                let (next, from_next) = bounded(0);
                tx.send(Step(n, Some(Box::new(from_next)))).unwrap();
                tx = next;
            }
            tx.send(Step(1_000, None)).unwrap();
        });
        for n in 0.. {
            let Step(number, next) = rx.recv().unwrap();
            assert_eq!(number, n);
            match next {
                Some(next) => rx = *next,
                None => return assert_eq!(n, 1_000),
            }
        }
    });
}

#[test]
fn tasks_of_a_pool_of_one_thread_hand_over_to_each_other() {
    let _watchdog = watchdog();
    let pool = reunite::Pool::builder().threads(1).build().unwrap();
    for _ in 0..20 {
        let (tx, rx) = bounded(0);
        let sum = pool.scope(|s| {
            let receivers: Vec<_> = (0..8).map(|_| s.spawn(|| rx.recv().unwrap())).collect();
            let senders: Vec<_> = (0..8)
                .map(|n| {
                    let tx = &tx;
                    s.spawn(move || tx.send(n).unwrap())
                })
                .collect();
            senders
                .into_iter()
                .for_each(|sender| sender.join().unwrap());
            receivers
                .into_iter()
                .map(|receiver| receiver.join().unwrap())
                .sum::<i32>()
        });
        assert_eq!(sum, (0..8).sum());
    }
}
