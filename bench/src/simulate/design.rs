//! The decisions of the pool that are tried against others.

/// How many forks are published when others are hungry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Batch {
    Count(usize),
    /// The older half, up to eight: what the pool does.
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

/// Where the open forks of a thread lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forks {
    /// In a list of its own, until its word is raised: what the pool does.
    Private,
    /// In a deque from which others take (Chase, Lev 2005).
    Public,
}

/// In which order a thread looks at the seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// From the lowest: what the pool does.
    Lowest,
    /// From its own on.
    Own,
    /// From a seat that is drawn anew for each look.
    Random,
    /// Those of its own node first, from its own on.
    Near,
}

/// Whose words a thread raises that finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All: what the pool does.
    All,
    /// So many that are drawn, while it searches; all, before it sleeps.
    Some(usize),
}

/// How the shared counters are used by those who search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    /// A searcher counts itself out before each try, and in again if that was in vain: what the pool does.
    BeforeTrying,
    /// It counts itself out once it has something.
    OnceFound,
}

/// Where a joiner looks for what descends from the half that it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Helping {
    /// In all mailboxes that are not empty, each under its lock: what the pool does.
    Everywhere,
    /// In that of the thread that has taken the half (Wagner, Calder 1993).
    AtTheThief,
    /// Nowhere: it pauses, then blocks.
    Nowhere,
}

/// What a thread does that finds a mailbox locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Locking {
    /// It waits for the lock: what the pool does.
    Waits,
    /// It goes on to the next mailbox.
    Skips,
}

/// How many tasks a thread takes from a scope's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taking {
    /// One, then more while a batch lasts a few microseconds at most: what the pool does.
    ByTime,
    /// Likewise, but no less than a quarter of its share of what is queued.
    ByShare,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Design {
    pub(super) batch: Batch,
    pub(super) forks: Forks,
    pub(super) order: Order,
    pub(super) asked: Asked,
    /// How many may be on their way to work, or search, when one more is woken.
    pub(super) wakers: usize,
    pub(super) counting: Counting,
    pub(super) helping: Helping,
    pub(super) locking: Locking,
    pub(super) taking: Taking,
    /// What is broken.
    pub(super) fault: Option<Fault>,
}

/// A protocol that is broken, for tests of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A worker sleeps without looking once more.
    NoSecondLook,
    /// Whoever finishes a half does not wake the one that waits for it.
    NoUnpark,
    /// A half that was taken stays in the mailbox.
    TakenTwice,
    /// Workers that search take nothing.
    TakesNothing,
}

impl Default for Design {
    /// What the pool does.
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
