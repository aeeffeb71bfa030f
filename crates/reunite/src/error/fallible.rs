//! Types that tell whether the tasks of a scope can fail, and with which error.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

/// The kind of a [`Scope`](crate::Scope): what the closures of its tasks return, and what joins return.
///
/// This trait is sealed. There are two kinds: [`Infallible`], of a [`scope`](crate::scope()), whose closures return any
/// value; and [`Fallible<E>`](Fallible), of a [`try_scope`](crate::try_scope), whose closures return a `Result`. A
/// function that takes scopes of both kinds is generic over the kind:
///
/// ```
/// use reunite::{Fallibility, Scope};
///
/// fn stop<K: Fallibility>(s: &Scope<'_, '_, K>) {
///     s.cancel("enough");
/// }
/// reunite::scope(|s| stop(s));
/// reunite::try_scope(|s| { stop(s); Ok::<_, reunite::JoinError<String>>(()) }).unwrap();
/// ```
pub trait Fallibility: sealed::SealedFallibility {
    /// The error type of the tasks.
    type Error;

    /// The type that a task's closure returns if the task completes with a `T`: `T` itself, or a `Result`.
    type Returns<T>;

    /// Converts what the closure returned into a result.
    #[doc(hidden)]
    fn into_result<T>(returned: Self::Returns<T>) -> Result<T, Self::Error>;
}

impl Fallibility for Infallible {
    type Error = Infallible;
    type Returns<T> = T;

    fn into_result<T>(returned: T) -> Result<T, Infallible> {
        Ok(returned)
    }
}

/// The kind of a scope whose tasks return `Result<_, E>`: see [`try_scope`](crate::try_scope) and [`Fallibility`].
///
/// ```
/// use reunite::{Fallible, JoinHandle, Scope};
///
/// fn parse<'scope>(s: &'scope Scope<'scope, '_, Fallible<String>>, text: &'scope str) -> JoinHandle<u32, String> {
///     s.spawn(move || text.parse().map_err(|_| format!("{text} is not a number")))
/// }
/// let error = reunite::try_scope(|s| parse(s, "x").join()).unwrap_err();
/// assert_eq!(error.into_error().unwrap(), "x is not a number");
/// ```
pub struct Fallible<E>(PhantomData<fn() -> E>);

impl<E> Fallibility for Fallible<E> {
    type Error = E;
    type Returns<T> = Result<T, E>;

    fn into_result<T>(returned: Result<T, E>) -> Result<T, E> {
        returned
    }
}

impl<E> fmt::Debug for Fallible<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fallible")
    }
}

mod sealed {
    pub trait SealedFallibility {}
    impl SealedFallibility for std::convert::Infallible {}
    impl<E> SealedFallibility for super::Fallible<E> {}
}
