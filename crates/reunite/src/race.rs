//! Races and quorums: the first successes are the result, and the rest is cancelled.

use std::panic::Location;

use crate::cut_short::reason_left;
use crate::error::{Cancelled, ScopeError, Why};
use crate::policy::Quorum;
use crate::primitive::Mutex;
use crate::scope::ScopeBuilder;

/// Several closures that can do the same thing: a tuple of up to eight, or an array or `Vec` of one type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not consist of contenders",
    note = "contenders are a tuple of up to eight closures that return a `Result`, or an array or a `Vec` of closures of one \
            type; collect an iterator into a `Vec`"
)]
pub trait Contenders<'a, T, E> {
    /// Returns the closures, in order.
    fn contenders(self) -> Vec<Contender<'a, T, E>>;
}

/// One of the [`Contenders`]: a boxed closure.
pub type Contender<'a, T, E> = Box<dyn FnOnce() -> Result<T, E> + Send + 'a>;

impl<'a, T, E, F: FnOnce() -> Result<T, E> + Send + 'a> Contenders<'a, T, E> for Vec<F> {
    fn contenders(self) -> Vec<Contender<'a, T, E>> {
        self.into_iter()
            .map(|f| Box::new(f) as Contender<'a, T, E>)
            .collect()
    }
}

impl<'a, T, E, F, const N: usize> Contenders<'a, T, E> for [F; N]
where
    F: FnOnce() -> Result<T, E> + Send + 'a,
{
    fn contenders(self) -> Vec<Contender<'a, T, E>> {
        self.into_iter()
            .map(|f| Box::new(f) as Contender<'a, T, E>)
            .collect()
    }
}

macro_rules! tuple {
    ($($f:ident)+) => {
        #[allow(non_snake_case)]
        impl<'a, T, E, $($f),+> Contenders<'a, T, E> for ($($f,)+)
        where
            $($f: FnOnce() -> Result<T, E> + Send + 'a),+
        {
            fn contenders(self) -> Vec<Contender<'a, T, E>> {
                let ($($f,)+) = self;
                vec![$(Box::new($f)),+]
            }
        }
    };
}

tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D F);
tuple!(A B C D F G);
tuple!(A B C D F G H);
tuple!(A B C D F G H I);

/// Runs all contenders in parallel and returns the first success. The others are cancelled and waited for;
/// their failures are ignored.
///
/// # Errors
/// All contenders failed: the error holds every failure. Or a cancellation from outside stopped the race.
///
/// ```
/// use std::time::Duration;
/// let slow = || reunite::sleep(Duration::from_secs(3600)).map(|()| "slow").map_err(|e| e.to_string());
/// let broken = || Err("broken".to_string());
/// let quick = || Ok("quick");
/// assert_eq!(reunite::race((slow, broken, quick)).unwrap(), "quick");
/// ```
#[track_caller]
pub fn race<'a, T, E>(contenders: impl Contenders<'a, T, E>) -> Result<T, ScopeError<E>>
where
    T: Send + 'a,
    E: Send + 'a,
{
    ScopeBuilder::new().race(contenders)
}

/// Runs all contenders in parallel until `n` of them have succeeded; returns their values in the order of the
/// contenders. The others are cancelled and waited for; their failures are ignored.
///
/// # Errors
/// Fewer than `n` contenders succeeded: the error holds every failure. If there are fewer than `n`
/// contenders, nothing is started. Or a cancellation from outside stopped the quorum.
///
/// ```
/// let agree = |n: u32| move || if n == 3 { Err("down") } else { Ok(n) };
/// assert_eq!(reunite::quorum(2, [agree(1), agree(2), agree(3)]).unwrap(), [1, 2]);
/// assert!(reunite::quorum(3, [agree(1), agree(2), agree(3)]).is_err());
/// ```
#[track_caller]
pub fn quorum<'a, T, E>(
    n: usize,
    contenders: impl Contenders<'a, T, E>,
) -> Result<Vec<T>, ScopeError<E>>
where
    T: Send + 'a,
    E: Send + 'a,
{
    ScopeBuilder::new().quorum(n, contenders)
}

impl ScopeBuilder {
    /// Runs a [`race`] with this builder's name, deadline and limit. The builder's policy is ignored.
    ///
    /// # Errors
    /// As [`race`]; or the deadline passed before a contender succeeded.
    ///
    /// ```
    /// use std::time::Duration;
    /// let slow = || reunite::sleep(Duration::from_secs(3600)).map_err(|e| e.to_string());
    /// let error = reunite::ScopeBuilder::new().timeout(Duration::from_millis(5)).race([slow, slow]);
    /// assert!(error.unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn race<'a, T, E>(self, contenders: impl Contenders<'a, T, E>) -> Result<T, ScopeError<E>>
    where
        T: Send + 'a,
        E: Send + 'a,
    {
        let winner = self.quorum(1, contenders)?.pop();
        Ok(winner.expect("a quorum of one has one value"))
    }

    /// Runs a [`quorum`] with this builder's name, deadline and limit. The builder's policy is ignored.
    ///
    /// # Errors
    /// As [`quorum`]; or the deadline passed before `n` contenders succeeded.
    #[track_caller]
    pub fn quorum<'a, T, E>(
        self,
        n: usize,
        contenders: impl Contenders<'a, T, E>,
    ) -> Result<Vec<T>, ScopeError<E>>
    where
        T: Send + 'a,
        E: Send + 'a,
    {
        let at = Location::caller();
        let contenders = contenders.contenders();
        if contenders.len() < n {
            let label = self.label(at);
            let why = format!(
                "{n} contenders must succeed, but there are only {}",
                contenders.len()
            );
            let cause = Cancelled::new(Why::Requested(why), label.clone());
            return Err(ScopeError::new(label, Vec::new(), Some(cause), 0));
        }
        let total = contenders.len();
        if n == 0 {
            return Ok(Vec::new());
        }
        let label = self.label(at);
        let values = Mutex::new(Vec::with_capacity(n));
        let ended = self.policy(Quorum::new(n)).try_scope(|s| {
            for (i, contender) in contenders.into_iter().enumerate() {
                let values = &values;
                drop(s.spawn(move || {
                    let value = contender()?;
                    if reason_left().is_some() {
                        return Ok(());
                    }
                    values.lock().push((i, value));
                    Ok(())
                }));
            }
            Ok(())
        });
        let mut values = values.into_inner();
        if values.len() < n {
            return Err(match ended {
                Err(error) => error,
                // No failure and no value: some contenders completed as cancelled though nothing cancelled
                // the scope.
                Ok(()) => ScopeError::new(label, Vec::new(), None, total),
            });
        }
        values.truncate(n);
        values.sort_by_key(|(i, _)| *i);
        Ok(values.into_iter().map(|(_, value)| value).collect())
    }
}
