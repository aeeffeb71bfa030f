//! Parallel work on slices, ranges and vectors, in the pool.

mod drive;
mod sort;
mod source;

use std::ops::ControlFlow;
use std::panic::Location;

use crate::current::checkpoint;
use crate::error::Cancelled;
use crate::pool;
use drive::Drive;

pub use sort::{par_sort_unstable, par_sort_unstable_by};
pub use source::{Chunks, IntoSource, Source};

/// Works on `items` in parallel in the pool: a slice, a mutable slice, a range, a vector.
///
/// There is no grain size to tune: a thread goes through its items in order, and splits the remaining ones in two
/// whenever another thread has nothing to do. This balances items that cost a nanosecond and items that cost a second.
/// Results come in the order of the items.
///
/// A thread that works for a pool, or has [entered](crate::Pool::enter) one, uses that pool; other threads use the
/// global one. The calling thread takes part, on its own stack; inside [`Pool::install`](crate::Pool::install) the
/// calling thread is one of the pool's. For items that wait (for sockets, disks, other tasks), use
/// [`map`](crate::map()), which has threads of its own.
///
/// A thread hands over items to other threads only between two items. So while an item blocks, the items that its
/// thread would run next wait, too. That is so whether the item blocks in a wait of this library or elsewhere, and
/// with or without [`blocking`](crate::blocking). Therefore an item must not wait for what another item does.
///
/// ```
/// let words = ["to", "be", "or", "not"];
/// let lengths = reunite::par(&words).map(|word| word.len());
/// assert_eq!(lengths, [2, 2, 2, 3]);
/// let sum = reunite::par(0..1_000_000_u64).reduce(|| 0, |a, n| a + n, |a, b| a + b);
/// assert_eq!(sum, 499_999_500_000);
/// ```
///
/// # Cancellation
/// The methods that return no `Result` handle all items even if the task is cancelled; their closures can call
/// [`checkpoint`]. The methods whose names begin with `try_` stop at a cancellation and return it as an error.
///
/// # Panics
/// All methods panic if a closure panics: with its payload, once no closure runs any more.
#[track_caller]
pub fn par<S: IntoSource>(items: S) -> Par<S::Source> {
    Par {
        source: items.into_source(),
        at: Location::caller(),
    }
}

/// Items to be worked on in parallel; see [`par`].
#[must_use = "nothing happens until a method is called"]
pub struct Par<S> {
    source: S,
    at: &'static Location<'static>,
}

impl<S: Source> Par<S> {
    /// Returns the results of `f` for each item, in the order of the items.
    ///
    /// ```
    /// assert_eq!(reunite::par(&[1, 2, 3]).map(|n| n * n), [1, 4, 9]);
    /// ```
    pub fn map<R, F>(self, f: F) -> Vec<R>
    where
        R: Send,
        F: Fn(S::Item) -> R + Sync,
    {
        let mapped = self.drive(Vec::new, |made, item| {
            made.push(f(item));
            ControlFlow::Continue(())
        });
        concat(mapped)
    }

    /// Applies `f` to each item like [`map`](Self::map), until `f` returns an error or the task is cancelled. Items
    /// that have begun are finished; no others begin.
    ///
    /// # Errors
    /// The first error in the order of the items, among those that occurred: of `f`, or a cancellation, converted by
    /// `From<Cancelled>`.
    ///
    /// ```
    /// use reunite::{Cancelled, par};
    /// let parsed: Result<Vec<i32>, Box<dyn std::error::Error + Send + Sync>> =
    ///     par(&["1", "2", "x"]).try_map(|text| Ok(text.parse()?));
    /// assert!(parsed.is_err());
    /// ```
    pub fn try_map<R, E, F>(self, f: F) -> Result<Vec<R>, E>
    where
        R: Send,
        E: Send + From<Cancelled>,
        F: Fn(S::Item) -> Result<R, E> + Sync,
    {
        let runs = self.drive(
            || (Vec::new(), None),
            |(made, failed), item| match checkpoint().map_err(E::from).and_then(|()| f(item)) {
                Ok(value) => {
                    made.push(value);
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    *failed = Some(error);
                    ControlFlow::Break(())
                }
            },
        );
        let mut parts = Vec::with_capacity(runs.len());
        for (made, failed) in runs {
            if let Some(error) = failed {
                return Err(error);
            }
            parts.push(made);
        }
        Ok(concat(parts))
    }

    /// Calls `f` with each item.
    ///
    /// ```
    /// let mut numbers = vec![1, 2, 3];
    /// reunite::par(&mut numbers).for_each(|n| *n *= 10);
    /// assert_eq!(numbers, [10, 20, 30]);
    /// ```
    pub fn for_each<F>(self, f: F)
    where
        F: Fn(S::Item) + Sync,
    {
        self.drive(
            || (),
            |(), item| {
                f(item);
                ControlFlow::Continue(())
            },
        );
    }

    /// Calls `f` with each item, until `f` returns an error or the task is cancelled.
    ///
    /// # Errors
    /// As [`try_map`](Self::try_map).
    ///
    /// ```
    /// use reunite::par;
    /// let check = |n: &i32| if *n > 0 { Ok(()) } else { Err(format!("{n} is not positive").into()) };
    /// let checked: Result<(), Box<dyn std::error::Error + Send + Sync>> = par(&[1, -2]).try_for_each(check);
    /// assert_eq!(checked.unwrap_err().to_string(), "-2 is not positive");
    /// ```
    pub fn try_for_each<E, F>(self, f: F) -> Result<(), E>
    where
        E: Send + From<Cancelled>,
        F: Fn(S::Item) -> Result<(), E> + Sync,
    {
        self.try_map(f).map(drop)
    }

    /// Folds all items into one value: runs of neighbouring items by `fold`, each beginning with an
    /// `identity`, then the values of neighbouring runs by `combine`. How the items are divided into runs
    /// changes from call to call, so `combine` should be associative; it need not be commutative.
    ///
    /// ```
    /// let longest = reunite::par(&["to", "question", "be"])
    ///     .reduce(|| "", |a, b| if b.len() > a.len() { b } else { a }, |a, b| if b.len() > a.len() { b } else { a });
    /// assert_eq!(longest, "question");
    /// ```
    pub fn reduce<T, I, F, C>(self, identity: I, fold: F, combine: C) -> T
    where
        T: Send,
        I: Fn() -> T + Sync,
        F: Fn(T, S::Item) -> T + Sync,
        C: Fn(T, T) -> T,
    {
        let runs = self.drive(
            || None,
            |run: &mut Option<T>, item| {
                let before = run.take().unwrap_or_else(&identity);
                *run = Some(fold(before, item));
                ControlFlow::Continue(())
            },
        );
        let whole = runs.into_iter().flatten().reduce(combine);
        whole.unwrap_or_else(identity)
    }

    /// Returns the first `Some` that `f` returns for any item, in the order of time; `None` if there is none. The
    /// search stops then.
    ///
    /// ```
    /// let found = reunite::par(0..1_000_u32).find_any(|n| (n % 7 == 0).then_some(n)).unwrap();
    /// assert_eq!(found % 7, 0);
    /// ```
    pub fn find_any<R, F>(self, f: F) -> Option<R>
    where
        R: Send,
        F: Fn(S::Item) -> Option<R> + Sync,
    {
        let runs = self.drive(
            || None,
            |found, item| {
                *found = f(item);
                stop_if(found.is_some())
            },
        );
        runs.into_iter().flatten().next()
    }

    /// Returns the first `Some` that `f` returns, in the order of the items; `None` if there is none. Once `f` has
    /// returned `Some` for an item, later items are not begun, except for a few that a thread is about to run.
    ///
    /// ```
    /// let found = reunite::par(1..1_000_u32).find_first(|n| (n % 7 == 0).then_some(n));
    /// assert_eq!(found, Some(7));
    /// ```
    pub fn find_first<R, F>(self, f: F) -> Option<R>
    where
        R: Send,
        F: Fn(S::Item) -> Option<R> + Sync,
    {
        let drive = Drive::until_first(
            self.at,
            || None,
            |found: &mut Option<R>, item| {
                *found = f(item);
                stop_if(found.is_some())
            },
        );
        let runs = pool::take_part(self.at, || drive.run(self.source));
        runs.into_iter().flatten().next()
    }

    fn drive<A, I, F>(self, begin: I, step: F) -> Vec<A>
    where
        A: Send,
        I: Fn() -> A + Sync,
        F: Fn(&mut A, S::Item) -> ControlFlow<()> + Sync,
    {
        let drive = Drive::until_any(self.at, begin, step);
        pool::take_part(self.at, || drive.run(self.source))
    }
}

impl<'a, T> Par<&'a [T]> {
    /// Groups the items into chunks of `size`, the last of which may be shorter.
    ///
    /// # Panics
    /// If `size` is zero.
    ///
    /// ```
    /// let sums = reunite::par(&[1, 2, 3, 4, 5]).chunks(2).map(|chunk| chunk.iter().sum::<i32>());
    /// assert_eq!(sums, [3, 7, 5]);
    /// ```
    pub fn chunks(self, size: usize) -> Par<Chunks<&'a [T]>> {
        Par {
            source: Chunks::new(self.source, size),
            at: self.at,
        }
    }
}

impl<'a, T> Par<&'a mut [T]> {
    /// Groups the items into mutable chunks of `size`, the last of which may be shorter.
    ///
    /// # Panics
    /// If `size` is zero.
    ///
    /// ```
    /// let mut pixels = [3, 1, 2, 9, 8, 7];
    /// reunite::par(&mut pixels[..]).chunks(3).for_each(|row| row.sort_unstable());
    /// assert_eq!(pixels, [1, 2, 3, 7, 8, 9]);
    /// ```
    pub fn chunks(self, size: usize) -> Par<Chunks<&'a mut [T]>> {
        Par {
            source: Chunks::new(self.source, size),
            at: self.at,
        }
    }
}

fn stop_if(over: bool) -> ControlFlow<()> {
    if over {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

fn concat<R>(mut parts: Vec<Vec<R>>) -> Vec<R> {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let mut whole = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    for mut part in parts {
        whole.append(&mut part);
    }
    whole
}
