//! The pool's design decisions, and the alternatives that are compared with them.

/// The number of forks to publish when others are hungry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Batch {
    Count(usize),
    /// The older half, up to eight: as in the pool.
    HalfUpToEight,
    Half,
    All,
}

impl Batch {
    pub(super) fn of(self, open: usize) -> usize {
        match self {
            Self::Count(count) => count.min(open),
            Self::HalfUpToEight => open.min(16).div_ceil(2),
            Self::Half => open.div_ceil(2),
            Self::All => open,
        }
    }
}

/// Where a thread's open forks are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forks {
    /// In a list of its own, until its word is raised: as in the pool.
    Private,
    /// In a deque from which others take (Chase, Lev 2005).
    Public,
}

/// The order in which a thread looks at the seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// From the lowest: as in the pool.
    Lowest,
    /// From its own on.
    Own,
    /// From a seat chosen at random for each look.
    Random,
    /// Those of its own node first, from its own on.
    Near,
}

/// The seats whose words a thread raises when it finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All: as in the pool.
    All,
    /// This many, chosen at random, while it searches; all, before it sleeps.
    Some(usize),
}

/// The use of the shared counters by searchers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    /// A searcher counts itself out before each attempt, and in again if the attempt failed: as in the pool.
    BeforeTrying,
    /// It counts itself out once it has found something.
    OnceFound,
}

/// Where a joiner looks for descendants of the half that it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Helping {
    /// In all mailboxes that are not empty, each under its lock: as in the pool.
    Everywhere,
    /// In that of the thread that stole the half (Wagner, Calder 1993).
    AtTheThief,
    /// Nowhere: it pauses, then blocks.
    Nowhere,
}

/// The behaviour of a thread that finds a mailbox locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Locking {
    /// It waits for the lock: as in the pool.
    Waits,
    /// It goes on to the next mailbox.
    Skips,
}

/// The number of tasks that a thread takes from a scope's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taking {
    /// One, then more while a batch lasts a few microseconds at most: as in the pool.
    ByTime,
    /// The same, but no less than a quarter of its share of the queue.
    ByShare,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Design {
    pub(super) batch: Batch,
    pub(super) forks: Forks,
    pub(super) order: Order,
    pub(super) asked: Asked,
    /// One more thread is woken if at most this many are waking up or searching.
    pub(super) wakers: usize,
    pub(super) counting: Counting,
    pub(super) helping: Helping,
    pub(super) locking: Locking,
    pub(super) taking: Taking,
    /// A fault to be built in.
    pub(super) fault: Option<Fault>,
}

/// A fault of the protocol, for tests of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A worker sleeps without looking once more.
    NoSecondLook,
    /// A thread that finishes a half does not wake the thread that waits for it.
    NoUnpark,
    /// A stolen half stays in the mailbox.
    TakenTwice,
    /// Searching workers take nothing.
    TakesNothing,
}

impl Default for Design {
    /// The decisions of the pool.
    fn default() -> Self {
        Self {
            batch: Batch::HalfUpToEight,
            forks: Forks::Private,
            order: Order::Lowest,
            asked: Asked::All,
            wakers: 1,
            counting: Counting::BeforeTrying,
            helping: Helping::Everywhere,
            locking: Locking::Waits,
            taking: Taking::ByTime,
            fault: None,
        }
    }
}
