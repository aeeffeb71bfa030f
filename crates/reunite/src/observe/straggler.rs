//! Tasks that do not stop in time.

use std::fmt;

use crate::id::Label;
use crate::primitive::Duration;
use crate::quantity::quantity;

/// A task that was asked to stop and has not completed yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Straggler {
    /// The task.
    pub task: Label,
    /// The time since it was spawned.
    pub age: Duration,
    /// The state of the task: "running", or what it waits for, at which line, and for how long.
    pub doing: String,
}

impl Straggler {
    /// Makes the report of a late task, for the [`Stragglers`] of your own service.
    ///
    /// ```
    /// use std::time::Duration;
    /// let task = reunite::Builder::new().name("client 7").spawn(|| ());
    /// let late = reunite::Straggler::new(task.label().clone(), Duration::from_secs(4), "answering");
    /// assert!(late.to_string().ends_with("still running after 4.0 s, answering"));
    /// # task.join().unwrap();
    /// ```
    pub fn new(task: Label, age: Duration, doing: impl Into<String>) -> Self {
        let doing = doing.into();
        Self { task, age, doing }
    }
}

impl fmt::Display for Straggler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} still running after {:.1} s, {}",
            self.task,
            self.age.as_secs_f64(),
            self.doing
        )
    }
}

/// The error of every `shutdown`: not everything ended in time. It names the tasks that are late, and tells what was
/// done nevertheless.
///
/// `D` is what a shutdown that is in time returns: for [`shutdown`](crate::shutdown) the number of tasks that have
/// stopped, for [`Pool::shutdown`](crate::Pool::shutdown) the number of threads that have ended.
///
/// ```
/// use std::time::Duration;
/// match reunite::shutdown(Duration::from_secs(10)) {
///     Ok(stopped) => println!("{stopped} tasks have stopped"),
///     Err(late) => late.iter().for_each(|straggler| eprintln!("{straggler}")),
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Stragglers<D = usize> {
    late: Vec<Straggler>,
    done: D,
}

impl<D> Stragglers<D> {
    /// Makes the error for the shutdown of your own service: `late` in the order in which they were spawned, and what
    /// was `done`.
    pub fn new(late: Vec<Straggler>, done: D) -> Self {
        Self { late, done }
    }

    /// The late tasks, in spawn order.
    pub fn iter(&self) -> std::slice::Iter<'_, Straggler> {
        self.late.iter()
    }

    /// The work that was done nevertheless.
    pub fn done(&self) -> &D {
        &self.done
    }
}

impl<'a, D> IntoIterator for &'a Stragglers<D> {
    type Item = &'a Straggler;
    type IntoIter = std::slice::Iter<'a, Straggler>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<D> fmt::Display for Stragglers<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let late = quantity(self.late.len(), "task");
        write!(f, "{late} did not stop in time")?;
        self.late
            .iter()
            .try_for_each(|straggler| write!(f, "; {straggler}"))
    }
}

impl<D: fmt::Debug> std::error::Error for Stragglers<D> {}
