//! Ctrl-C: the first one stops in order, the second one exits at once.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use reunite::Canceller;

use crate::complain::complain;
use crate::exit::Exit;

/// The target of an interrupt, and a flag that is set by the first one.
struct Interruption {
    target: Option<Canceller>,
    was_interrupted: bool,
}

static INTERRUPTION: Mutex<Interruption> = Mutex::new(Interruption {
    target: None,
    was_interrupted: false,
});

fn interruption() -> MutexGuard<'static, Interruption> {
    INTERRUPTION.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes Ctrl-C (or a termination signal, or a hang-up) cancel `target` from now on; a second one exits the process.
pub(crate) fn cancel_on_ctrl_c(target: Canceller) {
    let was_interrupted = {
        let mut interruption = interruption();
        interruption.target = Some(target.clone());
        interruption.was_interrupted
    };
    if was_interrupted {
        target.cancel(REASON);
    }
    let on_signal = || {
        if !interrupt() {
            std::process::exit(Exit::Interrupted.code().into());
        }
    };
    if let Err(error) = listen(on_signal) {
        complain(&format!(
            "cannot listen for Ctrl-C ({error}); Ctrl-C will end the program at once, without a summary"
        ));
    }
}

const REASON: &str = "interrupted";

/// Does what the first Ctrl-C does; work that starts later is cancelled too. Returns false if already interrupted.
pub(crate) fn interrupt() -> bool {
    let target = {
        let mut interruption = interruption();
        if interruption.was_interrupted {
            return false;
        }
        interruption.was_interrupted = true;
        interruption.target.clone()
    };
    if let Some(target) = target {
        target.cancel(REASON);
    }
    true
}

pub(crate) fn was_interrupted() -> bool {
    interruption().was_interrupted
}

#[cfg(unix)]
fn listen(on_signal: impl Fn() + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    if heeds_hang_up() {
        signals.add_signal(SIGHUP)?;
    }
    reunite::Builder::new()
        .name("signals")
        .spawn(move || {
            while reunite::blocking(|| signals.forever().next()).is_some() {
                on_signal();
            }
        })
        .detach();
    Ok(())
}

/// Returns whether a hang-up is to stop the program: not if it is ignored, as under `nohup`.
#[cfg(target_os = "linux")]
fn heeds_hang_up() -> bool {
    let ignored = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let mask = status
            .lines()
            .find_map(|line| line.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    };
    ignored().is_some_and(|mask| mask & 1 << (signal_hook::consts::SIGHUP - 1) == 0)
}

/// Returns false: where the signal's disposition is unknown, a hang-up keeps its default effect.
#[cfg(all(unix, not(target_os = "linux")))]
fn heeds_hang_up() -> bool {
    false
}

#[cfg(not(unix))]
fn listen(on_signal: impl Fn() + Send + 'static) -> io::Result<()> {
    ctrlc::set_handler(on_signal).map_err(io::Error::other)
}
