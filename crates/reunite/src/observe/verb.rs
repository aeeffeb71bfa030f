//! The operations that wait.

use std::fmt;

/// The operation in which a task waits, as reported by [`Event::Block`](crate::Event::Block) and by
/// [profiles](crate::profile).
///
/// `Display` and [`as_str`](Self::as_str) give its word, such as `join`.
///
/// ```
/// struct Locks;
/// impl reunite::Observer for Locks {
///     fn on_event(&self, event: &reunite::Event<'_>) {
///         if let reunite::Event::Block { task, verb: reunite::Verb::Lock, at, .. } = event {
///             eprintln!("{task} waits for a lock at {at}");
///         }
///     }
/// }
/// let _observing = reunite::observe(Locks);
/// assert_eq!(reunite::Verb::Lock.to_string(), "lock");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// Joins a task.
    Join,
    /// Waits for a thread of a pool to run a closure: see [`Pool::install`](crate::Pool::install).
    Install,
    /// Waits until a task has started: until it calls [`Ready::up`](crate::Ready::up).
    Start,
    /// Waits for the next outcome of a map.
    Next,
    /// Waits for the end of a scope or of a map.
    End,
    /// Drops a handle, which waits for its task.
    Drop,
    /// A worker of a map waits until an outcome is taken.
    Turn,
    /// Waits for the shutdown of the program or of a pool.
    Shutdown,
    /// Takes a mutex.
    Lock,
    /// Takes a lock for reading.
    Read,
    /// Takes a lock for writing.
    Write,
    /// Waits for a value that another task makes.
    Initialise,
    /// Waits at a condition variable or a barrier.
    Wait,
    /// Receives from a channel.
    Recv,
    /// Sends into a channel.
    Send,
    /// Waits for the first of several operations on channels that is possible: see [`select!`](crate::select!).
    Select,
    /// Acquires permits of a semaphore.
    Acquire,
    /// Sleeps.
    Sleep,
    /// Makes a call that blocks outside this library: see [`blocking`](crate::blocking).
    Block,
}

impl Verb {
    /// The word for the operation: `join`, `lock`, `recv`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Install => "install",
            Self::Start => "start",
            Self::Next => "next",
            Self::End => "end",
            Self::Drop => "drop",
            Self::Turn => "turn",
            Self::Shutdown => "shutdown",
            Self::Lock => "lock",
            Self::Read => "read",
            Self::Write => "write",
            Self::Initialise => "initialise",
            Self::Wait => "wait",
            Self::Recv => "recv",
            Self::Send => "send",
            Self::Select => "select",
            Self::Acquire => "acquire",
            Self::Sleep => "sleep",
            Self::Block => "block",
        }
    }

    /// Returns true if the operation waits for tasks: for their start, their completion, or the next outcome of a map.
    pub fn is_for_tasks(self) -> bool {
        matches!(
            self,
            Self::Join | Self::Install | Self::Start | Self::Next | Self::End | Self::Drop
        )
    }

    /// Returns true if the length of the wait does not depend on anything else: all other work being done would not
    /// shorten it.
    pub(crate) fn passes_by_itself(self) -> bool {
        matches!(self, Self::Sleep | Self::Block)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
