//! Collections made of parallel iterators.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, Hash};
use std::panic::Location;
use std::rc::Rc;

use super::adaptor::Adapted;
use super::adaptors::{Mapping, WhileSome};
use super::consumers::{Dividing, Gathering};
use super::convert::{FromParallelIterator, IntoParallelIterator, ParallelExtend};
use super::owned::collect_indexed;
use super::plumbing::Drive;
use crate::primitive::{Arc, Mutex};

/// Returns the items in vectors, none of them empty.
pub(super) fn gather<I: Drive>(at: &'static Location<'static>, items: I) -> Gathering<I::Item> {
    items.drive(at, Gathering::new())
}

/// Returns the items in one vector.
pub(super) fn gather_vec<I: Drive>(at: &'static Location<'static>, items: I) -> Vec<I::Item> {
    let Some(len) = items.opt_len() else {
        return gather(at, items).into_vec();
    };
    let mut vec = Vec::new();
    collect_indexed(at, items, len, &mut vec);
    vec
}

impl<T: Send> FromParallelIterator<T> for Vec<T> {
    #[track_caller]
    fn from_par_iter<I: IntoParallelIterator<Item = T>>(items: I) -> Self {
        gather_vec(Location::caller(), items.into_par_iter())
    }
}

/// Implements `FromParallelIterator` by `FromIterator`, and `ParallelExtend` by `Extend`, of the items in a vector.
macro_rules! by_vec {
    ($($collection:ty, of $item:ty $(, [$($generics:tt)*] where {$($bounds:tt)*})?;)*) => {$(
        impl $(<$($generics)*>)? FromParallelIterator<$item> for $collection $(where $($bounds)*)? {
            #[track_caller]
            fn from_par_iter<I: IntoParallelIterator<Item = $item>>(items: I) -> Self {
                gather_vec(Location::caller(), items.into_par_iter()).into_iter().collect()
            }
        }
    )*};
}

by_vec! {
    VecDeque<T>, of T, [T] where {T: Send};
    LinkedList<T>, of T, [T] where {T: Send};
    BinaryHeap<T>, of T, [T] where {T: Ord + Send};
    BTreeSet<T>, of T, [T] where {T: Ord + Send};
    BTreeMap<K, V>, of (K, V), [K, V] where {K: Ord + Send, V: Send};
    HashSet<T, S>, of T, [T, S] where {T: Eq + Hash + Send, S: BuildHasher + Default};
    HashMap<K, V, S>, of (K, V), [K, V, S] where {K: Eq + Hash + Send, V: Send, S: BuildHasher + Default};
    Box<[T]>, of T, [T] where {T: Send};
    Rc<[T]>, of T, [T] where {T: Send};
    Arc<[T]>, of T, [T] where {T: Send};
    String, of char;
    String, of &'a char, ['a] where {};
    String, of &'a str, ['a] where {};
    String, of String;
    String, of Box<str>;
    String, of Cow<'a, str>, ['a] where {};
    OsString, of &'a OsStr, ['a] where {};
    OsString, of OsString;
    OsString, of Cow<'a, OsStr>, ['a] where {};
    Box<str>, of char;
    Box<str>, of &'a str, ['a] where {};
    Box<str>, of String;
}

/// Collects the items into the owned form.
impl<'a, T: Send, B> FromParallelIterator<T> for Cow<'a, B>
where
    B: ToOwned<Owned: FromParallelIterator<T>> + ?Sized,
{
    #[track_caller]
    fn from_par_iter<I: IntoParallelIterator<Item = T>>(items: I) -> Self {
        Cow::Owned(B::Owned::from_par_iter(items))
    }
}

impl FromParallelIterator<()> for () {
    #[track_caller]
    fn from_par_iter<I: IntoParallelIterator<Item = ()>>(items: I) {
        gather(Location::caller(), items.into_par_iter());
    }
}

/// Collects the values, and stops at the first failure that a thread finds.
impl<T: Send, E: Send, C: FromParallelIterator<T>> FromParallelIterator<Result<T, E>>
    for Result<C, E>
{
    #[track_caller]
    fn from_par_iter<I: IntoParallelIterator<Item = Result<T, E>>>(items: I) -> Self {
        let failure = Mutex::new(None);
        let values = Adapted::new(
            items.into_par_iter(),
            Mapping(|item: Result<T, E>| match item {
                Ok(value) => Some(value),
                Err(error) => {
                    let _late = store_first(&failure, error);
                    None
                }
            }),
        );
        let values = C::from_par_iter(Adapted::new(values, WhileSome::default()));
        failure.into_inner().map_or(Ok(values), Err)
    }
}

/// Stores `error` if it is the first one. Returns it otherwise, to be dropped outside the lock.
fn store_first<E>(first: &Mutex<Option<E>>, error: E) -> Option<E> {
    let mut first = first.lock();
    if first.is_some() {
        return Some(error);
    }
    *first = Some(error);
    None
}

/// Collects the values, and stops at the first `None` that a thread finds.
impl<T: Send, C: FromParallelIterator<T>> FromParallelIterator<Option<T>> for Option<C> {
    #[track_caller]
    fn from_par_iter<I: IntoParallelIterator<Item = Option<T>>>(items: I) -> Self {
        let values = Adapted::new(
            items.into_par_iter(),
            Mapping(|item: Option<T>| item.ok_or(())),
        );
        Result::<C, ()>::from_par_iter(values).ok()
    }
}

/// Collects the left and the right parts of pairs.
impl<A, B, CA, CB> FromParallelIterator<(A, B)> for (CA, CB)
where
    A: Send,
    B: Send,
    CA: Default + ParallelExtend<A>,
    CB: Default + ParallelExtend<B>,
{
    #[track_caller]
    fn from_par_iter<I: IntoParallelIterator<Item = (A, B)>>(items: I) -> Self {
        let mut both = Self::default();
        both.par_extend(items);
        both
    }
}

/// Adds the left and the right parts of pairs.
impl<A, B, CA, CB> ParallelExtend<(A, B)> for (CA, CB)
where
    A: Send,
    B: Send,
    CA: ParallelExtend<A>,
    CB: ParallelExtend<B>,
{
    #[track_caller]
    fn par_extend<I: IntoParallelIterator<Item = (A, B)>>(&mut self, items: I) {
        let put = |(a, b), left: &mut Vec<A>, right: &mut Vec<B>| {
            left.push(a);
            right.push(b);
        };
        let items = items.into_par_iter();
        let (left, right) = items
            .drive(Location::caller(), Dividing::new(put))
            .into_vecs();
        self.0.par_extend(left);
        self.1.par_extend(right);
    }
}

impl<T: Send> ParallelExtend<T> for Vec<T> {
    #[track_caller]
    fn par_extend<I: IntoParallelIterator<Item = T>>(&mut self, items: I) {
        let mut items = gather_vec(Location::caller(), items.into_par_iter());
        if self.capacity() == 0 {
            *self = items;
        } else {
            self.append(&mut items);
        }
    }
}

/// Implements `ParallelExtend` by `Extend`, of the items in vectors.
macro_rules! extend {
    ($($collection:ty, of $item:ty $(, [$($generics:tt)*] where {$($bounds:tt)*})?;)*) => {$(
        impl $(<$($generics)*>)? ParallelExtend<$item> for $collection $(where $($bounds)*)? {
            #[track_caller]
            fn par_extend<I: IntoParallelIterator<Item = $item>>(&mut self, items: I) {
                let parts = gather(Location::caller(), items.into_par_iter()).into_parts();
                parts.into_iter().for_each(|part| self.extend(part));
            }
        }
    )*};
}

extend! {
    VecDeque<T>, of T, [T] where {T: Send};
    VecDeque<T>, of &'a T, ['a, T] where {T: Copy + Send + Sync};
    Vec<T>, of &'a T, ['a, T] where {T: Copy + Send + Sync};
    LinkedList<T>, of T, [T] where {T: Send};
    LinkedList<T>, of &'a T, ['a, T] where {T: Copy + Send + Sync};
    BinaryHeap<T>, of T, [T] where {T: Ord + Send};
    BinaryHeap<T>, of &'a T, ['a, T] where {T: Copy + Ord + Send + Sync};
    BTreeSet<T>, of T, [T] where {T: Ord + Send};
    BTreeSet<T>, of &'a T, ['a, T] where {T: Copy + Ord + Send + Sync};
    BTreeMap<K, V>, of (K, V), [K, V] where {K: Ord + Send, V: Send};
    BTreeMap<K, V>, of (&'a K, &'a V), ['a, K, V] where {K: Copy + Ord + Send + Sync, V: Copy + Send + Sync};
    HashSet<T, S>, of T, [T, S] where {T: Eq + Hash + Send, S: BuildHasher};
    HashSet<T, S>, of &'a T, ['a, T, S] where {T: Copy + Eq + Hash + Send + Sync, S: BuildHasher};
    HashMap<K, V, S>, of (K, V), [K, V, S] where {K: Eq + Hash + Send, V: Send, S: BuildHasher};
    HashMap<K, V, S>, of (&'a K, &'a V), ['a, K, V, S]
        where {K: Copy + Eq + Hash + Send + Sync, V: Copy + Send + Sync, S: BuildHasher};
    String, of char;
    String, of &'a char, ['a] where {};
    String, of &'a str, ['a] where {};
    String, of String;
    String, of Box<str>;
    String, of Cow<'a, str>, ['a] where {};
    OsString, of &'a OsStr, ['a] where {};
    OsString, of OsString;
    OsString, of Cow<'a, OsStr>, ['a] where {};
}

impl ParallelExtend<()> for () {
    #[track_caller]
    fn par_extend<I: IntoParallelIterator<Item = ()>>(&mut self, items: I) {
        gather(Location::caller(), items.into_par_iter());
    }
}
