//! Ctrl-C: once to stop in order, twice to stop at once.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use reunite::Canceller;

use crate::complain::complain;
use crate::exit::Exit;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static TARGET: OnceLock<Canceller> = OnceLock::new();

/// From now on Ctrl-C (or a request to terminate, or the terminal's end) cancels `target`; a second one ends
/// the process.
pub(crate) fn cancel_on_ctrl_c(target: Canceller) {
    let target = TARGET.get_or_init(|| target);
    let told = move || {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(Exit::Interrupted.code().into());
        }
        target.cancel("interrupted");
    };
    if let Err(error) = listen(told) {
        complain(&format!(
            "Ctrl-C will end the program at once, not in order: {error}"
        ));
    }
}

/// Does what the first Ctrl-C does, if that was not done before. Whether there is anything to cancel.
#[cfg(unix)]
pub(crate) fn interrupt() -> bool {
    let Some(target) = TARGET.get() else {
        return false;
    };
    if !INTERRUPTED.swap(true, Ordering::Relaxed) {
        target.cancel("cancelled in the live view");
    }
    true
}

pub(crate) fn was_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
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
