//! Seats: where the members of a pool meet. Each has a mailbox for what it offers, and one word that says
//! that others are hungry.
//!
//! A member's own list of forks is private, and followed by nothing but its thread: a fork costs a few plain
//! stores. Others see no more than whether it is empty (`unshared`). Thieves raise the seat's word; its owner reads it, relaxed,
//! when it makes a fork and when it ends one, and if it is raised, publishes the oldest forks of its list: those that stand for
//! the most work.

use std::collections::VecDeque;

use super::job::{Ancestor, JobRef, Private};
use super::life::Life;
use super::marks::Marks;
use super::piece::Spawned;
use crate::contain::contain;
use crate::context::{Inherited, is_inherited};
use crate::current::{Context, ForkMark};
use crate::id::Label;
use crate::park::Parker;
use crate::primitive::{Arc, AtomicBool, AtomicU8, Mutex, Ordering, StaticMutex};

/// A published job, with what whoever runs it needs.
pub(super) struct Parcel {
    pub(super) job: JobRef,
    /// What it inherits: the context in which it was forked.
    pub(super) context: Arc<Context>,
    /// Whom to wake when it is done.
    pub(super) owner: &'static Seat,
    /// When it was published: when it was forked nobody asked.
    pub(super) spawned: Spawned,
    pub(super) inherited: Option<Inherited>,
    /// Forked by an observer, or below: observers are not told of it.
    pub(super) is_quiet: bool,
}

/// A member's place in a pool. Seats are never freed, but reused: a thief may look at one whose member has
/// left.
pub(super) struct Seat {
    /// What is marked at the seats of its pool, among which it has this number.
    marks: &'static Marks,
    number: usize,
    /// On a cache line of its own: its member reads it at every fork.
    word: Word,
    /// On another: its member writes it at every fork.
    pub(super) private: Private,
    mailbox: Mailbox,
}

/// Why a fork of the member has to do more than to be made: none, or these bits.
#[repr(align(128))]
struct Word(AtomicU8);

/// Others want work.
const HUNGRY: u8 = 1;
/// There is something that forks inherit, which is to be captured where they are made.
const INHERITS: u8 = 2;

#[repr(align(128))]
struct Mailbox {
    life: Life,
    parcels: Mutex<VecDeque<Parcel>>,
    member: Mutex<Option<Parker>>,
    /// Whether it was reported that its member does not answer.
    has_reported: AtomicBool,
}

/// All seats that were ever made.
static ALL: StaticMutex<Vec<&'static Seat>> = StaticMutex::new(Vec::new());

/// From now on all members capture what their forks inherit.
pub(super) fn inherit() {
    ALL.lock().iter().for_each(|seat| seat.inherit());
}

impl Seat {
    /// The seat with this number of a pool.
    pub(super) fn new(marks: &'static Marks, number: usize) -> &'static Self {
        let seat: &'static Self = Box::leak(Box::new(Self {
            marks,
            number,
            // Raised, so that a new member's first fork looks around.
            word: Word(AtomicU8::new(HUNGRY)),
            private: Private::unbegun(),
            mailbox: Mailbox {
                life: Life::default(),
                parcels: Mutex::new(VecDeque::new()),
                member: Mutex::new(None),
                has_reported: AtomicBool::new(false),
            },
        }));
        seat.private.begin();
        // Of this and the raising by whoever adds a hook, one at least sees the other.
        ALL.lock().push(seat);
        if is_inherited() {
            seat.inherit();
        }
        seat
    }

    /// A seat of no pool.
    #[cfg(all(test, not(reunite_model)))]
    pub(super) fn of_a_test() -> &'static Self {
        Self::new(Box::leak(Box::new(Marks::new())), 0)
    }

    fn inherit(&self) {
        self.word.0.fetch_or(INHERITS, Ordering::SeqCst);
    }

    /// The calling thread sits down here.
    pub(super) fn welcome(&self) {
        self.life().welcome();
        *self.mailbox.member.lock() = Some(Parker::here());
        self.ask();
    }

    /// The newest of the forks that only its member could take although others want work: it was not asked when it made
    /// them, and has made and ended none since.
    pub(super) fn unshared(&self) -> Option<ForkMark> {
        let newest = self.private.newest_mark();
        (newest != 0 && self.is_hungry()).then_some(newest)
    }

    /// Whether to report that: once, until the member answers.
    pub(super) fn is_first_report(&self) -> bool {
        !self.mailbox.has_reported.swap(true, Ordering::Relaxed)
    }

    /// What others may know of the member.
    pub(super) fn life(&self) -> &Life {
        &self.mailbox.life
    }

    /// The name of the member's thread.
    pub(super) fn thread_name(&self) -> Option<String> {
        let member = self.mailbox.member.lock();
        member.as_ref()?.thread_name()
    }

    /// Who forked the oldest offer.
    pub(super) fn offered_by(&self) -> Option<Label> {
        let parcels = self.mailbox.parcels.lock();
        parcels
            .front()
            .map(|parcel| parcel.context.who.label.clone())
    }

    /// Wakes the member, who waits for one of its jobs.
    pub(super) fn unpark(&self) {
        if let Some(member) = &*self.mailbox.member.lock() {
            member.unpark();
        }
    }

    /// Whether anything is to be done for a fork: the question of every fork.
    #[inline(always)]
    pub(super) fn is_asked(&self) -> bool {
        self.word.0.load(Ordering::Relaxed) != 0
    }

    /// Whether somebody wants work.
    #[inline(always)]
    pub(super) fn is_hungry(&self) -> bool {
        self.word.0.load(Ordering::Relaxed) & HUNGRY != 0
    }

    /// Whether what a fork inherits is to be captured.
    pub(super) fn inherits(&self) -> bool {
        self.word.0.load(Ordering::Relaxed) & INHERITS != 0
    }

    /// Asks the member to publish when it makes or ends a fork. A word that is raised already is one that the member has
    /// not lowered since what the caller did before: so this load takes part in the protocol of `roster`.
    pub(super) fn ask(&self) {
        if self.word.0.load(Ordering::SeqCst) & HUNGRY == 0 {
            self.word.0.fetch_or(HUNGRY, Ordering::SeqCst);
        }
    }

    /// Lowers the word; the member then publishes. The exchange takes part in the protocol of `roster`.
    pub(super) fn answer(&self) {
        self.mailbox.has_reported.store(false, Ordering::Relaxed);
        self.word.0.fetch_and(!HUNGRY, Ordering::SeqCst);
        // Not before: whoever takes the mark raises a word that is lowered.
        self.marks.lowered.set(self.number);
    }

    /// Whether there is something to take, for all that can be seen without the lock.
    pub(super) fn has_offers(&self) -> bool {
        self.marks.offering.has(self.number)
    }

    /// Says whether there is something to take: the parcels are that, whose lock is held.
    fn mark(&self, parcels: &VecDeque<Parcel>) {
        if parcels.is_empty() {
            self.marks.offering.clear(self.number);
        } else {
            self.marks.offering.set(self.number);
        }
    }

    /// Adds offers, which `each` hands over oldest first, behind those that are there.
    pub(super) fn publish(&self, each: impl FnOnce(&mut dyn FnMut(Parcel))) {
        let mut parcels = self.mailbox.parcels.lock();
        each(&mut |parcel| parcels.push_back(parcel));
        self.mark(&parcels);
    }

    /// Takes the oldest offer, or the oldest that descends from `target`.
    pub(super) fn take(&self, target: Option<Ancestor>) -> Option<Parcel> {
        if !self.has_offers() {
            return None;
        }
        let mut parcels = self.mailbox.parcels.lock();
        let at = match target {
            None => 0,
            Some(target) => parcels.iter().position(|parcel| {
                // SAFETY: it is published, and pending in this mailbox, whose lock is held.
                let job = unsafe { parcel.job.public() }.as_ancestor();
                // SAFETY: as before, so all that wait for it are alive.
                unsafe { job.descends(target) }
            })?,
        };
        let parcel = parcels.remove(at)?;
        self.mark(&parcels);
        if parcels.is_empty() {
            // Where one came there will be more: the member publishes ahead of the next thief.
            self.ask();
        }
        Some(parcel)
    }

    /// Takes back a job that this seat's member published, unless a thief has it.
    pub(super) fn take_back(&self, job: JobRef) -> bool {
        let mut parcels = self.mailbox.parcels.lock();
        // Its owner has come back to all that it has forked since: what is still here is older.
        if parcels.back().is_none_or(|parcel| parcel.job != job) {
            return false;
        }
        let parcel = parcels.pop_back();
        self.mark(&parcels);
        drop(parcels);
        // What it inherits is of users.
        contain(|| drop(parcel));
        true
    }
}
