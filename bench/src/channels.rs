//! Channels of each capacity between few and many threads, compared with those of std, crossbeam, kanal and flume.

use std::sync::{Barrier, mpsc};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::rounds::median;
use crate::selects;
use crate::setting::Setting;
use crate::table::Table;

const CAPACITIES: [usize; 6] = [0, 1, 2, 4, 64, 1024];
/// The capacities of the channels among which selects choose.
const SELECTED: [usize; 3] = [0, 1, 64];
/// Numbers of senders and receivers.
const SHAPES: [(usize, usize); 4] = [(1, 1), (2, 2), (4, 1), (1, 4)];
const ROUNDS: usize = 15;
/// About how long a sample lasts.
const SAMPLE: Duration = Duration::from_millis(8);
const FEWEST: u64 = 256;
const MOST: u64 = 400_000;

/// Measures all capacities, or the given one, and selects, and writes `channels.*`; the names contain `on one core` if that
/// is set.
pub(crate) fn run(
    setting: &Setting,
    capacity: Option<usize>,
) -> Result<Table, Box<dyn std::error::Error>> {
    let mut table = Table::new(setting);
    for capacity in capacity.map_or(CAPACITIES.to_vec(), |one| vec![one]) {
        for shape in SHAPES {
            cell(&mut table, capacity, shape, setting);
        }
        if SELECTED.contains(&capacity) {
            selects::run(&mut table, setting, capacity);
        }
    }
    table.write(&format!("channels{}", setting.on.replace(' ', "-")))?;
    Ok(table)
}

/// The cost of a message: wall time, and CPU time of all threads.
#[derive(Clone, Copy)]
struct Sample {
    wall: f64,
    cpu: f64,
}

/// A kind of channel to measure.
trait Channel {
    type Sender: Send;
    type Receiver: Send;

    fn ends(capacity: usize, shape: (usize, usize)) -> (Vec<Self::Sender>, Vec<Self::Receiver>);
    fn send(sender: &Self::Sender, message: u64);
    /// Returns false if the channel is closed and empty.
    fn receive(receiver: &Self::Receiver) -> bool;
}

macro_rules! channel {
    ($name:ident, $sender:ty, $receiver:ty, $make:path, $receivers:expr) => {
        struct $name;

        impl Channel for $name {
            type Sender = $sender;
            type Receiver = $receiver;

            fn ends(
                capacity: usize,
                shape: (usize, usize),
            ) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
                let (sender, receiver) = $make(capacity);
                (vec![sender; shape.0], $receivers(receiver, shape.1))
            }

            fn send(sender: &Self::Sender, message: u64) {
                assert!(sender.send(message).is_ok());
            }

            fn receive(receiver: &Self::Receiver) -> bool {
                receiver.recv().is_ok()
            }
        }
    };
}

channel!(
    Reunite,
    reunite::channel::Sender<u64>,
    reunite::channel::Receiver<u64>,
    reunite::channel::bounded,
    |receiver, count| vec![receiver; count]
);
channel!(
    Crossbeam,
    crossbeam_channel::Sender<u64>,
    crossbeam_channel::Receiver<u64>,
    crossbeam_channel::bounded,
    |receiver, count| vec![receiver; count]
);
channel!(
    Kanal,
    kanal::Sender<u64>,
    kanal::Receiver<u64>,
    kanal::bounded,
    |receiver, count| vec![receiver; count]
);
channel!(
    Flume,
    flume::Sender<u64>,
    flume::Receiver<u64>,
    flume::bounded,
    |receiver, count| vec![receiver; count]
);
channel!(
    Std,
    mpsc::SyncSender<u64>,
    mpsc::Receiver<u64>,
    mpsc::sync_channel,
    |receiver, _one| vec![receiver]
);

type Pass = fn(usize, (usize, usize), u64) -> Sample;

/// Passes `count` messages, on threads of std.
fn pass<C: Channel>(capacity: usize, shape: (usize, usize), count: u64) -> Sample {
    let (senders, receivers) = C::ends(capacity, shape);
    let start = Barrier::new(shape.0 + shape.1);
    timed(count, || {
        std::thread::scope(|s| {
            let senders = senders.into_iter();
            let sending: Vec<_> = senders
                .map(|sender| s.spawn(|| send_all::<C>(sender, count / shape.0 as u64, &start)))
                .collect();
            let receiving = receivers
                .into_iter()
                .map(|receiver| s.spawn(|| receive_all::<C>(receiver, &start)));
            let threads: Vec<_> = sending.into_iter().chain(receiving).collect();
            let joined = threads.into_iter().map(|thread| thread.join());
            span(joined.map(|span| span.expect("no panic")))
        })
    })
}

/// Does the same on this library's threads.
fn pass_in_scope(capacity: usize, shape: (usize, usize), count: u64) -> Sample {
    let (senders, receivers) = Reunite::ends(capacity, shape);
    let start = Barrier::new(shape.0 + shape.1);
    timed(count, || {
        reunite::scope(|s| {
            let senders = senders.into_iter();
            let sending: Vec<_> = senders
                .map(|it| s.spawn(|| send_all::<Reunite>(it, count / shape.0 as u64, &start)))
                .collect();
            let receiving = receivers
                .into_iter()
                .map(|receiver| s.spawn(|| receive_all::<Reunite>(receiver, &start)));
            let tasks: Vec<_> = sending.into_iter().chain(receiving).collect();
            let joined = tasks.into_iter().map(|task| task.join());
            span(joined.map(|span| span.expect("no panic")))
        })
    })
}

fn send_all<C: Channel>(sender: C::Sender, count: u64, start: &Barrier) -> (Instant, Instant) {
    start.wait();
    let began = Instant::now();
    (0..count).for_each(|message| C::send(&sender, message));
    drop(sender);
    (began, Instant::now())
}

fn receive_all<C: Channel>(receiver: C::Receiver, start: &Barrier) -> (Instant, Instant) {
    start.wait();
    let began = Instant::now();
    while C::receive(&receiver) {}
    (began, Instant::now())
}

/// The time from the first beginning to the last end.
fn span(spans: impl Iterator<Item = (Instant, Instant)>) -> Duration {
    let (began, ended): (Vec<_>, Vec<_>) = spans.unzip();
    let ended = ended.into_iter().max().expect("at least one thread");
    ended - began.into_iter().min().expect("at least one thread")
}

fn timed(count: u64, f: impl FnOnce() -> Duration) -> Sample {
    let before = cpu();
    let wall = f();
    Sample {
        wall: wall.as_secs_f64() * 1e9 / count as f64,
        cpu: (cpu() - before) / count as f64,
    }
}

/// The CPU time of the process in nanoseconds.
fn cpu() -> f64 {
    let at = clock_gettime(ClockId::ProcessCPUTime);
    at.tv_sec as f64 * 1e9 + at.tv_nsec as f64
}

/// The number of messages in a sample.
fn count_for(pass: Pass, capacity: usize, shape: (usize, usize)) -> u64 {
    let nanos = SAMPLE.as_nanos() as f64;
    let mut count = FEWEST;
    loop {
        let wall = pass(capacity, shape, count).wall;
        if wall * count as f64 > nanos / 2.0 || count >= MOST {
            // The same number from each sender.
            return ((nanos / wall) as u64).clamp(FEWEST, MOST) / 4 * 4;
        }
        count *= 2;
    }
}

fn cell(table: &mut Table, capacity: usize, shape: (usize, usize), setting: &Setting) {
    let (rounds, on) = (setting.length.of(ROUNDS), setting.on);
    let mut candidates: Vec<(&str, Pass)> = vec![
        ("crossbeam-channel", pass::<Crossbeam>),
        ("kanal", pass::<Kanal>),
        ("flume", pass::<Flume>),
        ("reunite::channel", pass::<Reunite>),
        ("reunite::channel, reunite::scope", pass_in_scope),
    ];
    if shape.1 == 1 {
        candidates.insert(0, ("std::sync::mpsc", pass::<Std>));
    }
    let counts: Vec<_> = candidates
        .iter()
        .map(|(_, pass)| count_for(*pass, capacity, shape))
        .collect();
    let mut samples = vec![Vec::with_capacity(rounds); candidates.len()];
    for round in 0..rounds {
        for turn in 0..candidates.len() {
            let at = (round + turn) % candidates.len();
            samples[at].push((candidates[at].1)(capacity, shape, counts[at]));
        }
    }
    let (senders, receivers) = shape;
    for (what, of) in [
        ("wall", (|it| it.wall) as fn(&Sample) -> f64),
        ("CPU", |it| it.cpu),
    ] {
        let names = candidates.iter().map(|(name, _)| *name);
        let values = samples.iter().map(|all| all.iter().map(of).collect());
        let mut rows: Vec<(&str, Vec<f64>)> = names.zip(values).collect();
        // The best of the other libraries first: all are compared with it.
        rows.sort_by(|(a, of_a), (b, of_b)| {
            let ours = |name: &str| name.starts_with("reunite");
            let by_median = median(of_a).total_cmp(&median(of_b));
            ours(a).cmp(&ours(b)).then(by_median)
        });
        let title =
            format!("{senders}:{receivers}, capacity {capacity}{on}: {what} time of a message");
        println!("\n{title}");
        table.add(&title, "ns", rows.into_iter());
    }
}
