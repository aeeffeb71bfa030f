//! Channels: with many messages, and with many threads.

use std::hint::black_box;
use std::sync::Barrier;

use reunite::channel::{self, Receiver, Sender};
use reunite::scope;

use crate::meter::Meter;
use crate::operation::{Growth, Operation};
use crate::waiting_threads::{Lasting, all_wait};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "channel/send-and-receive-behind-n-messages",
        size: 1_000,
        growth: Growth::None,
        measure: behind_messages,
    },
    Operation {
        name: "bounded-channel/send-and-receive-behind-n-messages",
        size: 1_000,
        growth: Growth::None,
        measure: behind_messages_bounded,
    },
    Operation {
        name: "channel/one-of-n-senders-cloned-and-dropped",
        size: 50,
        growth: Growth::None,
        measure: senders,
    },
    Operation {
        name: "channel/one-of-n-receivers-that-wait",
        size: 64,
        growth: Growth::None,
        measure: waiting_receivers,
    },
    Operation {
        name: "bounded-channel/one-of-n-senders-that-wait",
        size: 64,
        growth: Growth::None,
        measure: waiting_senders,
    },
    Operation {
        name: "channel/one-of-n-receivers-when-it-closes",
        size: 64,
        growth: Growth::None,
        measure: closed,
    },
    Operation {
        name: "channel/one-of-n-stages-of-a-pipeline",
        size: 64,
        growth: Growth::Logarithm,
        measure: pipeline,
    },
    Operation {
        name: "channel/to-and-fro-beside-n-that-wait",
        size: 64,
        growth: Growth::None,
        measure: to_and_fro,
    },
    Operation {
        name: "select/one-of-n-receivers",
        size: 50,
        growth: Growth::None,
        measure: selected,
    },
];

fn send_and_receive(
    size: usize,
    meter: &mut Meter,
    (sender, receiver): (Sender<usize>, Receiver<usize>),
) {
    const COUNT: usize = 1_000;
    let send = |n| sender.send(n).expect("it is open");
    (0..size).for_each(send);
    meter.rounds(COUNT, || {
        for n in 0..COUNT {
            send(n);
            black_box(receiver.recv().expect("there is one"));
        }
    });
}

fn behind_messages(size: usize, meter: &mut Meter) {
    send_and_receive(size, meter, channel::unbounded());
}

fn behind_messages_bounded(size: usize, meter: &mut Meter) {
    // A ring of one size, however many messages it holds.
    send_and_receive(size / 5, meter, channel::bounded(4_096));
}

fn senders(size: usize, meter: &mut Meter) {
    let (sender, _receiver) = channel::unbounded::<usize>();
    meter.rounds(size, || {
        let senders: Vec<_> = (0..size).map(|_| sender.clone()).collect();
        senders.into_iter().for_each(drop);
    });
}

fn waiting_receivers(size: usize, meter: &mut Meter) {
    let (sender, receiver) = channel::unbounded();
    meter.rounds(size, || {
        let receive = || {
            receiver.recv().expect("one for each");
        };
        let send = || (0..size).for_each(|n| sender.send(n).expect("it is open"));
        all_wait(size, receive, send);
    });
}

fn waiting_senders(size: usize, meter: &mut Meter) {
    let (sender, receiver) = channel::bounded(1);
    meter.rounds(size, || {
        let send = || sender.send(()).expect("it is open");
        // The channel is full, so all others wait.
        send();
        let receive = || (0..=size).for_each(|_| receiver.recv().expect("one of each"));
        all_wait(size, send, receive);
    });
}

fn closed(size: usize, meter: &mut Meter) {
    meter.rounds(size, || {
        let (sender, receiver) = channel::unbounded::<()>();
        let receive = || assert!(receiver.recv().is_err());
        all_wait(size, receive, || drop(sender));
    });
}

/// A message goes through all stages, and then the closing of the channels does.
fn pipeline(size: usize, meter: &mut Meter) {
    meter.rounds(size, || {
        let lasting = Lasting::begin();
        scope(|s| {
            let (first, mut last) = channel::bounded(1);
            for _ in 0..size {
                let before = last;
                let (to_next, next) = channel::bounded(1);
                last = next;
                s.spawn(move || {
                    for message in &before {
                        to_next.send(message).expect("the next one lives longer");
                    }
                });
            }
            lasting.until(size);
            first.send(1).expect("it is open");
            drop(first);
            assert_eq!((&last).into_iter().count(), 1);
        });
    });
}

fn to_and_fro(size: usize, meter: &mut Meter) {
    const COUNT: usize = 200;
    let (_kept_open, never) = channel::unbounded::<()>();
    let all = Barrier::new(size + 1);
    scope(|s| {
        for _ in 0..size {
            s.spawn(|| {
                all.wait();
                let _cancelled = never.recv();
            });
        }
        let (ping, pinged) = channel::bounded(1);
        let (pong, ponged) = channel::bounded(1);
        s.spawn(move || {
            for n in &pinged {
                pong.send(n).expect("it is open");
            }
        });
        all.wait();
        meter.rounds(COUNT, || {
            for n in 0..COUNT {
                ping.send(n).expect("it is open");
                ponged.recv().expect("it comes back");
            }
        });
        drop(ping);
        drop(_kept_open);
    });
}

/// A select looks at each of its receivers: its cost is the sum of theirs.
fn selected(size: usize, meter: &mut Meter) {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..size).map(|_| channel::unbounded()).unzip();
    let receivers: Vec<_> = receivers.iter().collect();
    meter.rounds(size, || {
        senders[size - 1].send(1).expect("it is open");
        black_box(channel::select(&receivers).is_ok());
    });
}
