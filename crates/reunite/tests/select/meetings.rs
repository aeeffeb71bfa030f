//! Selects that have chosen a send while the message is not evaluated yet: their counterparts can give up, and other
//! threads do not wait for them.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{LONG, until_waits, watchdog, with_time_enough};
use reunite::channel::{
    Receiver, RecvError, Select, SendError, Sender, after, bounded, never, rendezvous, unbounded,
};
use reunite::{Builder, select};

const SHORT: Duration = Duration::from_millis(1);

fn named(name: &str) -> Builder {
    Builder::new().name(name)
}

/// Sends by a select. `made` is met when the arm is chosen, and again before the message is there.
fn send_slowly<T>(tx: &Sender<T>, made: &Barrier, message: T) -> Result<(), SendError<T>> {
    let quiet = never::<()>();
    select! {
        recv(quiet) -> message => panic!("{message:?}"),
        send(tx, {
            made.wait();
            made.wait();
            message
        }) -> sent => sent,
    }
}

/// A way of receiving from a rendezvous.
type Receive = fn(&Receiver<u8>) -> Result<u8, RecvError>;

/// The ways of waiting for a message, with the words in which the live tree shows them.
const WAYS: [(&str, Receive); 3] = [
    ("receives", Receiver::recv),
    ("selects", |rx| {
        let quiet = never();
        select! {
            recv(rx) -> message => message,
            recv(quiet) -> message => message,
        }
    }),
    ("selects", |rx| {
        let mut select = Select::new();
        select.recv(rx);
        match select.select() {
            Ok(operation) => operation.recv(rx),
            Err(error) => {
                assert!(error.is_cancelled());
                reunite::sleep(LONG).unwrap_err();
                rx.recv()
            }
        }
    }),
];

/// A chosen select is listed at its other channels when these have something for it, and is woken instead of another
/// receiver, or another sender.
#[test]
fn a_chosen_select_passes_the_wake_ups_of_its_other_channels_on() {
    let _watchdog = watchdog();
    for capacity in [0, 1, 4, usize::MAX] {
        let (tx, rx) = rendezvous();
        let (other, from_other) = bounded(capacity);
        let made = Barrier::new(2);
        reunite::scope(|s| {
            let chosen = s.spawn_with(named("the chosen"), || {
                select! {
                    recv(rx) -> message => message.unwrap(),
                    recv(from_other) -> message => message.unwrap(),
                }
            });
            until_waits("the chosen", "selects");
            let sender = s.spawn(|| send_slowly(&tx, &made, 7));
            made.wait();
            let second = s.spawn_with(named("the second"), || from_other.recv().unwrap());
            until_waits("the second", "receives");
            other.send(8).unwrap();
            assert_eq!(second.join().unwrap(), 8);
            made.wait();
            assert_eq!(chosen.join().unwrap(), 7);
            sender.join().unwrap().unwrap();
        });
    }
}

#[test]
fn a_chosen_select_passes_the_room_of_its_other_channels_on() {
    let _watchdog = watchdog();
    for capacity in [1, 4] {
        let (tx, rx) = rendezvous();
        let (full, from_full) = bounded(capacity);
        (0..capacity).for_each(|_| full.send(0).unwrap());
        let made = Barrier::new(2);
        reunite::scope(|s| {
            let chosen = s.spawn_with(named("the chosen"), || {
                select! {
                    recv(rx) -> message => message.unwrap(),
                    send(full, 1) -> sent => panic!("{sent:?}"),
                }
            });
            until_waits("the chosen", "selects");
            let sender = s.spawn(|| send_slowly(&tx, &made, 7));
            made.wait();
            let second = s.spawn_with(named("the second"), || full.send(2).unwrap());
            until_waits("the second", "sends");
            assert_eq!(from_full.recv().unwrap(), 0);
            second.join().unwrap();
            made.wait();
            assert_eq!(chosen.join().unwrap(), 7);
            sender.join().unwrap().unwrap();
        });
    }
}

/// Its message goes to another receiver.
#[test]
fn a_chosen_receiver_may_run_out_of_time() {
    let _watchdog = watchdog();
    for is_select in [false, true] {
        let (tx, rx) = rendezvous();
        let made = Barrier::new(2);
        let was_chosen = AtomicBool::new(false);
        reunite::scope(|s| {
            // Whether it is chosen in time depends on the machine. It waits again until it was.
            let receiver = s.spawn(|| {
                while !was_chosen.load(Ordering::SeqCst) {
                    let is_late = match is_select {
                        false => rx.recv_timeout(SHORT).unwrap_err().is_timeout(),
                        true => select! {
                            recv(rx) -> message => panic!("{message:?}"),
                            default(SHORT) => true,
                        },
                    };
                    assert!(is_late);
                }
            });
            let sender = s.spawn(|| send_slowly(&tx, &made, 7));
            made.wait();
            was_chosen.store(true, Ordering::SeqCst);
            receiver.join().unwrap();
            made.wait();
            assert_eq!(rx.recv().unwrap(), 7);
            sender.join().unwrap().unwrap();
        });
    }
}

#[test]
fn a_chosen_receiver_may_be_cancelled() {
    let _watchdog = watchdog();
    for (how, receive) in WAYS {
        let (tx, rx) = rendezvous();
        let made = Barrier::new(2);
        reunite::scope(|s| {
            let receiver = s.spawn_with(named("the chosen"), || receive(&rx));
            until_waits("the chosen", how);
            let sender = s.spawn(|| send_slowly(&tx, &made, 7));
            made.wait();
            receiver.cancel();
            assert!(receiver.join().unwrap().unwrap_err().is_cancelled());
            made.wait();
            assert_eq!(rx.recv().unwrap(), 7);
            sender.join().unwrap().unwrap();
        });
    }
}

/// A message that came while a receiver was chosen for another one takes precedence over its timeout.
#[test]
fn a_chosen_receiver_looks_once_more_when_its_time_is_over() {
    let _watchdog = watchdog();
    for way in 0..3 {
        let (tx, rx) = rendezvous();
        let (other, from_other) = unbounded();
        let made = Barrier::new(2);
        let was_chosen = AtomicBool::new(false);
        reunite::scope(|s| {
            let receive = || {
                with_time_enough(|time| {
                    let received = match way {
                        0 => rx.recv_timeout(time).ok(),
                        1 => select! {
                            recv(rx) -> message => message.ok(),
                            recv(from_other) -> message => message.ok(),
                            default(time) => None,
                        },
                        _ => {
                            let late = after(time);
                            select! {
                                recv(rx) -> message => message.ok(),
                                recv(from_other) -> message => message.ok(),
                                recv(late) -> _ => None,
                            }
                        }
                    };
                    // Before it was chosen it only runs out of time.
                    assert!(received.is_none() || was_chosen.load(Ordering::SeqCst));
                    received
                })
            };
            let receiver = s.spawn_with(named("the chosen"), receive);
            let sender = s.spawn(|| send_slowly(&tx, &made, 7));
            made.wait();
            was_chosen.store(true, Ordering::SeqCst);
            match way {
                0 => {
                    s.spawn(|| tx.send(8).unwrap());
                }
                _ => other.send(8).unwrap(),
            }
            assert_eq!(receiver.join().unwrap(), 8);
            made.wait();
            assert_eq!(rx.recv().unwrap(), 7);
            sender.join().unwrap().unwrap();
        });
    }
}

/// The clock's message is not held up by a message that is being evaluated.
#[test]
fn a_chosen_select_heeds_the_clock() {
    let _watchdog = watchdog();
    let (tx, rx) = rendezvous();
    let made = Barrier::new(2);
    let was_chosen = AtomicBool::new(false);
    reunite::scope(|s| {
        let receiver = s.spawn(|| {
            while !was_chosen.load(Ordering::SeqCst) {
                let late = after(SHORT);
                select! {
                    recv(rx) -> message => panic!("{message:?}"),
                    recv(late) -> due => assert!(due.is_ok()),
                }
            }
        });
        let sender = s.spawn(|| send_slowly(&tx, &made, 7));
        made.wait();
        was_chosen.store(true, Ordering::SeqCst);
        receiver.join().unwrap();
        made.wait();
        assert_eq!(rx.recv().unwrap(), 7);
        sender.join().unwrap().unwrap();
    });
}

#[test]
fn a_send_whose_receiver_gave_up_waits_no_longer_than_its_select() {
    let _watchdog = watchdog();
    let send = |tx: &Sender<u8>, made: &Barrier, way| {
        let message = || {
            made.wait();
            made.wait();
            7
        };
        match way {
            0 => select! { send(tx, message()) -> sent => sent, default => Ok(()) },
            1 => select! { send(tx, message()) -> sent => sent, default(SHORT) => Ok(()) },
            _ => {
                let mut select = Select::new();
                select.send(tx);
                let operation = match way {
                    2 => select.try_select().unwrap(),
                    _ => select.select_timeout(SHORT).unwrap(),
                };
                operation.send(tx, message())
            }
        }
    };
    for way in 0..4 {
        let (tx, rx) = rendezvous();
        let made = Barrier::new(2);
        reunite::scope(|s| {
            let receiver = s.spawn_with(named("the chosen"), || rx.recv().is_err());
            until_waits("the chosen", "receives");
            let sender = s.spawn(|| send(&tx, &made, way));
            made.wait();
            receiver.cancel();
            assert!(receiver.join().unwrap());
            made.wait();
            let error = sender.join().unwrap().unwrap_err();
            assert_eq!(error.is_full(), way % 2 == 0);
            assert_eq!(error.is_timeout(), way % 2 == 1);
            assert_eq!(error.into_message(), 7);
        });
    }
}

#[test]
fn a_channel_that_closes_releases_the_chosen_receiver() {
    let _watchdog = watchdog();
    let closes: [fn(&Sender<u8>); 2] = [Sender::close, |tx| assert_eq!(tx.close_now(), 0)];
    for close in closes {
        for (how, receive) in WAYS {
            let (tx, rx) = rendezvous();
            let made = Barrier::new(2);
            reunite::scope(|s| {
                let receiver = s.spawn_with(named("the chosen"), || receive(&rx));
                until_waits("the chosen", how);
                let sender = s.spawn(|| send_slowly(&tx, &made, 7));
                made.wait();
                close(&tx);
                assert!(receiver.join().unwrap().unwrap_err().is_closed());
                made.wait();
                let error = sender.join().unwrap().unwrap_err();
                assert!(error.is_closed() && error.into_message() == 7);
            });
        }
    }
}

/// However many selects have chosen to send, the messages in a channel and those to come are not more than its capacity.
#[test]
fn a_channel_holds_no_more_messages_than_it_may() {
    let _watchdog = watchdog();
    for capacity in [1, 2, 4, 9] {
        let (tx, rx) = bounded(capacity);
        let made = Barrier::new(capacity + 1);
        let begun = AtomicUsize::new(0);
        reunite::scope(|s| {
            let senders: Vec<_> = (0..capacity + 3)
                .map(|n| {
                    let (tx, made, begun) = (&tx, &made, &begun);
                    s.spawn(move || {
                        let message = || {
                            // The last three get their room when messages were received.
                            if begun.fetch_add(1, Ordering::SeqCst) < capacity {
                                made.wait();
                                made.wait();
                            }
                            n
                        };
                        let quiet = never::<()>();
                        select! {
                            recv(quiet) -> message => panic!("{message:?}"),
                            send(tx, message()) -> sent => sent.unwrap(),
                        }
                    })
                })
                .collect();
            made.wait();
            assert_eq!((tx.len(), begun.load(Ordering::SeqCst)), (0, capacity));
            assert!(tx.is_full() && tx.try_send(0).unwrap_err().is_full());
            made.wait();
            let mut received: Vec<_> = (0..capacity + 3)
                .map(|_| {
                    assert!(rx.len() <= capacity);
                    rx.recv().unwrap()
                })
                .collect();
            received.sort_unstable();
            assert!(received.into_iter().eq(0..capacity + 3));
            senders.into_iter().for_each(|it| it.join().unwrap());
        });
    }
}
