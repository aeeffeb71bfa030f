//! The adaptors without a state of each part.

use super::adaptor::{Adaptor, OneToOne, debug_without_functions};
use crate::current::checkpoint;
use crate::error::Cancelled;
use crate::primitive::{AtomicBool, AtomicUsize, Mutex, Ordering};

/// Defines adaptors that hold a function.
macro_rules! function_steps {
    ($(
        $(#[$doc:meta])*
        $name:ident<$item:ident $(, $parameter:ident)*> where ($($bounds:tt)*) -> $out:ty, one to one: $one:literal,
        |$function:ident, $items:ident| $apply:expr;
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name<F>(pub(super) F);

        debug_without_functions! {
            $name<F> {}, where {};
        }

        impl<$item, $($parameter,)* F> Adaptor<$item> for $name<F>
        where
            F: Send + Sync,
            $($bounds)*
        {
            type Item = $out;
            const IS_ONE_TO_ONE: bool = $one;

            #[inline]
            fn apply<I: Iterator<Item = $item>>(&self, $items: I) -> impl Iterator<Item = $out> {
                let $function = &self.0;
                $apply
            }
        }
    )*};
}

function_steps! {
    /// The adaptor of `map`.
    Mapping<T, R> where (F: Fn(T) -> R, R: Send) -> R, one to one: true,
    |f, items| items.map(f);

    /// The adaptor of `inspect`.
    Inspecting<T> where (F: Fn(&T), T: Send) -> T, one to one: true,
    |f, items| items.inspect(f);

    /// The adaptor of `update`.
    Updating<T> where (F: Fn(&mut T), T: Send) -> T, one to one: true,
    |f, items| items.map(|mut item| {
        f(&mut item);
        item
    });

    /// The adaptor of `filter`.
    Filtering<T> where (F: Fn(&T) -> bool, T: Send) -> T, one to one: false,
    |f, items| items.filter(f);

    /// The adaptor of `filter_map`.
    FilterMapping<T, R> where (F: Fn(T) -> Option<R>, R: Send) -> R, one to one: false,
    |f, items| items.filter_map(f);

    /// The adaptor of `flat_map_iter`.
    FlatMappingIter<T, R> where (F: Fn(T) -> R, R: IntoIterator, R::Item: Send) -> R::Item, one to one: false,
    |f, items| items.flat_map(f);
}

impl<F> OneToOne for Mapping<F> {}
impl<F> OneToOne for Inspecting<F> {}
impl<F> OneToOne for Updating<F> {}

/// The adaptor of `cloned` and `copied`.
#[derive(Clone, Debug)]
pub struct Cloning;

impl<'t, T: Clone + Send + Sync + 't> Adaptor<&'t T> for Cloning {
    type Item = T;
    const IS_ONE_TO_ONE: bool = true;

    #[inline]
    fn apply<I: Iterator<Item = &'t T>>(&self, items: I) -> impl Iterator<Item = T> {
        items.cloned()
    }
}

impl OneToOne for Cloning {}

/// True once a thread has found that no further item is wanted. A clone is independent.
#[derive(Debug, Default)]
struct Flag(AtomicBool);

impl Flag {
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    #[inline]
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Clone for Flag {
    fn clone(&self) -> Self {
        Self(AtomicBool::new(self.is_set()))
    }
}

/// The adaptor of `positions`: the numbers of the items that are true.
#[derive(Clone, Debug)]
pub struct NumbersOfTrue;

impl Adaptor<(usize, bool)> for NumbersOfTrue {
    type Item = usize;

    #[inline]
    fn apply<I: Iterator<Item = (usize, bool)>>(&self, items: I) -> impl Iterator<Item = usize> {
        items.filter_map(|(number, is_true)| is_true.then_some(number))
    }
}

/// The adaptor of `while_some`.
#[derive(Clone, Debug, Default)]
pub struct WhileSome {
    is_over: Flag,
}

impl<T: Send> Adaptor<Option<T>> for WhileSome {
    type Item = T;

    #[inline]
    fn apply<I: Iterator<Item = Option<T>>>(&self, items: I) -> impl Iterator<Item = T> {
        items.map_while(|item| {
            if item.is_none() {
                self.is_over.set();
            }
            item
        })
    }

    fn is_full(&self) -> bool {
        self.is_over.is_set()
    }
}

/// The adaptor of `take_any_while`.
#[derive(Clone)]
pub struct TakingAnyWhile<F> {
    predicate: F,
    is_over: Flag,
}

debug_without_functions! {
    TakingAnyWhile<F> {is_over}, where {};
    SkippingAnyWhile<F> {is_over}, where {};
}

impl<F> TakingAnyWhile<F> {
    pub(super) fn new(predicate: F) -> Self {
        Self {
            predicate,
            is_over: Flag::default(),
        }
    }
}

impl<T: Send, F: Fn(&T) -> bool + Send + Sync> Adaptor<T> for TakingAnyWhile<F> {
    type Item = T;

    #[inline]
    fn apply<I: Iterator<Item = T>>(&self, items: I) -> impl Iterator<Item = T> {
        items.take_while(|item| {
            let is_taken = !self.is_over.is_set() && (self.predicate)(item);
            if !is_taken {
                self.is_over.set();
            }
            is_taken
        })
    }

    fn is_full(&self) -> bool {
        self.is_over.is_set()
    }
}

/// The adaptor of `skip_any_while`.
#[derive(Clone)]
pub struct SkippingAnyWhile<F> {
    predicate: F,
    is_over: Flag,
}

impl<F> SkippingAnyWhile<F> {
    pub(super) fn new(predicate: F) -> Self {
        Self {
            predicate,
            is_over: Flag::default(),
        }
    }
}

impl<T: Send, F: Fn(&T) -> bool + Send + Sync> Adaptor<T> for SkippingAnyWhile<F> {
    type Item = T;

    #[inline]
    fn apply<I: Iterator<Item = T>>(&self, items: I) -> impl Iterator<Item = T> {
        items.skip_while(|item| {
            let is_skipped = !self.is_over.is_set() && (self.predicate)(item);
            if !is_skipped {
                self.is_over.set();
            }
            is_skipped
        })
    }
}

/// A number of items, of which each is counted once, whichever thread finds it.
#[derive(Debug)]
struct Remaining(AtomicUsize);

impl Remaining {
    #[inline]
    fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// Counts one item. Returns false if all were counted before.
    #[inline]
    fn count_one(&self) -> bool {
        let one_less = |left: usize| left.checked_sub(1);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok()
    }
}

impl Clone for Remaining {
    /// The items of a clone are counted apart.
    fn clone(&self) -> Self {
        Self(AtomicUsize::new(self.0.load(Ordering::Relaxed)))
    }
}

/// The adaptor of `take_any`.
#[derive(Clone, Debug)]
pub struct TakingAny(Remaining);

impl TakingAny {
    pub(super) fn new(count: usize) -> Self {
        Self(Remaining(AtomicUsize::new(count)))
    }
}

impl<T: Send> Adaptor<T> for TakingAny {
    type Item = T;

    #[inline]
    fn apply<I: Iterator<Item = T>>(&self, items: I) -> impl Iterator<Item = T> {
        let mut items = items;
        std::iter::from_fn(move || {
            // Not after the last one: pulling another may take for ever.
            if self.0.is_over() {
                return None;
            }
            items.next().filter(|_| self.0.count_one())
        })
    }

    fn is_full(&self) -> bool {
        self.0.is_over()
    }
}

/// The adaptor of `skip_any`.
#[derive(Clone, Debug)]
pub struct SkippingAny(Remaining);

impl SkippingAny {
    pub(super) fn new(count: usize) -> Self {
        Self(Remaining(AtomicUsize::new(count)))
    }
}

impl<T: Send> Adaptor<T> for SkippingAny {
    type Item = T;

    #[inline]
    fn apply<I: Iterator<Item = T>>(&self, items: I) -> impl Iterator<Item = T> {
        items.skip_while(|_| self.0.count_one())
    }
}

/// The adaptor of `checked`: lets no item through once the task is cancelled.
#[derive(Debug)]
pub struct Checking<'a> {
    is_over: Flag,
    cancelled: &'a Mutex<Option<Cancelled>>,
}

impl<'a> Checking<'a> {
    /// Makes an adaptor that stores a cancellation in `cancelled`.
    pub(super) fn new(cancelled: &'a Mutex<Option<Cancelled>>) -> Self {
        Self {
            is_over: Flag::default(),
            cancelled,
        }
    }

    fn check(&self) -> bool {
        let checked = checkpoint();
        if let Err(cancelled) = checked {
            self.cancelled.lock().get_or_insert(cancelled);
            self.is_over.set();
            return false;
        }
        true
    }
}

impl<T: Send> Adaptor<T> for Checking<'_> {
    type Item = T;
    const IS_ONE_TO_ONE: bool = false;

    #[inline]
    fn apply<I: Iterator<Item = T>>(&self, items: I) -> impl Iterator<Item = T> {
        let is_open = self.check();
        items.take_while(move |_| is_open)
    }

    fn is_full(&self) -> bool {
        self.is_over.is_set()
    }
}
