//! The state that the two ends of a channel share: how it keeps its messages, and how many ends there are.

use std::panic::Location;

use super::cut_epoch::CutShortEpoch;
use super::end_count::EndCount;
use super::lock::Lock;
use super::outcome::{PutError, TakeResult};
use super::position_guess::RingSide;
use super::queue::LockedQueue;
use super::ring_channel::RingChannel;
use super::timer::Timer;
use super::waiters::WaitSpots;
use crate::deadlock::{WaitObject, WaitSite, WaitsOn};
use crate::error::RecvError;
use crate::observe::Verb;
use crate::primitive::{Arc, Instant, has_several_cores};
use crate::spin::{SpinHint, pause_for_message, yield_for_message};
use crate::wait::{Heed, WaitOutcome, block_until, tell_task, wait_for_message};
use crate::wait_queue::WaitQueue;

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
    pub(super) buffer: MessageBuffer<T>,
    pub(super) take_hint: SpinHint,
    pub(super) put_hint: SpinHint,
    pub(super) senders: EndCount,
    pub(super) receivers: EndCount,
    /// The messages that a [`Select`](super::Select) has taken, and whose operation is not complete yet.
    pub(super) selected: Lock<WaitQueue<T>>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "it is allocated once a channel, and never moved"
)]
pub(super) enum MessageBuffer<T> {
    Ring(RingChannel<T>),
    Queue(LockedQueue<T>),
    /// The clock sends the messages.
    Timer(Timer<T>),
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
        Self::with_buffer(room, first_pause, made_at)
    }

    /// Makes a channel into which the clock sends.
    pub(super) fn of_timer(timer: Timer<T>, made_at: &'static Location<'static>) -> Arc<Self> {
        let buffer = MessageBuffer::Timer(timer);
        Self::with_buffer(buffer, FIRST_PAUSE_AT_QUEUE, made_at)
    }

    fn with_buffer(
        buffer: MessageBuffer<T>,
        first_pause: u32,
        made_at: &'static Location<'static>,
    ) -> Arc<Self> {
        Arc::new(Self {
            made_at,
            buffer,
            take_hint: SpinHint::new(first_pause),
            put_hint: SpinHint::new(first_pause),
            senders: EndCount::new(),
            receivers: EndCount::new(),
            selected: Lock::new(WaitQueue::new()),
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
            MessageBuffer::Timer(timer) => timer.put(message),
        }
    }

    /// Takes a message out, and wakes a sender that waits for room.
    #[inline]
    pub(super) fn take(&self) -> TakeResult<T> {
        match &self.buffer {
            MessageBuffer::Ring(slots) => slots.take(),
            MessageBuffer::Queue(queue) => queue.take(),
            MessageBuffer::Timer(timer) => timer.take(),
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
        let ended = match &self.buffer {
            MessageBuffer::Ring(slots) => {
                if spin(slots, RingSide::Put, &self.put_hint, deadline, &mut || {
                    put_without_waiting(slots, message)
                }) {
                    return WaitOutcome::Ready;
                }
                let mut spots = WaitSpots::default();
                let ended = block_until(site, deadline, Heed::TaskUntold, |parker| {
                    slots.put_or_list(message, parker, &mut spots)
                });
                slots.stop_putting(message, &spots);
                ended
            }
            MessageBuffer::Queue(queue) => {
                let mut spot = None;
                let ended =
                    wait_for_message(site, deadline, Heed::TaskUntold, &self.put_hint, |parker| {
                        queue.put_or_list(message, parker, &mut spot)
                    });
                if let Some(spot) = spot {
                    queue.stop_putting(message, spot);
                }
                ended
            }
            // It has no sender.
            MessageBuffer::Timer(_) => WaitOutcome::Ready,
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
        let mut spots = WaitSpots::default();
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
                    ready(&mut || {
                        slots.take_or_list(parker, &mut spots, |queue, spot| {
                            queue.take_or_list(parker, spot)
                        })
                    })
                })
            }
            MessageBuffer::Queue(queue) => wait_for_message(
                site,
                deadline,
                Heed::TaskUntold,
                &self.take_hint,
                |parker| ready(&mut || queue.take_or_list(parker, &mut spots.in_queue)),
            ),
            MessageBuffer::Timer(timer) => timer.wait(site, deadline, &mut |parker| {
                ready(&mut || timer.take_or_list(parker, &mut spots.in_list))
            }),
        };
        if let Some(handed) = self.stop_taking(&spots) {
            *found = TakeResult::Message(handed);
        }
        if let TakeResult::Nothing = found {
            tell_task(&ended);
        }
        ended
    }

    /// Removes a receiver that no longer waits for a message. Returns the message that it was handed, if any. If the
    /// receiver was woken and there is a message, wakes the next one.
    pub(super) fn stop_taking(&self, spots: &WaitSpots) -> Option<T> {
        match &self.buffer {
            MessageBuffer::Ring(slots) => slots.stop_taking(spots),
            MessageBuffer::Queue(queue) => queue.stop_taking(spots.in_queue?),
            MessageBuffer::Timer(timer) => {
                timer.stop_taking(spots.in_list?);
                None
            }
        }
    }

    /// Closes the channel and wakes all who wait.
    pub(super) fn close(&self) {
        match &self.buffer {
            MessageBuffer::Ring(slots) => slots.close(),
            MessageBuffer::Queue(queue) => queue.close(),
            MessageBuffer::Timer(timer) => timer.close(),
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
            MessageBuffer::Timer(timer) => timer.is_closed(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.buffer {
            MessageBuffer::Ring(slots) => slots.len(),
            MessageBuffer::Queue(queue) => queue.len(),
            MessageBuffer::Timer(timer) => timer.len(),
        }
    }

    /// The number of messages that the channel holds at most; `None` if there is no limit.
    pub(super) fn capacity(&self) -> Option<usize> {
        let capacity = match &self.buffer {
            MessageBuffer::Ring(slots) => slots.capacity(),
            MessageBuffer::Queue(queue) => queue.capacity(),
            MessageBuffer::Timer(timer) => timer.capacity(),
        };
        Some(capacity).filter(|capacity| *capacity != usize::MAX)
    }

    /// Returns true if the channel has no room that is free.
    pub(super) fn is_full(&self) -> bool {
        match &self.buffer {
            MessageBuffer::Ring(slots) => slots.is_full(),
            MessageBuffer::Queue(queue) => queue.is_full(),
            MessageBuffer::Timer(timer) => timer.len() >= timer.capacity(),
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

/// Puts the message if there is room. Returns true if its sender need not wait: it was put (it is `None` then), or the
/// channel is closed.
fn put_without_waiting<T>(slots: &RingChannel<T>, message: &mut Option<T>) -> bool {
    match message.take().map(|message| slots.put(message)) {
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
