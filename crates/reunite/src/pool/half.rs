//! The half of a fork that another thread has taken, and runs where it lies in the forker's frame.

use std::panic::Location;

use super::job::Ancestor;
use super::piece::{Facts, Made, Own, Piece, Spawned};
use super::seat::{Parcel, Seat};
use super::{captured, fork};
use crate::contain::contain;
use crate::current::{self, Context};
use crate::deadlock;
use crate::id::{Kind, Label, TaskId};
use crate::observe::{Completion, Event, is_on, tell};
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

/// Runs a job that this thread, who sits at `seat`, took: as a task of its own in the context in which it was forked.
pub(super) fn execute(seat: &'static Seat, parcel: Parcel) {
    let Parcel {
        job,
        context,
        owner,
        spawned,
        inherited,
    } = parcel;
    let entered = current::enter_for_pieces(Arc::clone(&context));
    let holding = deadlock::holding();
    let captured = captured::count();
    let half = Arc::new(Half {
        // SAFETY: it was published, and is finished below.
        job: unsafe { job.public() }.as_ancestor(),
        // SAFETY: as before.
        at: unsafe { job.at() },
        around: context,
        spawned,
        own: Own::unknown(),
        fork: OnceLock::new(),
    });
    let shown = seat.life().runs_half(&half);
    fork::running(&*half, || {
        let mut ambient = None;
        if let Some(inherited) = inherited {
            contain(|| ambient = Some(inherited.enter(half.label())));
        }
        if is_on() {
            let task = half.label();
            tell(|| Event::Start { task });
        }
        // SAFETY: it was taken from its mailbox to be run here, and is run here only.
        let has_value = unsafe { job.run() };
        if is_on() {
            let how = if has_value {
                Completion::Value
            } else {
                Completion::Panic
            };
            let task = half.label();
            tell(|| Event::Complete { task, how });
        }
        if ambient.is_some() {
            contain(|| drop(ambient));
        }
    });
    drop(shown);
    captured::forget(captured);
    let leaked = holding.leaked();
    if !leaked.is_empty() {
        deadlock::leak(half.label(), leaked);
    }
    drop(half);
    drop(entered);
    // SAFETY: it has run, and this is the only call.
    if unsafe { job.finish() } {
        owner.unpark();
    }
}
