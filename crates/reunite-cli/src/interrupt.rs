//! Ctrl-C: once to stop in order, twice to stop at once.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use reunite::Canceller;

use crate::complain::complain;
use crate::exit::Exit;

/// What can be interrupted, and whether it was.
struct Run {
    target: Option<Canceller>,
    was_interrupted: bool,
}

static RUN: Mutex<Run> = Mutex::new(Run {
    target: None,
    was_interrupted: false,
});

fn run() -> MutexGuard<'static, Run> {
    RUN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on Ctrl-C (or a request to terminate, or the terminal's end) cancels `target`; a second one ends
/// the process.
pub(crate) fn cancel_on_ctrl_c(target: Canceller) {
    let was_interrupted = {
        let mut run = run();
        run.target = Some(target.clone());
        run.was_interrupted
    };
    if was_interrupted {
        target.cancel(REASON);
    }
    let told = || {
        if !interrupt() {
            std::process::exit(Exit::Interrupted.code().into());
        }
    };
    if let Err(error) = listen(told) {
        complain(&format!(
            "Ctrl-C will end the program at once, not in order: {error}"
        ));
    }
}

const REASON: &str = "interrupted";

/// Does what the first Ctrl-C does, also for what is yet to begin. No, if that was done before.
pub(crate) fn interrupt() -> bool {
    let target = {
        let mut run = run();
        if run.was_interrupted {
            return false;
        }
        run.was_interrupted = true;
        run.target.clone()
    };
    if let Some(target) = target {
        target.cancel(REASON);
    }
    true
}

pub(crate) fn was_interrupted() -> bool {
    run().was_interrupted
}

#[cfg(unix)]
fn listen(told: impl Fn() + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    if hang_up_counts() {
        signals.add_signal(SIGHUP)?;
    }
    reunite::Builder::new()
        .name("signals")
        .spawn(move || {
            while reunite::blocking(|| signals.forever().next()).is_some() {
                told();
            }
        })
        .detach();
    Ok(())
}

/// Unless it is ignored, as under `nohup`: that is a wish, and is granted by leaving it alone.
#[cfg(target_os = "linux")]
fn hang_up_counts() -> bool {
    let ignored = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let mask = status
            .lines()
            .find_map(|line| line.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    };
    ignored().is_some_and(|mask| mask & 1 << (signal_hook::consts::SIGHUP - 1) == 0)
}

/// Where nobody can be asked it keeps its own effect.
#[cfg(all(unix, not(target_os = "linux")))]
fn hang_up_counts() -> bool {
    false
}

#[cfg(not(unix))]
fn listen(told: impl Fn() + Send + 'static) -> io::Result<()> {
    ctrlc::set_handler(told).map_err(io::Error::other)
}
