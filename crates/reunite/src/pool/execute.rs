//! Running the half of a fork that the calling thread has taken.

use super::seat::{Parcel, Seat};
use super::stolen_half::StolenHalf;
use super::this_thread;
use crate::contain::contain;
use crate::current;
use crate::deadlock;
use crate::observe::{Quiet, is_on};
use crate::primitive::Arc;

/// Runs a job that this thread, whose seat is `seat`, has taken. The job runs as a task of its own, in the
/// context in which it was forked.
pub(super) fn execute(seat: &'static Seat, parcel: Parcel) {
    let Parcel {
        job,
        context,
        owner,
        spawned,
        inherited,
        is_quiet,
    } = parcel;
    let quiet = is_quiet.then(Quiet::keep);
    let entered = current::enter_for_pieces(Arc::clone(&context));
    let holding = deadlock::holding();
    // SAFETY: the job is published, and is not finished before the end of this function.
    let public = unsafe { job.public() };
    // SAFETY: as above.
    let at = unsafe { job.at() };
    let half = StolenHalf::new(public.as_ancestor(), at, context, spawned);
    let shown = seat.member_state().runs_half(&half);
    this_thread::running(&*half, || {
        if is_on() {
            half.tell_start();
        }
        let mut ambient = None;
        let mut inherited = inherited;
        // A panic in it counts as the half's, as with any task.
        let mut enter = || {
            if let Some(inherited) = inherited.take() {
                ambient = Some(inherited.enter(half.label()));
            }
        };
        // SAFETY: it was taken from its mailbox to be run here, and is run only here.
        let how = unsafe { job.run(&mut enter) };
        if is_on() {
            half.tell_completion(how);
        }
        if ambient.is_some() {
            contain(|| drop(ambient));
        }
    });
    drop(shown);
    this_thread::forget_captured();
    let leaked = holding.leaked();
    if !leaked.is_empty() {
        deadlock::leak(half.label(), leaked);
    }
    drop(half);
    drop(entered);
    drop(quiet);
    // SAFETY: it has run, and this is the only call.
    if unsafe { job.finish() } {
        owner.unpark();
    }
}
