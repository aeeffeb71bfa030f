//! A piece of a pool's work, and its identity: a task of a scope, an item of a map, a half of a fork that
//! another thread has taken.
//!
//! # Protocol
//! A piece is a task like any other, but most pieces are over before any thread could inspect them. So the
//! identity of a piece is made only when it is needed: by the thread of the piece, when it blocks, fails, opens a
//! scope or offers a fork; by a joiner, for a message; or by a thread that shows the live tree. All get the same
//! identity, because it is made only once ([`LazyPieceIdentity`]).
//!
//! The facts that cannot be found out later are stored in the piece: its number, the user's line that spawned it,
//! and the time of the spawn. That time comes from a clock that costs little, and is not read for each task of a
//! scope (see [`SpawnClock::now`](super::spawn_clock::SpawnClock::now)).
//!
//! A thread lists the pieces it runs (`this_thread`). In each [layer](crate::current) of contexts, the thread runs
//! the last piece that was begun there. References in that list are raw; only the thread itself follows them,
//! while the piece runs.

use std::panic::Location;
use std::ptr::{with_exposed_provenance, with_exposed_provenance_mut};

use super::lineage::Ancestor;
use crate::cancel::CancelNode;
use crate::context::Inherited;
use crate::current::{Context, TaskRecord};
use crate::id::{Label, LabelKind, TaskId};
use crate::part::Part;
use crate::primitive::{
    Arc, Counter, Duration, Instant, Mutex, Ordering, SmallCounter, coarse_millis, now,
};
use crate::task::{Callback, Unjoined};

/// A piece of work that a thread runs for a pool.
pub(super) trait Piece {
    fn as_ancestor(&self) -> Ancestor;

    /// Returns the context of the piece. Makes it if it was not made yet. The piece runs in `around`.
    fn context(&self, around: &Arc<Context>) -> Arc<Context>;

    /// Returns the context of the piece if it was made, or if `around`, in which the piece runs, cannot stand in
    /// for it.
    fn known_context(&self, around: &Arc<Context>) -> Option<Arc<Context>>;
}

/// The time at which a piece was spawned, to a few milliseconds.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct CoarseSpawnTime(u32);

/// A [`CoarseSpawnTime`] that is set once, before other threads have the piece.
#[derive(Default)]
pub(super) struct CoarseSpawnCell(SmallCounter);

impl CoarseSpawnCell {
    #[inline]
    pub(super) fn tell(&self, CoarseSpawnTime(millis): CoarseSpawnTime) {
        self.0.store(millis, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> CoarseSpawnTime {
        CoarseSpawnTime(self.0.load(Ordering::Relaxed))
    }
}

impl CoarseSpawnTime {
    #[inline]
    pub(super) fn now() -> Self {
        Self(coarse_millis())
    }

    #[cfg(all(test, not(reunite_model)))]
    pub(super) fn later(self, millis: u32) -> Self {
        Self(self.0.wrapping_add(millis))
    }

    fn instant(self) -> Instant {
        let age = Duration::from_millis(coarse_millis().wrapping_sub(self.0).into());
        // The clock may have begun less than the piece's age ago, because the age is rounded to the clock's tick.
        now().checked_sub(age).unwrap_or_else(now)
    }
}

/// The properties of a piece that are known from the beginning.
pub(super) struct PieceFacts {
    pub(super) id: TaskId,
    pub(super) kind: LabelKind,
    pub(super) at: &'static Location<'static>,
    pub(super) spawned: CoarseSpawnTime,
}

/// The place of a piece's identity, which is made on demand. Until then the same word holds the number of the
/// piece: with a second word, small tasks would need the next larger size of memory.
///
/// # Protocol
/// 1. While the bit `NUMBER` is set, the identity is not made, and the bits above are the number; zero means that
///    there is none. The number is set before other threads have the piece.
/// 2. If the bit is clear, the word is the address of a box with the identity. It is set once, and stays until the
///    piece is dropped.
///
/// If two threads make the identity at the same time, the later one drops its own and uses that of the earlier
/// one.
pub(super) struct LazyPieceIdentity(Counter);

const NUMBER: u64 = 1;

pub(super) struct PieceIdentity {
    pub(super) context: Arc<Context>,
    /// The values that the piece inherits from its spawner, until it begins.
    pub(super) inherited: Mutex<Inherited>,
    /// The functions to be called when the piece is done.
    pub(super) callbacks: Mutex<Vec<Callback>>,
    /// The error that the piece has returned as a value, until the error is taken.
    pub(super) unjoined: Mutex<Option<Unjoined>>,
}

impl LazyPieceIdentity {
    pub(super) const fn unknown() -> Self {
        Self(Counter::new(NUMBER))
    }

    /// Sets the number. Called once, before other threads have the piece.
    #[inline]
    pub(super) fn number_as(&self, number: u64) {
        self.0.store(number << 1 | NUMBER, Ordering::Relaxed);
    }

    /// Returns the number.
    #[inline]
    pub(super) fn number(&self) -> u64 {
        match self.asked() {
            Ok(made) => made.label().id().as_u64(),
            Err(unasked) => unasked >> 1,
        }
    }

    /// Returns the identity, if it was made.
    #[inline]
    pub(super) fn known(&self) -> Option<&PieceIdentity> {
        self.asked().ok()
    }

    /// Returns the identity if it was made, otherwise the word.
    #[inline]
    fn asked(&self) -> Result<&PieceIdentity, u64> {
        let word = self.0.load(Ordering::Acquire);
        if word & NUMBER != 0 {
            return Err(word);
        }
        let made = with_exposed_provenance::<PieceIdentity>(word as usize);
        // SAFETY: the word is without `NUMBER`, so it is from a box that is dropped with `self` (rule 2). The
        // box is only changed through shared references.
        Ok(unsafe { &*made })
    }

    /// Returns the identity. If it was not made, makes it, with a node of its own below that of `around`, in which
    /// the piece runs.
    pub(super) fn make(
        &self,
        around: &Context,
        name: impl FnOnce() -> Option<String>,
        facts: impl FnOnce() -> PieceFacts,
    ) -> &PieceIdentity {
        self.known().unwrap_or_else(|| {
            let facts = facts();
            let label = Label::with_id(facts.id, facts.kind, name(), facts.at);
            let node = CancelNode::child(&around.node, label.clone(), None);
            self.set(PieceIdentity::new(around, label, node, facts.spawned))
        })
    }

    /// Does what [`make`](Self::make) does, for a piece that is a part of the task in `around`: it uses the node
    /// of that task.
    pub(super) fn make_part(
        &self,
        around: &Context,
        facts: impl FnOnce() -> PieceFacts,
    ) -> &PieceIdentity {
        self.known().unwrap_or_else(|| {
            let facts = facts();
            let label = Label::with_id(facts.id, facts.kind, None, facts.at);
            let node = around.node.clone();
            self.set(PieceIdentity::new(around, label, node, facts.spawned))
        })
    }

    #[cold]
    fn set(&self, made: PieceIdentity) -> &PieceIdentity {
        let made = Box::into_raw(Box::new(made));
        let set = made.expose_provenance() as u64;
        let earlier = self.asked().or_else(|unasked| {
            let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
            let exchanged = self.0.compare_exchange(unasked, set, success, failure);
            exchanged.map_or_else(|_| self.asked(), Err)
        });
        match earlier {
            Ok(earlier) => {
                // SAFETY: it is from the box right above, and no other thread has it.
                drop(unsafe { Box::from_raw(made) });
                earlier
            }
            // SAFETY: as in `asked`, as the exchange has set it.
            Err(_) => unsafe { &*made },
        }
    }
}

impl Drop for LazyPieceIdentity {
    #[inline]
    fn drop(&mut self) {
        let word = *self.0.get_mut();
        if word & NUMBER == 0 {
            let made = with_exposed_provenance_mut::<PieceIdentity>(word as usize);
            // SAFETY: the word is without `NUMBER`, so it is from a box (rule 2). All references to it have
            // ended, as they borrow `self`.
            forget_made(unsafe { Box::from_raw(made) });
        }
    }
}

#[cold]
fn forget_made(made: Box<PieceIdentity>) {
    drop(made);
}

impl PieceIdentity {
    fn new(
        around: &Context,
        label: Label,
        node: Part<CancelNode>,
        spawned: CoarseSpawnTime,
    ) -> Self {
        Self {
            context: context(around, label, node, spawned.instant()),
            inherited: Mutex::default(),
            callbacks: Mutex::default(),
            unjoined: Mutex::default(),
        }
    }

    pub(super) fn label(&self) -> &Label {
        &self.context.record.label
    }
}

/// Makes a context for what was created at `created` and runs in `around`.
pub(super) fn context(
    around: &Context,
    label: Label,
    node: Part<CancelNode>,
    created: Instant,
) -> Arc<Context> {
    let record = TaskRecord::created_at(created, label, Some(around.record.clone()));
    Arc::new(Context { record, node })
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::current;

    #[test]
    fn a_piece_keeps_its_number_when_its_identity_is_made() {
        let here = current::shared();
        let own = LazyPieceIdentity::unknown();
        let id = TaskId::next();
        own.number_as(id.as_u64());
        assert!(own.known().is_none());
        assert_eq!(own.number(), id.as_u64());
        let facts = || PieceFacts {
            id: TaskId::of_block(own.number()),
            kind: LabelKind::Task,
            at: Location::caller(),
            spawned: CoarseSpawnTime::now(),
        };
        let made = own.make(&here, || None, facts);
        assert_eq!(made.label().id(), id);
        assert_eq!(own.number(), id.as_u64());
        let again = own.make(&here, || None, || unreachable!("it was made"));
        assert!(std::ptr::eq(made, again));
    }

    #[test]
    fn threads_that_ask_for_an_identity_at_the_same_time_get_the_same() {
        let here = current::shared();
        let own = LazyPieceIdentity::unknown();
        let facts = || PieceFacts {
            id: TaskId::next(),
            kind: LabelKind::Task,
            at: Location::caller(),
            spawned: CoarseSpawnTime::now(),
        };
        let ask = || own.make(&here, || None, facts).label().id();
        let ids: Vec<_> = std::thread::scope(|s| {
            let asked: Vec<_> = (0..4).map(|_| s.spawn(ask)).collect();
            asked.into_iter().map(|id| id.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]));
    }
}
