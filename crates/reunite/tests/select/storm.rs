//! Selects and plain operations on the same channels, while waits time out and tasks are cancelled. Each message is
//! received once, or returned to its sender.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{Counted, watchdog};
use reunite::channel::{Receiver, Select, Sender, after, bounded};
use reunite::select;

/// A generator of random numbers: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn time(&mut self) -> Duration {
        Duration::from_micros(self.below(300))
    }
}

/// A message with a number of its own, which grows with each message of its sender.
struct Message<'a> {
    number: usize,
    sender: u64,
    _counted: Counted<'a>,
}

/// Two channels, and what happened to the messages.
struct Storm<'a> {
    ends: [(Sender<Message<'a>>, Receiver<Message<'a>>); 2],
    drops: &'a AtomicUsize,
    made: AtomicUsize,
    sent: Mutex<Vec<usize>>,
    received: Mutex<Vec<usize>>,
    is_over: AtomicBool,
}

impl<'a> Storm<'a> {
    fn new(capacities: [usize; 2], drops: &'a AtomicUsize) -> Self {
        Self {
            ends: capacities.map(bounded),
            drops,
            made: AtomicUsize::new(0),
            sent: Mutex::new(Vec::new()),
            received: Mutex::new(Vec::new()),
            is_over: AtomicBool::new(false),
        }
    }

    /// Sends one message in one of the ways.
    fn send(&self, sender: u64, random: &mut Random) {
        let [(one, _), (two, _)] = &self.ends;
        let mut number = None;
        let mut make = || {
            let message = Message {
                number: self.made.fetch_add(1, Ordering::SeqCst),
                sender,
                _counted: Counted(self.drops),
            };
            number = Some(message.number);
            message
        };
        let is_sent = match random.below(7) {
            0 => one.send(make()).is_ok(),
            1 => two.send_timeout(make(), random.time()).is_ok(),
            2 => select! {
                send(one, make()) -> sent => sent.is_ok(),
                send(two, make()) -> sent => sent.is_ok(),
            },
            3 => select! {
                send(two, make()) -> sent => sent.is_ok(),
                recv(after(random.time())) -> _ => false,
            },
            4 => select! {
                send(one, make()) -> sent => sent.is_ok(),
                default => false,
            },
            // The receiver may give up before the message is there.
            5 => select! {
                send(one, { std::thread::yield_now(); make() }) -> sent => sent.is_ok(),
                send(two, { std::thread::yield_now(); make() }) -> sent => sent.is_ok(),
                default(random.time()) => false,
            },
            _ => self.send_built(random, &mut make),
        };
        if is_sent {
            self.sent.lock().unwrap().extend(number);
        }
    }

    fn send_built(&self, random: &mut Random, make: &mut dyn FnMut() -> Message<'a>) -> bool {
        let mut select = Select::new();
        let [(one, _), (two, _)] = &self.ends;
        let first = select.send(one);
        select.send(two);
        match select.select_timeout(random.time()) {
            Err(_) => false,
            Ok(_abandoned) if random.below(4) == 0 => false,
            Ok(operation) if operation.index() == first => operation.send(one, make()).is_ok(),
            Ok(operation) => operation.send(two, make()).is_ok(),
        }
    }

    /// Receives at most one message in one of the ways. Returns it with the index of its channel.
    fn receive(&self, random: &mut Random) -> Option<(usize, Message<'a>)> {
        let [(_, one), (_, two)] = &self.ends;
        let (channel, received) = match random.below(6) {
            0 => (0, one.recv_timeout(random.time())),
            1 => (1, two.recv_timeout(random.time())),
            2 => (0, one.try_recv()),
            3 => select! {
                recv(one) -> message => (0, message),
                recv(two) -> message => (1, message),
            },
            4 => select! {
                recv(two) -> message => (1, message),
                recv(after(random.time())) -> _ => return None,
                default(random.time()) => return None,
            },
            _ => {
                let mut select = Select::new();
                let first = select.recv(one);
                select.recv(two);
                match select.select_timeout(random.time()) {
                    Err(_) => return None,
                    Ok(operation) if operation.index() == first => (0, operation.recv(one)),
                    Ok(operation) => (1, operation.recv(two)),
                }
            }
        };
        Some((channel, received.ok()?))
    }

    /// Receives until `is_over`. The messages of each sender arrive in their order, and no channel holds too many.
    fn receive_until(&self, random: &mut Random, is_over: impl Fn() -> bool) {
        let mut last = HashMap::new();
        while !is_over() {
            for (_, receiver) in &self.ends {
                let capacity = receiver.capacity().unwrap_or(usize::MAX);
                assert!(receiver.len() <= capacity);
            }
            if let Some((channel, message)) = self.receive(random) {
                let before = last.insert((channel, message.sender), message.number);
                assert!(
                    before < Some(message.number),
                    "{before:?}, {}",
                    message.number
                );
                self.received.lock().unwrap().push(message.number);
            }
        }
    }

    fn is_done(&self) -> bool {
        let mut receivers = self.ends.iter().map(|(_, rx)| rx);
        receivers.all(|rx| rx.is_closed() && rx.is_empty())
    }
}

/// The channels are closed when the senders are done, or while they send.
#[derive(Clone, Copy, PartialEq)]
enum Closing {
    AtTheEnd,
    Meanwhile,
}

fn storm(capacities: [usize; 2], closing: Closing, seed: u64) {
    let drops = AtomicUsize::new(0);
    let storm = Storm::new(capacities, &drops);
    let storm_ref = &storm;
    reunite::scope(|s| {
        let receivers = [1, 2].map(|n| {
            let mut random = Random(seed + n);
            s.spawn(move || storm_ref.receive_until(&mut random, || storm_ref.is_done()))
        });
        // These receive until they are cancelled.
        let hasty = [3, 4].map(|n| {
            let mut random = Random(seed + n);
            let is_over = || reunite::checkpoint().is_err();
            s.spawn(move || storm_ref.receive_until(&mut random, is_over))
        });
        let senders = [5, 6, 7, 8].map(|n| {
            let mut random = Random(seed + n);
            let is_over =
                || storm_ref.is_over.load(Ordering::SeqCst) || reunite::checkpoint().is_err();
            s.spawn(move || {
                while !is_over() {
                    storm_ref.send(n, &mut random);
                }
            })
        });
        crate::common::until(|| storm.received.lock().unwrap().len() > 200);
        hasty.iter().for_each(|it| it.cancel());
        senders[0].cancel();
        if closing == Closing::Meanwhile {
            storm.ends.iter().for_each(|(tx, _)| tx.close());
        }
        storm.is_over.store(true, Ordering::SeqCst);
        // A task that was cancelled before it began says so.
        let if_begun = |joined: Result<(), reunite::JoinError>| {
            assert!(joined.is_ok() || joined.unwrap_err().is_cancelled());
        };
        senders.into_iter().for_each(|it| if_begun(it.join()));
        hasty.into_iter().for_each(|it| if_begun(it.join()));
        storm.ends.iter().for_each(|(tx, _)| tx.close());
        receivers.into_iter().for_each(|it| it.join().unwrap());
    });
    let [mut sent, mut received] =
        [&storm.sent, &storm.received].map(|it| it.lock().unwrap().clone());
    sent.sort_unstable();
    received.sort_unstable();
    assert_eq!(sent, received, "with capacities of {capacities:?}");
    let made = storm.made.load(Ordering::SeqCst);
    assert_eq!(drops.load(Ordering::SeqCst), made);
}

#[test]
fn each_message_is_received_once_and_in_order_or_returned() {
    let capacities = [0, 1, 2, 4, 9, usize::MAX];
    for seed in 1..=test_scale::rounds(4) as u64 {
        for one in capacities {
            for two in capacities {
                let _watchdog = watchdog();
                for closing in [Closing::AtTheEnd, Closing::Meanwhile] {
                    storm([one, two], closing, seed * 0x9E37_79B9);
                }
            }
        }
    }
}
