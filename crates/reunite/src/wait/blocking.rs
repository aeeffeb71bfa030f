//! Blocking calls outside this library, reported as waits.

use std::panic::Location;

use super::guards::{BlockEventGuard, WaitingGuard};
use super::place::PlaceGuard;
use crate::current;
use crate::deadlock::{WaitObject, WaitSite, WaitsOn};
use crate::observe::Verb;
use crate::park::Parker;
use crate::primitive::now;

/// Runs `f`, which may block outside this library. Meanwhile the thread gives up its place, and is reported as waiting.
pub(crate) fn run_blocking<R>(at: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
    let site = WaitSite {
        verb: Verb::Block,
        object: WaitObject::None,
        at,
        on: WaitsOn::Anyone,
    };
    let _told = BlockEventGuard::blocked(&site);
    let context = current::shared();
    let _seen = WaitingGuard::waiting(&context, site, now());
    let parker = Parker::separate();
    let place = PlaceGuard::by(&parker, false);
    // The library does not know what ends this wait, so unparks by this parker mean nothing.
    parker.ignore_unparks();
    place.hand_over();
    place.let_others_ask();
    f()
}
