//! Seats: where the members of a pool meet. Each seat has a mailbox for the forks that its member offers, and an
//! atomic integer, its *word*, that says whether other threads are hungry.
//!
//! A member's own list of forks is private, and followed only by its thread: a fork costs a few plain stores.
//! Other threads only see whether it is empty (`unpublished_forks`). Thieves raise the seat's word. The member
//! reads the word, relaxed, when it makes a fork and when it ends one. If the word is raised, the member publishes
//! the oldest forks of its list, because these usually stand for the most work.

use std::collections::VecDeque;

use super::job::{JobRef, Private};
use super::lineage::Ancestor;
use super::member_state::MemberState;
use super::piece::CoarseSpawnTime;
use super::seat_marks::SeatMarks;
use crate::contain::contain;
use crate::context::{Inherited, is_inherited};
use crate::current::{Context, ForkMark};
use crate::id::Label;
use crate::park::Parker;
use crate::primitive::{Arc, AtomicBool, AtomicU8, Mutex, Ordering, StaticMutex};

/// A published job, with what its runner needs.
pub(super) struct Parcel {
    pub(super) job: JobRef,
    /// The context in which the job was forked, and in which it runs.
    pub(super) context: Arc<Context>,
    /// The seat of the thread to wake when the job is done.
    pub(super) owner: &'static Seat,
    /// The time of the publication. (The time of the fork is not recorded.)
    pub(super) spawned: CoarseSpawnTime,
    pub(super) inherited: Option<Inherited>,
    /// True if the job was forked by an observer, or inside one: observers are not called for it.
    pub(super) is_quiet: bool,
}

/// The part of a member that other threads access. Seats are reused and never freed: a thief may look at a seat
/// whose member has left.
pub(super) struct Seat {
    /// The marks of the pool's seats, among which this one has the number `number`.
    marks: &'static SeatMarks,
    number: usize,
    /// On a cache line of its own, as its member reads it at every fork.
    word: SeatRequests,
    /// On another cache line, as its member writes it at every fork.
    pub(super) private: Private,
    mailbox: Mailbox,
}

/// The reasons why a fork of the member needs more than to be made: no bit, or these.
#[repr(align(128))]
struct SeatRequests(AtomicU8);

/// Other threads want work.
const HUNGRY: u8 = 1;
/// A hook makes forks inherit something, which is to be captured where they are made.
const INHERITS: u8 = 2;

#[repr(align(128))]
struct Mailbox {
    member_state: MemberState,
    parcels: Mutex<VecDeque<Parcel>>,
    member: Mutex<Option<Parker>>,
    /// True if it was reported that the member does not answer.
    has_reported: AtomicBool,
}

/// All seats that were ever made.
static ALL: StaticMutex<Vec<&'static Seat>> = StaticMutex::new(Vec::new());

/// Makes all members capture what their forks inherit, from now on.
pub(super) fn inherit() {
    ALL.lock().iter().for_each(|seat| seat.inherit());
}

impl Seat {
    /// Creates the seat with this number of a pool.
    pub(super) fn new(marks: &'static SeatMarks, number: usize) -> &'static Self {
        let seat: &'static Self = Box::leak(Box::new(Self {
            marks,
            number,
            // The word is raised at first, so that the first fork of a new member answers.
            word: SeatRequests(AtomicU8::new(HUNGRY)),
            private: Private::unbegun(),
            mailbox: Mailbox {
                member_state: MemberState::default(),
                parcels: Mutex::new(VecDeque::new()),
                member: Mutex::new(None),
                has_reported: AtomicBool::new(false),
            },
        }));
        seat.private.begin();
        // Both the registration of a seat and `inherit` store something first and then look for the other's store,
        // so at least one of them sees the other.
        ALL.lock().push(seat);
        if is_inherited() {
            seat.inherit();
        }
        seat
    }

    /// Creates a seat that belongs to no pool.
    #[cfg(all(test, not(reunite_model)))]
    pub(super) fn of_a_test() -> &'static Self {
        Self::new(Box::leak(Box::new(SeatMarks::new())), 0)
    }

    fn inherit(&self) {
        self.word.0.fetch_or(INHERITS, Ordering::SeqCst);
    }

    /// Seats the calling thread.
    pub(super) fn set_member(&self) {
        self.member_state().begin_membership();
        *self.mailbox.member.lock() = Some(Parker::current());
        self.ask();
    }

    /// Returns the newest private fork of the member, if other threads want work and the member has not answered
    /// its word: it has made and ended no fork since the word was raised.
    pub(super) fn unpublished(&self) -> Option<ForkMark> {
        let newest = self.private.newest_mark();
        (newest != 0 && self.is_hungry()).then_some(newest)
    }

    /// Returns true if the member is to be reported: the first call since the member last answered returns true,
    /// later ones false.
    pub(super) fn is_first_report(&self) -> bool {
        !self.mailbox.has_reported.swap(true, Ordering::Relaxed)
    }

    /// Returns what other threads may know of the member.
    pub(super) fn member_state(&self) -> &MemberState {
        &self.mailbox.member_state
    }

    /// Returns the name of the member's thread.
    pub(super) fn thread_name(&self) -> Option<String> {
        let member = self.mailbox.member.lock();
        member.as_ref()?.thread_name()
    }

    /// Returns the label of the task that forked the oldest offer.
    pub(super) fn offered_by(&self) -> Option<Label> {
        let parcels = self.mailbox.parcels.lock();
        parcels
            .front()
            .map(|parcel| parcel.context.record.label.clone())
    }

    /// Wakes the member, which waits for one of its jobs.
    pub(super) fn unpark(&self) {
        if let Some(member) = &*self.mailbox.member.lock() {
            member.unpark();
        }
    }

    /// Returns true if a fork has something to do. Every fork asks this.
    #[inline(always)]
    pub(super) fn is_asked(&self) -> bool {
        self.word.0.load(Ordering::Relaxed) != 0
    }

    /// Returns true if a thread wants work.
    #[inline(always)]
    pub(super) fn is_hungry(&self) -> bool {
        self.word.0.load(Ordering::Relaxed) & HUNGRY != 0
    }

    /// Returns true if what a fork inherits is to be captured.
    pub(super) fn inherits(&self) -> bool {
        self.word.0.load(Ordering::Relaxed) & INHERITS != 0
    }

    /// Asks the member to publish when it makes or ends a fork. If the word is raised already, the member has
    /// not lowered it since what the caller did before; so this load takes part in the protocol of `members`.
    pub(super) fn ask(&self) {
        if self.word.0.load(Ordering::SeqCst) & HUNGRY == 0 {
            self.word.0.fetch_or(HUNGRY, Ordering::SeqCst);
        }
    }

    /// Lowers the word; the member must then publish. The exchange takes part in the protocol of `members`.
    pub(super) fn answer(&self) {
        self.mailbox.has_reported.store(false, Ordering::Relaxed);
        self.word.0.fetch_and(!HUNGRY, Ordering::SeqCst);
        // The mark is set after the lowering, so a thread that removes the mark finds a lowered word, and raises
        // it.
        self.marks.lowered.set(self.number);
    }

    /// Returns true if there are offers to take, as far as can be seen without the lock.
    pub(super) fn has_offers(&self) -> bool {
        self.marks.offering.has(self.number)
    }

    /// Marks the seat as offering, or removes the mark. `parcels` is the mailbox, whose lock the caller holds.
    fn mark(&self, parcels: &VecDeque<Parcel>) {
        if parcels.is_empty() {
            self.marks.offering.clear(self.number);
        } else {
            self.marks.offering.set(self.number);
        }
    }

    /// Adds the offers that `each` hands over, oldest first, behind those that are in the mailbox.
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
                // SAFETY: the job is published, and pending in this mailbox, whose lock is held: so it is
                // alive.
                let job = unsafe { parcel.job.public() }.as_ancestor();
                // SAFETY: as above; all its ancestors wait for it, so they are alive.
                unsafe { job.descends(target) }
            })?,
        };
        let parcel = parcels.remove(at)?;
        self.mark(&parcels);
        if parcels.is_empty() {
            // The member probably has more work. It is asked now, so that it publishes before the next thief
            // comes.
            self.ask();
        }
        Some(parcel)
    }

    /// Takes back a job that this seat's member published, unless a thief has it. Returns true if it did.
    pub(super) fn take_back(&self, job: JobRef) -> bool {
        let mut parcels = self.mailbox.parcels.lock();
        // The owner has joined all jobs that it forked after this one, so the jobs that are still here are older.
        if parcels.back().is_none_or(|parcel| parcel.job != job) {
            return false;
        }
        let parcel = parcels.pop_back();
        self.mark(&parcels);
        drop(parcels);
        // The values that the job inherits are dropped here, which runs user code.
        contain(|| drop(parcel));
        true
    }
}
