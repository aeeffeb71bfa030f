//! The only file that names `std::{sync, thread}` and the clock.
//!
//! Under `--cfg reunite_model` the types of the model checker replace those of std. Timeouts never fire there: in a
//! model a deadline passes because a thread makes it pass, never because time passes.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

#[cfg(not(reunite_model))]
mod imp {
    pub(crate) use std::sync::Mutex as RawMutex;
    pub(crate) use std::sync::MutexGuard;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, fence};
    pub(crate) use std::thread::{
        Builder, JoinHandle, Thread, ThreadId, current, park, park_timeout, yield_now,
    };
    pub(crate) use std::thread_local;
}

#[cfg(reunite_model)]
mod imp {
    pub(crate) use shuttle::sync::Mutex as RawMutex;
    pub(crate) use shuttle::sync::MutexGuard;
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, fence};
    pub(crate) use shuttle::thread::{Builder, JoinHandle, yield_now};
    pub(crate) use shuttle::thread_local;

    pub(crate) use super::token::{Thread, ThreadId, current, park, park_timeout};
}

/// Parking for models. The `park` of the model checker may return without a reason, which hides lost wake-ups; this
/// one never does.
#[cfg(reunite_model)]
mod token {
    use shuttle::sync::{Condvar, Mutex};
    use shuttle::thread_local;

    use super::{Arc, Duration};

    #[derive(Clone, Debug)]
    pub(crate) struct Thread(Arc<Token>);

    pub(crate) type ThreadId = usize;

    #[derive(Debug, Default)]
    struct Token {
        left: Mutex<bool>,
        changed: Condvar,
    }

    thread_local! {
        static HERE: Thread = Thread(Arc::new(Token::default()));
    }

    impl Thread {
        pub(crate) fn unpark(&self) {
            *self.0.left.lock().unwrap() = true;
            self.0.changed.notify_one();
        }

        pub(crate) fn id(&self) -> ThreadId {
            Arc::as_ptr(&self.0).addr()
        }

        pub(crate) fn name(&self) -> Option<&str> {
            None
        }
    }

    pub(crate) fn current() -> Thread {
        HERE.with(Thread::clone)
    }

    pub(crate) fn park() {
        let Thread(token) = current();
        let mut left = token.left.lock().unwrap();
        while !*left {
            left = token.changed.wait(left).unwrap();
        }
        *left = false;
    }

    /// Time does not pass in a model.
    pub(crate) fn park_timeout(_: Duration) {
        park();
    }
}

pub(crate) use imp::{
    AtomicBool, AtomicU8, AtomicUsize, Builder, JoinHandle, Thread, ThreadId, current, fence, park,
    park_timeout, thread_local, yield_now,
};
/// The models of `tests/model_cells` replace it by a type whose accesses the checker observes.
pub(crate) use std::cell::UnsafeCell;
// Reference counts, one-time cells and counters wake no thread, so std's are used in models, too.
pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::atomic::{
    AtomicPtr as Mark, AtomicU32 as SmallCounter, AtomicU64 as Counter, Ordering,
};
pub(crate) use std::sync::{Arc, OnceLock, Weak};
pub(crate) use std::time::{Duration, Instant};

/// Marks the calling thread while it holds a lock of this library, or a borrow of one of its thread-locals: user code
/// that ran in the meantime could wait for what its own thread holds. Set and checked in debug builds
/// only, see [`assert_outside`](crate::contain::assert_outside).
#[derive(Debug)]
pub(crate) struct Inside {
    /// Dropped on the thread that was marked.
    stays: PhantomData<*const ()>,
}

/// The depth of marks on each thread. Models do not count it, because they run many threads on one system thread.
#[cfg(all(debug_assertions, not(reunite_model)))]
mod depth {
    std::thread_local! {
        static DEPTH: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }

    pub(super) fn get() -> usize {
        DEPTH.get()
    }

    pub(super) fn set(depth: usize) {
        DEPTH.set(depth);
    }
}

#[cfg(any(not(debug_assertions), reunite_model))]
mod depth {
    #[inline]
    pub(super) fn get() -> usize {
        0
    }

    #[inline]
    pub(super) fn set(_: usize) {}
}

impl Inside {
    #[inline]
    pub(crate) fn mark() -> Self {
        depth::set(depth::get() + 1);
        Self { stays: PhantomData }
    }

    /// Returns true if the calling thread is marked.
    #[inline]
    pub(crate) fn is_marked() -> bool {
        depth::get() > 0
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        depth::set(depth::get().wrapping_sub(1));
    }
}

/// The guard of a locked mutex.
#[derive(Debug)]
pub(crate) struct Guarded<G> {
    guard: G,
    _inside: Inside,
}

pub(crate) type MutexGuard<'a, T> = Guarded<imp::MutexGuard<'a, T>>;
pub(crate) type StaticMutexGuard<'a, T> = Guarded<std::sync::MutexGuard<'a, T>>;

impl<G: Deref> Deref for Guarded<G> {
    type Target = G::Target;

    #[inline]
    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Guarded<G> {
    #[inline]
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

/// A mutex for registries in statics, which outlive the executions of a model.
#[derive(Debug, Default)]
pub(crate) struct StaticMutex<T>(std::sync::Mutex<T>);

impl<T> StaticMutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> StaticMutexGuard<'_, T> {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _inside = Inside::mark();
        Guarded { guard, _inside }
    }
}

/// A mutex without poisoning: no critical section in this crate runs user code, so a panic cannot
/// leave one half done.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(imp::RawMutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(imp::RawMutex::new(value))
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _inside = Inside::mark();
        Guarded { guard, _inside }
    }
}

/// A static that a model makes anew for every execution.
#[cfg(not(reunite_model))]
macro_rules! global {
    ($($(#[$doc:meta])* static $name:ident: $type:ty = $value:expr;)*) => {
        $($(#[$doc])* static $name: $type = $value;)*
    };
}

#[cfg(reunite_model)]
macro_rules! global {
    ($($(#[$doc:meta])* static $name:ident: $type:ty = $value:expr;)*) => {
        shuttle::lazy_static! { $($(#[$doc])* static ref $name: $type = $value;)* }
    };
}

pub(crate) use global;

/// Pairs of memory barriers, of which one is almost free. If each of two threads stores, passes a barrier, and loads
/// what the other has stored, and at least one of the two barriers is heavy, then at least one thread sees the other's
/// store.
///
/// Where the system can make all threads of the process pass a barrier (`membarrier` of Linux), the heavy barrier does
/// that, and the light one only keeps the compiler from reordering. Elsewhere both are fences. A process must be
/// registered with the system first. `MEANS` is set after that, and only then light barriers are not fences. A thread
/// that passes a heavy barrier registers the process first. So if any light barrier was not a fence, each later heavy
/// barrier makes all threads pass one.
#[cfg(all(target_os = "linux", not(reunite_model)))]
mod barrier {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, Ordering, fence};

    use rustix::thread::{MembarrierCommand, membarrier};

    static MEANS: AtomicBool = AtomicBool::new(false);

    pub(super) fn has_means() -> bool {
        MEANS.load(Ordering::Relaxed)
    }

    pub(super) fn prepare() -> bool {
        static REGISTERED: OnceLock<bool> = OnceLock::new();
        *REGISTERED.get_or_init(|| {
            let is_registered = membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok();
            MEANS.store(is_registered, Ordering::SeqCst);
            is_registered
        })
    }

    pub(super) fn heavy() -> bool {
        let is_registered = prepare();
        fence(Ordering::SeqCst);
        !is_registered || membarrier(MembarrierCommand::PrivateExpedited).is_ok()
    }
}

#[cfg(any(not(target_os = "linux"), reunite_model))]
mod barrier {
    use super::{Ordering, fence};

    pub(super) fn has_means() -> bool {
        false
    }

    pub(super) fn prepare() -> bool {
        false
    }

    pub(super) fn heavy() -> bool {
        fence(Ordering::SeqCst);
        true
    }
}

/// Makes light barriers almost free from now on, if the system allows it. May take as long as tens of milliseconds,
/// once.
pub(crate) fn prepare_barriers() {
    barrier::prepare();
}

/// Passes a heavy barrier. Returns false if the system has refused it, which it may do at any time: then this thread
/// may miss stores of the others.
#[must_use]
pub(crate) fn heavy_barrier() -> bool {
    barrier::heavy()
}

/// A light barrier, which a thread may pass many times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LightBarrier {
    is_fence: bool,
}

impl LightBarrier {
    pub(crate) fn get() -> Self {
        Self {
            is_fence: !barrier::has_means(),
        }
    }

    /// Makes a barrier for a thread whose stores no other thread looks for.
    pub(crate) fn unobserved() -> Self {
        Self { is_fence: false }
    }

    #[inline]
    pub(crate) fn pass(self) {
        if self.is_fence {
            fence(Ordering::SeqCst);
        } else {
            std::sync::atomic::compiler_fence(Ordering::SeqCst);
        }
    }
}

/// Returns the number of threads of the process; `None` if the system does not tell.
#[cfg(all(target_os = "linux", not(reunite_model)))]
pub(crate) fn threads_of_process() -> Option<usize> {
    // This does not read `stat`, which gets slower with the number of threads because it adds up their times.
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let threads = status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"));
    threads?.trim().parse().ok()
}

#[cfg(all(not(target_os = "linux"), not(reunite_model)))]
pub(crate) fn threads_of_process() -> Option<usize> {
    None
}

#[cfg(reunite_model)]
global! {
    /// The number of threads, the first one included, in a model that counts them; 0 in other models.
    static COUNTS_THREADS: Counter = Counter::new(0);
}

#[cfg(reunite_model)]
pub(crate) fn threads_of_process() -> Option<usize> {
    match COUNTS_THREADS.load(Ordering::SeqCst) {
        0 => None,
        threads => usize::try_from(threads).ok(),
    }
}

/// Starts to count the threads of a model, which has one.
#[cfg(all(test, reunite_model))]
pub(crate) fn count_threads_in_model() {
    COUNTS_THREADS.store(1, Ordering::SeqCst);
}

/// Adds to the count of threads in a model, where the system does not know it.
#[cfg(reunite_model)]
pub(crate) fn count_in_model(change: i64) {
    if COUNTS_THREADS.load(Ordering::SeqCst) > 0 {
        COUNTS_THREADS.fetch_add(change.cast_unsigned(), Ordering::SeqCst);
    }
}

/// Returns the system's number of the calling thread; `None` on systems where [`is_thread`] and [`is_asleep`] cannot
/// use it.
#[cfg(all(target_os = "linux", not(reunite_model)))]
pub(crate) fn thread_number() -> Option<u32> {
    thread_local! {
        static NUMBER: std::cell::Cell<Option<u32>> = const { std::cell::Cell::new(None) };
    }
    NUMBER.with(|number| {
        if number.get().is_none() {
            let id = rustix::thread::gettid().as_raw_nonzero().get();
            number.set(u32::try_from(id).ok());
        }
        number.get()
    })
}

#[cfg(any(not(target_os = "linux"), reunite_model))]
pub(crate) fn thread_number() -> Option<u32> {
    None
}

/// Returns true if the process has a thread of this number.
pub(crate) fn is_thread(number: u32) -> bool {
    std::path::Path::new(&format!("/proc/self/task/{number}")).exists()
}

/// Returns whether the system has put a thread to sleep; `None` if it does not tell.
#[cfg(all(target_os = "linux", not(reunite_model)))]
pub(crate) fn is_asleep(number: u64) -> Option<bool> {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{number}/stat")).ok()?;
    // The name, in parentheses, may contain any character.
    let (_, after) = stat.rsplit_once(')')?;
    Some(!after.trim_start().starts_with('R'))
}

#[cfg(any(not(target_os = "linux"), reunite_model))]
pub(crate) fn is_asleep(_: u64) -> Option<bool> {
    None
}

/// Returns the number of cores that this process may use. Affinity and cgroup limits are taken into account.
pub(crate) fn available_parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Returns true if several cores were allowed when this was first called: to the process, or, on systems that restrict
/// single threads, to the thread that called it.
pub(crate) fn has_several_cores() -> bool {
    static SEVERAL: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *SEVERAL.get_or_init(|| available_parallelism() > 1)
}

/// Returns true if the calling thread unwinds.
#[inline]
pub(crate) fn panicking() -> bool {
    std::thread::panicking()
}

/// Returns the name with which the calling thread was started, for threads that this library did not start.
pub(crate) fn foreign_thread_name() -> Option<String> {
    std::thread::current().name().map(str::to_owned)
}

pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Returns the time of a clock that is cheap to read, in milliseconds. It ticks every few milliseconds, and wraps
/// around after some weeks.
#[cfg(all(target_os = "linux", not(reunite_model)))]
#[inline]
pub(crate) fn coarse_millis() -> u32 {
    use rustix::time::{ClockId, clock_gettime};

    let at = clock_gettime(ClockId::MonotonicCoarse);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "only differences are of interest"
    )]
    let millis = (at.tv_sec as u32)
        .wrapping_mul(1_000)
        .wrapping_add(at.tv_nsec as u32 / 1_000_000);
    millis
}

#[cfg(not(all(target_os = "linux", not(reunite_model))))]
pub(crate) fn coarse_millis() -> u32 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(now);
    // Only differences matter.
    now().duration_since(start).as_millis() as u32
}
