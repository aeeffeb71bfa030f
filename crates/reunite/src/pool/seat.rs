//! Seats: where the members of a pool meet. Each has a mailbox for what it offers, and one word that says
//! that others are hungry.
//!
//! A member's own list of forks is private, and touched by nothing but its thread: a fork costs a few plain
//! stores. Thieves raise the seat's word; its owner reads it, relaxed, at every fork, and when it finds it
//! raised, publishes the oldest forks of its list: those that stand for the most work.

use std::collections::VecDeque;

use super::job::{Ancestor, JobRef};
use crate::current::Context;
use crate::park::Parker;
use crate::primitive::{AtomicBool, AtomicUsize, Mutex, Ordering};

/// A published job, with what whoever runs it needs.
pub(super) struct Parcel {
    pub(super) job: JobRef,
    /// What it inherits: the context in which it was forked.
    pub(super) context: Context,
    /// Whom to wake when it is done.
    pub(super) owner: Parker,
}

/// A member's place in a pool. Seats are never freed, but reused: a thief may look at one whose member has
/// left.
#[repr(align(128))]
pub(super) struct Seat {
    hungry: AtomicBool,
    offered: AtomicUsize,
    mailbox: Mutex<VecDeque<Parcel>>,
}

impl Seat {
    pub(super) fn new() -> Self {
        Self {
            // Raised, so that a new member's first fork looks around.
            hungry: AtomicBool::new(true),
            offered: AtomicUsize::new(0),
            mailbox: Mutex::new(VecDeque::new()),
        }
    }

    /// Whether somebody wants work: the question of every fork.
    #[inline(always)]
    pub(super) fn is_hungry(&self) -> bool {
        self.hungry.load(Ordering::Relaxed)
    }

    /// Asks the member to publish at its next fork.
    pub(super) fn ask(&self) {
        if !self.is_hungry() {
            self.hungry.store(true, Ordering::SeqCst);
        }
    }

    /// Lowers the word; the member then publishes. The swap takes part in the protocol of `roster`.
    pub(super) fn answer(&self) {
        self.hungry.swap(false, Ordering::SeqCst);
    }

    /// Whether there is something to take, for all that can be seen without the lock.
    pub(super) fn has_offers(&self) -> bool {
        self.offered.load(Ordering::SeqCst) > 0
    }

    pub(super) fn publish(&self, parcels: VecDeque<Parcel>) {
        let mut mailbox = self.mailbox.lock();
        mailbox.extend(parcels);
        self.offered.store(mailbox.len(), Ordering::SeqCst);
    }

    /// Takes the oldest offer, or the oldest that descends from `target`.
    pub(super) fn take(&self, target: Option<Ancestor>) -> Option<Parcel> {
        if !self.has_offers() {
            return None;
        }
        let mut mailbox = self.mailbox.lock();
        let at = match target {
            None => 0,
            Some(target) => mailbox.iter().position(|parcel| {
                // SAFETY: it is published, and pending in this mailbox, whose lock is held.
                let job = unsafe { parcel.job.public() }.as_ancestor();
                // SAFETY: as before, so all that wait for it are alive.
                unsafe { job.descends(target) }
            })?,
        };
        let parcel = mailbox.remove(at)?;
        self.offered.store(mailbox.len(), Ordering::SeqCst);
        if mailbox.is_empty() {
            // Where one came there will be more: the member publishes ahead of the next thief.
            self.ask();
        }
        Some(parcel)
    }

    /// Takes back a job that this seat's member published, unless a thief has it.
    pub(super) fn take_back(&self, job: JobRef) -> bool {
        let mut mailbox = self.mailbox.lock();
        // The newest is last, and the first that its owner comes back to.
        let Some(at) = mailbox.iter().rposition(|parcel| parcel.job == job) else {
            return false;
        };
        let parcel = mailbox.remove(at);
        self.offered.store(mailbox.len(), Ordering::SeqCst);
        drop(mailbox);
        drop(parcel);
        true
    }
}
