//! The lock, the ring and the lists of a channel.

use std::sync::Arc;

use loom::thread;

use self::bounded::Bounded;
use self::foreseen::Steps;
use self::lock::Lock;
use self::outcome::{Found, Unsent};
use self::ring::Ring;
use crate::park::{Parker, park_until};
use crate::primitive::yield_now;
use crate::{Watched, check, check_in_one_order};

#[path = "../../src/channel/bounded.rs"]
mod bounded;
#[path = "../../src/channel/foreseen.rs"]
mod foreseen;
#[path = "../../src/channel/lock.rs"]
mod lock;
#[path = "../../src/channel/outcome.rs"]
mod outcome;
#[path = "../../src/channel/patience.rs"]
mod patience;
#[path = "../../src/channel/ring.rs"]
mod ring;
#[path = "../../src/channel/waiters.rs"]
mod waiters;

#[test]
fn the_lock_of_a_queue_shows_what_was_done_under_it() {
    check(3, || {
        let lock = Arc::new(Lock::new(0));
        assert_eq!(*lock.lock(), 0);
        let others = [(); 2].map(|()| {
            let lock = Arc::clone(&lock);
            thread::spawn(move || *lock.lock() += 1)
        });
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(*lock.lock(), 2);
    });
}

fn put<T>(ring: &Ring<T>, mut message: T) {
    while let Err(Unsent::Full(back)) = ring.put(message) {
        message = back;
        yield_now();
    }
}

fn take<T>(ring: &Ring<T>) -> Option<T> {
    loop {
        match ring.take() {
            Found::Message(message) => return Some(message),
            Found::Closed => return None,
            Found::Nothing => yield_now(),
        }
    }
}

/// Makes the calling thread guess its next step: it does so after two steps.
fn guess() {
    for steps in [Steps::Puts, Steps::Takes] {
        steps.have_waited(true);
    }
}

/// A ring that has gone round once.
fn ring<T>(capacity: usize, message: impl Fn() -> T) -> Arc<Ring<T>> {
    let ring = Ring::new(capacity);
    for _ in 0..capacity {
        assert!(ring.put(message()).is_ok());
    }
    for _ in 0..capacity {
        assert!(matches!(ring.take(), Found::Message(_)));
    }
    Arc::new(ring)
}

/// The checker also watches the slots.
#[test]
fn a_ring_hands_each_message_over_with_what_it_leads_to() {
    for capacity in [1, 2] {
        check(2, move || {
            let ring = ring(capacity, || Arc::new(Watched::new()));
            let puts = thread::spawn({
                let ring = Arc::clone(&ring);
                move || {
                    guess();
                    for _ in 0..=capacity {
                        let message = Arc::new(Watched::new());
                        message.touch();
                        put(&ring, message);
                    }
                    ring.close();
                }
            });
            guess();
            let mut taken = 0;
            while let Some(message) = take(&ring) {
                assert_eq!(message.touch(), 1);
                taken += 1;
            }
            assert_eq!(taken, capacity + 1);
            puts.join().unwrap();
        });
    }
}

#[test]
fn two_that_put_have_a_slot_each() {
    check(1, || {
        let ring = ring(2, || 0);
        let putters = [1, 2].map(|n| {
            let ring = Arc::clone(&ring);
            thread::spawn(move || assert!(ring.put(n).is_ok()))
        });
        for putter in putters {
            putter.join().unwrap();
        }
        assert_eq!(take(&ring).unwrap() + take(&ring).unwrap(), 3);
        assert!(matches!(ring.take(), Found::Nothing));
    });
}

/// The first thread guesses its third step, and the guess may be wrong.
#[test]
fn one_that_guesses_and_one_that_does_not_have_a_slot_each() {
    check(2, || {
        let ring = ring(4, || 0);
        let putters = [3, 1].map(|count| {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                guess();
                (0..count).for_each(|_| assert!(ring.put(1).is_ok()));
            })
        });
        for putter in putters {
            putter.join().unwrap();
        }
        assert!(matches!(ring.put(1), Err(Unsent::Full(_))));
        assert_eq!((0..4).filter_map(|_| take(&ring)).sum::<i32>(), 4);
        assert!(matches!(ring.take(), Found::Nothing));
    });
}

/// A channel in which a receiver has waited for a message, and a sender for room.
fn channel<T>(message: impl Fn() -> T) -> Arc<Bounded<T>> {
    let channel = Bounded::new(1);
    let parker = Parker::here();
    let mut spot = None;
    let found = channel.take_or_list(&parker, &mut spot);
    assert!(matches!(found, Found::Nothing));
    channel.stop_taking(spot.take().unwrap());
    assert!(channel.put(message()).is_ok());
    let put = channel.put_or_list(message(), &parker, &mut spot);
    assert!(matches!(put, Err(Unsent::Full(_))));
    channel.stop_putting(spot.take().unwrap());
    assert!(matches!(channel.take(), Found::Message(_)));
    Arc::new(channel)
}

fn receive<T>(channel: &Bounded<T>) -> Option<T> {
    let parker = Parker::here();
    parker.begin_to_ask();
    let mut spot = None;
    let received = loop {
        match channel.take_or_list(&parker, &mut spot) {
            Found::Message(message) => break Some(message),
            Found::Closed => break None,
            Found::Nothing => park_until(None),
        }
    };
    if let Some(spot) = spot {
        channel.stop_taking(spot);
    }
    received
}

fn send<T>(channel: &Bounded<T>, mut message: T) {
    let parker = Parker::here();
    parker.begin_to_ask();
    let mut spot = None;
    while let Err(Unsent::Full(back)) = channel.put_or_list(message, &parker, &mut spot) {
        message = back;
        park_until(None);
    }
    if let Some(spot) = spot {
        channel.stop_putting(spot);
    }
}

/// The sender looks for receivers after it has put, and the receiver looks for messages after it is listed. A thread
/// that sees the other too late sleeps for ever.
#[test]
fn who_waits_for_a_message_is_seen_or_sees_it() {
    check_in_one_order(2, || {
        let channel = channel(|| 0);
        let receives = thread::spawn({
            let channel = Arc::clone(&channel);
            move || receive(&channel)
        });
        assert!(channel.put(7).is_ok());
        assert_eq!(receives.join().unwrap(), Some(7));
    });
}

#[test]
fn who_waits_for_room_is_seen_or_sees_it() {
    check_in_one_order(2, || {
        let channel = channel(|| 0);
        assert!(channel.put(1).is_ok());
        let sends = thread::spawn({
            let channel = Arc::clone(&channel);
            move || send(&channel, 2)
        });
        assert!(matches!(channel.take(), Found::Message(1)));
        sends.join().unwrap();
        assert!(matches!(channel.take(), Found::Message(2)));
    });
}

#[test]
fn who_waits_is_seen_by_the_end_or_sees_it() {
    check_in_one_order(2, || {
        let channel = channel(|| 0);
        let receives = thread::spawn({
            let channel = Arc::clone(&channel);
            move || receive(&channel)
        });
        channel.close();
        assert_eq!(receives.join().unwrap(), None);
    });
}
