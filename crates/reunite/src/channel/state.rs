//! The state that the two ends of a channel share: how it keeps its messages, and how many ends there are.

use std::panic::Location;

use super::cut_epoch::CutShortEpoch;
use super::end_count::EndCount;
use super::outcome::{PutError, TakeResult};
use super::position_guess::RingSide;
use super::queue::{LockedQueue, TakerScope};
use super::ring_channel::RingChannel;
use crate::deadlock::{WaitObject, WaitSite, WaitsOn};
use crate::error::RecvError;
use crate::observe::Verb;
use crate::park::Parker;
use crate::primitive::{Arc, Instant, has_several_cores};
use crate::spin::{SpinHint, pause_for_message, yield_for_message};
use crate::wait::{Heed, WaitOutcome, block_until, tell_task, wait_for_message};
use crate::wait_queue::Spot;

/// A channel with a smaller capacity is a queue. A queue hands a message to a waiting receiver, and takes one directly
/// from a waiting sender. The models check the smallest ring.
const LEAST_SLOTS: usize = if cfg!(reunite_model) { 2 } else { 3 };
/// On one core a channel with a smaller capacity is a queue, so that threads that take turns on a core change less often.
/// On several cores the lock of a queue costs more cache lines than that saves.
const LEAST_SLOTS_ON_ONE_CORE: usize = if cfg!(reunite_model) { 2 } else { 8 };
/// A channel with a larger capacity is a queue that grows: few such channels are ever full.
const MOST_SLOTS: usize = 4096;

/// The first pause of a wait at the ring. The other end writes the ring's words with each message. So the waiter does
/// not read them for the time of several messages, and then finds several messages at once.
const FIRST_PAUSE_AT_RING: u32 = 8;
/// The first pause of a wait at the queue, where a waiter looks only at its own parker.
const FIRST_PAUSE_AT_QUEUE: u32 = 2;

pub(super) struct ChannelState<T> {
    made_at: &'static Location<'static>,
    buffer: MessageBuffer<T>,
    pub(super) take_hint: SpinHint,
    put_hint: SpinHint,
    pub(super) senders: EndCount,
    pub(super) receivers: EndCount,
}

#[expect(
    clippy::large_enum_variant,
    reason = "it is allocated once a channel, and never moved"
)]
enum MessageBuffer<T> {
    Ring(RingChannel<T>),
    Queue(LockedQueue<T>),
}

impl<T> ChannelState<T> {
    pub(super) fn new(capacity: usize, made_at: &'static Location<'static>) -> Arc<Self> {
        let (room, first_pause) = match capacity {
            LEAST_SLOTS..=MOST_SLOTS
                if capacity >= LEAST_SLOTS_ON_ONE_CORE || has_several_cores() =>
            {
                (
                    MessageBuffer::Ring(RingChannel::new(capacity)),
                    FIRST_PAUSE_AT_RING,
                )
            }
            _ => (
                MessageBuffer::Queue(LockedQueue::new(capacity)),
                FIRST_PAUSE_AT_QUEUE,
            ),
        };
        Arc::new(Self {
            made_at,
            buffer: room,
            take_hint: SpinHint::new(first_pause),
            put_hint: SpinHint::new(first_pause),
            senders: EndCount::new(),
            receivers: EndCount::new(),
        })
    }

    /// The site of a wait for this channel. Any thread may hold the channel's other end.
    fn site(&self, verb: Verb, at: &'static Location<'static>) -> WaitSite {
        WaitSite {
            verb,
            object: WaitObject::Made("a channel", self.made_at),
            at,
            on: WaitsOn::Anyone,
        }
    }

    /// Puts a message in, and wakes a receiver that waits for one.
    ///
    /// # Errors
    /// Returns the message if there is no room or the channel is closed.
    #[inline]
    pub(super) fn put(&self, message: T) -> Result<(), PutError<T>> {
        match &self.buffer {
            MessageBuffer::Ring(slots) => slots.put(message),
            MessageBuffer::Queue(queue) => queue.put(message),
        }
    }

    /// Takes a message out, and wakes a sender that waits for room.
    #[inline]
    pub(super) fn take(&self) -> TakeResult<T> {
        match &self.buffer {
            MessageBuffer::Ring(slots) => slots.take(),
            MessageBuffer::Queue(queue) => queue.take(),
        }
    }

    /// The error of a receiver that found the channel closed and empty.
    pub(super) fn end(&self) -> RecvError {
        match self.senders.report_cut() {
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
    ) -> WaitOutcome {
        let site = self.site(Verb::Send, at);
        let ready = |message: &mut Option<T>, put: &mut dyn FnMut(T) -> Result<(), PutError<T>>| {
            match message.take().map(put) {
                None | Some(Ok(())) => true,
                Some(Err(PutError::Closed(back))) => {
                    *message = Some(back);
                    true
                }
                Some(Err(PutError::Full(back))) => {
                    *message = Some(back);
                    false
                }
            }
        };
        let mut spot = None;
        let ended = match &self.buffer {
            MessageBuffer::Ring(slots) => {
                if spin(slots, RingSide::Put, &self.put_hint, deadline, &mut || {
                    ready(message, &mut |message| slots.put(message))
                }) {
                    return WaitOutcome::Ready;
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
            MessageBuffer::Queue(queue) => {
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
        found: &mut TakeResult<T>,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> WaitOutcome {
        let site = self.site(Verb::Recv, at);
        let mut spot = None;
        let mut ready = |take: &mut dyn FnMut() -> TakeResult<T>| {
            if let TakeResult::Nothing = found {
                *found = take();
            }
            !matches!(found, TakeResult::Nothing)
        };
        let ended = match &self.buffer {
            MessageBuffer::Ring(slots) => {
                if spin(
                    slots,
                    RingSide::Take,
                    &self.take_hint,
                    deadline,
                    &mut || ready(&mut || slots.take()),
                ) {
                    return WaitOutcome::Ready;
                }
                block_until(site, deadline, Heed::TaskUntold, |parker| {
                    ready(&mut || slots.take_or_list(parker, &mut spot))
                })
            }
            MessageBuffer::Queue(queue) => wait_for_message(
                site,
                deadline,
                Heed::TaskUntold,
                &self.take_hint,
                |parker| {
                    ready(&mut || queue.take_or_list(parker, TakerScope::ThisChannel, &mut spot))
                },
            ),
        };
        if let Some(handed) = spot.and_then(|spot| self.stop_taking(spot)) {
            *found = TakeResult::Message(handed);
        }
        if let TakeResult::Nothing = found {
            tell_task(&ended);
        }
        ended
    }

    /// Takes a message; if there is none, lists the caller, who also waits for other channels.
    pub(super) fn take_or_list(&self, parker: &Parker, spot: &mut Option<Spot>) -> TakeResult<T> {
        match &self.buffer {
            MessageBuffer::Ring(slots) => slots.take_or_list(parker, spot),
            MessageBuffer::Queue(queue) => {
                queue.take_or_list(parker, TakerScope::SeveralChannels, spot)
            }
        }
    }

    /// Removes a receiver that no longer waits for a message. Returns the message that it was handed, if any; that
    /// happens only if it waited for this channel alone.
    pub(super) fn stop_taking(&self, spot: Spot) -> Option<T> {
        match &self.buffer {
            MessageBuffer::Ring(slots) => {
                slots.stop_taking(spot);
                None
            }
            MessageBuffer::Queue(queue) => queue.stop_taking(spot),
        }
    }

    /// Closes the channel and wakes all who wait.
    pub(super) fn close(&self) {
        match &self.buffer {
            MessageBuffer::Ring(slots) => slots.close(),
            MessageBuffer::Queue(queue) => queue.close(),
        }
    }

    /// Closes the channel and drops the messages it holds. Returns their number.
    pub(super) fn close_now(&self) -> usize {
        self.close();
        std::iter::from_fn(|| match self.take() {
            TakeResult::Message(message) => Some(message),
            TakeResult::Nothing | TakeResult::Closed => None,
        })
        .count()
    }

    pub(super) fn is_closed(&self) -> bool {
        match &self.buffer {
            MessageBuffer::Ring(slots) => slots.is_closed(),
            MessageBuffer::Queue(queue) => queue.is_closed(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.buffer {
            MessageBuffer::Ring(slots) => slots.len(),
            MessageBuffer::Queue(queue) => queue.len(),
        }
    }

    /// Counts one sender less. The last one closes the channel.
    pub(super) fn drop_sender(&self, told: &CutShortEpoch) {
        if self.senders.remove(told, || self.is_closed()) {
            self.close();
        }
    }

    /// Counts one receiver less. The last one closes the channel, and drops the messages that are left.
    pub(super) fn drop_receiver(&self, told: &CutShortEpoch) {
        if self.receivers.remove(told, || self.is_closed()) {
            self.close_now();
        }
    }
}

/// Retries for a while before the caller is listed: once it is listed, the other end has to wake it. Not done if there
/// is a deadline: see [`wait_for_message`].
fn spin<T>(
    slots: &RingChannel<T>,
    steps: RingSide,
    hint: &SpinHint,
    deadline: Option<Instant>,
    ready: &mut dyn FnMut() -> bool,
) -> bool {
    if deadline.is_some() {
        return false;
    }
    let paid = pause_for_message(hint, ready);
    let is_ready = paid || yield_for_message(ready);
    steps.set_shares_core(!paid && is_ready && slots.has_idle_peer(steps));
    is_ready
}
