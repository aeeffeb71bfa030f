//! A piece of a pool's work, and who it is: a task of a scope, an item of a map, a half of a fork that another thread
//! has taken.
//!
//! # Protocol
//! A piece is a task like any other, but most are over before anybody could ask for them. So nothing is made of its
//! identity until somebody does: its own thread, which blocks, fails, opens a scope or offers a fork; a joiner that is
//! to say what it waits for; whoever looks at the live tree. All find the same, as it is made once ([`Own`]).
//!
//! What cannot be made later is kept in the piece: its number, the line of the user that spawned it, and when that was,
//! by a clock that costs little.
//!
//! A thread lists the pieces it runs (`fork`), and in each [layer](crate::current) of contexts the last piece that was
//! begun there is what it is at. References in that list are raw; they are followed by the thread itself only, while the
//! piece runs.

use std::panic::Location;
use std::ptr;

use super::job::Ancestor;
use crate::cancel::Node;
use crate::context::Inherited;
use crate::current::{Context, Who};
use crate::id::{Kind, Label, TaskId};
use crate::primitive::{Arc, Duration, Instant, Mark, Mutex, Ordering, coarse_millis, now};
use crate::task::{Callback, Unjoined};

/// What a thread runs for a pool.
pub(super) trait Piece {
    fn as_ancestor(&self) -> Ancestor;

    /// Its own context, made now if it was not before; it runs in `around`.
    fn context(&self, around: &Arc<Context>) -> Arc<Context>;

    /// Its own context, if that was made.
    fn known_context(&self) -> Option<Arc<Context>>;
}

/// When a piece was spawned, to a few milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Spawned(u32);

impl Spawned {
    #[inline]
    pub(super) fn now() -> Self {
        Self(coarse_millis())
    }

    /// For what nobody is shown.
    pub(super) const fn never() -> Self {
        Self(0)
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

/// What a piece has of its own, once somebody has asked for it: null, or from a box. It is set once, and stays until the
/// piece is dropped. Of two who make it at the same time one is too late, and drops what it has made: the other's is as good.
pub(super) struct Own(Mark<Made>);

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
        Self(Mark::new(ptr::null_mut()))
    }

    /// What was made before.
    #[inline]
    pub(super) fn known(&self) -> Option<&Made> {
        let made = self.0.load(Ordering::Acquire);
        // SAFETY: null, or from a box that nobody drops before this is dropped; nobody changes what lies there but by
        // shared references.
        unsafe { made.as_ref() }
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
            let node = Arc::clone(&around.node);
            self.set(Made::new(around, label, node, facts.spawned))
        })
    }

    #[cold]
    fn set(&self, made: Made) -> &Made {
        let made = Box::into_raw(Box::new(made));
        let (null, set) = (ptr::null_mut(), Ordering::AcqRel);
        if let Err(earlier) = self.0.compare_exchange(null, made, set, Ordering::Acquire) {
            // SAFETY: from a box, right above, and nobody else has it.
            drop(unsafe { Box::from_raw(made) });
            // SAFETY: not null, as `known`.
            return unsafe { &*earlier };
        }
        // SAFETY: as `known`: it was set.
        unsafe { &*made }
    }
}

impl Drop for Own {
    #[inline]
    fn drop(&mut self) {
        let made = *self.0.get_mut();
        if !made.is_null() {
            // SAFETY: from a box; all references to it have ended, as they borrow this.
            forget_made(unsafe { Box::from_raw(made) });
        }
    }
}

#[cold]
fn forget_made(made: Box<Made>) {
    drop(made);
}

impl Made {
    fn new(around: &Context, label: Label, node: Arc<Node>, spawned: Spawned) -> Self {
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
    node: Arc<Node>,
    created: Instant,
) -> Arc<Context> {
    let who = Who::created_at(created, label, Some(Arc::clone(&around.who)));
    Arc::new(Context { who, node })
}
