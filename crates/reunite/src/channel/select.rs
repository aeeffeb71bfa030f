//! Waiting for several channels at once.

use std::panic::Location;

use super::outcome::TakeResult;
use super::receiver::Receiver;
use super::state::ChannelState;
use crate::deadline;
use crate::deadlock::{WaitObject, WaitSite, WaitsOn};
use crate::error::RecvError;
use crate::observe::Verb;
use crate::primitive::{Duration, Instant, now};
use crate::wait::{Heed, wait_for_message};

/// Waits for the first of several channels that has a message, or that is closed and empty. Returns the index of the
/// channel, and its message or error. If several are ready, the first in the list is taken; rotate the list to be fair.
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
    look(receivers, &mut |_, channel| channel.take()).ok_or_else(RecvError::empty)
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
    if receivers.is_empty() {
        return Err(RecvError::closed());
    }
    if let Some(found) = look(receivers, &mut |_, channel| channel.take()) {
        return Ok(found);
    }
    let since = deadline.map(|_| now());
    let mut found = None;
    let site = WaitSite {
        verb: Verb::Select,
        object: WaitObject::None,
        at,
        on: WaitsOn::Anyone,
    };
    let mut spots = vec![None; receivers.len()];
    let ended = wait_for_message(
        site,
        deadline,
        Heed::Task,
        &receivers[0].channel().take_hint,
        |parker| {
            found = found.take().or_else(|| {
                look(receivers, &mut |place, channel| {
                    channel.take_or_list(parker, &mut spots[place])
                })
            });
            found.is_some()
        },
    );
    let listed = receivers.iter().zip(spots);
    for (receiver, spot) in listed.filter_map(|(it, spot)| Some((it, spot?))) {
        let handed = receiver.channel().stop_taking(spot);
        debug_assert!(handed.is_none(), "it waited for several");
    }
    found.ok_or_else(|| RecvError::of_wait(ended, since))
}

/// The first channel in which `take` finds something, and what it finds.
fn look<T>(
    receivers: &[&Receiver<T>],
    take: &mut dyn FnMut(usize, &ChannelState<T>) -> TakeResult<T>,
) -> Option<(usize, Result<T, RecvError>)> {
    let mut channels = receivers.iter().enumerate();
    channels.find_map(|(place, receiver)| match take(place, receiver.channel()) {
        TakeResult::Message(message) => Some((place, Ok(receiver.received(message)))),
        TakeResult::Closed => Some((place, Err(receiver.channel().end()))),
        TakeResult::Nothing => None,
    })
}
