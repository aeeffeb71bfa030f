//! The stand-in for `src/primitive.rs`.
//!
//! The checker has no sequentially consistent loads and stores, but it has such fences. There are two ways to build the
//! former from the latter, which compilers use: a fence before each load, or a fence after each store. An access with a
//! weaker ordering loses its fence in at least one of the two, so a model is checked with both. But a fence orders more
//! than the access for which it was inserted; so a model of code that needs no sequential consistency has no fences.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};

pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::{Arc, OnceLock};
// Outlives the executions of a model, and is only counted up and down: std's, not the checker's.
pub(crate) use std::sync::atomic::Ordering;
pub(crate) use std::sync::atomic::{AtomicPtr as Mark, AtomicU64 as Counter};
pub(crate) use std::time::{Duration, Instant};

macro_rules! global {
    ($(#[$told:meta])* static $name:ident: $type:ty = $value:expr;) => {
        $(#[$told])*
        static $name: $type = $value;
    };
}

pub(crate) use global;

/// A mark without effect.
pub(crate) struct Inside;

impl Inside {
    pub(crate) fn mark() -> Self {
        Self
    }
}

/// The places of the fences.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fences {
    BeforeLoads,
    AfterStores,
    /// The model has no fences: only acquire and release order accesses.
    Nowhere,
}

/// The checker's atomic, which cannot be made in a constant.
macro_rules! watched_thread_local {
    ($(static $name:ident: $of:ty = const $value:block;)*) => {
        loom::thread_local! { $(static $name: $of = $value;)* }
    };
    ($($any:tt)*) => {
        loom::thread_local! { $($any)* }
    };
}
pub(crate) use watched_thread_local as thread_local;

std::thread_local! {
    /// The thread of a model: a coroutine of the thread that checks it.
    static CHOSEN: Cell<Fences> = const { Cell::new(Fences::BeforeLoads) };
}

impl Fences {
    pub(crate) fn choose(self) {
        CHOSEN.set(self);
    }

    fn stand_here(self, order: Ordering) {
        if order == Ordering::SeqCst && CHOSEN.get() == self {
            fence(Ordering::SeqCst);
        }
    }
}

pub(crate) fn fence(order: Ordering) {
    loom::sync::atomic::fence(order);
}

/// The system has no part in a model.
#[derive(Clone, Copy)]
pub(crate) struct LightBarrier;

impl LightBarrier {
    pub(crate) fn pass(self) {
        fence(Ordering::SeqCst);
    }
}

pub(crate) fn heavy_barrier() -> bool {
    fence(Ordering::SeqCst);
    true
}

/// The strongest ordering of each kind that the checker has.
fn weaker(order: Ordering, strongest: Ordering) -> Ordering {
    match order {
        Ordering::SeqCst => strongest,
        other => other,
    }
}

macro_rules! atomic {
    ($($name:ident: $value:ty),*) => { $(
        /// An atomic made when it is first used, because the checker's cannot be made in a constant. Every model uses
        /// each once before it starts another thread, and fails otherwise.
        pub(crate) struct $name {
            first: $value,
            made: OnceLock<loom::sync::atomic::$name>,
        }

        impl $name {
            pub(crate) const fn new(first: $value) -> Self {
                Self { first, made: OnceLock::new() }
            }

            fn made(&self) -> &loom::sync::atomic::$name {
                self.made.get_or_init(|| loom::sync::atomic::$name::new(self.first))
            }

            pub(crate) fn load(&self, order: Ordering) -> $value {
                Fences::BeforeLoads.stand_here(order);
                self.made().load(weaker(order, Ordering::Acquire))
            }

            pub(crate) fn store(&self, value: $value, order: Ordering) {
                self.made().store(value, weaker(order, Ordering::Release));
                Fences::AfterStores.stand_here(order);
            }

            fn modify<R>(
                &self,
                order: Ordering,
                modify: impl FnOnce(&loom::sync::atomic::$name, Ordering) -> R,
            ) -> R {
                Fences::BeforeLoads.stand_here(order);
                let modified = modify(self.made(), weaker(order, Ordering::AcqRel));
                Fences::AfterStores.stand_here(order);
                modified
            }

            pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                self.modify(order, |made, order| made.swap(value, order))
            }

            pub(crate) fn compare_exchange(
                &self,
                from: $value,
                to: $value,
                order: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                let failure = weaker(failure, Ordering::Acquire);
                self.modify(order, |made, order| made.compare_exchange(from, to, order, failure))
            }

            pub(crate) fn compare_exchange_weak(
                &self,
                from: $value,
                to: $value,
                order: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(from, to, order, failure)
            }

            pub(crate) fn fetch_update(
                &self,
                order: Ordering,
                failure: Ordering,
                update: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                let failure = weaker(failure, Ordering::Acquire);
                self.modify(order, |made, order| made.fetch_update(order, failure, update))
            }

            pub(crate) fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                self.modify(order, |made, order| made.fetch_or(value, order))
            }

            pub(crate) fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                self.modify(order, |made, order| made.fetch_and(value, order))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )* };
}

atomic!(AtomicBool: bool, AtomicU8: u8, AtomicUsize: usize);

macro_rules! counting {
    ($($name:ident: $value:ty),*) => { $(
        impl $name {
            pub(crate) fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                self.modify(order, |made, order| made.fetch_add(value, order))
            }

            pub(crate) fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                self.modify(order, |made, order| made.fetch_sub(value, order))
            }
        }
    )* };
}

counting!(AtomicU8: u8, AtomicUsize: usize);

/// A cell of which every use counts as a write: the files that use it have it alone whenever they use it.
pub(crate) struct UnsafeCell<T>(loom::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    pub(crate) fn get(&self) -> *mut T {
        self.0.with_mut(|value| value)
    }
}

/// The checker's lock beside the value, because a lock with a value cannot be made in a constant.
pub(crate) struct Mutex<T> {
    lock: OnceLock<loom::sync::Mutex<()>>,
    value: std::sync::Mutex<T>,
}

/// Releases the value first: the fields are dropped in order.
pub(crate) struct MutexGuard<'a, T> {
    value: std::sync::MutexGuard<'a, T>,
    _lock: loom::sync::MutexGuard<'a, ()>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            lock: OnceLock::new(),
            value: std::sync::Mutex::new(value),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let lock = self.lock.get_or_init(loom::sync::Mutex::default);
        let lock = lock.lock().unwrap();
        MutexGuard {
            value: self.value.lock().unwrap(),
            _lock: lock,
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// A thread to wake. The checker's own parker loses an unpark that comes while the thread waits for a lock.
#[derive(Clone, Debug)]
pub(crate) struct Thread(Arc<Token>);

pub(crate) type ThreadId = usize;

#[derive(Debug, Default)]
struct Token {
    left: loom::sync::Mutex<bool>,
    changed: loom::sync::Condvar,
}

loom::thread_local! {
    static HERE: Thread = Thread(Arc::default());
}

impl Thread {
    pub(crate) fn unpark(&self) {
        *self.0.left.lock().unwrap() = true;
        self.0.changed.notify_one();
    }

    pub(crate) fn name(&self) -> Option<&str> {
        None
    }

    pub(crate) fn id(&self) -> ThreadId {
        Arc::as_ptr(&self.0).addr()
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

pub(crate) fn yield_now() {
    loom::thread::yield_now();
}

pub(crate) fn now() -> Instant {
    Instant::now()
}
