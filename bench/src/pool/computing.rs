//! Structured computations whose closures borrow: the costs with one worker and the duration with two, compared with
//! the sequential program.

use std::hint::black_box;

use super::peers::{chili, consume, cpu_seconds, pool, rayon, seconds};
use crate::rounds::Candidate;
use crate::table::Table;

/// A way to run two closures, so that each program is written once. What it needs in a closure is passed as `Hand`.
trait Forker {
    type Hand<'a>;

    fn fork<A: Send, B: Send>(
        hand: &mut Self::Hand<'_>,
        a: impl FnOnce(&mut Self::Hand<'_>) -> A + Send,
        b: impl FnOnce(&mut Self::Hand<'_>) -> B + Send,
    ) -> (A, B);
}

struct Alone;
struct Ours;
struct Rayons;
struct Chilis;

impl Forker for Alone {
    type Hand<'a> = ();

    #[inline]
    fn fork<A: Send, B: Send>(
        (): &mut (),
        a: impl FnOnce(&mut ()) -> A + Send,
        b: impl FnOnce(&mut ()) -> B + Send,
    ) -> (A, B) {
        (a(&mut ()), b(&mut ()))
    }
}

impl Forker for Ours {
    type Hand<'a> = ();

    #[inline]
    fn fork<A: Send, B: Send>(
        (): &mut (),
        a: impl FnOnce(&mut ()) -> A + Send,
        b: impl FnOnce(&mut ()) -> B + Send,
    ) -> (A, B) {
        reunite::join(|| a(&mut ()), || b(&mut ()))
    }
}

impl Forker for Rayons {
    type Hand<'a> = ();

    #[inline]
    fn fork<A: Send, B: Send>(
        (): &mut (),
        a: impl FnOnce(&mut ()) -> A + Send,
        b: impl FnOnce(&mut ()) -> B + Send,
    ) -> (A, B) {
        rayon::join(|| a(&mut ()), || b(&mut ()))
    }
}

impl Forker for Chilis {
    type Hand<'a> = chili::Scope<'a>;

    #[inline]
    fn fork<A: Send, B: Send>(
        scope: &mut chili::Scope<'_>,
        a: impl FnOnce(&mut chili::Scope<'_>) -> A + Send,
        b: impl FnOnce(&mut chili::Scope<'_>) -> B + Send,
    ) -> (A, B) {
        scope.join(|scope| a(scope), |scope| b(scope))
    }
}

/// Places a queen in each remaining row of the board; counts the ways.
fn queens<F: Forker>(f: &mut F::Hand<'_>, all: u32, columns: u32, left: u32, right: u32) -> u64 {
    if columns == all {
        return 1;
    }
    choose::<F>(
        f,
        all,
        columns,
        left,
        right,
        all & !(columns | left | right),
    )
}

fn choose<F: Forker>(
    f: &mut F::Hand<'_>,
    all: u32,
    columns: u32,
    left: u32,
    right: u32,
    free: u32,
) -> u64 {
    if free == 0 {
        return 0;
    }
    let bit = free & free.wrapping_neg();
    let (here, others) = F::fork(
        f,
        |f| {
            queens::<F>(
                f,
                all,
                columns | bit,
                (left | bit) << 1 & all,
                (right | bit) >> 1,
            )
        },
        |f| choose::<F>(f, all, columns, left, right, free & !bit),
    );
    here + others
}

/// The next of a sequence of hashes (SplitMix64, Steele, Lea, Flood, 2014).
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Counts an unbalanced tree while making it (UTS, Olivier and others, 2006; its geometric shape): a
/// node has four children on average, but many have none and some have dozens.
fn count<F: Forker>(f: &mut F::Hand<'_>, node: u64, depth: u32) -> u64 {
    let children = if depth == 0 {
        584
    } else if depth > 7 {
        0
    } else {
        let chance = (mix(node) >> 11) as f64 / (1_u64 << 53) as f64;
        ((1.0 - chance).ln() / 0.8_f64.ln()) as u64
    };
    1 + siblings::<F>(f, node, depth + 1, 0, children)
}

fn siblings<F: Forker>(f: &mut F::Hand<'_>, parent: u64, depth: u32, from: u64, to: u64) -> u64 {
    match to - from {
        0 => 0,
        1 => count::<F>(f, mix(parent ^ mix(from)), depth),
        some => {
            let middle = from + some / 2;
            let (a, b) = F::fork(
                f,
                |f| siblings::<F>(f, parent, depth, from, middle),
                |f| siblings::<F>(f, parent, depth, middle, to),
            );
            a + b
        }
    }
}

fn quicksort<F: Forker>(f: &mut F::Hand<'_>, items: &mut [u32]) {
    if items.len() <= 32 {
        for end in 1..items.len() {
            let mut at = end;
            while at > 0 && items[at - 1] > items[at] {
                items.swap(at - 1, at);
                at -= 1;
            }
        }
        return;
    }
    let (middle, last) = (items.len() / 2, items.len() - 1);
    if items[middle] < items[0] {
        items.swap(middle, 0);
    }
    if items[last] < items[0] {
        items.swap(last, 0);
    }
    if items[middle] < items[last] {
        items.swap(middle, last);
    }
    let pivot = items[last];
    let mut less = 0;
    for at in 0..last {
        let is_less = items[at] < pivot;
        items.swap(at, less);
        less += usize::from(is_less);
    }
    items.swap(less, last);
    let (left, right) = items.split_at_mut(less);
    F::fork(
        f,
        |f| quicksort::<F>(f, left),
        |f| quicksort::<F>(f, &mut right[1..]),
    );
}

/// Milliseconds: the processor time of one worker, or the wall time of two.
fn milliseconds(threads: usize, f: impl FnOnce()) -> f64 {
    if threads == 1 {
        cpu_seconds(f) * 1e3
    } else {
        seconds(f) * 1e3
    }
}

const BOARD: u32 = (1 << 14) - 1;

/// A computation that is written once for all forkers.
trait Computation {
    /// Computes with a number of workers, and returns the milliseconds that it took.
    fn run<F: Forker>(f: &mut F::Hand<'_>, threads: usize) -> f64;
}

struct Queens;

impl Computation for Queens {
    fn run<F: Forker>(f: &mut F::Hand<'_>, threads: usize) -> f64 {
        milliseconds(threads, || {
            assert_eq!(black_box(queens::<F>(f, BOARD, 0, 0, 0)), 365_596);
        })
    }
}

struct UnbalancedTree;

impl Computation for UnbalancedTree {
    fn run<F: Forker>(f: &mut F::Hand<'_>, threads: usize) -> f64 {
        milliseconds(threads, || consume(black_box(count::<F>(f, 42, 0))))
    }
}

struct Quicksort;

impl Computation for Quicksort {
    fn run<F: Forker>(f: &mut F::Hand<'_>, threads: usize) -> f64 {
        let mut items: Vec<u32> = (0..20_000_000_u64).map(|n| mix(n) as u32).collect();
        let spent = milliseconds(threads, || quicksort::<F>(f, &mut items));
        assert!(items.is_sorted());
        spent
    }
}

pub(super) fn run(table: &mut Table) {
    println!(
        "\nthe unbalanced tree has {} nodes",
        count::<Alone>(&mut (), 42, 0)
    );
    let programs = [
        ("14 queens", 7, Forms::of::<Queens>()),
        ("unbalanced tree", 7, Forms::of::<UnbalancedTree>()),
        ("quicksort of 20 million", 5, Forms::of::<Quicksort>()),
    ];
    for (threads, what) in [(1, "1 worker: processor time"), (2, "2 workers: wall time")] {
        let (mine, chilis, rayons) = (pool(threads), chili(threads), rayon(threads));
        for (name, rounds, forms) in &programs {
            let candidates = candidates(&mine, &chilis, &rayons, forms, threads);
            table.measure(&format!("{name}, {what}"), "ms", *rounds, candidates);
        }
    }
}

/// A computation for each forker, as a function of the number of workers.
struct Forms {
    alone: fn(&mut (), usize) -> f64,
    ours: fn(&mut (), usize) -> f64,
    chilis: for<'a> fn(&mut chili::Scope<'a>, usize) -> f64,
    rayons: fn(&mut (), usize) -> f64,
}

impl Forms {
    fn of<P: Computation>() -> Self {
        Self {
            alone: P::run::<Alone>,
            ours: P::run::<Ours>,
            chilis: |f, threads| P::run::<Chilis>(f, threads),
            rayons: P::run::<Rayons>,
        }
    }
}

fn candidates<'a>(
    mine: &'a reunite::Pool,
    chilis: &'a chili::ThreadPool,
    rayons: &'a rayon::ThreadPool,
    forms: &'a Forms,
    threads: usize,
) -> Vec<Candidate<'a>> {
    vec![
        (
            "sequential",
            Box::new(move || (forms.alone)(&mut (), threads)),
        ),
        (
            "reunite::join",
            Box::new(move || mine.enter(|| (forms.ours)(&mut (), threads))),
        ),
        (
            "chili",
            Box::new(move || (forms.chilis)(&mut chilis.scope(), threads)),
        ),
        (
            "rayon::join",
            Box::new(move || rayons.install(|| (forms.rayons)(&mut (), threads))),
        ),
    ]
}
