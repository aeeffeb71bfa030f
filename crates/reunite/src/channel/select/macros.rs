//! The macro `select!`, and what it calls.

use std::panic::Location;

use super::arm::{ArmRef, Patience, PatienceLimit, SelectEnding};
use super::wait::{ArmOrder, try_arms, try_arms_twice, wait_for_arms};
use crate::cut_short;
use crate::deadline;
use crate::error::CutShort;
use crate::primitive::{Duration, Instant};
use crate::wait::WaitOutcome;

/// The length of the wait of a [`select!`](crate::select!).
pub enum SelectWait {
    /// Until an arm is chosen.
    Ever,
    /// There is no wait.
    Not,
    /// At most for this time.
    For(Duration),
}

/// Chooses one of the arms of a [`select!`](crate::select!), or the default (the index behind the last arm). If the
/// task is cancelled or the wait is refused, chooses the first arm that has a name for its result.
#[track_caller]
#[inline]
pub fn choose(
    arms: &mut [ArmRef<'_, '_>],
    are_named: &[bool],
    order: ArmOrder,
    wait: SelectWait,
) -> (usize, SelectEnding) {
    let chosen = match wait {
        SelectWait::Not => try_arms_twice(arms, order),
        SelectWait::Ever | SelectWait::For(_) => try_arms(arms, order),
    };
    let at = Location::caller();
    let limit = match (chosen, wait) {
        (None, SelectWait::Ever) => return wait_and_choose(arms, are_named, order, None, at),
        (None, SelectWait::For(timeout)) => {
            return wait_and_choose(arms, are_named, order, deadline::after(timeout), at);
        }
        (_, SelectWait::Not) => PatienceLimit::None,
        (Some(_), SelectWait::Ever) => PatienceLimit::Until(None),
        (Some(_), SelectWait::For(timeout)) => PatienceLimit::For(timeout),
    };
    let index = chosen.unwrap_or(arms.len());
    (index, SelectEnding(Ok(Patience { limit, at })))
}

#[cold]
#[inline(never)]
fn wait_and_choose(
    arms: &mut [ArmRef<'_, '_>],
    are_named: &[bool],
    order: ArmOrder,
    deadline: Option<Instant>,
    at: &'static Location<'static>,
) -> (usize, SelectEnding) {
    let limit = PatienceLimit::Until(deadline);
    let chosen = |index| (index, SelectEnding(Ok(Patience { limit, at })));
    let why = match wait_for_arms(arms, order, deadline, at) {
        Ok(index) => return chosen(index),
        Err(WaitOutcome::TimedOut | WaitOutcome::Ready) => return chosen(arms.len()),
        Err(WaitOutcome::Cancelled(cancelled)) => CutShort::Cancelled(cancelled),
        Err(WaitOutcome::Refused(refusal)) => CutShort::Refused(refusal),
    };
    let first_named = are_named.iter().position(|is_named| *is_named);
    if first_named.is_none() {
        let (file, line) = (at.file(), at.line());
        cut_short::leave(
            why.clone(),
            &format_args!("the select at {file}:{line}, in which no arm names its result,"),
        );
    }
    (first_named.unwrap_or(0), SelectEnding(Err(why)))
}

/// Waits for the first of several operations on channels that is possible, makes it, and runs the code of its arm.
///
/// ```
/// use std::time::Duration;
/// use reunite::channel::{bounded, unbounded};
///
/// let (lines, line) = unbounded::<String>();
/// let (counts, count) = bounded::<usize>(1);
/// lines.send("a line".to_owned()).unwrap();
/// let length = reunite::select! {
///     recv(line) -> received => received.unwrap().len(),
///     recv(count) -> received => received.unwrap(),
///     default(Duration::from_secs(1)) => 0,
/// };
/// assert_eq!(length, 6);
///
/// let mut left = vec![3, 2, 1];
/// for _ in 0..2 {
///     reunite::select! {
///         recv(line) -> received => drop(received),
///         send(counts, left.pop().unwrap()) -> sent => sent.unwrap(),
///         default => println!("{left:?} will be sent later"),
///     }
/// }
/// assert_eq!((left, count.recv().unwrap()), (vec![3, 2], 1));
/// ```
///
/// # Arms
///
/// | arm | is chosen when | its result |
/// |---|---|---|
/// | `recv(receiver) -> result => …` | the channel has a message, or is closed and empty | `Result<T, RecvError>` |
/// | `send(sender, message) -> result => …` | the channel has room for the message, or is closed | `Result<(), SendError<T>>` |
/// | `default => …` | no other arm can be chosen at once | |
/// | `default(timeout) => …` | no other arm could be chosen within the [`Duration`] | |
///
/// Receivers and senders are given by value or by reference; they are only borrowed. The borrow of a variable ends before
/// the code of an arm runs, so that code may move or drop the variable. A temporary value in these expressions, such as
/// the guard of a lock, lives until the end of the `select!`. The code is a block or an expression. It may use `break`,
/// `continue`, `return` and `?`, and its value is that of the `select!`. A result that is not needed is called `_`.
///
/// # Messages
/// The message of a `send` is evaluated only when its arm has been chosen. In the meantime its room in the channel is
/// kept free, and counts as taken. If the evaluation panics, the room is free again. If the channel is closed meanwhile,
/// the send fails.
///
/// At a [`rendezvous`](crate::channel::rendezvous), a receiver that waits is chosen, and gets the message when it is
/// evaluated. Until then it takes nothing from other channels, also if it waits in a select. So the message must not
/// depend on what the receiver does. If the receiver gives up before that, because its time is over, its task was
/// cancelled, or the clock has a message for it, the sender's message exists and can go nowhere else: it waits for another
/// receiver of this channel, within the time of the select (its `default`; other arms, also those with
/// [`after`](crate::channel::after), are not looked at any more). So a send may then time out, or fail with
/// [`is_full`](crate::channel::SendError::is_full) if the select has a `default` without a time. A receiver that does
/// not wait ([`try_recv`](crate::channel::Receiver::try_recv)) gets nothing from a select that waits to send.
///
/// A channel with a capacity of 3 to 4096 has no lock. It gets one for good when a select sends into it for the first
/// time.
///
/// # Order
/// If several arms can be chosen, a random one is, so that each gets its turn. With `biased;` before the first arm, it
/// is the first one in the order of the source:
///
/// ```
/// let (urgent, first) = reunite::channel::unbounded();
/// let (ordinary, second) = reunite::channel::unbounded();
/// urgent.send(1).unwrap();
/// ordinary.send(2).unwrap();
/// let message = reunite::select! {
///     biased;
///     recv(first) -> message => message,
///     recv(second) -> message => message,
/// };
/// assert_eq!(message.unwrap(), 1);
/// ```
///
/// To limit a loop of selects by one deadline, or to do something periodically, receive from
/// [`after`](crate::channel::after) or [`tick`](crate::channel::tick). To switch an arm off, receive from
/// [`never`](crate::channel::never).
///
/// # Cancellation
/// If the current task is cancelled while it waits, or the wait is [refused](crate::sync), no operation is made. The
/// first arm that names its result runs, and its result is that error ([`is_cancelled`], `is_deadlock` or
/// `is_starved`); the error of a send contains the message. So an arm that ends its loop at an error ends it at a
/// cancellation, too. If all arms ignore their results (`-> _`), no arm could find out: the task
/// [leaves](crate#partial-results).
///
/// ```
/// let (_tx, rx) = reunite::channel::unbounded::<u8>();
/// let task = reunite::spawn(move || {
///     reunite::select! {
///         recv(rx) -> message => message.unwrap_err().is_cancelled(),
///     }
/// });
/// task.cancel();
/// assert!(task.join().unwrap_or(true), "or it was cancelled before it began");
/// ```
///
/// [`is_cancelled`]: crate::channel::RecvError::is_cancelled
/// [`Duration`]: std::time::Duration
#[macro_export]
macro_rules! select {
    (biased; $($arms:tt)*) => {
        $crate::__select_arms!(@arm Biased [] () $($arms)*)
    };
    ($($arms:tt)*) => {
        $crate::__select_arms!(@arm Fair [] () $($arms)*)
    };
}

/// The steps of [`select!`], few for each arm, because the compiler limits their number. `@arm` reads the head of an arm,
/// `@code` its code, `@default` that of the default. The state is the order, the list of arms, and the default if there is
/// one. `@bind` makes a variable for each arm; the last one runs the code of the chosen arm.
#[doc(hidden)]
#[macro_export]
macro_rules! __select_arms {
    (@arm $order:ident [] ()) => {
        ::core::compile_error!("`select!` needs an arm: `recv(…) -> … => …`, `send(…, …) -> … => …` or `default => …`")
    };
    (@arm $order:ident [$($arms:tt)+] ()) => {
        $crate::__select_arms!(@bind $order Ever (::core::unreachable!()) 0 [] $($arms)+)
    };
    (@arm $order:ident [$($arms:tt)*] ($wait:tt $code:tt)) => {
        $crate::__select_arms!(@bind $order $wait $code 0 [] $($arms)*)
    };
    (@arm $order:ident $arms:tt $default:tt recv($receiver:expr $(,)?) -> _ => $($rest:tt)+) => {
        $crate::__select_arms!(@code $order $arms $default (recv ($receiver) (_) false) $($rest)+)
    };
    (@arm $order:ident $arms:tt $default:tt recv($receiver:expr $(,)?) -> $result:pat => $($rest:tt)+) => {
        $crate::__select_arms!(@code $order $arms $default (recv ($receiver) ($result) true) $($rest)+)
    };
    (@arm $order:ident $arms:tt $default:tt send($sender:expr, $message:expr $(,)?) -> _ => $($rest:tt)+) => {
        $crate::__select_arms!(@code $order $arms $default (send ($sender) ($message) (_) false) $($rest)+)
    };
    (@arm $order:ident $arms:tt $default:tt send($sender:expr, $message:expr $(,)?) -> $result:pat => $($rest:tt)+) => {
        $crate::__select_arms!(@code $order $arms $default (send ($sender) ($message) ($result) true) $($rest)+)
    };
    (@arm $order:ident $arms:tt () default $(())? => $($rest:tt)+) => {
        $crate::__select_arms!(@default $order $arms Not $($rest)+)
    };
    (@arm $order:ident $arms:tt () default($timeout:expr $(,)?) => $($rest:tt)+) => {
        $crate::__select_arms!(@default $order $arms (For($timeout)) $($rest)+)
    };
    (@arm $order:ident $arms:tt ($($default:tt)+) default $($rest:tt)*) => {
        ::core::compile_error!("`select!` takes one `default`")
    };
    (@arm $order:ident $arms:tt $default:tt $($rest:tt)+) => {
        ::core::compile_error!(::core::concat!(
            "expected an arm of `select!` (`recv(…) -> … => …`, `send(…, …) -> … => …` or `default => …`), found `",
            ::core::stringify!($($rest)+),
            "`"
        ))
    };

    (@code $order:ident [$($arms:tt)*] $default:tt ($($head:tt)+) $code:block, $($rest:tt)*) => {
        $crate::__select_arms!(@arm $order [$($arms)* {$($head)+ ($code)}] $default $($rest)*)
    };
    (@code $order:ident [$($arms:tt)*] $default:tt ($($head:tt)+) $code:block $($rest:tt)*) => {
        $crate::__select_arms!(@arm $order [$($arms)* {$($head)+ ($code)}] $default $($rest)*)
    };
    (@code $order:ident [$($arms:tt)*] $default:tt ($($head:tt)+) $code:expr, $($rest:tt)*) => {
        $crate::__select_arms!(@arm $order [$($arms)* {$($head)+ ($code)}] $default $($rest)*)
    };
    (@code $order:ident [$($arms:tt)*] $default:tt ($($head:tt)+) $code:expr) => {
        $crate::__select_arms!(@arm $order [$($arms)* {$($head)+ ($code)}] $default)
    };

    (@default $order:ident $arms:tt $wait:tt $code:block, $($rest:tt)*) => {
        $crate::__select_arms!(@arm $order $arms ($wait ($code)) $($rest)*)
    };
    (@default $order:ident $arms:tt $wait:tt $code:block $($rest:tt)*) => {
        $crate::__select_arms!(@arm $order $arms ($wait ($code)) $($rest)*)
    };
    (@default $order:ident $arms:tt $wait:tt $code:expr, $($rest:tt)*) => {
        $crate::__select_arms!(@arm $order $arms ($wait ($code)) $($rest)*)
    };
    (@default $order:ident $arms:tt $wait:tt $code:expr) => {
        $crate::__select_arms!(@arm $order $arms ($wait ($code)))
    };

    (@bind $order:ident $wait:tt $default:tt $count:tt [$($bound:tt)*]
        {recv ($receiver:expr) $result:tt $is_named:tt $code:tt} $($rest:tt)*) => {
        // Temporary values live until the end of the `match`.
        match &$receiver {
            receiver => {
                let receiver: &$crate::channel::Receiver<_> = receiver;
                let mut arm = $crate::channel::RecvArm::new(receiver);
                $crate::__select_arms!(
                    @bind $order $wait $default ($count + 1)
                    [$($bound)* {arm $count (recv) $result $is_named $code}] $($rest)*
                )
            }
        }
    };
    (@bind $order:ident $wait:tt $default:tt $count:tt [$($bound:tt)*]
        {send ($sender:expr) $message:tt $result:tt $is_named:tt $code:tt} $($rest:tt)*) => {
        // Temporary values live until the end of the `match`.
        match &$sender {
            sender => {
                let sender: &$crate::channel::Sender<_> = sender;
                let mut arm = $crate::channel::SendArm::new(sender);
                $crate::__select_arms!(
                    @bind $order $wait $default ($count + 1)
                    [$($bound)* {arm $count (send $message) $result $is_named $code}] $($rest)*
                )
            }
        }
    };
    (@bind $order:ident $wait:tt ($default:expr) $count:tt
        [$({$arm:ident $at:tt ($($finish:tt)+) ($result:pat) $is_named:tt ($code:expr)})*]) => {{
        let (index, ending) = $crate::channel::choose(
            &mut [$($arm.arm()),*],
            &[$($is_named),*],
            $crate::channel::ArmOrder::$order,
            $crate::__select_arms!(@wait $wait),
        );
        match index {
            $(index if index == $at => {
                let $result = $crate::__select_arms!(@finish $arm ending $($finish)+);
                $code
            })*
            _ => {
                let _: $crate::channel::SelectEnding = ending;
                $default
            }
        }
    }};
    (@finish $arm:ident $ending:ident recv) => {
        $arm.finish($ending)
    };
    (@finish $arm:ident $ending:ident send $message:expr) => {
        match $arm.finish($ending) {
            permit => permit.send($message),
        }
    };
    (@wait (For($timeout:expr))) => {
        $crate::channel::SelectWait::For($timeout)
    };
    (@wait $wait:ident) => {
        $crate::channel::SelectWait::$wait
    };
}
