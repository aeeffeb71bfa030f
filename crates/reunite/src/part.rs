//! Counted references to parts of a shared value. A task is one allocation, and other code keeps references
//! to its record, its cancel node, or its result.
//!
//! # Safety argument
//! 1. *A part lies in its whole, or lives as long.* It is found by a function that makes a `&'a T` of any
//!    `&'a C` ([`Part::of`]), or is the entire whole.
//! 2. *While a reference is counted, the whole is not moved, and is changed only through shared references.*
//!    It lies in an `Arc`. Only this file can reach that `Arc`, and it never asks for `&mut`.
//! 3. *What is counted is the same value.* [`Part::of`] converts the `Arc` to another type, and checks that
//!    its address stays the same.

use std::fmt;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

use crate::primitive::{Arc, Weak};

/// A value that can have parts.
pub(crate) trait Whole: Send + Sync {}

impl<T: Send + Sync> Whole for T {}

/// A counted reference to a `T` in a `W`.
pub(crate) struct Part<T, W: ?Sized = dyn Whole> {
    part: NonNull<T>,
    whole: Arc<W>,
}

// SAFETY: a `Part` is a `&T` and an `Arc<W>`, both of which are `Send` under these bounds.
unsafe impl<T: Send + Sync, W: ?Sized + Send + Sync> Send for Part<T, W> {}
// SAFETY: a `Part` is a `&T` and an `Arc<W>`, both of which are `Sync` under these bounds.
unsafe impl<T: Send + Sync, W: ?Sized + Send + Sync> Sync for Part<T, W> {}

/// Only the part can be reached, so only its type decides whether a reference is unwind safe.
impl<T: RefUnwindSafe, W: ?Sized> UnwindSafe for Part<T, W> {}
impl<T: RefUnwindSafe, W: ?Sized> RefUnwindSafe for Part<T, W> {}

impl<T: Send + Sync + 'static> Part<T> {
    /// Creates a part that is the entire whole.
    pub(crate) fn new(value: T) -> Self {
        Self::of(Arc::new(value), |value| value, |whole| whole)
    }
}

impl<T, W: ?Sized> Part<T, W> {
    /// Creates a reference to what `which` finds in `whole`; `as_whole` converts the whole to the type under
    /// which it is kept.
    ///
    /// # Panics
    /// If `as_whole` returns another value than it was given.
    pub(crate) fn of<C: ?Sized>(
        whole: Arc<C>,
        which: impl for<'a> FnOnce(&'a C) -> &'a T,
        as_whole: impl FnOnce(Arc<C>) -> Arc<W>,
    ) -> Self {
        let part = NonNull::from(which(&whole));
        let address = Arc::as_ptr(&whole).addr();
        let whole = as_whole(whole);
        assert!(Arc::as_ptr(&whole).addr() == address, "it is not the whole");
        Self { part, whole }
    }

    /// Returns the whole.
    pub(crate) fn whole(&self) -> &Arc<W> {
        &self.whole
    }

    /// Returns true if both refer to the same part of the same whole.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.part == other.part
    }

    pub(crate) fn downgrade(&self) -> WeakPart<T, W> {
        WeakPart {
            part: self.part,
            whole: Arc::downgrade(&self.whole),
        }
    }
}

impl<T, W: ?Sized> Clone for Part<T, W> {
    fn clone(&self) -> Self {
        Self {
            part: self.part,
            whole: Arc::clone(&self.whole),
        }
    }
}

impl<T, W: ?Sized> Deref for Part<T, W> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the part lives while its whole is counted (rules 1, 2, 3), and `self.whole` counts it.
        unsafe { self.part.as_ref() }
    }
}

impl<T: fmt::Debug, W: ?Sized> fmt::Debug for Part<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A reference to a part that does not keep its whole alive.
pub(crate) struct WeakPart<T, W: ?Sized = dyn Whole> {
    part: NonNull<T>,
    whole: Weak<W>,
}

// SAFETY: the only way to the part is to upgrade to a `Part`, which is `Send` and `Sync` under these bounds.
unsafe impl<T: Send + Sync, W: ?Sized + Send + Sync> Send for WeakPart<T, W> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync, W: ?Sized + Send + Sync> Sync for WeakPart<T, W> {}

impl<T, W: ?Sized> WeakPart<T, W> {
    pub(crate) fn upgrade(&self) -> Option<Part<T, W>> {
        let (part, whole) = (self.part, self.whole.upgrade()?);
        Some(Part { part, whole })
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    struct Two(String, u8);

    #[test]
    fn a_part_keeps_its_whole_and_a_weak_one_does_not() {
        let two = Arc::new(Two("whole".to_owned(), 2));
        let first: Part<String> = Part::of(Arc::clone(&two), |two| &two.0, |two| two as _);
        let second: Part<u8> = Part::of(two, |two| &two.1, |two| two as _);
        let weak = first.downgrade();
        assert!(weak.upgrade().is_some_and(|again| again.is(&first)));
        drop(first);
        assert_eq!(
            (*second, weak.upgrade().as_deref()),
            (2, Some(&"whole".to_owned()))
        );
        drop(second);
        assert!(weak.upgrade().is_none());
    }

    #[test]
    #[should_panic(expected = "not the whole")]
    fn another_whole_is_refused() {
        let other = Arc::new(Two(String::new(), 0));
        let two = Arc::new(Two(String::new(), 0));
        let _part: Part<String> = Part::of(two, |two| &two.0, |_| other as _);
    }
}
