//! The half of a fork that another thread has taken, and runs where it lies in the forker's frame.

use std::panic::Location;

use super::job::Ancestor;
use super::piece::{Facts, Made, Own, Piece, Spawned};
use crate::current::Context;
use crate::id::{Kind, Label, TaskId};
use crate::primitive::{Arc, OnceLock};
use crate::task::Picture;

/// A task of its own, and a part of the one that forked it.
pub(super) struct Half {
    job: Ancestor,
    at: &'static Location<'static>,
    /// That of its forker.
    around: Arc<Context>,
    spawned: Spawned,
    own: Own,
    /// What both halves belong to, once somebody has asked for it.
    fork: OnceLock<Label>,
}

impl Half {
    /// Of the job that lies there, forked in `around`.
    pub(super) fn new(
        job: Ancestor,
        at: &'static Location<'static>,
        around: Arc<Context>,
        spawned: Spawned,
    ) -> Arc<Self> {
        Arc::new(Self {
            job,
            at,
            around,
            spawned,
            own: Own::unknown(),
            fork: OnceLock::new(),
        })
    }

    fn made(&self) -> &Made {
        self.own.make_part(&self.around, || Facts {
            id: TaskId::next(),
            kind: Kind::Task,
            at: self.at,
            spawned: self.spawned,
        })
    }

    /// The fork as the live tree shows it.
    pub(super) fn picture(&self) -> Picture {
        let scope = || Label::new(Kind::Fork, None, self.at);
        let who = Arc::clone(&self.made().context.who);
        who.start();
        Picture {
            scope: self.fork.get_or_init(scope).clone(),
            owner: Some(Arc::clone(&self.around.who)),
            cause: self.around.node.cause(),
            tasks: vec![who],
            more_queued: 0,
        }
    }

    pub(super) fn label(&self) -> &Label {
        self.made().label()
    }
}

impl Piece for Half {
    fn as_ancestor(&self) -> Ancestor {
        self.job
    }

    fn context(&self, _: &Arc<Context>) -> Arc<Context> {
        let made = self.made();
        made.context.who.start();
        Arc::clone(&made.context)
    }

    fn known_context(&self) -> Option<Arc<Context>> {
        let made = self.own.known()?;
        Some(Arc::clone(&made.context))
    }
}
