//! Waits outside this library.

use std::panic::Location;

use super::place::GivenUp;
use super::seen::{Seen, Told};
use crate::current;
use crate::deadlock::{Object, On, Site};
use crate::observe::Verb;
use crate::park::Parker;
use crate::primitive::now;

/// Runs `f`, which may block outside this library, without this thread's place, and reports it as a wait.
pub(crate) fn blocking_elsewhere<R>(at: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
    let site = Site {
        verb: Verb::Block,
        object: Object::None,
        at,
        on: On::Anyone,
    };
    let _told = Told::blocked(&site);
    let context = current::here();
    let _seen = Seen::waiting(&context, site, now());
    let parker = Parker::aside();
    let given_up = GivenUp::by(&parker, false);
    // The library does not see what ends this wait.
    parker.is_deaf_from_now_on();
    given_up.hand_over();
    given_up.let_others_ask();
    f()
}
