//! The same programs in the real pool, on this machine.

use std::hint::black_box;
use std::time::{Duration, Instant};

use reunite::Pool;

use super::costs::{Time, measured, ns};
use super::program::{Items, Node, Phase, Program, Shape};

/// A list has as many forks open as items; all are on one stack.
const STACK: usize = 1 << 30;

/// The number of rounds that must count.
const FEW: usize = 20;

/// Computes for a given time, if nothing disturbs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    steps_per_nanosecond: f64,
}

/// Each step waits for the one before it, so that its duration is known.
fn steps(count: u64) -> u64 {
    (0..count).fold(1, |x: u64, _| {
        black_box(x.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    })
}

/// The processor time of the whole process.
fn processor_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::from_secs_f64(spent.tv_sec as f64 + spent.tv_nsec as f64 * 1e-9)
}

/// The result of a program in the real pool.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Here {
    /// The shortest time of a round.
    pub(super) least: Option<Time>,
    /// The number of rounds that count, and of all rounds.
    pub(super) counted: usize,
    pub(super) rounds: usize,
}

impl Clock {
    pub(super) fn measure() -> Self {
        const STEPS: u64 = 100_000;
        let time = |_| {
            let start = Instant::now();
            black_box(steps(STEPS));
            start.elapsed().as_nanos() as f64
        };
        let least = (0..50).map(time).fold(f64::INFINITY, f64::min);
        Self {
            steps_per_nanosecond: STEPS as f64 / least,
        }
    }

    fn compute(self, time: Time) {
        if time > 0 {
            black_box(steps(
                (time as f64 / 1e3 * self.steps_per_nanosecond) as u64,
            ));
        }
    }

    fn alone(self, node: Node) {
        match node.shape() {
            Shape::Leaf(work) => self.compute(work),
            Shape::Fork(before, a, b) => {
                self.compute(before);
                self.alone(a);
                self.alone(b);
            }
        }
    }

    fn forking(self, node: Node) {
        match node.shape() {
            Shape::Leaf(work) => self.compute(work),
            Shape::Fork(before, a, b) => {
                self.compute(before);
                reunite::join(move || self.forking(a), move || self.forking(b));
            }
        }
    }

    fn phase(self, pool: Option<&Pool>, phase: Phase) {
        let each = move |at, items: Items| {
            self.compute(ns(items.nanoseconds(at).into()));
        };
        match (phase, pool) {
            (Phase::Alone(time), _) => self.compute(ns(time.into())),
            (Phase::Fork(node), None) => self.alone(node),
            (Phase::Fork(node), Some(_)) => self.forking(node),
            (Phase::Scope(count, items), None) => (0..count).for_each(|at| each(at, items)),
            (Phase::Scope(count, items), Some(pool)) => pool.scope(|s| {
                for at in 0..count {
                    s.spawn(move || each(at, items));
                }
            }),
            (Phase::Installs(..), _) => {}
        }
    }

    /// Runs it for a few seconds, in a pool of this many workers, or on one thread without a pool. With two workers,
    /// only those rounds count in which the process had at least one and a half cores: in the others, other programs
    /// had them.
    pub(super) fn run(self, program: &Program, workers: Option<usize>, patience: Duration) -> Here {
        let run = || {
            let pool = workers.map(|workers| {
                let builder = Pool::builder().threads(workers);
                builder.build().expect("a pool")
            });
            let once = || {
                let (start, cpu) = (Instant::now(), processor_time());
                program
                    .phases
                    .iter()
                    .for_each(|phase| self.phase(pool.as_ref(), *phase));
                let time = start.elapsed();
                (time, (processor_time() - cpu).div_duration_f64(time))
            };
            let least_cores = if workers == Some(2) { 1.5 } else { 0.0 };
            let mut here = Here::default();
            let begun = Instant::now();
            // A few rounds must count; but not at any price.
            let is_over = |here: &Here, spent| {
                spent >= patience && (here.counted >= FEW || spent >= 4 * patience)
            };
            while !is_over(&here, begun.elapsed()) {
                let (time, cores) = pool.as_ref().map_or_else(once, |pool| pool.enter(once));
                here.rounds += 1;
                if cores >= least_cores {
                    let time = measured(time.as_nanos() as f64);
                    here.counted += 1;
                    here.least = Some(here.least.map_or(time, |least| least.min(time)));
                }
            }
            here
        };
        let thread = std::thread::Builder::new().stack_size(STACK);
        std::thread::scope(|s| {
            let thread = thread.spawn_scoped(s, run).expect("a thread");
            thread.join().expect("no panic")
        })
    }
}
