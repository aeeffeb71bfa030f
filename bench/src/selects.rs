//! Selects that receive from the first of several channels that has a message, or send into the first that has room,
//! compared with crossbeam's `select!`.

use crate::rounds::Candidate;
use crate::setting::Setting;
use crate::table::Table;

const ROUNDS: usize = 15;
/// The number of messages in a sample whose selects find one at once.
const READY: usize = 50_000;
/// The number of messages in a sample whose selects wait.
const WAITING: usize = 4_000;

/// Adds the rows of selects over channels of this capacity to the table of channels.
pub(crate) fn run(table: &mut Table, setting: &Setting, capacity: usize) {
    let on = setting.on;
    let mut add = |count: usize, what: &str, passes: [Pass; 2]| {
        let title = format!("select over {count} channels, capacity {capacity}{on}: {what}");
        table.measure(&title, "ns", ROUNDS, candidates(passes, capacity));
    };
    if capacity > 0 {
        let there = "time of a message that is there";
        add(2, there, [crossbeam::ready_two, ours::ready_two]);
        add(8, there, [crossbeam::ready_eight, ours::ready_eight]);
        let room = "time of a message for which there is room";
        add(2, room, [crossbeam::room, ours::room]);
    }
    let answered = "time of a message and its answer";
    add(2, answered, [crossbeam::answer_two, ours::answer_two]);
    add(8, answered, [crossbeam::answer_eight, ours::answer_eight]);
    let both = "time of a message and its answer, sent by selects, too";
    add(2, both, [crossbeam::both, ours::both]);
}

/// Returns the time of a message in a channel of this capacity, in nanoseconds.
type Pass = fn(usize) -> f64;

fn candidates(passes: [Pass; 2], capacity: usize) -> Vec<Candidate<'static>> {
    let [crossbeam, ours] = passes;
    vec![
        ("crossbeam-channel", Box::new(move || crossbeam(capacity))),
        ("reunite::select!", Box::new(move || ours(capacity))),
    ]
}

macro_rules! selects {
    ($name:ident, $channel:path, $library:ident) => {
        mod $name {
            use std::hint::black_box;
            use std::time::Instant;

            use $channel as channel;

            use crate::selects::{READY, WAITING};

            type Ends = (channel::Sender<usize>, channel::Receiver<usize>);

            selects!(@count $library ready_two answer_two 2 [0 1]);
            selects!(@count $library ready_eight answer_eight 8 [0 1 2 3 4 5 6 7]);

            /// Sends a message by a select that could receive, too, and receives it.
            pub(super) fn room(capacity: usize) -> f64 {
                let (tx, rx): Ends = channel::bounded(capacity);
                let (_quiet, from_quiet): Ends = channel::bounded(capacity);
                let begun = Instant::now();
                for n in 0..READY {
                    $library::select! {
                        recv(from_quiet) -> message => panic!("{message:?}"),
                        send(tx, n) -> sent => sent.expect("it is open"),
                    }
                    black_box(rx.recv().expect("it is open"));
                }
                begun.elapsed().as_secs_f64() * 1e9 / READY as f64
            }

            /// Sends messages to a thread that answers each; both send and receive by selects.
            pub(super) fn both(capacity: usize) -> f64 {
                let (there, back): (Ends, Ends) = (channel::bounded(capacity), channel::bounded(capacity));
                let (_quiet, from_quiet): Ends = channel::bounded(capacity);
                let send = |tx: &channel::Sender<usize>, n| {
                    $library::select! {
                        recv(from_quiet) -> message => panic!("{message:?}"),
                        send(tx, n) -> sent => sent.expect("it is open"),
                    }
                };
                let receive = |rx: &channel::Receiver<usize>| {
                    $library::select! {
                        recv(from_quiet) -> message => panic!("{message:?}"),
                        recv(rx) -> message => message.expect("it is open"),
                    }
                };
                std::thread::scope(|s| {
                    s.spawn(|| (0..WAITING).for_each(|_| send(&back.0, receive(&there.1))));
                    let begun = Instant::now();
                    for n in 0..WAITING {
                        send(&there.0, n);
                        black_box(receive(&back.1));
                    }
                    begun.elapsed().as_secs_f64() * 1e9 / WAITING as f64
                })
            }
        }
    };
    (@count $library:ident $ready:ident $answer:ident $count:literal [$($index:literal)*]) => {
        /// Sends a message, and receives it by a select.
        pub(super) fn $ready(capacity: usize) -> f64 {
            let ends: Vec<Ends> = (0..$count).map(|_| channel::bounded(capacity)).collect();
            let begun = Instant::now();
            for n in 0..READY {
                ends[n % $count].0.send(n).expect("it is open");
                $library::select! {
                    $(recv(ends[$index].1) -> message => {
                        black_box(message.expect("it is open"));
                    })*
                }
            }
            begun.elapsed().as_secs_f64() * 1e9 / READY as f64
        }

        /// Sends messages to a thread that receives them by a select, and waits for each answer.
        pub(super) fn $answer(capacity: usize) -> f64 {
            let ends: Vec<Ends> = (0..$count).map(|_| channel::bounded(capacity)).collect();
            let (answer, answered) = channel::bounded(capacity);
            let ends = &ends;
            std::thread::scope(|s| {
                s.spawn(move || {
                    for _ in 0..WAITING {
                        let message = $library::select! {
                            $(recv(ends[$index].1) -> message => message.expect("it is open"),)*
                        };
                        answer.send(message).expect("it is open");
                    }
                });
                let begun = Instant::now();
                for n in 0..WAITING {
                    ends[n % $count].0.send(n).expect("it is open");
                    answered.recv().expect("it is open");
                }
                begun.elapsed().as_secs_f64() * 1e9 / WAITING as f64
            })
        }
    };
}

selects!(crossbeam, crossbeam_channel, crossbeam_channel);
selects!(ours, reunite::channel, reunite);
