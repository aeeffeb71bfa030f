//! Errors that are values. A task of a plain scope that returns a `Result` completes with a value, and if
//! that is never taken, an error in it would be dropped silently.
//!
//! The type system cannot distinguish a `Result` from the other types that a task may return (see ADR 18).
//! The name of the type can, which exists for diagnostics; so it is used for a diagnostic only, and decides
//! nothing.

use std::any::type_name;
use std::hash::{Hash, Hasher};
use std::mem::discriminant;

use crate::id::Label;
use crate::observe::report_unjoined;

/// A companion of an error that was not taken yet. Reports the error when it is dropped.
pub(crate) struct Unjoined(Option<Box<ReturnedError>>);

struct ReturnedError {
    task: Label,
    returned: &'static str,
}

impl Unjoined {
    /// Returns a companion of `value` if that is an `Err`.
    pub(crate) fn of<T>(value: &T, task: impl FnOnce() -> Label) -> Option<Self> {
        let error = || ReturnedError {
            task: task(),
            returned: type_name::<T>(),
        };
        is_err(value).then(|| Self(Some(Box::new(error()))))
    }

    /// Creates the companion of an error with which `task` has completed.
    pub(crate) fn error<E>(task: Label) -> Self {
        let returned = type_name::<E>();
        Self(Some(Box::new(ReturnedError { task, returned })))
    }

    /// Drops this without a report, because the error was taken.
    pub(crate) fn take(mut self) {
        self.0 = None;
    }
}

impl Drop for Unjoined {
    fn drop(&mut self) {
        if let Some(error) = &self.0 {
            report_unjoined(&error.task, error.returned);
        }
    }
}

/// Returns true if `value` is an `Err`, as far as the name of its type tells. If a later compiler names
/// `Result` otherwise, this returns false.
#[inline]
pub(crate) fn is_err<T>(value: &T) -> bool {
    type_name::<T>().starts_with("core::result::Result<") && is_second_variant(value)
}

/// Returns true for the second variant of an enum of two: variants without explicit numbers are counted from
/// zero.
fn is_second_variant<T>(value: &T) -> bool {
    let mut number = IsZero(true);
    discriminant(value).hash(&mut number);
    !number.0
}

/// A hasher that finds out whether all hashed bytes are zero.
struct IsZero(bool);

impl Hasher for IsZero {
    fn write(&mut self, bytes: &[u8]) {
        self.0 &= bytes.iter().all(|byte| *byte == 0);
    }

    fn finish(&self) -> u64 {
        u64::from(!self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::num::NonZeroU8;
    use std::rc::Rc;

    use super::is_err;

    enum Mine<T, E> {
        _Ok(T),
        Err(E),
    }

    #[test]
    fn an_err_is_distinguished_from_all_other_values_whatever_its_layout() {
        assert!(is_err(&Err::<(), _>("text")));
        assert!(is_err(&Err::<NonZeroU8, ()>(())));
        assert!(is_err(&Err::<Rc<u8>, _>(Rc::new(1))));
        assert!(is_err(&Err::<Infallible, u64>(0)));
        assert!(is_err(&Err::<(), _>(Err::<u8, _>(String::new()))));
        assert!(!is_err(&Ok::<_, String>(())));
        assert!(!is_err(&Ok::<NonZeroU8, ()>(NonZeroU8::MIN)));
        assert!(!is_err(&Ok::<_, Infallible>(1)));
        assert!(!is_err(&Ok::<_, ()>(Err::<u8, u8>(1))));
        assert!(!is_err(&Some(Err::<u8, u8>(1))));
        assert!(!is_err(&None::<Result<u8, u8>>));
        assert!(!is_err(&Mine::Err::<u8, u8>(1)));
        assert!(!is_err(&1));
        assert!(!is_err(&()));
    }
}
