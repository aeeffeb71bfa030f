//! A select over a list of receivers of one type.

use std::panic::Location;

use super::super::receiver::Receiver;
use super::arm::{Patience, PatienceLimit, RecvArm, SelectEnding};
use super::wait::{ArmOrder, wait_for_arms};
use crate::deadline;
use crate::error::RecvError;
use crate::primitive::{Duration, Instant, now};

/// Waits for the first of several channels that has a message, or that is closed and empty. Returns the index of the
/// channel, and its message or error. If several are ready, the first in the list is taken; rotate the list to be fair.
///
/// This is for a list of receivers of one type. [`select!`](crate::select!) chooses between channels of different
/// types, and between receives and sends.
///
/// # Errors
/// The current task was cancelled; the wait was [refused](crate::sync); or `receivers` is empty
/// ([`is_closed`](RecvError::is_closed)).
///
/// ```
/// use reunite::channel::{select, unbounded};
/// let (jobs, job) = unbounded();
/// let (_stop, stopped) = unbounded();
/// jobs.send("a job").unwrap();
/// let (which, message) = select(&[&stopped, &job]).unwrap();
/// assert_eq!((which, message.unwrap()), (1, "a job"));
/// ```
#[track_caller]
pub fn select<T>(receivers: &[&Receiver<T>]) -> Result<(usize, Result<T, RecvError>), RecvError> {
    select_until(receivers, None, Location::caller())
}

/// Does what [`select`] does, but does not wait.
///
/// # Errors
/// No channel has a message, and none is closed ([`is_empty`](RecvError::is_empty)); or `receivers` is empty
/// ([`is_closed`](RecvError::is_closed)).
///
/// ```
/// use reunite::channel::{try_select, unbounded};
/// let (jobs, job) = unbounded();
/// let (_stop, stopped) = unbounded();
/// assert!(try_select(&[&stopped, &job]).unwrap_err().is_empty());
/// jobs.send("a job").unwrap();
/// assert_eq!(try_select(&[&stopped, &job]).unwrap().1.unwrap(), "a job");
/// ```
pub fn try_select<T>(
    receivers: &[&Receiver<T>],
) -> Result<(usize, Result<T, RecvError>), RecvError> {
    if receivers.is_empty() {
        return Err(RecvError::closed());
    }
    let mut all = receivers.iter().enumerate();
    let ready = all.find_map(|(index, receiver)| match receiver.try_recv() {
        Err(error) if error.is_empty() => None,
        ended => Some((index, ended)),
    });
    ready.ok_or_else(RecvError::empty)
}

/// Does what [`select`] does, but waits at most `timeout`.
///
/// # Errors
/// The errors of [`select`], or the time ran out.
///
/// ```
/// let (_jobs, job) = reunite::channel::unbounded::<u8>();
/// let error = reunite::channel::select_timeout(&[&job], std::time::Duration::from_millis(1)).unwrap_err();
/// assert!(error.is_timeout());
/// ```
#[track_caller]
pub fn select_timeout<T>(
    receivers: &[&Receiver<T>],
    timeout: Duration,
) -> Result<(usize, Result<T, RecvError>), RecvError> {
    select_until(receivers, deadline::after(timeout), Location::caller())
}

/// Does what [`select`] does, but waits at most until `deadline`.
///
/// # Errors
/// The errors of [`select`], or the time ran out.
#[track_caller]
pub fn select_deadline<T>(
    receivers: &[&Receiver<T>],
    deadline: Instant,
) -> Result<(usize, Result<T, RecvError>), RecvError> {
    select_until(receivers, Some(deadline), Location::caller())
}

fn select_until<T>(
    receivers: &[&Receiver<T>],
    deadline: Option<Instant>,
    at: &'static Location<'static>,
) -> Result<(usize, Result<T, RecvError>), RecvError> {
    match try_select(receivers) {
        Err(error) if error.is_empty() => {}
        ended => return ended,
    }
    // Only a wait with a deadline can time out.
    let since = deadline.map(|_| now());
    let mut arms: Vec<_> = receivers.iter().map(|it| RecvArm::new(it)).collect();
    let mut listed: Vec<_> = arms.iter_mut().map(RecvArm::arm).collect();
    let chosen = wait_for_arms(&mut listed, ArmOrder::Biased, deadline, at)
        .map_err(|ended| RecvError::of_wait(ended, since))?;
    drop(listed);
    let limit = PatienceLimit::Until(deadline);
    let ending = SelectEnding(Ok(Patience { limit, at }));
    Ok((chosen, arms.swap_remove(chosen).finish(ending)))
}
