//! Maps: a function applied to many items in parallel, with the results in order.

mod consumer;
mod each;
mod endings;
mod home;
mod options;
mod order;
mod outcomes;
mod shared;
mod window;
mod worker;

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;

use crate::error::{Fallibility, JoinError};
use crate::primitive::Duration;
use crate::scope::Scope;

pub use each::{for_each, try_for_each};
pub use home::{Free, Home};
pub use order::{Order, Ordered, Unordered};
pub use outcomes::Outcomes;

use options::MapOptions;
use shared::ItemNamer;

/// Applies `f` to every item on several threads and yields the outcomes in the order of the items.
///
/// Nothing happens before the first `next`. Items are pulled as threads become free, never more than the window ahead:
/// item *k + window* is not pulled before outcome *k* was taken, so any number of items needs bounded memory. A panic
/// or timeout of one item is the outcome of that item alone. Dropping the iterator early cancels the items that run and
/// waits for them. A cancelled map pulls no further items. Unless the end of the source was reached before, its last
/// outcome is an error that [says so](JoinError::is_interrupted). If the operating system refuses the map its first
/// thread, that error is the only outcome.
///
/// The items are pulled on the worker threads, one at a time; so the iterator must be `Send`. If the iterator panics,
/// `next` panics with that payload after the outcomes of the items before. To borrow from the stack, see
/// [`Scope::map`]; for an `f` that returns `Result`, [`try_map`].
///
/// A map is for items that wait or run long: each costs between half a microsecond and some microseconds. For
/// many small items that only compute, use [`par`](crate::par()) (a slice, a range) or
/// [`PoolScope::map`](crate::PoolScope::map) (any iterator), which hand out items in batches.
///
/// ```
/// let squares = reunite::map(1..=5u64, |n| n * n).threads(2).collect_values().unwrap();
/// assert_eq!(squares, [1, 4, 9, 16, 25]);
/// ```
#[track_caller]
pub fn map<I, U, F>(
    items: I,
    f: F,
) -> Map<
    'static,
    I::IntoIter,
    impl Fn(I::Item) -> Result<U, Infallible> + Send + Sync + 'static,
    Free,
>
where
    I: IntoIterator<IntoIter: Send + 'static, Item: Send + 'static>,
    U: Send + 'static,
    F: Fn(I::Item) -> U + Send + Sync + 'static,
{
    Map::new(
        items.into_iter(),
        move |item| Ok(f(item)),
        Free,
        Location::caller(),
    )
}

/// Applies `f` to every item like [`map`]; an error of `f` is the outcome of its item. See [`Map::fail_fast`]
/// to stop at the first error.
///
/// ```
/// let mut outcomes = reunite::try_map(["1", "x", "3"], |text| text.parse::<u32>()).into_iter();
/// assert_eq!(outcomes.next().unwrap().unwrap(), 1);
/// assert!(outcomes.next().unwrap().unwrap_err().is_error());
/// assert_eq!(outcomes.next().unwrap().unwrap(), 3);
/// ```
#[track_caller]
pub fn try_map<I, U, E, F>(items: I, f: F) -> Map<'static, I::IntoIter, F, Free>
where
    I: IntoIterator<IntoIter: Send + 'static, Item: Send + 'static>,
    U: Send + 'static,
    E: Send + 'static,
    F: Fn(I::Item) -> Result<U, E> + Send + Sync + 'static,
{
    Map::new(items.into_iter(), f, Free, Location::caller())
}

impl<'scope, 'env, K> Scope<'scope, 'env, K>
where
    K: Fallibility<Error: Send> + 'scope,
{
    /// Applies `f` to every item like [`map`](crate::map()); `f` and the items may borrow from outside the
    /// scope.
    ///
    /// ```
    /// let (words, suffix) = (["to", "be"], String::from("!"));
    /// let shouted: Vec<_> = reunite::scope(|s| {
    ///     s.map(&words, |word| format!("{word}{suffix}")).into_iter().map(Result::unwrap).collect()
    /// });
    /// assert_eq!(shouted, ["to!", "be!"]);
    /// ```
    #[track_caller]
    #[allow(
        clippy::type_complexity,
        reason = "an `impl Fn` in return position cannot be named"
    )]
    pub fn map<I, U, F>(
        &'scope self,
        items: I,
        f: F,
    ) -> Map<
        'scope,
        I::IntoIter,
        impl Fn(I::Item) -> Result<U, Infallible> + Send + Sync + 'scope,
        &'scope Self,
    >
    where
        I: IntoIterator<IntoIter: Send + 'scope, Item: Send + 'scope>,
        U: Send + 'scope,
        F: Fn(I::Item) -> U + Send + Sync + 'scope,
    {
        Map::new(
            items.into_iter(),
            move |item| Ok(f(item)),
            self,
            Location::caller(),
        )
    }

    /// Applies `f` to every item like [`try_map`]; `f` and the items may borrow from outside the scope.
    #[track_caller]
    pub fn try_map<I, U, E, F>(
        &'scope self,
        items: I,
        f: F,
    ) -> Map<'scope, I::IntoIter, F, &'scope Self>
    where
        I: IntoIterator<IntoIter: Send + 'scope, Item: Send + 'scope>,
        U: Send + 'scope,
        E: Send + 'scope,
        F: Fn(I::Item) -> Result<U, E> + Send + Sync + 'scope,
    {
        Map::new(items.into_iter(), f, self, Location::caller())
    }
}

/// A map that has not started. Its methods choose how it runs; iterating over it starts it.
///
/// ```
/// let map = reunite::map(0..100, |n| n * 2).name("doubles").threads(2).window(10);
/// assert_eq!(map.into_iter().map(Result::unwrap).sum::<i32>(), 9_900);
/// ```
#[must_use = "a map does nothing until it is iterated: call `collect`, `collect_values` or `for_each`, or use it in a `for` loop"]
pub struct Map<'a, I: Iterator, F, H, O = Ordered> {
    items: I,
    f: F,
    name: Option<ItemNamer<'a, I::Item>>,
    home: H,
    plan: MapOptions,
    /// The lifetime of what the function and the items borrow, and the type of the outcomes.
    kind: PhantomData<(&'a (), O)>,
}

impl<'a, I: Iterator, F, H> Map<'a, I, F, H> {
    fn new(items: I, f: F, home: H, at: &'static Location<'static>) -> Self {
        let plan = MapOptions {
            at,
            name: None,
            threads: None,
            window: None,
            item_timeout: None,
            ordered: true,
            fail_fast: false,
        };
        Self {
            items,
            f,
            name: None,
            home,
            plan,
            kind: PhantomData,
        }
    }

    /// Yields outcomes in the order in which the items complete. Each value comes with the index of its item,
    /// counted from 0 in the order of the source. [`JoinError::item`](crate::JoinError::item) returns the
    /// index for an error.
    ///
    /// ```
    /// let words = ["one", "two", "three"];
    /// let mut lengths = [0; 3];
    /// for outcome in reunite::map(words, str::len).unordered() {
    ///     match outcome {
    ///         Ok((index, length)) => lengths[index] = length,
    ///         Err(error) => eprintln!("item {:?}: {error}", error.item()),
    ///     }
    /// }
    /// assert_eq!(lengths, [3, 3, 5]);
    /// ```
    pub fn unordered(self) -> Map<'a, I, F, H, Unordered> {
        Map {
            items: self.items,
            f: self.f,
            name: self.name,
            home: self.home,
            plan: MapOptions {
                ordered: false,
                ..self.plan
            },
            kind: PhantomData,
        }
    }
}

impl<'a, I: Iterator, F, H, O> Map<'a, I, F, H, O> {
    /// Sets the map's name, for messages.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.plan.name = Some(name.into());
        self
    }

    /// Sets the names of items in messages and in the [live tree](crate::dump()), beside their numbers. Without it,
    /// items have the name of the map.
    ///
    /// `name` is called with each item right after it was pulled, on the thread that pulled it. A panic in
    /// `name` counts as a panic of the source.
    ///
    /// ```
    /// let files = ["a.txt", "b.txt"];
    /// let lengths = reunite::map(files, |file| -> usize { panic!("{file} is empty") }).label(|file| file.to_string());
    /// let error = lengths.into_iter().next().unwrap().unwrap_err();
    /// assert!(error.to_string().starts_with("item 0 of map `a.txt` ("), "{error}");
    /// ```
    pub fn label(mut self, name: impl Fn(&I::Item) -> String + Send + Sync + 'a) -> Self {
        self.name = Some(Box::new(name));
        self
    }

    /// Limits the map to `threads` threads (at least one). The default is the number of the machine's cores.
    pub fn threads(mut self, threads: usize) -> Self {
        self.plan.threads = Some(threads.max(1));
        self
    }

    /// Sets the window: how many items may be pulled whose outcomes are not yet taken (at least one). The default is
    /// twice the number of threads, and more, up to 1,024, while items take less than about 20 µs.
    pub fn window(mut self, items: usize) -> Self {
        self.plan.window = Some(items.max(1));
        self
    }

    /// Sets how long each item may take, from its start. An item that takes longer is cancelled, and its outcome is an
    /// error ([`is_timeout`](JoinError::is_timeout)). If the item does not stop, another thread goes on with the other
    /// items. The end of the map waits for the late item, too.
    pub fn item_timeout(mut self, timeout: Duration) -> Self {
        self.plan.item_timeout = Some(timeout);
        self
    }

    /// Stops the map at the first error or panic: no further item is pulled; items that run are cancelled and
    /// still have outcomes.
    ///
    /// ```
    /// let numbers = reunite::try_map(["1", "x", "3"], |text| text.parse::<u32>()).fail_fast();
    /// assert!(numbers.into_iter().collect_values().is_err());
    /// ```
    pub fn fail_fast(mut self) -> Self {
        self.plan.fail_fast = true;
        self
    }
}

impl<'a, I, U, E, F, H, O> IntoIterator for Map<'a, I, F, H, O>
where
    O: Order<U, Value: 'a>,
    I: Iterator<Item: Send + 'a> + Send + 'a,
    U: Send + 'a,
    E: Send + 'a,
    F: Fn(I::Item) -> Result<U, E> + Send + Sync + 'a,
    H: Home<'a>,
{
    type Item = Result<O::Value, JoinError<E>>;
    type IntoIter = Outcomes<'a, O::Value, E>;

    fn into_iter(self) -> Outcomes<'a, O::Value, E> {
        Outcomes::new(
            self.items,
            self.f,
            self.name,
            self.home,
            self.plan,
            O::value,
        )
    }
}

impl<I: Iterator, F, H, O> fmt::Debug for Map<'_, I, F, H, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}
