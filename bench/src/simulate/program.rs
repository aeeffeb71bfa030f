//! The programs: trees of forks, tasks of a scope, and sequences of these.

use super::costs::{Time, ns};

/// A part of a computation, which may fork.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    /// Like the naive Fibonacci function, with leaves that take this many nanoseconds.
    Fib {
        n: u8,
        leaf: u32,
    },
    /// An unbalanced tree (UTS, Olivier and others, 2006): a node has four children on average.
    Count {
        hash: u64,
        depth: u8,
        shape: Uts,
    },
    Siblings {
        parent: u64,
        depth: u8,
        from: u32,
        to: u32,
        shape: Uts,
    },
    /// The rest of a list, and its last item: as many forks are open as there are items.
    List {
        left: u32,
        item: u32,
    },
    /// Halves, down to leaves.
    Even {
        depth: u8,
        leaf: u32,
    },
    Leaf {
        nanoseconds: u32,
    },
}

/// The size of an unbalanced tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uts {
    pub(super) root: u32,
    pub(super) depth: u8,
    pub(super) node: u32,
}

/// The behaviour of a part.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Leaf(Time),
    /// Computes for this time, then forks.
    Fork(Time, Node, Node),
}

impl Node {
    pub(super) fn shape(self) -> Shape {
        match self {
            Self::Leaf { nanoseconds } => Shape::Leaf(ns(nanoseconds.into())),
            Self::Fib { n, leaf } if n < 2 => Shape::Leaf(ns(leaf.into())),
            Self::Fib { n, leaf } => {
                let part = |less| Self::Fib { n: n - less, leaf };
                Shape::Fork(0, part(1), part(2))
            }
            Self::Even { depth: 0, leaf } => Shape::Leaf(ns(leaf.into())),
            Self::Even { depth, leaf } => {
                let depth = depth - 1;
                let half = Self::Even { depth, leaf };
                Shape::Fork(0, half, half)
            }
            Self::List { left: 0, .. } => Shape::Leaf(0),
            Self::List { left, item } => {
                let rest = Self::List {
                    left: left - 1,
                    item,
                };
                Shape::Fork(0, rest, Self::Leaf { nanoseconds: item })
            }
            Self::Count { hash, depth, shape } => {
                let work = ns(shape.node.into());
                let siblings = Self::Siblings {
                    parent: hash,
                    depth: depth + 1,
                    from: 0,
                    to: children(hash, depth, shape),
                    shape,
                };
                siblings.after(work)
            }
            Self::Siblings { .. } => self.after(0),
        }
    }

    /// The shape of siblings, after the node above them has computed for this time.
    fn after(self, work: Time) -> Shape {
        let Self::Siblings {
            parent,
            depth,
            from,
            to,
            shape,
        } = self
        else {
            return self.shape();
        };
        let some = |from, to| Self::Siblings {
            parent,
            depth,
            from,
            to,
            shape,
        };
        match to - from {
            0 => Shape::Leaf(work),
            1 => {
                let hash = mix(parent ^ mix(from.into()));
                let only = Self::Count { hash, depth, shape };
                match only.shape() {
                    Shape::Leaf(more) => Shape::Leaf(work + more),
                    Shape::Fork(more, a, b) => Shape::Fork(work + more, a, b),
                }
            }
            count => {
                let middle = from + count / 2;
                Shape::Fork(work, some(from, middle), some(middle, to))
            }
        }
    }

    /// The total work, the longest chain, and the number of forks.
    pub(super) fn work(self) -> Work {
        // Without recursion: a list may be deeper than the stack.
        if let Self::List { left, item } = self {
            return Work {
                all: ns(u64::from(left) * u64::from(item)),
                span: if left == 0 { 0 } else { ns(item.into()) },
                forks: left.into(),
            };
        }
        match self.shape() {
            Shape::Leaf(work) => Work {
                all: work,
                span: work,
                forks: 0,
            },
            Shape::Fork(before, a, b) => {
                let (a, b) = (a.work(), b.work());
                Work {
                    all: before + a.all + b.all,
                    span: before + a.span.max(b.span),
                    forks: 1 + a.forks + b.forks,
                }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) all: Time,
    pub(super) span: Time,
    pub(super) forks: u64,
}

/// The next of a sequence of hashes (SplitMix64, Steele, Lea, Flood, 2014).
pub(super) fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

pub(super) fn children(hash: u64, depth: u8, shape: Uts) -> u32 {
    if depth == 0 {
        shape.root
    } else if depth >= shape.depth {
        0
    } else {
        let chance = (mix(hash) >> 11) as f64 / (1_u64 << 53) as f64;
        ((1.0 - chance).ln() / 0.8_f64.ln()) as u32
    }
}

/// The durations of a scope's tasks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Items {
    Equal(u32),
    /// One in sixteen takes sixteen times as long as the others, at random.
    Skewed(u32),
}

impl Items {
    pub(super) fn nanoseconds(self, at: u32) -> u32 {
        match self {
            Self::Equal(each) => each,
            Self::Skewed(each) if mix(at.into()).is_multiple_of(16) => 16 * each,
            Self::Skewed(each) => each,
        }
    }
}

/// A phase of the visiting thread, which runs its phases one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    /// Computes alone for this many nanoseconds.
    Alone(u32),
    Fork(Node),
    /// A scope with this many tasks.
    Scope(u32, Items),
    /// From outside the pool: this many times, after a pause of about this many nanoseconds, gives a worker a task
    /// and waits for it. This finds lost wake-ups.
    #[cfg_attr(not(test), expect(dead_code, reason = "it has no speed-up"))]
    Installs(u32, u32),
}

impl Phase {
    pub(super) fn work(self) -> Work {
        match self {
            Self::Alone(nanoseconds) => Work {
                all: ns(nanoseconds.into()),
                span: ns(nanoseconds.into()),
                forks: 0,
            },
            Self::Fork(node) => node.work(),
            Self::Scope(count, items) => {
                let each = (0..count).map(|at| ns(items.nanoseconds(at).into()));
                Work {
                    all: each.clone().sum(),
                    span: each.max().unwrap_or(0),
                    forks: 0,
                }
            }
            Self::Installs(..) => Work::default(),
        }
    }
}

/// A computation.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) phases: Vec<Phase>,
}

impl Program {
    pub(super) fn new(name: &'static str, phases: Vec<Phase>) -> Self {
        Self { name, phases }
    }

    pub(super) fn work(&self) -> Work {
        let each = self.phases.iter().map(|phase| phase.work());
        each.fold(Work::default(), |sum, part| Work {
            all: sum.all + part.all,
            span: sum.span + part.span,
            forks: sum.forks + part.forks,
        })
    }

    /// Returns true if the thread that runs it takes part in the pool.
    pub(super) fn visits(&self) -> bool {
        let mut phases = self.phases.iter();
        !phases.any(|phase| matches!(phase, Phase::Installs(..)))
    }
}
