//! The data that a wait reports about itself.

use std::fmt;
use std::panic::Location;

use super::resources::Resource;
use crate::id::{Label, TaskId};
use crate::observe::Verb;
use crate::primitive::Arc;

/// The operation of a wait, what it waits for, and where in the source.
#[derive(Clone, Debug)]
pub(crate) struct WaitSite {
    /// The operation.
    pub(crate) verb: Verb,
    pub(crate) object: WaitObject,
    pub(crate) at: &'static Location<'static>,
    pub(crate) on: WaitsOn,
}

impl fmt::Display for WaitSite {
    /// Formats the wait so that the text can follow the name of its task: "joins task …".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, object, .. } = self;
        match verb {
            Verb::End => write!(f, "waits for the end of {object}"),
            Verb::Recv => write!(f, "receives from {object}"),
            Verb::Send => write!(f, "sends into {object}"),
            Verb::Acquire => write!(f, "acquires permits of {object}"),
            Verb::Select => f.write_str("selects among channels"),
            Verb::Sleep => f.write_str("sleeps"),
            Verb::Block => f.write_str("is in a blocking call"),
            Verb::Wait => write!(f, "waits for {object}"),
            Verb::Next => write!(f, "waits for the next outcome of {object}"),
            Verb::Turn => write!(f, "waits for its turn in {object}"),
            Verb::Drop => write!(f, "drops its handle and waits for {object}"),
            Verb::Install => write!(f, "waits for a thread of a pool to run {object}"),
            Verb::Start => write!(f, "waits for the start of {object}"),
            Verb::Shutdown => write!(f, "waits for the shutdown of {object}"),
            Verb::Join | Verb::Lock | Verb::Read | Verb::Write | Verb::Initialise => {
                write!(f, "{verb}s {object}")
            }
        }
    }
}

/// The object of a wait.
#[derive(Clone, Debug)]
pub(crate) enum WaitObject {
    None,
    Label(Label),
    /// A lock or a queue, with the source line that made it.
    Made(&'static str, &'static Location<'static>),
}

impl WaitObject {
    /// Returns the label of the object, if it is a task or a scope.
    pub(crate) fn label(&self) -> Option<&Label> {
        match self {
            Self::Label(label) => Some(label),
            Self::None | Self::Made(..) => None,
        }
    }
}

impl fmt::Display for WaitObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("its turn"),
            Self::Label(label) => write!(f, "{label}"),
            Self::Made(what, at) => write!(f, "{what} ({}:{})", at.file(), at.line()),
        }
    }
}

/// The threads that can end a wait.
#[derive(Clone)]
pub(crate) enum WaitsOn {
    /// The wait is for no thread: the clock or a cancellation ends it. Such a wait does not enter the graph.
    Time,
    /// The thread that owns this resource, if any does.
    Resource(Resource),
    /// The threads that hold the lock for writing, and the writers that came before this reader. `came` is the place of
    /// the waiting thread in the order in which threads came.
    Read { lock: u64, came: u64 },
    /// The threads that hold the lock for writing or for an upgradable read, and the writers that came before.
    Upgradable { lock: u64, came: u64 },
    /// The threads that hold the lock.
    Write { lock: u64, came: u64 },
    /// The threads that hold the lock for reading, without the upgradable read of the waiting thread itself.
    Upgrade { lock: u64 },
    /// The threads that run the tasks of this set. The set may change while the wait lasts.
    Tasks(Arc<dyn TaskSet>),
    /// Any thread.
    Anyone,
}

impl fmt::Debug for WaitsOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Time => "time",
            Self::Resource(_)
            | Self::Read { .. }
            | Self::Upgradable { .. }
            | Self::Write { .. }
            | Self::Upgrade { .. } => "a lock or a job",
            Self::Tasks(_) => "tasks",
            Self::Anyone => "anyone",
        })
    }
}

/// The tasks that a wait depends on. The methods are called under the graph's lock: an implementation takes no lock
/// that a thread may hold while it waits.
pub(crate) trait TaskSet: Send + Sync {
    /// Returns the tasks that have to go on for the wait to end.
    fn need(&self) -> Need;

    /// Returns about how many tasks [`need`](Self::need) returns, which is the cost of calling it.
    fn size(&self) -> usize;

    /// Returns true if the wait cannot end before this task does. Agrees with [`need`](Self::need), and costs less.
    fn needs(&self, task: TaskId) -> bool;

    /// Returns all resources on which the wait may depend from now on, by which the graph finds it.
    fn resources(&self) -> Vec<Resource>;
}

/// The tasks that have to go on for a wait to end.
pub(crate) enum Need {
    /// One of these tasks. If the list is empty, it is unknown which task can end the wait.
    Any(Vec<TaskId>),
    /// All of these tasks.
    All(Vec<TaskId>),
}
