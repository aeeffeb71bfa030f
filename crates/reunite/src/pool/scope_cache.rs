//! The memory that a thread keeps of scopes that have ended, for the next that it opens.
//!
//! A recursion opens one scope inside the other, so a thread can reuse as many scopes as it had open at a time. A
//! scope with memory for a few tasks is about as large as its stack frames, and a stack that was deep once keeps
//! its memory, too; so thousands of such scopes are kept. Of scopes with memory for many tasks only a few are
//! kept, by their [`Weight`]. After a deep recursion the number falls again: while many are kept, one in [`EACH`]
//! scopes that end is dropped.
//!
//! # References
//! While a scope is open, others refer to its state: the list of the pool's open scopes, and the thread's stack of
//! contexts. Counting a reference up and down takes longer than everything else that is done for a scope. So these
//! two references are kept with the state, and are only moved while the scope is open.
//! 1. The holder of a [`CachedScope`] has two references to its state, and two to its context. Weak ones of either
//!    are never made.
//! 2. If there are only these two references, no other thread has one or can get one: the value belongs to the
//!    holder alone.
//! 3. The spares that a thread keeps are used by that thread alone.

use std::cell::{Cell, RefCell};
use std::panic::Location;

use super::open_scopes::OpenScope;
use super::queue::Weight;
use super::scope_state::ScopeState;
use super::shared::PoolShared;
use crate::current::{self, LazyContext};
use crate::id::TaskId;
use crate::primitive::{Arc, Ordering, fence, thread_local};

/// The number of spares that are kept in any case.
const FEW: usize = 16;
/// The number of spares of each [`Weight`] that are kept.
const MOST: [usize; 2] = [1 << 15, FEW];
/// One scope in this many is dropped. So a recursion that is as deep again has to make only few scopes anew.
const EACH: u32 = 64;

/// The number of scope numbers that a thread takes at a time from the counter of the process.
const NUMBERS: u64 = 64;

thread_local! {
    /// The memory of scopes that have ended.
    static SPARES: RefCell<ScopeCache<CachedScope>> = const { RefCell::new(ScopeCache::new()) };
    /// The next number for a scope of this thread, and how many are left.
    static NEXT: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// Returns the number of a scope that the calling thread opens.
#[inline]
fn next_number() -> TaskId {
    NEXT.with(|numbers| {
        let (mut next, mut left) = numbers.get();
        if left == 0 {
            (next, left) = (TaskId::block(NUMBERS).start, NUMBERS);
        }
        numbers.set((next + 1, left - 1));
        TaskId::of_block(next)
    })
}

/// The memory of a scope that is not open.
pub(super) struct CachedScope {
    pub(super) state: Arc<ScopeState>,
    /// The state, for the list of the open scopes.
    pub(super) listed: Arc<dyn OpenScope>,
    /// The context of the scope, for the thread's stack of contexts.
    pub(super) entered: Arc<LazyContext>,
}

/// Returns the value of `own`, if there are no other references except one.
///
/// # Safety
/// The caller has the other reference, too, and weak ones are never made. Neither is used while the returned
/// one is.
#[inline]
unsafe fn get_mut_if_unshared<T>(own: &mut Arc<T>) -> Option<&mut T> {
    if Arc::strong_count(own) != 2 {
        return None;
    }
    // The load acquires, so everything that other threads did with the value happened before this.
    fence(Ordering::Acquire);
    // SAFETY: rule 2: no other thread has a reference, and the caller uses none.
    Some(unsafe { &mut *Arc::as_ptr(own).cast_mut() })
}

impl CachedScope {
    /// Returns a state for a scope in `pool` that the calling thread opens at that line.
    #[inline]
    pub(super) fn take(pool: &Arc<PoolShared>, at: &'static Location<'static>) -> Self {
        let spare = SPARES.try_with(|spares| spares.try_borrow_mut().ok()?.take());
        let spare = spare.ok().flatten();
        spare
            .and_then(|spare| spare.renewed(pool, at))
            .unwrap_or_else(|| Self::new(pool, at))
    }

    #[cold]
    #[inline(never)]
    fn new(pool: &Arc<PoolShared>, at: &'static Location<'static>) -> Self {
        let own = Arc::new(LazyContext::new(
            next_number(),
            at,
            current::outer_context(),
        ));
        let entered = Arc::clone(&own);
        let state = Arc::new(ScopeState::new(pool, own));
        let listed = Arc::clone(&state) as Arc<dyn OpenScope>;
        Self {
            state,
            listed,
            entered,
        }
    }

    /// Makes this equal to a [new](Self::new) one. Returns `None` if other threads still refer to it.
    #[inline]
    fn renewed(mut self, pool: &Arc<PoolShared>, at: &'static Location<'static>) -> Option<Self> {
        // SAFETY: rule 1; the other reference is not used here.
        let state = unsafe { get_mut_if_unshared(&mut self.state) }?;
        // SAFETY: as above.
        let own = unsafe { get_mut_if_unshared(&mut state.parent.own) }?;
        own.renew(next_number(), at, current::outer_context());
        state.renew(pool);
        Some(self)
    }

    /// Keeps the memory of a scope that has ended for the next scope that the calling thread opens, unless other
    /// threads still refer to it.
    #[inline]
    pub(super) fn put_back(mut self) {
        // SAFETY: rule 1; the other reference is not used here.
        let Some(state) = (unsafe { get_mut_if_unshared(&mut self.state) }) else {
            return;
        };
        let weight = state.forget();
        // SAFETY: as above.
        let Some(own) = (unsafe { get_mut_if_unshared(&mut state.parent.own) }) else {
            return;
        };
        own.forget();
        let too_many = SPARES.try_with(|spares| spares.borrow_mut().put(self, weight));
        drop(too_many);
    }
}

/// A stack of spares: the newest is used first.
pub(super) struct ScopeCache<T> {
    kept: Vec<(T, Weight)>,
    /// The number of spares of each weight.
    counts: [usize; 2],
    /// The number of scopes that have ended.
    ended: u32,
}

impl<T> ScopeCache<T> {
    pub(super) const fn new() -> Self {
        Self {
            kept: Vec::new(),
            counts: [0; 2],
            ended: 0,
        }
    }

    #[inline]
    pub(super) fn take(&mut self) -> Option<T> {
        let (spare, weight) = self.kept.pop()?;
        self.counts[weight as usize] -= 1;
        Some(spare)
    }

    /// Keeps `spare`, or returns it if it is to be dropped.
    #[inline]
    pub(super) fn put(&mut self, spare: T, weight: Weight) -> Option<T> {
        self.ended = self.ended.wrapping_add(1);
        let is_given_back = self.ended.is_multiple_of(EACH) && self.kept.len() >= FEW;
        let count = &mut self.counts[weight as usize];
        if is_given_back || *count >= MOST[weight as usize] {
            return Some(spare);
        }
        *count += 1;
        self.kept.push((spare, weight));
        None
    }

    #[cfg(all(test, not(reunite_model)))]
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.kept.iter().map(|(spare, _)| spare)
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::pool::Pool;

    #[test]
    fn nearly_as_many_spares_are_kept_as_scopes_were_open_at_a_time() {
        let mut spares = ScopeCache::new();
        let back = (0..6_400).filter_map(|n| spares.put(n, Weight::Little));
        assert_eq!(back.count(), 100);
        assert_eq!(spares.take(), Some(6_398));
    }

    #[test]
    fn spares_that_are_not_needed_any_more_are_given_back() {
        let mut spares = ScopeCache::new();
        let mut dropped: Vec<_> = (0..1_000)
            .filter_map(|n| spares.put(n, Weight::Little))
            .collect();
        for _ in 0..1_000 * EACH {
            let spare = spares.take().unwrap();
            dropped.extend(spares.put(spare, Weight::Much));
        }
        assert_eq!(spares.iter().count(), FEW);
        dropped.sort_unstable();
        dropped.dedup();
        assert_eq!(dropped.len(), 1_000 - FEW);
    }

    #[test]
    fn the_number_of_spares_is_limited_more_strictly_the_more_memory_they_have() {
        for (weight, most) in [Weight::Little, Weight::Much].into_iter().zip(MOST) {
            let mut spares = ScopeCache::new();
            let kept = (0..3 * most).filter(|n| spares.put(*n, weight).is_none());
            assert_eq!(kept.count(), most);
            // There is room for one that was taken.
            let spare = spares.take().unwrap();
            assert!((0..2).any(|_| spares.put(spare, weight).is_none()));
        }
    }

    /// Including after a cancellation, and with the memory of its tasks.
    #[test]
    fn a_scope_in_the_memory_of_one_that_has_ended_is_like_a_new_one() {
        let pool = Pool::builder().threads(1).build().unwrap();
        let outer = current::shared();
        let users = || {
            (
                Arc::strong_count(&outer),
                Arc::strong_count(outer.node.whole()),
            )
        };
        // The caller has the only place, so no worker takes tasks or looks at scopes.
        pool.enter(|| {
            let before = users();
            let first = pool.scope(|s| {
                drop(s.spawn(|| ()));
                s.cancel("a test's own");
                let told = crate::shield(|| s.spawn(|| ()).join());
                assert!(told.unwrap_err().is_cancelled());
                Arc::as_ptr(s.state)
            });
            assert_eq!(users(), before);
            SPARES.with(|spares| assert!(spares.borrow().iter().all(|it| !it.state.has_pool())));
            pool.scope(|s| {
                assert!(std::ptr::eq(Arc::as_ptr(s.state), first));
                assert!(s.state.parent.own.known().is_none() && s.state.parent.cause().is_none());
                assert!(s.state.queue.lock().cells.count() > 0);
                let queue = s.state.queue.lock();
                assert_eq!(queue.tasks.len() + queue.count_over(), 0);
                drop(queue);
                assert_eq!(s.spawn(|| 1).join().unwrap(), 1);
                std::mem::forget(s.spawn(|| 2));
            });
            // What a forgotten handle keeps is lost.
            pool.scope(|s| {
                assert!(std::ptr::eq(Arc::as_ptr(s.state), first));
                assert_eq!(s.state.queue.lock().cells.count(), 0);
            });
        });
    }

    #[test]
    fn a_scope_to_which_others_still_refer_is_not_used_again() {
        let pool = Pool::builder().threads(1).build().unwrap();
        pool.enter(|| {
            let state = pool.scope(|s| Arc::clone(s.state));
            assert!(!state.has_pool(), "which may be gone by now");
            let own = pool.scope(|s| {
                assert!(!Arc::ptr_eq(s.state, &state));
                Arc::clone(&s.state.parent.own)
            });
            pool.scope(|s| assert!(!Arc::ptr_eq(&s.state.parent.own, &own)));
        });
    }

    #[test]
    fn nested_scopes_use_the_memory_of_as_many_that_have_ended() {
        fn nest(pool: &Pool, depth: usize, states: &mut Vec<usize>) {
            if depth > 0 {
                pool.scope(|s| {
                    states.push(Arc::as_ptr(s.state).addr());
                    assert_eq!(s.spawn(|| depth).join().unwrap(), depth);
                    nest(pool, depth - 1, states);
                });
            }
        }

        // A scope at which a worker is about to look cannot be used again: there are few of those.
        let pool = Pool::builder()
            .threads(1)
            .spare_after(None)
            .build()
            .unwrap();
        pool.enter(|| {
            let [mut first, mut second] = [Vec::new(), Vec::new()];
            pool.scope(|_| nest(&pool, 500, &mut first));
            pool.scope(|_| nest(&pool, 500, &mut second));
            let again = second.iter().filter(|state| first.contains(state));
            assert!(again.count() >= 250);
        });
    }

    #[test]
    fn the_weight_of_an_ended_scope_is_known() {
        let pool = Pool::builder().threads(1).build().unwrap();
        let weight_after = |tasks: usize| {
            std::thread::scope(|t| {
                let after = || {
                    let ended = pool.scope(|s| {
                        for n in 0..tasks {
                            // Some of them are large.
                            let large = [n; 16];
                            s.spawn(move || assert_eq!(large[n % 16], n));
                        }
                        Arc::as_ptr(s.state).addr()
                    });
                    // `None` if a worker still looked at it.
                    SPARES.with(|spares| {
                        let spares = spares.borrow();
                        let mut found = spares.kept.iter();
                        let is_it = |state: &Arc<ScopeState>| Arc::as_ptr(state).addr() == ended;
                        let found = found.find(|(spare, _)| is_it(&spare.state));
                        found.map(|(_, weight)| *weight)
                    })
                };
                t.spawn(after).join().unwrap()
            })
        };
        for (tasks, weight) in [
            (0, Weight::Little),
            (1, Weight::Little),
            (500, Weight::Much),
        ] {
            let known = (0..1_000).find_map(|_| weight_after(tasks));
            assert_eq!(known, Some(weight), "{tasks}");
        }
    }
}
