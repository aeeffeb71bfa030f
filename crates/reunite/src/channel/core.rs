//! The state that the two ends of a channel share: how it keeps its messages, and how many ends there are.

use std::panic::Location;

use super::bounded::Bounded;
use super::end::End;
use super::foreseen::Steps;
use super::outcome::{Found, Unsent};
use super::queue::{Queue, Waits};
use super::told::Told;
use crate::deadlock::{Object, On, Site};
use crate::error::RecvError;
use crate::observe::Verb;
use crate::park::Parker;
use crate::primitive::{Arc, Instant};
use crate::spin::{SpinHint, pause_for_message, yield_for_message};
use crate::wait::{Heed, Wait, block_until, tell_task, wait_for_message};
use crate::wait_queue::Spot;

/// A channel with a smaller capacity is a queue. A queue hands a message to a waiting receiver, and takes one directly
/// from a waiting sender; that matters where sender and receiver take turns after every few messages.
const LEAST_SLOTS: usize = if cfg!(reunite_model) { 2 } else { 8 };
/// A channel with a larger capacity is a queue that grows: few such channels are ever full.
const MOST_SLOTS: usize = 4096;

/// The first pause of a wait at the ring. The other end writes the ring's words with each message, so the waiter had
/// better leave these words alone for the time of several messages. It then finds several messages, and need not wait
/// for each.
const FIRST_PAUSE_AT_RING: u32 = 8;
/// The first pause of a wait at the queue, where a waiter looks only at its own parker.
const FIRST_PAUSE_AT_QUEUE: u32 = 2;

pub(super) struct Core<T> {
    made_at: &'static Location<'static>,
    room: Room<T>,
    pub(super) take_hint: SpinHint,
    put_hint: SpinHint,
    pub(super) senders: End,
    pub(super) receivers: End,
}

#[expect(
    clippy::large_enum_variant,
    reason = "it is allocated once a channel, and never moved"
)]
enum Room<T> {
    Slots(Bounded<T>),
    Queue(Queue<T>),
}

impl<T> Core<T> {
    pub(super) fn new(capacity: usize, made_at: &'static Location<'static>) -> Arc<Self> {
        let (room, first_pause) = match capacity {
            LEAST_SLOTS..=MOST_SLOTS => (Room::Slots(Bounded::new(capacity)), FIRST_PAUSE_AT_RING),
            _ => (Room::Queue(Queue::new(capacity)), FIRST_PAUSE_AT_QUEUE),
        };
        Arc::new(Self {
            made_at,
            room,
            take_hint: SpinHint::new(first_pause),
            put_hint: SpinHint::new(first_pause),
            senders: End::one(),
            receivers: End::one(),
        })
    }

    /// The site of a wait for this channel. Any thread may hold the channel's other end.
    fn site(&self, verb: Verb, at: &'static Location<'static>) -> Site {
        Site {
            verb,
            object: Object::Made("a channel", self.made_at),
            at,
            on: On::Anyone,
        }
    }

    /// Puts a message in, and wakes a receiver that waits for one.
    ///
    /// # Errors
    /// Returns the message if there is no room or the channel is closed.
    #[inline]
    pub(super) fn put(&self, message: T) -> Result<(), Unsent<T>> {
        match &self.room {
            Room::Slots(slots) => slots.put(message),
            Room::Queue(queue) => queue.put(message),
        }
    }

    /// Takes a message out, and wakes a sender that waits for room.
    #[inline]
    pub(super) fn take(&self) -> Found<T> {
        match &self.room {
            Room::Slots(slots) => slots.take(),
            Room::Queue(queue) => queue.take(),
        }
    }

    /// The error of a receiver that found the channel closed and empty.
    pub(super) fn end(&self) -> RecvError {
        match self.senders.tell_cut() {
            None => RecvError::closed(),
            Some(why) => RecvError::cut_off(why),
        }
    }

    /// Waits until `message` is put (it is `None` then), or the channel is closed.
    pub(super) fn wait_to_put(
        &self,
        message: &mut Option<T>,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Wait {
        let site = self.site(Verb::Send, at);
        let ready = |message: &mut Option<T>, put: &mut dyn FnMut(T) -> Result<(), Unsent<T>>| {
            match message.take().map(put) {
                None | Some(Ok(())) => true,
                Some(Err(Unsent::Closed(back))) => {
                    *message = Some(back);
                    true
                }
                Some(Err(Unsent::Full(back))) => {
                    *message = Some(back);
                    false
                }
            }
        };
        let mut spot = None;
        let ended = match &self.room {
            Room::Slots(slots) => {
                if spin(slots, Steps::Puts, &self.put_hint, deadline, &mut || {
                    ready(message, &mut |message| slots.put(message))
                }) {
                    return Wait::Ready;
                }
                let ended = block_until(site, deadline, Heed::TaskUntold, |parker| {
                    ready(message, &mut |message| {
                        slots.put_or_list(message, parker, &mut spot)
                    })
                });
                if let Some(spot) = spot {
                    slots.stop_putting(spot);
                }
                ended
            }
            Room::Queue(queue) => {
                let ended =
                    wait_for_message(site, deadline, Heed::TaskUntold, &self.put_hint, |parker| {
                        queue.put_or_list(message, parker, &mut spot)
                    });
                if let Some(spot) = spot {
                    queue.stop_putting(message, spot);
                }
                ended
            }
        };
        // A receiver may have taken it in the meantime.
        if message.is_some() {
            tell_task(&ended);
        }
        ended
    }

    /// Waits until a message is `found`, or the channel is closed.
    pub(super) fn wait_to_take(
        &self,
        found: &mut Found<T>,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Wait {
        let site = self.site(Verb::Recv, at);
        let mut spot = None;
        let mut ready = |take: &mut dyn FnMut() -> Found<T>| {
            if let Found::Nothing = found {
                *found = take();
            }
            !matches!(found, Found::Nothing)
        };
        let ended = match &self.room {
            Room::Slots(slots) => {
                if spin(slots, Steps::Takes, &self.take_hint, deadline, &mut || {
                    ready(&mut || slots.take())
                }) {
                    return Wait::Ready;
                }
                block_until(site, deadline, Heed::TaskUntold, |parker| {
                    ready(&mut || slots.take_or_list(parker, &mut spot))
                })
            }
            Room::Queue(queue) => wait_for_message(
                site,
                deadline,
                Heed::TaskUntold,
                &self.take_hint,
                |parker| ready(&mut || queue.take_or_list(parker, Waits::Here, &mut spot)),
            ),
        };
        if let Some(handed) = spot.and_then(|spot| self.stop_taking(spot)) {
            *found = Found::Message(handed);
        }
        if let Found::Nothing = found {
            tell_task(&ended);
        }
        ended
    }

    /// Takes a message; if there is none, lists the caller, who also waits for other channels.
    pub(super) fn take_or_list(&self, parker: &Parker, spot: &mut Option<Spot>) -> Found<T> {
        match &self.room {
            Room::Slots(slots) => slots.take_or_list(parker, spot),
            Room::Queue(queue) => queue.take_or_list(parker, Waits::Elsewhere, spot),
        }
    }

    /// Removes a receiver that no longer waits for a message. Returns the message that it was handed, if any; that
    /// happens only if it waited for this channel alone.
    pub(super) fn stop_taking(&self, spot: Spot) -> Option<T> {
        match &self.room {
            Room::Slots(slots) => {
                slots.stop_taking(spot);
                None
            }
            Room::Queue(queue) => queue.stop_taking(spot),
        }
    }

    /// Closes the channel and wakes all who wait.
    pub(super) fn close(&self) {
        match &self.room {
            Room::Slots(slots) => slots.close(),
            Room::Queue(queue) => queue.close(),
        }
    }

    /// Closes the channel and drops the messages it holds. Returns their number.
    pub(super) fn close_now(&self) -> usize {
        self.close();
        std::iter::from_fn(|| match self.take() {
            Found::Message(message) => Some(message),
            Found::Nothing | Found::Closed => None,
        })
        .count()
    }

    pub(super) fn is_closed(&self) -> bool {
        match &self.room {
            Room::Slots(slots) => slots.is_closed(),
            Room::Queue(queue) => queue.is_closed(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.room {
            Room::Slots(slots) => slots.len(),
            Room::Queue(queue) => queue.len(),
        }
    }

    /// Counts one sender less. The last one closes the channel.
    pub(super) fn drop_sender(&self, told: &Told) {
        if self.senders.one_less(told, || self.is_closed()) {
            self.close();
        }
    }

    /// Counts one receiver less. The last one closes the channel, and drops the messages that are left.
    pub(super) fn drop_receiver(&self, told: &Told) {
        if self.receivers.one_less(told, || self.is_closed()) {
            self.close_now();
        }
    }
}

/// Retries for a while before the caller is listed: once it is listed, the other end has to wake it. Not done if there
/// is a deadline: see [`wait_for_message`].
fn spin<T>(
    slots: &Bounded<T>,
    steps: Steps,
    hint: &SpinHint,
    deadline: Option<Instant>,
    ready: &mut dyn FnMut() -> bool,
) -> bool {
    if deadline.is_some() {
        return false;
    }
    let paid = pause_for_message(hint, ready);
    let is_ready = paid || yield_for_message(ready);
    steps.have_waited(!paid && is_ready && slots.was_left_alone(steps));
    is_ready
}
