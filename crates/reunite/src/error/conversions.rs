//! Conversions that let `?` take errors of other types.
//!
//! In the body of a [`try_scope`](crate::try_scope), `?` converts to [`JoinError<E>`]. For every `E` there is the
//! conversion from `E` itself. One from all types that convert into `E` cannot be: it would overlap with the conversion
//! of `JoinError<E>` into itself, which `std` has for all types. Therefore the conversions into a [`JoinError`] of a boxed
//! error are listed here one by one: those from the errors of `std` and of this library.

use std::any::Any;
use std::error::Error;
use std::fmt::{self, Debug, Display};
use std::io;

use super::{Cancelled, Deadlock, JoinError, RecvError, ScopeError, SendError, WaitError};

/// Any error that can be sent to another thread.
type BoxedError = Box<dyn Error + Send + Sync>;

macro_rules! boxed {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for JoinError<BoxedError> {
            /// Boxes the body's own error.
            fn from(error: $error) -> Self {
                BoxedError::from(error).into()
            }
        }
    )+};
}

boxed!(
    String,
    &str,
    io::Error,
    fmt::Error,
    std::num::ParseIntError,
    std::num::ParseFloatError,
    std::num::TryFromIntError,
    std::str::ParseBoolError,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
    std::char::ParseCharError,
    std::char::CharTryFromError,
    std::array::TryFromSliceError,
    std::net::AddrParseError,
    std::env::VarError,
    std::ffi::NulError,
    std::path::StripPrefixError,
    std::time::SystemTimeError,
    Cancelled,
    Deadlock,
    WaitError,
    RecvError,
);

impl<T: Send + Sync + 'static> From<SendError<T>> for JoinError<BoxedError> {
    /// Boxes the body's own error.
    fn from(error: SendError<T>) -> Self {
        BoxedError::from(error).into()
    }
}

impl<E> From<ScopeError<E>> for JoinError<BoxedError>
where
    E: Debug + Display + Send + Sync + 'static,
{
    /// Boxes the error of an inner scope.
    fn from(error: ScopeError<E>) -> Self {
        BoxedError::from(error).into()
    }
}

impl From<JoinError> for JoinError<BoxedError> {
    /// Converts the error of a task that has no errors of its own, and keeps what is known of it.
    fn from(error: JoinError) -> Self {
        error.into_other()
    }
}

impl<E> From<JoinError<E>> for io::Error
where
    E: Debug + Display + Send + Sync + 'static,
{
    /// Wraps the error. The kind is that of the task's own error, if that is an `io::Error`, or of the refused thread.
    fn from(error: JoinError<E>) -> Self {
        Self::new(kind_of(&error), error)
    }
}

impl<E> From<ScopeError<E>> for io::Error
where
    E: Debug + Display + Send + Sync + 'static,
{
    /// Wraps the error with all failures of the scope. The kind is that of the root cause, or
    /// [`TimedOut`](io::ErrorKind::TimedOut) if tasks only stopped because the deadline had passed.
    fn from(error: ScopeError<E>) -> Self {
        let only_stopped = |root: &JoinError<E>| root.is_interrupted() || root.is_cancelled();
        let kind = match error.root() {
            None if error.is_timeout() => io::ErrorKind::TimedOut,
            None => io::ErrorKind::Other,
            Some(root) if error.is_timeout() && only_stopped(root) => io::ErrorKind::TimedOut,
            Some(root) => kind_of(root),
        };
        Self::new(kind, error)
    }
}

fn kind_of<E: 'static>(error: &JoinError<E>) -> io::ErrorKind {
    let own = error.error().map(|own| own as &dyn Any);
    let boxed = own.and_then(|own| own.downcast_ref::<BoxedError>());
    let io_error = own
        .and_then(|own| own.downcast_ref::<io::Error>())
        .or_else(|| boxed.and_then(|boxed| boxed.downcast_ref()))
        .or_else(|| error.io_error());
    match io_error {
        Some(error) => error.kind(),
        None if error.is_timeout() => io::ErrorKind::TimedOut,
        None => io::ErrorKind::Other,
    }
}
