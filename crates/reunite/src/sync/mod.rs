//! Locks, semaphores and other means of coordination, where joins alone do not suffice.
//!
//! | type | purpose |
//! |---|---|
//! | [`Mutex`], [`RwLock`] | a value that one task at a time may change |
//! | [`UpgradableGuard`] | reading, and perhaps writing afterwards, without a write in between |
//! | [`Semaphore`] | a limit on how many tasks do something at a time, or a budget |
//! | [`Condvar`] | waiting, with a lock, for a change of what the lock protects |
//! | [`Barrier`] | a point that all tasks must reach before any goes on |
//! | [`WaitGroup`] | waiting until all clones of a value are dropped |
//! | [`OnceCell`], [`Lazy`] | a value made once, by the first task that needs it |
//!
//! Every wait has a form with a timeout and one with a deadline. `try_lock` and the other `try_` calls do not wait;
//! their error distinguishes a lock that [is taken](crate::WaitError::is_busy) from one that is poisoned. Every wait
//! ends early when its task is cancelled, and is *refused* if it would never end: when tasks wait for each other's
//! locks and ends, the newest wait returns an error some ten milliseconds after it began. Its
//! [`deadlock`](crate::WaitError::deadlock) tells which task holds what since which line. The other waits go on. A
//! wait is refused, too, if it would block the last thread that its pool may have
//! ([`is_starved`](crate::WaitError::is_starved)).
//!
//! Waits that any thread may end (semaphores, condition variables, barriers, wait groups,
//! [channels](crate::channel)) are refused as a deadlock only when every thread of the process waits, and only on
//! Linux: other systems do not tell how many threads the process has.
//!
//! ```
//! use reunite::sync::Mutex;
//! let (a, b) = (Mutex::new(1), Mutex::new(2));
//! let met = reunite::sync::Barrier::new(2);
//! let refused = reunite::scope(|s| {
//!     let one = s.spawn(|| { let _a = a.lock()?; met.wait()?; b.lock().map(drop) });
//!     let two = s.spawn(|| { let _b = b.lock()?; met.wait()?; a.lock().map(drop) });
//!     [one.join().unwrap(), two.join().unwrap()].into_iter().filter_map(Result::err).collect::<Vec<_>>()
//! });
//! assert_eq!(refused.len(), 1); // the other task got both locks
//! assert!(refused[0].is_deadlock());
//! ```

mod barrier;
mod condvar;
mod hold;
mod ignore_poison;
#[allow(unsafe_code)]
mod mapped;
mod mapped_mutex;
mod mapped_rw;
#[allow(unsafe_code)]
mod mutex;
mod once;
mod owned_permit;
mod raw;
mod raw_rw;
#[cfg(all(test, not(reunite_model)))]
mod raw_rw_tests;
mod read_recursive;
mod rw_queue;
#[allow(unsafe_code)]
mod rwlock;
mod semaphore;
mod upgradable;
mod wait_group;

pub use barrier::Barrier;
pub use condvar::Condvar;
pub use ignore_poison::IgnorePoison;
pub use mapped_mutex::MappedMutexGuard;
pub use mapped_rw::{MappedReadGuard, MappedWriteGuard};
pub use mutex::{Mutex, MutexGuard};
pub use once::{Lazy, OnceCell};
pub use owned_permit::OwnedPermit;
pub use rwlock::{ReadGuard, RwLock, WriteGuard};
pub use semaphore::{Permit, Semaphore};
pub use upgradable::{UpgradableGuard, UpgradeError};
pub use wait_group::WaitGroup;
