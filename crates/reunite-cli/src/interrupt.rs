//! Ctrl-C: once to stop in order, twice to stop at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use reunite::Canceller;

use crate::complain::complain;
use crate::exit::Exit;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static TARGET: Mutex<Option<Canceller>> = Mutex::new(None);

/// From now on Ctrl-C (or a request to terminate) cancels `target`; a second one ends the process.
pub(crate) fn cancel_on_ctrl_c(target: Canceller) {
    *lock() = Some(target);
    let handler = || {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(Exit::Interrupted.code().into());
        }
        if let Some(target) = &*lock() {
            target.cancel("interrupted");
        }
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        complain(&format!(
            "Ctrl-C will end the program at once, not in order: {error}"
        ));
    }
}

pub(crate) fn was_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

fn lock() -> std::sync::MutexGuard<'static, Option<Canceller>> {
    TARGET
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
