//! The lock, the ring and the lists of a channel.

use std::sync::Arc;

use loom::thread;

use self::lock::Lock;
use self::outcome::{PutError, TakeResult};
use self::position_guess::RingSide;
use self::ring::Ring;
use self::ring_channel::RingChannel;
use self::waiters::WaitSpots;
use crate::park::{Parker, park_until};
use crate::primitive::yield_now;
use crate::{Watched, check, check_in_one_order};

#[path = "../../src/channel/backoff.rs"]
mod backoff;
#[path = "../../src/channel/claims.rs"]
mod claims;
#[path = "../../src/channel/lock.rs"]
mod lock;
#[path = "../../src/channel/outcome.rs"]
mod outcome;
#[path = "../../src/channel/position_guess.rs"]
mod position_guess;
#[path = "../../src/channel/queue.rs"]
mod queue;
#[path = "../../src/channel/queue_state.rs"]
mod queue_state;
#[path = "../../src/channel/ring.rs"]
mod ring;
#[path = "../../src/channel/ring_channel.rs"]
mod ring_channel;
#[path = "../../src/channel/selection.rs"]
mod selection;
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
    while let Err(PutError::Full(back)) = ring.put(message) {
        message = back;
        yield_now();
    }
}

fn take<T>(ring: &Ring<T>) -> Option<T> {
    loop {
        match ring.take() {
            TakeResult::Message(message) => return Some(message),
            TakeResult::Closed => return None,
            TakeResult::Nothing => yield_now(),
        }
    }
}

/// Makes the calling thread guess its next step: it does so after two steps.
fn guess() {
    for steps in [RingSide::Put, RingSide::Take] {
        steps.set_shares_core(true);
    }
}

/// A ring that has gone round once.
fn ring<T>(capacity: usize, message: impl Fn() -> T) -> Arc<Ring<T>> {
    let ring = Ring::new(capacity);
    for _ in 0..capacity {
        assert!(ring.put(message()).is_ok());
    }
    for _ in 0..capacity {
        assert!(matches!(ring.take(), TakeResult::Message(_)));
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
fn a_ring_moves_its_messages_out_with_what_they_lead_to() {
    check(2, || {
        let ring = ring(2, || Arc::new(Watched::new()));
        let puts = thread::spawn({
            let ring = Arc::clone(&ring);
            move || {
                let message = Arc::new(Watched::new());
                message.touch();
                ring.put(message).is_ok()
            }
        });
        let mut moved = Vec::new();
        ring.move_out(|message| moved.push(message));
        let is_put = puts.join().unwrap();
        assert_eq!(moved.len(), usize::from(is_put));
        assert!(moved.iter().all(|message| message.touch() == 1));
        assert!(matches!(ring.take(), TakeResult::Closed));
    });
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
        assert!(matches!(ring.take(), TakeResult::Nothing));
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
        assert!(matches!(ring.put(1), Err(PutError::Full(_))));
        assert_eq!((0..4).filter_map(|_| take(&ring)).sum::<i32>(), 4);
        assert!(matches!(ring.take(), TakeResult::Nothing));
    });
}

/// A channel in which a receiver has waited for a message, and a sender for room.
fn channel<T>(message: impl Fn() -> T) -> Arc<RingChannel<T>> {
    let channel = RingChannel::new(1);
    let parker = Parker::current();
    let mut spots = WaitSpots::default();
    assert!(matches!(
        take_or_list(&channel, &parker, &mut spots),
        TakeResult::Nothing
    ));
    assert!(channel.stop_taking(&spots).is_none());
    assert!(channel.put(message()).is_ok());
    let (mut unsent, mut spots) = (Some(message()), WaitSpots::default());
    assert!(!channel.put_or_list(&mut unsent, &parker, &mut spots));
    channel.stop_putting(&mut unsent, &spots);
    assert!(matches!(channel.take(), TakeResult::Message(_)));
    Arc::new(channel)
}

fn take_or_list<T>(
    channel: &RingChannel<T>,
    parker: &Parker,
    spots: &mut WaitSpots,
) -> TakeResult<T> {
    channel.take_or_list(parker, spots, |queue, spot| {
        queue.take_or_list(parker, spot)
    })
}

fn receive<T>(channel: &RingChannel<T>) -> Option<T> {
    let parker = Parker::current();
    parker.begin_check();
    let mut spots = WaitSpots::default();
    let received = loop {
        match take_or_list(channel, &parker, &mut spots) {
            TakeResult::Message(message) => break Some(message),
            TakeResult::Closed => break None,
            TakeResult::Nothing => park_until(None),
        }
    };
    let handed = channel.stop_taking(&spots);
    received.or(handed)
}

fn send<T>(channel: &RingChannel<T>, message: T) {
    let parker = Parker::current();
    parker.begin_check();
    let (mut unsent, mut spots) = (Some(message), WaitSpots::default());
    while !channel.put_or_list(&mut unsent, &parker, &mut spots) {
        park_until(None);
    }
    channel.stop_putting(&mut unsent, &spots);
    assert!(unsent.is_none(), "it was not closed");
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
        assert!(matches!(channel.take(), TakeResult::Message(1)));
        sends.join().unwrap();
        assert!(matches!(channel.take(), TakeResult::Message(2)));
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
