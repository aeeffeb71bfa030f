//! A piece of a pool's work, and who it is: a task of a scope, an item of a map, a half of a fork that another thread
//! has taken.
//!
//! # Protocol
//! A piece is a task like any other, but most are over before anybody could ask for them. So nothing is made of its
//! identity until somebody does: its own thread, which blocks, fails, opens a scope or offers a fork; a joiner that is
//! to say what it waits for; whoever looks at the live tree. All find the same, as it is made once ([`Own`]).
//!
//! What cannot be made later is kept in the piece: its number, the line of the user that spawned it, and when that was,
//! by a clock that costs little, and is not read for each task of a scope (see [`Queue::now`](super::queue::Queue::now)).
//!
//! A thread lists the pieces it runs (`here`), and in each [layer](crate::current) of contexts the last piece that was
//! begun there is what it is at. References in that list are raw; they are followed by the thread itself only, while the
//! piece runs.

use std::panic::Location;
use std::ptr::{with_exposed_provenance, with_exposed_provenance_mut};

use super::job::Ancestor;
use crate::cancel::Node;
use crate::context::Inherited;
use crate::current::{Context, Who};
use crate::id::{Kind, Label, TaskId};
use crate::part::Part;
use crate::primitive::{
    Arc, Counter, Duration, Instant, Mutex, Ordering, SmallCounter, coarse_millis, now,
};
use crate::task::{Callback, Unjoined};

/// What a thread runs for a pool.
pub(super) trait Piece {
    fn as_ancestor(&self) -> Ancestor;

    /// Its own context, made now if it was not before; it runs in `around`.
    fn context(&self, around: &Arc<Context>) -> Arc<Context>;

    /// Its own context, if that was made, or says of the piece what `around`, in which it runs, does not.
    fn known_context(&self, around: &Arc<Context>) -> Option<Arc<Context>>;
}

/// When a piece was spawned, to a few milliseconds.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Spawned(u32);

/// A [`Spawned`] that is told once, before others have the piece.
#[derive(Default)]
pub(super) struct SpawnedAt(SmallCounter);

impl SpawnedAt {
    #[inline]
    pub(super) fn tell(&self, Spawned(millis): Spawned) {
        self.0.store(millis, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Spawned {
        Spawned(self.0.load(Ordering::Relaxed))
    }
}

impl Spawned {
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
        // By the clock's last tick it may be older than the clock.
        now().checked_sub(age).unwrap_or_else(now)
    }
}

/// What there is to know of a piece from the beginning.
pub(super) struct Facts {
    pub(super) id: TaskId,
    pub(super) kind: Kind,
    pub(super) at: &'static Location<'static>,
    pub(super) spawned: Spawned,
}

/// What a piece has of its own, once somebody has asked for it; until then, in the same word, its number, as with one word
/// more small tasks would be in the next class of memory.
///
/// * With the bit `NUMBER`: nobody has asked for it, and the bits above are the number; zero is none. It is given before
///   others have the piece.
/// * Without: the address of a box. It is set once, and stays until the piece is dropped.
///
/// Of two who make it at the same time one is too late, and drops what it has made: the other's is as good.
pub(super) struct Own(Counter);

const NUMBER: u64 = 1;

pub(super) struct Made {
    pub(super) context: Arc<Context>,
    /// What it inherits from its spawner, until it begins.
    pub(super) inherited: Mutex<Inherited>,
    /// To be called when it is done.
    pub(super) callbacks: Mutex<Vec<Callback>>,
    /// The error that it has returned as a value, as long as nobody has taken that.
    pub(super) unjoined: Mutex<Option<Unjoined>>,
}

impl Own {
    pub(super) const fn unknown() -> Self {
        Self(Counter::new(NUMBER))
    }

    /// Gives it its number: once, before others have the piece.
    #[inline]
    pub(super) fn number_as(&self, number: u64) {
        self.0.store(number << 1 | NUMBER, Ordering::Relaxed);
    }

    /// Its number.
    #[inline]
    pub(super) fn number(&self) -> u64 {
        match self.asked() {
            Ok(made) => made.label().id().as_u64(),
            Err(unasked) => unasked >> 1,
        }
    }

    /// What was made before.
    #[inline]
    pub(super) fn known(&self) -> Option<&Made> {
        self.asked().ok()
    }

    /// What was made before, or else the word.
    #[inline]
    fn asked(&self) -> Result<&Made, u64> {
        let word = self.0.load(Ordering::Acquire);
        if word & NUMBER != 0 {
            return Err(word);
        }
        let made = with_exposed_provenance::<Made>(word as usize);
        // SAFETY: without `NUMBER`, so from a box that nobody drops before this is dropped; nobody changes what lies there but by shared
        // references.
        Ok(unsafe { &*made })
    }

    /// Makes it unless that was done: for a piece that runs in `around`, which has a node below that one.
    pub(super) fn make(
        &self,
        around: &Context,
        name: impl FnOnce() -> Option<String>,
        facts: impl FnOnce() -> Facts,
    ) -> &Made {
        self.known().unwrap_or_else(|| {
            let facts = facts();
            let label = Label::with_id(facts.id, facts.kind, name(), facts.at);
            let node = Node::child(&around.node, label.clone(), None);
            self.set(Made::new(around, label, node, facts.spawned))
        })
    }

    /// [`make`](Self::make) for a part of the task around it: it has that one's node.
    pub(super) fn make_part(&self, around: &Context, facts: impl FnOnce() -> Facts) -> &Made {
        self.known().unwrap_or_else(|| {
            let facts = facts();
            let label = Label::with_id(facts.id, facts.kind, None, facts.at);
            let node = around.node.clone();
            self.set(Made::new(around, label, node, facts.spawned))
        })
    }

    #[cold]
    fn set(&self, made: Made) -> &Made {
        let made = Box::into_raw(Box::new(made));
        let set = made.expose_provenance() as u64;
        let earlier = self.asked().or_else(|unasked| {
            let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
            let exchanged = self.0.compare_exchange(unasked, set, success, failure);
            exchanged.map_or_else(|_| self.asked(), Err)
        });
        match earlier {
            Ok(earlier) => {
                // SAFETY: from a box, right above, and nobody else has it.
                drop(unsafe { Box::from_raw(made) });
                earlier
            }
            // SAFETY: as in `asked`: it was set.
            Err(_) => unsafe { &*made },
        }
    }
}

impl Drop for Own {
    #[inline]
    fn drop(&mut self) {
        let word = *self.0.get_mut();
        if word & NUMBER == 0 {
            let made = with_exposed_provenance_mut::<Made>(word as usize);
            // SAFETY: without `NUMBER`, so from a box; all references to it have ended, as they borrow this.
            forget_made(unsafe { Box::from_raw(made) });
        }
    }
}

#[cold]
fn forget_made(made: Box<Made>) {
    drop(made);
}

impl Made {
    fn new(around: &Context, label: Label, node: Part<Node>, spawned: Spawned) -> Self {
        Self {
            context: context(around, label, node, spawned.instant()),
            inherited: Mutex::default(),
            callbacks: Mutex::default(),
            unjoined: Mutex::default(),
        }
    }

    pub(super) fn label(&self) -> &Label {
        &self.context.who.label
    }
}

/// A context of its own for what was created then and runs in `around`.
pub(super) fn context(
    around: &Context,
    label: Label,
    node: Part<Node>,
    created: Instant,
) -> Arc<Context> {
    let who = Who::created_at(created, label, Some(around.who.clone()));
    Arc::new(Context { who, node })
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::current;

    #[test]
    fn a_piece_keeps_its_number_when_it_is_asked_who_it_is() {
        let here = current::here();
        let own = Own::unknown();
        let id = TaskId::next();
        own.number_as(id.as_u64());
        assert!(own.known().is_none());
        assert_eq!(own.number(), id.as_u64());
        let facts = || Facts {
            id: TaskId::of_block(own.number()),
            kind: Kind::Task,
            at: Location::caller(),
            spawned: Spawned::now(),
        };
        let made = own.make(&here, || None, facts);
        assert_eq!(made.label().id(), id);
        assert_eq!(own.number(), id.as_u64());
        let again = own.make(&here, || None, || unreachable!("it was made"));
        assert!(std::ptr::eq(made, again));
    }

    #[test]
    fn all_who_ask_a_piece_at_the_same_time_are_told_the_same() {
        let here = current::here();
        let own = Own::unknown();
        let facts = || Facts {
            id: TaskId::next(),
            kind: Kind::Task,
            at: Location::caller(),
            spawned: Spawned::now(),
        };
        let ask = || own.make(&here, || None, facts).label().id();
        let ids: Vec<_> = std::thread::scope(|s| {
            let asked: Vec<_> = (0..4).map(|_| s.spawn(ask)).collect();
            asked.into_iter().map(|id| id.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]));
    }
}
