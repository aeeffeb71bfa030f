//! Channels of few messages with many ends, while waits time out and tasks are cancelled and replaced. Each message is
//! received, returned or dropped, once.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Counted, watchdog};
use reunite::channel::{Receiver, RecvError, SendError, Sender, bounded, select_timeout};
use reunite::{JoinHandle, Scope};

/// The counts of a storm.
#[derive(Default)]
struct Counts {
    made: AtomicUsize,
    dropped: AtomicUsize,
    sent: AtomicUsize,
    received: AtomicUsize,
    /// The waits that a timeout or a cancellation ended.
    given_up: AtomicUsize,
}

fn add(counter: &AtomicUsize, is_it: bool) {
    counter.fetch_add(usize::from(is_it), Ordering::SeqCst);
}

/// The sender, the number of the message among those of the sender, and what counts its drop.
type Message<'a> = (usize, usize, Counted<'a>);

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
        Duration::from_micros(self.below(500))
    }

    fn fork(&mut self) -> Self {
        Self(self.below(1 << 40) + 1)
    }
}

/// Sends in all ways until `ends` or a cancellation. `next` is the number of the sender's next message.
fn send_all<'a>(
    tx: &Sender<Message<'a>>,
    (sender, next): (usize, &AtomicUsize),
    counts: &'a Counts,
    ends: &AtomicBool,
    random: &mut Random,
) {
    while !ends.load(Ordering::SeqCst) {
        let number = next.fetch_add(1, Ordering::SeqCst);
        let message = (sender, number, Counted(&counts.dropped));
        add(&counts.made, true);
        let sent = match random.below(3) {
            0 => tx.send(message),
            1 => tx.send_timeout(message, random.time()),
            _ => tx.try_send(message),
        };
        add(&counts.sent, sent.is_ok());
        if let Err(error) = sent
            && must_end(error, (sender, number), counts)
        {
            return;
        }
    }
}

/// Returns true if no more can be sent.
fn must_end(error: SendError<Message<'_>>, sent: (usize, usize), counts: &Counts) -> bool {
    assert!(!error.is_deadlock(), "{error}");
    add(&counts.given_up, error.is_timeout() || error.is_cancelled());
    let must_end = error.is_cancelled() || error.is_closed();
    let back = error.into_message();
    assert_eq!((back.0, back.1), sent);
    must_end
}

/// Receives in all ways until the end of the channel or a cancellation. Nothing comes from `quiet`.
fn receive_all<'a>(
    rx: &Receiver<Message<'a>>,
    quiet: &Receiver<Message<'a>>,
    counts: &Counts,
    capacity: usize,
    random: &mut Random,
) {
    let mut next = [0; SENDERS];
    loop {
        assert!(rx.len() <= capacity);
        let received = match random.below(4) {
            0 => rx.recv(),
            1 => rx.recv_timeout(random.time()),
            2 => rx.try_recv(),
            _ => select_timeout(&[quiet, rx], random.time()).and_then(|(_, received)| received),
        };
        add(&counts.received, received.is_ok());
        match received {
            Ok((sender, number, _)) => {
                assert!(number >= next[sender], "in the order of the sender");
                next[sender] = number + 1;
            }
            Err(error) if is_over(&error, counts) => return,
            Err(_) => {}
        }
    }
}

/// Returns true if no more can be received.
fn is_over(error: &RecvError, counts: &Counts) -> bool {
    assert!(!error.is_deadlock(), "{error}");
    add(&counts.given_up, error.is_timeout() || error.is_cancelled());
    error.is_cancelled() || error.is_closed() || error.is_cut_short()
}

const SENDERS: usize = 3;

/// Cancels tasks and replaces them for some milliseconds.
fn cancel_and_replace<'s>(
    tasks: &mut [JoinHandle<()>],
    random: &mut Random,
    spawn: impl Fn(usize, Random) -> JoinHandle<()> + 's,
) {
    let end = Instant::now() + Duration::from_millis(5);
    while Instant::now() < end {
        std::thread::sleep(random.time());
        let at = random.below(tasks.len() as u64) as usize;
        tasks[at].cancel();
        // The task is over before the next one begins, so that the messages of a sender stay in order.
        let _cancelled = tasks[at].join_timeout(common::LONG);
        tasks[at] = spawn(at, random.fork());
    }
}

/// Runs a storm, and closes the channel with `close_now` or by dropping the senders.
fn storm(
    capacity: usize,
    (senders, receivers): (usize, usize),
    closes: bool,
    random: &mut Random,
) -> usize {
    let counts = Counts::default();
    let (ends, next) = (
        AtomicBool::new(false),
        [const { AtomicUsize::new(0) }; SENDERS],
    );
    let (tx, rx) = bounded(capacity);
    let (quiet_tx, quiet) = bounded(capacity);
    reunite::scope(|s: &Scope<'_, '_>| {
        let (counts, ends, next, quiet) = (&counts, &ends, &next, &quiet);
        let spawn = |at: usize, mut random: Random| {
            if at < senders {
                let tx = tx.clone();
                s.spawn(move || send_all(&tx, (at, &next[at]), counts, ends, &mut random))
            } else {
                let rx = rx.clone();
                s.spawn(move || receive_all(&rx, quiet, counts, capacity, &mut random))
            }
        };
        let all = 0..senders + receivers;
        let mut tasks: Vec<_> = all.map(|at| spawn(at, random.fork())).collect();
        cancel_and_replace(&mut tasks, random, spawn);
        let closed = if closes { tx.close_now() } else { 0 };
        ends.store(true, Ordering::SeqCst);
        let receivers = tasks.split_off(senders);
        tasks.into_iter().for_each(|task| drop(task.join()));
        drop(tx);
        receivers.into_iter().for_each(|task| drop(task.join()));
        let dropped = closed + rx.close_now();
        let received = counts.received.load(Ordering::SeqCst);
        assert_eq!(counts.sent.load(Ordering::SeqCst), received + dropped);
    });
    drop((rx, quiet_tx, quiet));
    assert_eq!(
        counts.made.into_inner(),
        counts.dropped.load(Ordering::SeqCst)
    );
    counts.given_up.into_inner()
}

#[test]
fn no_message_is_lost_or_doubled_in_a_storm() {
    let mut random = Random(0x5EED);
    let mut given_up = 0;
    for round in 0..test_scale::rounds(8) {
        for capacity in 1..=9 {
            for ends in [(1, 1), (1, 3), (SENDERS, 1), (SENDERS, 3)] {
                let _watch = watchdog();
                given_up += storm(capacity, ends, round % 2 == 0, &mut random);
            }
        }
    }
    assert!(given_up > 0);
}
