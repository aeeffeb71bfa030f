//! `REUNITE_PROFILE` and `REUNITE_FLIGHT`: a profile, or a flight recorder, without recompiling.
//!
//! The profile is written when a scope ends that no task opened, when `shutdown` has waited, and once more when
//! the main thread ends. Writing takes longer the more events there are, so a write that would come too
//! soon after the previous one is skipped; the next one includes its events.

use std::fmt::Display;
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};

use super::{Profile, Profiling, flight_recorder, start};
use crate::contain::contain;
use crate::primitive::{Instant, OnceLock, StaticMutex, foreign_thread_name, now, thread_local};

/// The number of events of each thread that the flight recorder keeps: some hundred kilobytes.
const KEPT: usize = 4_096;

/// At most one part in this many of the time is spent on writing.
const SELDOM: u32 = 20;

struct RequestedProfile {
    file: PathBuf,
    profiling: Profiling,
}

static PROFILE: OnceLock<Option<RequestedProfile>> = OnceLock::new();
static FLIGHT: OnceLock<Option<RequestedProfile>> = OnceLock::new();
static WRITTEN: StaticMutex<Written> = StaticMutex::new(Written {
    next: None,
    events: 0,
});

/// The number of events in the last write of the profile, and when the next write may be.
struct Written {
    next: Option<Instant>,
    events: u64,
}

/// The event after which the profile is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Occasion {
    /// A scope, a shutdown or a thread has ended. The write is skipped if it would come too soon.
    Ended,
    /// The main thread has ended, so no other write may follow.
    MainThreadEnded,
}

/// Writes the profile when the thread ends and drops it.
struct AtTheEnd(Occasion);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        contain(|| write_profile(self.0));
    }
}

thread_local! {
    static AT_THE_END: AtTheEnd = AtTheEnd(match foreign_thread_name().as_deref() {
        Some("main") => Occasion::MainThreadEnded,
        _ => Occasion::Ended,
    });
}

/// Begins what the environment variables ask for. Cheap after the first time.
pub(crate) fn begin_if_asked() {
    let profile = PROFILE.get_or_init(|| {
        let file = file_in("REUNITE_PROFILE")?;
        let profiling = start();
        Some(RequestedProfile { file, profiling })
    });
    if profile.is_some() {
        // A thread that is already ending cannot register it any more.
        let _ending = AT_THE_END.try_with(|_| ());
    }
    FLIGHT.get_or_init(|| {
        let file = file_in("REUNITE_FLIGHT")?;
        let to = file.clone();
        let profiling = flight_recorder(KEPT, move |trouble, held| tell(&to, trouble, held));
        Some(RequestedProfile { file, profiling })
    });
}

fn file_in(variable: &str) -> Option<PathBuf> {
    let file = std::env::var_os(variable).filter(|file| !file.is_empty())?;
    Some(file.into())
}

/// Writes the profile as it is now.
pub(crate) fn write_if_asked() {
    contain(|| write_profile(Occasion::Ended));
}

fn write_profile(after: Occasion) {
    let Some(Some(asked)) = PROFILE.get() else {
        return;
    };
    let mut written = WRITTEN.lock();
    let begun = now();
    let events = asked.profiling.recorder.count();
    let is_too_soon = written.next.is_some_and(|next| begun < next);
    if events == written.events || (is_too_soon && after == Occasion::Ended) {
        return;
    }
    write(&asked.file, &asked.profiling.look());
    let ended = now();
    written.events = events;
    written.next = ended.checked_add(ended.saturating_duration_since(begun) * SELDOM);
}

/// Writes what the flight recorder holds, because a dump was requested.
#[cfg(all(unix, feature = "signal"))]
pub(crate) fn write_flight_if_asked() {
    if let Some(Some(asked)) = FLIGHT.get() {
        tell(
            &asked.file,
            &"a dump was requested",
            &asked.profiling.look(),
        );
    }
}

fn tell(file: &Path, why: &dyn Display, held: &Profile) {
    if write(file, held) {
        let file = file.display();
        let _closed = writeln!(
            stderr(),
            "reunite: {why}; the events before it are in {file}"
        );
    }
}

fn write(file: &Path, profile: &Profile) -> bool {
    let written = profile.write(file);
    if let Err(error) = &written {
        let file = file.display();
        let _closed = writeln!(
            stderr(),
            "reunite: cannot write the profile to {file}: {error}"
        );
    }
    written.is_ok()
}
