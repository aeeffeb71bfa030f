//! What the two ends of a channel share: how messages wait in it, and how many ends there are.

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

/// A channel of fewer is a queue: there a message is handed to a receiver that waits, and taken along from a sender
/// that waits, which counts where the two change places after every few messages.
const LEAST_SLOTS: usize = if cfg!(reunite_model) { 2 } else { 8 };
/// A channel of more is a queue that grows: few of them are ever full.
const MOST_SLOTS: usize = 4096;

/// The first pause of a wait at the ring, whose words those at work write with each message: the waiter had better leave
/// them alone for some messages. All the more as it finds several then, and does not wait for each.
const FIRST_PAUSE_AT_RING: u32 = 8;
/// At the queue, where a waiter looks at its own parker only.
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

    /// What a wait for this channel says about itself. Anybody may hold its other end.
    fn site(&self, verb: Verb, at: &'static Location<'static>) -> Site {
        Site {
            verb,
            object: Object::Made("a channel", self.made_at),
            at,
            on: On::Anyone,
        }
    }

    /// Puts a message in, and wakes who waits for it.
    ///
    /// # Errors
    /// The message, if there is no room or the channel is closed.
    #[inline]
    pub(super) fn put(&self, message: T) -> Result<(), Unsent<T>> {
        match &self.room {
            Room::Slots(slots) => slots.put(message),
            Room::Queue(queue) => queue.put(message),
        }
    }

    /// Takes a message out, and wakes who waits for its room.
    #[inline]
    pub(super) fn take(&self) -> Found<T> {
        match &self.room {
            Room::Slots(slots) => slots.take(),
            Room::Queue(queue) => queue.take(),
        }
    }

    /// What a receiver is told that found the channel closed and empty.
    pub(super) fn end(&self) -> RecvError {
        match self.senders.tell_cut() {
            None => RecvError::closed(),
            Some(why) => RecvError::cut_off(why),
        }
    }

    /// Waits until `message` is put, and none any more, or the channel is closed.
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
        // A receiver may have taken it meanwhile.
        if message.is_some() {
            tell_task(&ended);
        }
        ended
    }

    /// Waits until there is something to be `found`, or the channel is closed.
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

    /// [`take`](Self::take), and lists the caller, who waits for other channels too, if there is nothing.
    pub(super) fn take_or_list(&self, parker: &Parker, spot: &mut Option<Spot>) -> Found<T> {
        match &self.room {
            Room::Slots(slots) => slots.take_or_list(parker, spot),
            Room::Queue(queue) => queue.take_or_list(parker, Waits::Elsewhere, spot),
        }
    }

    /// Who was listed waits no longer for a message; it may have been handed one, if it waited for this channel
    /// alone.
    pub(super) fn stop_taking(&self, spot: Spot) -> Option<T> {
        match &self.room {
            Room::Slots(slots) => {
                slots.stop_taking(spot);
                None
            }
            Room::Queue(queue) => queue.stop_taking(spot),
        }
    }

    /// Closes the channel and wakes everybody.
    pub(super) fn close(&self) {
        match &self.room {
            Room::Slots(slots) => slots.close(),
            Room::Queue(queue) => queue.close(),
        }
    }

    /// Closes the channel and drops what it holds; returns how much that was.
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

    /// One sender less; the last one closes.
    pub(super) fn drop_sender(&self, told: &Told) {
        if self.senders.one_less(told, || self.is_closed()) {
            self.close();
        }
    }

    /// One receiver less; the last one closes, and drops what is left.
    pub(super) fn drop_receiver(&self, told: &Told) {
        if self.receivers.one_less(told, || self.is_closed()) {
            self.close_now();
        }
    }
}

/// Asks for a while before the caller is listed: to be listed makes the others wake it. Not where there is a deadline: see
/// [`wait_for_message`].
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
