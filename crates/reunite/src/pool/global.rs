//! The global pool, which threads use that take part in no other pool.

use std::io;
use std::panic::Location;

use super::builder::{Pool, PoolBuilder};
use super::member::{self, Visit, visit};
use super::this_thread;
use crate::primitive::OnceLock;

impl Pool {
    /// Returns the global pool, which every thread uses that takes part in no other pool. It is made when
    /// it is first needed; its threads are started when there is work for them. The environment variable
    /// `REUNITE_THREADS` sets its [size](crate::PoolBuilder::threads).
    ///
    /// ```
    /// let pool = reunite::Pool::global();
    /// assert!(pool.threads() >= 1);
    /// assert_eq!(pool.join(|| 1, || 2), (1, 2));
    /// ```
    #[track_caller]
    pub fn global() -> &'static Self {
        global(Location::caller())
    }
}

impl PoolBuilder {
    /// Makes the [global](Pool::global) pool with these settings. To be called early in `main`: the first use of the
    /// global pool makes it with the default settings. Its threads are started when there is work for them.
    ///
    /// # Errors
    /// - The global pool exists already ([`AlreadyExists`](io::ErrorKind::AlreadyExists)). It stays as it is; the error
    ///   names the line that made it.
    /// - A setting is [invalid](Self::build).
    ///
    /// ```
    /// let pool = reunite::Pool::builder().threads(3).build_global().unwrap();
    /// assert_eq!((pool.threads(), reunite::current_num_threads()), (3, 3));
    /// let error = reunite::Pool::builder().build_global().unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    /// ```
    #[track_caller]
    pub fn build_global(self) -> io::Result<&'static Pool> {
        self.examine()?;
        let (at, mut is_made) = (Location::caller(), false);
        let pool = GLOBAL.get_or_init(|| {
            is_made = true;
            self.pool(at)
        });
        if is_made {
            return Ok(pool);
        }
        let made_at = pool.shared.built_at;
        let why = format!(
            "the global pool was made before, at {}:{}",
            made_at.file(),
            made_at.line()
        );
        Err(io::Error::new(io::ErrorKind::AlreadyExists, why))
    }
}

/// Returns the number of threads that work at a time in the pool that [`join`](crate::join), [`par`](crate::par()) and
/// the like use here: the pool that this thread takes part in, or the [global](Pool::global) one, which is made if need
/// be.
///
/// ```
/// let pool = reunite::Pool::builder().threads(2).build().unwrap();
/// assert_eq!(pool.enter(reunite::current_num_threads), 2);
/// assert_eq!(reunite::current_num_threads(), reunite::Pool::global().threads());
/// ```
#[track_caller]
pub fn current_num_threads() -> usize {
    let at = Location::caller();
    member::pool().map_or_else(|| global(at).threads(), |pool| pool.members.size)
}

static GLOBAL: OnceLock<Pool> = OnceLock::new();

/// Returns the global pool. If this call makes it, `at` is recorded as the line that built it.
fn global(at: &'static Location<'static>) -> &'static Pool {
    GLOBAL.get_or_init(|| PoolBuilder::new().pool(at))
}

/// Takes part in the global pool; see `global` for `at`.
pub(super) fn visit_global(at: &'static Location<'static>) -> Option<Visit> {
    visit(&global(at).shared)
}

/// Runs `f` as a member of a pool: the pool for which this thread works, or the global one.
pub(crate) fn take_part<R>(at: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
    let _visit = if this_thread::seat().is_none() {
        visit_global(at)
    } else {
        None
    };
    f()
}
