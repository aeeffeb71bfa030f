//! The scopes that are open in a pool, and which of them have tasks that can begin.
//!
//! # Protocol
//! Every open scope has a slot from [`open`](OpenScopes::open) to [`close`](OpenScopes::close). The slots of
//! scopes with tasks that can begin are linked, in the order in which they were listed; threads that look for
//! work go through these alone. So the cost of opening, closing, listing and finding a scope does not depend
//! on how many others are open.
//!
//! 1. A scope is listed and unlisted under the lock of its queue, by the thread that changes the queue
//!    (`is_listed` in `scope_state`). That lock is taken before the lock of the slots, never after it: a
//!    scope that was found is asked for tasks after the slots are unlocked, and unlists itself if it has
//!    none. So if a scope had no task, the next look does not find it.
//! 2. The end of a scope takes the lock of its queue after its last task is over, and so after it was
//!    unlisted. While the slots are locked, a listed scope and everything that it descends from are therefore
//!    alive.
//! 3. Each listing has a number, which grows. A scope records the last number when it opens (`since`): all
//!    scopes that descend from it, or from one of its tasks, open later, and are listed with greater numbers.
//!    A thread that looks for scopes below a task goes through the listings from the newest, and stops at the
//!    first that is too old.
//! 4. A thread that waits for the other half of a fork made that fork inside its innermost open scope. So all
//!    scopes below that half were listed after the `since` of that scope, which bounds the search. If the
//!    scope belongs to another pool than the one that is searched, its `since` bounds nothing, because each
//!    pool has its own numbers.

use std::cell::Cell;

use super::lineage::Ancestor;
use super::seat::Seat;
use crate::id::Label;
use crate::primitive::{Arc, AtomicUsize, Counter, Mutex, MutexGuard, Ordering, thread_local};
use crate::task::ScopeSnapshot;

/// A scope that is open in a pool.
pub(super) trait OpenScope: Send + Sync {
    fn label(&self) -> &Label;

    /// Returns true if any task can begin. If none can, the scope is not listed any more.
    fn has_tasks(&self) -> bool;

    /// Returns true if the scope descends from `target`. The scope is listed in `slots`, whose lock the
    /// caller holds: see rule 2.
    fn descends(&self, target: Ancestor, slots: &Slots) -> bool;

    /// Runs tasks until there are none to begin, or for as long as `until` says.
    fn work(self: Arc<Self>, until: Until);

    /// Returns the label of a task that no thread has begun.
    fn next_task(&self) -> Option<Label>;

    /// Returns the label of the task with that number, if a thread runs it.
    fn running(&self, number: u64) -> Option<Label>;

    /// Returns true if the member at that seat opened the scope.
    fn is_of(&self, seat: &'static Seat) -> bool;

    /// Returns the scope as the live tree shows it.
    fn snapshot(&self) -> ScopeSnapshot;
}

/// The condition as long as which a thread runs a scope's tasks.
#[derive(Clone, Copy)]
pub(super) enum Until {
    /// As long as there are tasks to begin.
    Done,
    /// As long as there are tasks to begin and the thread's place is not needed.
    Crowded,
}

/// The last listing in a pool when a scope was opened there.
#[derive(Clone, Copy)]
pub(super) struct Since {
    /// The address of the pool's open scopes.
    pool: usize,
    listing: u64,
}

/// The condition for the scopes that a thread looks for.
#[derive(Clone, Copy)]
pub(super) struct Below {
    pub(super) target: Ancestor,
    /// The scopes were listed after this. It says nothing about the scopes of another pool.
    pub(super) since: Option<Since>,
}

/// The place of a scope among those that are open.
pub(super) type SlotIndex = usize;

pub(super) struct OpenScopes {
    slots: Mutex<Slots>,
    /// The number of listed scopes; changes under the lock.
    listed: AtomicUsize,
    /// The number of the last listing; changes under the lock.
    listings: Counter,
}

/// The data that the lock of the slots guards: a reference to it proves that the lock is held.
#[derive(Default)]
pub(super) struct Slots {
    all: Vec<OpenScopeEntry>,
    free: Vec<SlotIndex>,
    oldest: Option<SlotIndex>,
    newest: Option<SlotIndex>,
}

#[derive(Default)]
struct OpenScopeEntry {
    scope: Option<Arc<dyn OpenScope>>,
    /// The number of the scope's listing.
    number: u64,
    /// The scope's neighbours in the list.
    older: Option<SlotIndex>,
    newer: Option<SlotIndex>,
}

thread_local! {
    /// The `since` of the innermost scope that the calling thread has open, in whichever pool.
    static INNERMOST: Cell<Option<Since>> = const { Cell::new(None) };
}

/// A guard: the calling thread is in the body, or at the end, of a scope until it is dropped.
pub(super) struct InScope {
    around: Option<Since>,
}

impl Drop for InScope {
    fn drop(&mut self) {
        INNERMOST.with(|innermost| innermost.set(self.around));
    }
}

/// Records that the calling thread has opened a scope.
pub(super) fn enter(since: Since) -> InScope {
    let around = INNERMOST.with(|innermost| innermost.replace(Some(since)));
    InScope { around }
}

/// Returns the `since` of the innermost scope that the calling thread has open.
pub(super) fn innermost() -> Option<Since> {
    INNERMOST.with(Cell::get)
}

impl OpenScopes {
    pub(super) fn new() -> Self {
        Self {
            slots: Mutex::default(),
            listed: AtomicUsize::new(0),
            listings: Counter::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock()
    }

    /// Returns the `since` of a scope that is opened now.
    pub(super) fn since(&self) -> Since {
        Since {
            pool: self.address(),
            listing: self.listings.load(Ordering::Relaxed),
        }
    }

    /// Returns the last listing that is too old for scopes listed after `since`.
    fn too_old(&self, since: Option<Since>) -> u64 {
        let here = since.filter(|since| since.pool == self.address());
        here.map_or(0, |since| since.listing)
    }

    pub(super) fn open(&self, scope: Arc<dyn OpenScope>) -> SlotIndex {
        let mut slots = self.lock();
        let slot = slots.free.pop().unwrap_or_else(|| {
            slots.all.push(OpenScopeEntry::default());
            slots.all.len() - 1
        });
        slots.all[slot].scope = Some(scope);
        slot
    }

    /// Frees the slot of a scope that has ended, and returns the scope.
    pub(super) fn close(&self, slot: SlotIndex) -> Option<Arc<dyn OpenScope>> {
        let mut slots = self.lock();
        let scope = slots.all[slot].scope.take();
        slots.free.push(slot);
        scope
    }

    /// Lists the scope in that slot, which has tasks that can begin.
    pub(super) fn list(&self, slot: SlotIndex) {
        let mut slots = self.lock();
        let number = self.listings.load(Ordering::Relaxed) + 1;
        self.listings.store(number, Ordering::Relaxed);
        slots.link(slot, number);
        let listed = self.listed.load(Ordering::Relaxed);
        self.listed.store(listed + 1, Ordering::SeqCst);
    }

    /// Unlists the scope in that slot, which has no such tasks any more.
    pub(super) fn unlist(&self, slot: SlotIndex) {
        let mut slots = self.lock();
        slots.unlink(slot);
        let listed = self.listed.load(Ordering::Relaxed);
        self.listed.store(listed - 1, Ordering::SeqCst);
    }

    /// Returns true if any scope is listed.
    pub(super) fn has_tasks(&self) -> bool {
        self.listed.load(Ordering::SeqCst) > 0
    }

    /// Returns the scope with tasks that was listed first, or the one below a target that was listed last.
    pub(super) fn find(&self, below: Option<Below>) -> Option<Arc<dyn OpenScope>> {
        while self.has_tasks() {
            let slots = self.lock();
            let slot = match below {
                None => slots.oldest,
                Some(below) => slots.newest_below(below.target, self.too_old(below.since)),
            };
            let scope = slots.all[slot?].scope.clone();
            drop(slots);
            // A scope without tasks is not listed any more.
            if let Some(scope) = scope.filter(|scope| scope.has_tasks()) {
                return Some(scope);
            }
        }
        None
    }

    /// Returns all open scopes, by their numbers: those of a thread in the order in which it opened them.
    pub(super) fn all(&self) -> Vec<Arc<dyn OpenScope>> {
        let slots = self.lock();
        let scopes = slots.all.iter().filter_map(|entry| entry.scope.clone());
        let mut scopes: Vec<_> = scopes.collect();
        drop(slots);
        scopes.sort_by_key(|scope| scope.label().id());
        scopes
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl Slots {
    fn link(&mut self, slot: SlotIndex, number: u64) {
        let older = self.newest.replace(slot);
        match older {
            Some(older) => self.all[older].newer = Some(slot),
            None => self.oldest = Some(slot),
        }
        let entry = &mut self.all[slot];
        entry.number = number;
        entry.older = older;
    }

    fn unlink(&mut self, slot: SlotIndex) {
        let entry = &mut self.all[slot];
        let (older, newer) = (entry.older.take(), entry.newer.take());
        match older {
            Some(older) => self.all[older].newer = newer,
            None => self.oldest = newer,
        }
        match newer {
            Some(newer) => self.all[newer].older = older,
            None => self.newest = older,
        }
    }

    /// Returns the listed scopes, the newest first.
    fn newest_first(&self) -> impl Iterator<Item = SlotIndex> {
        std::iter::successors(self.newest, |slot| self.all[*slot].older)
    }

    fn newest_below(&self, target: Ancestor, too_old: u64) -> Option<SlotIndex> {
        self.newest_first()
            .take_while(|slot| self.all[*slot].number > too_old)
            .find(|slot| {
                let scope = self.all[*slot].scope.as_ref();
                scope.is_some_and(|scope| scope.descends(target, self))
            })
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::panic::Location;

    use super::*;
    use crate::id::LabelKind;
    use crate::pool::Pool;
    use crate::pool::lineage::Lineage;
    use crate::pool::scope::PoolScope;
    use crate::primitive::AtomicBool;

    /// A scope that counts how often it is asked for anything.
    struct CountingScope {
        label: Label,
        lineage: Lineage,
        up: Option<Arc<Self>>,
        has_tasks: AtomicBool,
        asked: AtomicUsize,
    }

    impl CountingScope {
        fn below(up: Option<&Arc<Self>>) -> Arc<Self> {
            Arc::new(Self {
                label: Label::new(LabelKind::Scope, None, Location::caller()),
                lineage: Lineage::new(None),
                up: up.cloned(),
                has_tasks: AtomicBool::new(true),
                asked: AtomicUsize::new(0),
            })
        }

        fn count(&self) {
            self.asked.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl OpenScope for CountingScope {
        fn label(&self) -> &Label {
            self.count();
            &self.label
        }

        fn has_tasks(&self) -> bool {
            self.count();
            self.has_tasks.load(Ordering::Relaxed)
        }

        fn descends(&self, target: Ancestor, _: &Slots) -> bool {
            self.count();
            let up = std::iter::successors(Some(self), |scope| scope.up.as_deref());
            up.into_iter()
                .any(|scope| scope.lineage.as_ancestor() == target)
        }

        fn work(self: Arc<Self>, _: Until) {}

        fn next_task(&self) -> Option<Label> {
            None
        }

        fn running(&self, _: u64) -> Option<Label> {
            None
        }

        fn is_of(&self, _: &'static Seat) -> bool {
            false
        }

        fn snapshot(&self) -> ScopeSnapshot {
            unreachable!("no test looks")
        }
    }

    fn open(scopes: &OpenScopes, scope: &Arc<CountingScope>) -> SlotIndex {
        scopes.open(Arc::clone(scope) as Arc<dyn OpenScope>)
    }

    /// Returns true if a look finds that scope.
    fn finds(scopes: &OpenScopes, below: Option<Below>, scope: &Arc<CountingScope>) -> bool {
        let found = scopes.find(below);
        found.is_some_and(|found| std::ptr::addr_eq(Arc::as_ptr(&found), Arc::as_ptr(scope)))
    }

    fn asked(others: &[Arc<CountingScope>]) -> usize {
        let asked = others
            .iter()
            .map(|scope| scope.asked.load(Ordering::Relaxed));
        asked.sum()
    }

    #[test]
    fn a_scope_comes_and_goes_without_asking_other_open_scopes() {
        let scopes = OpenScopes::new();
        let others: Vec<_> = (0..1_000).map(|_| CountingScope::below(None)).collect();
        others.iter().for_each(|scope| _ = open(&scopes, scope));
        let mut slots = Vec::new();
        for _ in 0..10 {
            let scope = CountingScope::below(None);
            let slot = open(&scopes, &scope);
            scopes.list(slot);
            assert!(finds(&scopes, None, &scope));
            scopes.unlist(slot);
            assert!(!scopes.has_tasks() && scopes.find(None).is_none());
            scopes.close(slot);
            slots.push(slot);
        }
        assert_eq!(asked(&others), 0);
        assert!(slots.iter().all(|slot| *slot == slots[0]), "{slots:?}");
    }

    /// The scopes are nested as in a recursion whose levels all have tasks that have not begun.
    #[test]
    fn a_look_below_a_scope_asks_none_that_were_listed_before_it_was_opened() {
        let scopes = OpenScopes::new();
        let mut nest = vec![CountingScope::below(None)];
        for _ in 1..1_000 {
            nest.push(CountingScope::below(nest.last()));
        }
        let mut since = Vec::new();
        for scope in &nest {
            since.push(scopes.since());
            let slot = open(&scopes, scope);
            scopes.list(slot);
        }
        let below = |at: usize| {
            let (target, since) = (nest[at].lineage.as_ancestor(), Some(since[at]));
            Some(Below { target, since })
        };
        assert!(finds(&scopes, below(999), &nest[999]));
        assert_eq!(asked(&nest[..999]), 0);
        // The newest is below all of them.
        assert!(finds(&scopes, below(500), &nest[999]));
        assert_eq!(asked(&nest[..999]), 0);
        scopes.unlist(999);
        assert!(scopes.find(below(999)).is_none());
        assert!(finds(&scopes, below(998), &nest[998]));
        assert_eq!(asked(&nest[..998]), 0);
        assert!(finds(&scopes, None, &nest[0]));
    }

    #[test]
    fn scopes_are_found_in_the_order_in_which_they_got_tasks() {
        let scopes = OpenScopes::new();
        let all: Vec<_> = (0..4).map(|_| CountingScope::below(None)).collect();
        let slots: Vec<_> = all.iter().map(|scope| open(&scopes, scope)).collect();
        let order = [2, 0, 3, 1];
        order.iter().for_each(|at| scopes.list(slots[*at]));
        assert!(finds(&scopes, None, &all[2]));
        // In the middle, at the front, at the back, and the last.
        let steps = [(0, Some(2)), (2, Some(3)), (1, Some(3)), (3, None)];
        for (gone, next) in steps {
            scopes.unlist(slots[gone]);
            match next {
                Some(next) => assert!(finds(&scopes, None, &all[next])),
                None => assert!(scopes.find(None).is_none()),
            }
        }
        scopes.list(slots[1]);
        assert!(finds(&scopes, None, &all[1]));
    }

    #[test]
    fn a_thread_knows_the_innermost_scope_that_it_has_open() {
        let pools = [1, 2].map(|_| Pool::builder().threads(1).build().unwrap());
        let too_old = |s: &PoolScope<'_, '_>| {
            let scopes = &s.state.pool().members.backlog.scopes;
            scopes.too_old(innermost())
        };
        assert!(innermost().is_none());
        pools[0].scope(|s| {
            s.spawn(|| ()).join().unwrap();
            assert_eq!(too_old(s), 0);
            pools[0].scope(|inner| assert_eq!((too_old(s), too_old(inner)), (1, 1)));
            assert_eq!(too_old(s), 0);
            s.spawn(|| ()).join().unwrap();
            pools[0].scope(|_| {
                assert_eq!(too_old(s), 2);
                // Listings of another pool do not count.
                pools[1].scope(|other| {
                    other.spawn(|| ()).join().unwrap();
                    assert_eq!((too_old(other), too_old(s)), (0, 0));
                });
                assert_eq!(too_old(s), 2);
            });
        });
        assert!(innermost().is_none());
    }
}
