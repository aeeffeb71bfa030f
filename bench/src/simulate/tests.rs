//! Properties of the model that hold whatever the costs are; each of these tests fails with a model that has a fault.

use super::costs::{Costs, Topology};
use super::design::{
    Asked, Batch, Counting, Design, Fault, Forks, Helping, Locking, Order, Taking,
};
use super::program::{Items, Node, Phase, Program, Uts};
use super::run::{Run, Stalled, run};
use super::sweep::{TOGETHER, alternatives};

fn programs() -> Vec<Program> {
    let shape = Uts {
        root: 10,
        depth: 3,
        node: 300,
    };
    let (hash, depth) = (42, 0);
    let uts = Node::Count { hash, depth, shape };
    let list = Node::List {
        left: 200,
        item: 500,
    };
    let burst = Node::Even {
        depth: 5,
        leaf: 1_000,
    };
    let bursts = (0..3).flat_map(|_| [Phase::Alone(100_000), Phase::Fork(burst)]);
    vec![
        Program::new("fib", vec![Phase::Fork(Node::Fib { n: 11, leaf: 200 })]),
        Program::new("unbalanced", vec![Phase::Fork(uts)]),
        Program::new("list", vec![Phase::Fork(list)]),
        Program::new("equal", vec![Phase::Scope(200, Items::Equal(1_000))]),
        Program::new("skewed", vec![Phase::Scope(200, Items::Skewed(500))]),
        Program::new("tiny", vec![Phase::Scope(400, Items::Equal(50))]),
        Program::new("bursts", bursts.collect()),
        Program::new("scopes", vec![Phase::Scope(50, Items::Equal(300)); 3]),
        Program::new("installs", vec![Phase::Installs(60, 20_000)]),
    ]
}

fn designs() -> Vec<Design> {
    let others = alternatives().into_iter().map(|(_, _, design)| design);
    let mut designs: Vec<_> = others.collect();
    designs.extend([Design::default(), TOGETHER]);
    designs
}

/// One node for up to eight workers, two for more.
fn topology(workers: usize) -> Topology {
    Topology {
        workers,
        nodes: if workers > 8 { 2 } else { 1 },
    }
}

fn run_with(program: &Program, design: Design, workers: usize) -> Result<Run, Stalled> {
    run(program, &Costs::default(), design, topology(workers), 1)
}

/// The number of leaves and of tasks of a program.
fn parts(program: &Program) -> (u64, u64) {
    let parts = program.phases.iter().map(|phase| match phase {
        Phase::Fork(node) => (node.work().forks + 1, 0),
        Phase::Scope(count, _) | Phase::Installs(count, _) => (0, u64::from(*count)),
        Phase::Alone(_) => (0, 0),
    });
    parts.fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
}

#[test]
fn each_part_is_computed_once_and_the_work_adds_up() {
    for program in programs() {
        for design in designs() {
            for workers in [1, 3, 20] {
                let run = run_with(&program, design, workers).unwrap();
                let what = format!("{} {workers} {design:?}", program.name);
                let counts = &run.counts;
                assert_eq!((counts.leaves, counts.tasks), parts(&program), "{what}");
                let came_back = counts.stolen + counts.taken_back;
                if design.forks == Forks::Private {
                    assert_eq!(counts.published, came_back, "{what}");
                }
                assert!(run.spent[0] >= program.work().all, "{what}");
            }
        }
    }
}

#[test]
fn a_half_that_stays_in_the_mailbox_is_noticed() {
    let broken = Design {
        fault: Some(Fault::TakenTwice),
        ..Design::default()
    };
    let program = &programs()[0];
    let twice = std::panic::catch_unwind(|| {
        let run = run_with(program, broken, 4);
        run.is_ok_and(|run| (run.counts.leaves, 0) == parts(program))
    });
    assert!(!matches!(twice, Ok(true)));
}

#[test]
fn the_same_arguments_have_the_same_result() {
    for program in programs() {
        for design in [Design::default(), TOGETHER] {
            let once = run_with(&program, design, 24).unwrap();
            assert_eq!(once, run_with(&program, design, 24).unwrap());
        }
        let other = run(&program, &Costs::default(), TOGETHER, topology(24), 2);
        assert_ne!(other.unwrap(), run_with(&program, TOGETHER, 24).unwrap());
    }
}

/// Checks that no schedule is faster than work divided by workers, or than the span. More threads may be awake than
/// there are places, because joiners come back.
#[test]
fn no_run_is_faster_than_work_and_span_allow() {
    for program in programs() {
        for design in designs() {
            for workers in [2, 20] {
                let run = run_with(&program, design, workers).unwrap();
                let work = program.work();
                let most = workers.max(run.counts.most_active) as u64;
                let what = format!("{} {workers} {design:?}", program.name);
                assert!(run.time >= work.all / most, "{what}");
                assert!(run.time >= work.span, "{what}");
            }
        }
    }
}

/// Costs so small that only scheduling matters.
fn nearly_free() -> Costs {
    Costs {
        hit: 1,
        complex: 10,
        node: 10,
        across: 10,
        rmw: 1,
        lock: 1,
        fork: 1,
        publish: 1,
        parcel: 1,
        take_back: 1,
        execute: 1,
        finish: 1,
        block: 1,
        wake: 10,
        latency: 100,
        start: 10,
        start_latency: 100,
        pause: 10,
        yielding: 10,
        spawn: 1,
        enqueue: 1,
        batch: 1,
        each: 1,
        task: 1,
        ..Costs::default()
    }
}

/// Greedy schedules take no longer than work divided by workers plus the span (Graham 1969). Forks are published only
/// when the next one is made or ended, at most one leaf later at each level, and a joiner helps only its thief: so the
/// span counts twice for each level of the tree.
fn is_nearly_greedy(program: &Program, design: Design, levels: u64, leaf: u64) -> bool {
    let work = program.work();
    [2, 6, 16].into_iter().all(|workers| {
        let run = run(program, &nearly_free(), design, topology(workers), 1);
        let time = run.map_or(u64::MAX, |run| run.time);
        time <= work.all / workers as u64 + 2 * levels * leaf
    })
}

#[test]
fn with_costs_of_next_to_nothing_no_worker_is_idle_for_long() {
    let even = Node::Even {
        depth: 9,
        leaf: 1_000,
    };
    let program = Program::new("even", vec![Phase::Fork(even)]);
    let leaf = 1_000_000;
    for design in designs() {
        // Leaves are all that joiners may find that help no thread, or only one thief.
        if design.helping == Helping::Everywhere {
            assert!(is_nearly_greedy(&program, design, 9, leaf), "{design:?}");
        }
    }
    let broken = Design {
        fault: Some(Fault::TakesNothing),
        ..Design::default()
    };
    assert!(!is_nearly_greedy(&program, broken, 9, leaf));
}

#[test]
fn a_wake_up_that_is_lost_stalls() {
    let programs = programs();
    let installs = programs.last().unwrap();
    let without = |fault| Design {
        fault: Some(fault),
        ..Design::default()
    };
    let runs = |design| (1..8).map(move |workers| run_with(installs, design, workers));
    assert!(runs(Design::default()).all(|run| run.is_ok()));
    assert!(runs(without(Fault::NoSecondLook)).any(|run| run.is_err()));

    // Leaves so long that joiners block.
    let fib = Node::Fib { n: 8, leaf: 50_000 };
    let halves = Program::new("halves", vec![Phase::Fork(fib)]);
    let joined = |design| [2, 8, 32].map(|workers| run_with(&halves, design, workers));
    assert!(joined(Design::default()).iter().all(Result::is_ok));
    assert!(joined(without(Fault::NoUnpark)).iter().any(Result::is_err));
}

#[test]
fn what_is_free_costs_nothing_and_all_else_is_as_it_was() {
    use super::sweep::WITHOUT;
    for program in programs() {
        for (free, name) in WITHOUT {
            let costs = Costs::default().without(free);
            let run = run(&program, &costs, Design::default(), topology(16), 1).unwrap();
            let counts = &run.counts;
            let what = format!("{} without {name}", program.name);
            assert_eq!((counts.leaves, counts.tasks), parts(&program), "{what}");
        }
    }
}

#[test]
fn alternatives_differ_from_what_the_pool_does_in_one_thing() {
    let ours = Design::default();
    for (decision, alternative, design) in alternatives() {
        let differences = [
            design.batch != ours.batch,
            design.forks != ours.forks,
            design.order != ours.order,
            design.asked != ours.asked,
            design.wakers != ours.wakers,
            design.counting != ours.counting,
            design.helping != ours.helping,
            design.locking != ours.locking,
            design.taking != ours.taking,
        ];
        let count = differences.iter().filter(|differs| **differs).count();
        assert_eq!(count, 1, "{decision} {alternative}");
        assert_eq!(design.fault, None);
    }
}

#[test]
fn the_batch_that_is_published_is_the_older_half_up_to_eight() {
    let counts = |batch: Batch| [1, 2, 3, 15, 16, 100].map(|open| batch.of(open));
    assert_eq!(counts(Batch::HalfUpToEight), [1, 1, 2, 8, 8, 8]);
    assert_eq!(counts(Batch::Half), [1, 1, 2, 8, 8, 50]);
    assert_eq!(counts(Batch::Count(4)), [1, 2, 3, 4, 4, 4]);
    assert_eq!(counts(Batch::All), [1, 2, 3, 15, 16, 100]);
}

#[test]
fn lines_cost_what_their_distance_says() {
    let costs = Costs::default();
    let one = Topology {
        workers: 128,
        nodes: 1,
    };
    let two = Topology { nodes: 2, ..one };
    let far = |topology: Topology, to| topology.transfer(&costs, 0, to);
    assert_eq!(far(one, 0), costs.hit);
    assert_eq!(far(one, 7), costs.complex);
    assert_eq!([8, 63, 127].map(|to| far(one, to)), [costs.node; 3]);
    assert_eq!([8, 63].map(|to| far(two, to)), [costs.node; 2]);
    assert_eq!([64, 127].map(|to| far(two, to)), [costs.across; 2]);
    // A spare has the core of a worker that blocks.
    assert_eq!(far(two, 128), costs.hit);
}

#[test]
fn designs_are_told_apart_by_what_they_cost() {
    let program = &programs()[1];
    let time = |design| run_with(program, design, 32).unwrap().time;
    let ours = time(Design::default());
    let others = [
        Design {
            order: Order::Own,
            ..Design::default()
        },
        Design {
            asked: Asked::Some(1),
            ..Design::default()
        },
        Design {
            counting: Counting::OnceFound,
            ..Design::default()
        },
        Design {
            locking: Locking::Skips,
            ..Design::default()
        },
    ];
    assert!(others.into_iter().all(|design| time(design) != ours));
    let scope = &programs()[3];
    let taking = Design {
        taking: Taking::ByShare,
        ..Design::default()
    };
    let time = |design| run_with(scope, design, 4).unwrap().time;
    assert_ne!(time(taking), time(Design::default()));
}
