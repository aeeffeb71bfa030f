//! Who is late.

use std::fmt;

use crate::id::Label;
use crate::primitive::Duration;

/// A task that was asked to stop and has not come back yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Straggler {
    /// Which task.
    pub task: Label,
    /// How long it has existed.
    pub age: Duration,
    /// What it is doing: "running", or what it waits for, where, since when.
    pub doing: String,
}

impl Straggler {
    /// A task that is late, for the [`Stragglers`] of a service of one's own.
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

/// Not everything ended in time: the error of every `shutdown`. It tells who is late, by name, and what was done all
/// the same.
///
/// `D` is what a shutdown returns that is in time: how many tasks have stopped for [`shutdown`](crate::shutdown), how
/// many threads have ended for [`Pool::shutdown`](crate::Pool::shutdown).
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
    /// These are late, in the order in which they were spawned, and so much is done: for the shutdown of a service
    /// of one's own.
    pub fn new(late: Vec<Straggler>, done: D) -> Self {
        Self { late, done }
    }

    /// Who is late, in spawn order.
    pub fn iter(&self) -> std::slice::Iter<'_, Straggler> {
        self.late.iter()
    }

    /// What was done all the same.
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
        match self.late.len() {
            1 => write!(f, "1 task did not stop in time")?,
            many => write!(f, "{many} tasks did not stop in time")?,
        }
        self.late
            .iter()
            .try_for_each(|straggler| write!(f, "; {straggler}"))
    }
}

impl<D: fmt::Debug> std::error::Error for Stragglers<D> {}
