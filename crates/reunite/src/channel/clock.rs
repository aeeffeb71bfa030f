//! The channels into which the clock sends: [`after`], [`at`], [`tick`] and [`never`].

use std::panic::Location;

use super::receiver::Receiver;
use super::state::ChannelState;
use super::timer::Timer;
use crate::deadline;
use crate::primitive::{Duration, Instant};

/// Makes a channel that delivers one message, `timeout` from now: the instant at which it was due. The channel never
/// closes by itself, so a second receive waits for ever.
///
/// Use it in [`select!`](crate::select) to limit several waits together. It needs no thread, and costs nothing while no
/// thread waits for it. A timeout beyond the end of the clock is [`never()`].
///
/// ```
/// use std::time::Duration;
/// use reunite::channel::{after, unbounded};
///
/// let (_tx, rx) = unbounded::<u8>();
/// let timeout = after(Duration::from_millis(1));
/// let is_late = loop {
///     reunite::select! {
///         recv(rx) -> message => assert!(message.is_ok()),
///         recv(timeout) -> due => break due.is_ok(),
///     }
/// };
/// assert!(is_late);
/// ```
#[track_caller]
pub fn after(timeout: Duration) -> Receiver<Instant> {
    receiver(deadline::after(timeout), None, Some, Location::caller())
}

/// Makes a channel that delivers one message at the instant `due`; see [`after`].
///
/// ```
/// use std::time::{Duration, Instant};
/// let due = Instant::now() + Duration::from_millis(1);
/// assert_eq!(reunite::channel::at(due).recv().unwrap(), due);
/// ```
#[track_caller]
pub fn at(due: Instant) -> Receiver<Instant> {
    receiver(Some(due), None, Some, Location::caller())
}

/// Makes a channel that delivers a message every `period`, for the first time a period from now. The message is the
/// instant at which it was due.
///
/// The channel holds one message at most: the next period begins when a message is received. So a slow receiver gets
/// fewer messages, and never two at once.
///
/// ```
/// let ticks = reunite::channel::tick(std::time::Duration::from_millis(1));
/// let (first, second) = (ticks.recv().unwrap(), ticks.recv().unwrap());
/// assert!(first < second);
/// ```
#[track_caller]
pub fn tick(period: Duration) -> Receiver<Instant> {
    let first = deadline::after(period);
    receiver(first, Some(period), Some, Location::caller())
}

/// Makes a channel that never delivers a message, and does not close by itself. In [`select!`](crate::select) it stands
/// for an arm that is switched off.
///
/// ```
/// use reunite::channel::{never, unbounded};
/// let (tx, rx) = unbounded();
/// tx.send(1).unwrap();
/// let is_paused = true;
/// let input = if is_paused { never() } else { rx.clone() };
/// assert!(input.try_recv().unwrap_err().is_empty());
/// ```
#[track_caller]
pub fn never<T>() -> Receiver<T> {
    receiver(None, None, |_| None, Location::caller())
}

fn receiver<T>(
    due: Option<Instant>,
    period: Option<Duration>,
    message: fn(Instant) -> Option<T>,
    made_at: &'static Location<'static>,
) -> Receiver<T> {
    let timer = Timer::new(due, period, message);
    Receiver::first(&ChannelState::of_timer(timer, made_at))
}
