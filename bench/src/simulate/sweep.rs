//! The curves that are drawn: the pool as it is, each decision against its alternatives, and the gain if a cost were
//! zero.

use super::costs::{Costs, Free, Topology};
use super::design::{Asked, Batch, Counting, Design, Forks, Helping, Locking, Order, Taking};
use super::program::{Items, Node, Phase, Program, Uts};
use super::run::{Run, Stalled, run};

/// The amount of work in the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    /// Enough that 128 workers have some of it.
    ForManyWorkers,
    /// For the cores of this machine.
    ForThisMachine,
}

/// The programs, with that amount of work.
pub(super) fn programs(amount: Amount) -> Vec<Program> {
    let small = amount == Amount::ForThisMachine;
    let pick = |large: u32, little: u32| if small { little } else { large };
    let n = if small { 18 } else { 25 };
    let fib = Node::Fib { n, leaf: 200 };
    let shape = Uts {
        root: pick(200, 30),
        depth: if small { 5 } else { 6 },
        node: 200,
    };
    let (hash, depth) = (42, 0);
    let uts = Node::Count { hash, depth, shape };
    let list = Node::List {
        left: pick(20_000, 4_000),
        item: 500,
    };
    let equal = Phase::Scope(pick(20_000, 1_000), Items::Equal(2_000));
    let skewed = Phase::Scope(pick(20_000, 800), Items::Skewed(1_000));
    let tiny = Phase::Scope(pick(50_000, 20_000), Items::Equal(50));
    let burst = Node::Even {
        depth: if small { 9 } else { 11 },
        leaf: 1_000,
    };
    let bursts = (0..pick(10, 3)).flat_map(|_| [Phase::Alone(200_000), Phase::Fork(burst)]);
    vec![
        Program::new("fib, leaves of 0.2 µs", vec![Phase::Fork(fib)]),
        Program::new("unbalanced tree, nodes of 0.2 µs", vec![Phase::Fork(uts)]),
        Program::new("left-deep list, items of 0.5 µs", vec![Phase::Fork(list)]),
        Program::new("scope, equal tasks of 2 µs", vec![equal]),
        Program::new("scope, tasks of 1 and 16 µs", vec![skewed]),
        Program::new("scope, tasks of 50 ns", vec![tiny]),
        Program::new("bursts of 2 ms after 0.2 ms alone", bursts.collect()),
    ]
}

/// The alternatives to the decisions of the pool.
pub(super) fn alternatives() -> Vec<(&'static str, &'static str, Design)> {
    let ours = Design::default();
    let batch = |batch| Design { batch, ..ours };
    let wakers = |wakers| Design { wakers, ..ours };
    let order = |order| Design { order, ..ours };
    let asked = |asked| Design { asked, ..ours };
    let forks = Forks::Public;
    let counting = Counting::OnceFound;
    let helping = |helping| Design { helping, ..ours };
    let (taking, locking) = (Taking::ByShare, Locking::Skips);
    vec![
        ("batch", "1", batch(Batch::Count(1))),
        ("batch", "2", batch(Batch::Count(2))),
        ("batch", "4", batch(Batch::Count(4))),
        ("batch", "half of all", batch(Batch::Half)),
        ("batch", "all", batch(Batch::All)),
        ("wakers", "2", wakers(2)),
        ("wakers", "4", wakers(4)),
        ("wakers", "unlimited", wakers(usize::MAX)),
        ("forks", "public deque", Design { forks, ..ours }),
        ("order", "from the own seat", order(Order::Own)),
        ("order", "random", order(Order::Random)),
        ("order", "near node first", order(Order::Near)),
        ("asked", "1 at random", asked(Asked::Some(1))),
        ("asked", "4 at random", asked(Asked::Some(4))),
        ("counters", "once found", Design { counting, ..ours }),
        (
            "helping",
            "at the thief's seat",
            helping(Helping::AtTheThief),
        ),
        ("helping", "nowhere", helping(Helping::Nowhere)),
        (
            "locking",
            "skips what is locked",
            Design { locking, ..ours },
        ),
        ("taking", "a share of the queue", Design { taking, ..ours }),
    ]
}

/// All decisions against which the curves speak, taken otherwise together.
pub(super) const TOGETHER: Design = Design {
    batch: Batch::HalfUpToEight,
    forks: Forks::Private,
    order: Order::Random,
    asked: Asked::All,
    wakers: 1,
    counting: Counting::OnceFound,
    helping: Helping::Everywhere,
    locking: Locking::Skips,
    taking: Taking::ByShare,
    fault: None,
};

pub(super) const WITHOUT: [(Free, &str); 5] = [
    (Free::WakeUps, "wake-ups"),
    (Free::Counters, "counters"),
    (Free::Looks, "looks at all seats"),
    (Free::Locks, "locks"),
    (Free::Distance, "distance"),
];

/// One point of a curve.
pub(super) struct Point {
    pub(super) program: &'static str,
    pub(super) nodes: usize,
    pub(super) workers: usize,
    pub(super) decision: &'static str,
    pub(super) alternative: &'static str,
    /// The speed-up over one thread without a pool.
    pub(super) speed_up: f64,
    pub(super) run: Run,
}

/// Each point is the median of one run for each seed; the runs differ in wake-up times and random choices.
const SEEDS: [u64; 3] = [1, 2, 3];

pub(super) const WORKERS: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// The numbers of workers for which the alternatives are computed.
pub(super) const SOME: [usize; 3] = [8, 32, 128];

/// Returns true if a decision makes a difference to a program.
fn concerns(decision: &str, program: &Program) -> bool {
    let mut phases = program.phases.iter();
    let has_scope = phases.any(|phase| matches!(phase, Phase::Scope(..)));
    match decision {
        "wakers" | "counters" => true,
        "taking" => has_scope,
        _ => !has_scope,
    }
}

fn median(
    program: &Program,
    costs: &Costs,
    design: Design,
    topology: Topology,
) -> Result<Run, Stalled> {
    let runs = SEEDS.map(|seed| run(program, costs, design, topology, seed));
    let mut runs = runs.into_iter().collect::<Result<Vec<_>, _>>()?;
    runs.sort_by_key(|run| run.time);
    Ok(runs.swap_remove(SEEDS.len() / 2))
}

/// All points, in order.
pub(super) fn sweep(costs: &Costs, mut each: impl FnMut(&Point)) -> Result<Vec<Point>, Stalled> {
    let mut points = Vec::new();
    let mut add = |program: &Program, topology: Topology, costs: &Costs, names, design| {
        let run = median(program, costs, design, topology)?;
        let (decision, alternative) = names;
        let point = Point {
            program: program.name,
            nodes: topology.nodes,
            workers: topology.workers,
            decision,
            alternative,
            speed_up: program.work().all as f64 / run.time as f64,
            run,
        };
        each(&point);
        points.push(point);
        Ok(())
    };
    for program in programs(Amount::ForManyWorkers) {
        for nodes in [1, 2] {
            for workers in WORKERS.into_iter().filter(|workers| nodes <= *workers) {
                let topology = Topology { workers, nodes };
                add(&program, topology, costs, (AS_IT_IS, ""), Design::default())?;
            }
        }
        for (decision, alternative, design) in alternatives() {
            for workers in SOME.into_iter().filter(|_| concerns(decision, &program)) {
                let topology = Topology { workers, nodes: 2 };
                add(&program, topology, costs, (decision, alternative), design)?;
            }
        }
        for workers in SOME {
            let topology = Topology { workers, nodes: 2 };
            add(&program, topology, costs, (TOGETHER_NAME, ""), TOGETHER)?;
        }
        for (free, name) in WITHOUT {
            for workers in SOME {
                let topology = Topology { workers, nodes: 2 };
                let costs = costs.clone().without(free);
                add(
                    &program,
                    topology,
                    &costs,
                    ("without", name),
                    Design::default(),
                )?;
            }
        }
    }
    Ok(points)
}

pub(super) const AS_IT_IS: &str = "as it is";
pub(super) const TOGETHER_NAME: &str = "together";
