//! The join profiler: how parallel a program was, how parallel it could be, and which line holds it back.
//!
//! ```
//! let profiling = reunite::profile::start();
//! reunite::scope(|s| {
//!     let slow = s.spawn(|| std::thread::sleep(std::time::Duration::from_millis(20)));
//!     slow.join().unwrap(); // too early: the next task could have run meanwhile
//!     let other = s.spawn(|| std::thread::sleep(std::time::Duration::from_millis(20)));
//!     other.join().unwrap();
//! });
//! let profile = profiling.finish();
//! println!("{profile}"); // one screen of text
//! assert!(profile.tasks.len() >= 3);
//! ```

mod chrome;
mod folded;
mod html;
mod model;
mod names;
mod perfetto;
#[cfg(test)]
mod sample;
mod slices;

pub use model::{
    Hint, HintKind, JoinSite, Profile, Run, ScopeProfile, Step, TaskProfile, ThreadProfile, Waited,
};
