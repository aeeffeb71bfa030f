//! The number of allocations and the memory that a task costs. Each test binary has one allocator, which
//! counts for the whole process, so these tests have a file of their own.
#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
/// The number of bytes that were allocated and not freed.
static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller guarantees what the system's allocator requires.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller guarantees what the system's allocator requires.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const ROUNDS: usize = 50;

/// Returns the allocations of one round, averaged over many and rounded down, so that lists that grow now and
/// then do not count. The least of many measurements, as on a busy machine the thread that ran the last task
/// may not be idle yet, and another is started.
fn allocations_of(mut round: impl FnMut()) -> usize {
    // The first rounds start threads and make thread-locals.
    (0..100).for_each(|_| round());
    let mut allocations_a_round = || {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        (0..ROUNDS).for_each(|_| round());
        (ALLOCATIONS.load(Ordering::Relaxed) - before) / ROUNDS
    };
    (0..40).map(|_| allocations_a_round()).min().unwrap()
}

/// One test, as allocations of others at the same time would count.
#[test]
fn a_task_takes_a_limited_amount_of_memory() {
    a_task_takes_a_limited_number_of_allocations();
    a_handle_does_not_keep_a_large_closure_alive();
}

fn a_task_takes_a_limited_number_of_allocations() {
    let in_scope = reunite::scope(|s| {
        allocations_of(|| {
            black_box(s.spawn(|| black_box(1)).join().unwrap());
        })
    });
    let outside = allocations_of(|| {
        black_box(reunite::spawn(|| black_box(1)).join().unwrap());
    });
    let pool = reunite::Pool::builder().threads(1).build().unwrap();
    // Run by the worker: where the joiner runs the task itself, there is one allocation more.
    let in_pool = allocations_of(|| {
        let task = pool.spawn(|| black_box(1));
        while !task.is_finished() {
            std::thread::yield_now();
        }
        black_box(task.join().unwrap());
    });
    // A span takes two, and makes the context of the task, which a pool's task otherwise does not have.
    let expected = if cfg!(feature = "tracing") {
        [4, 4, 5]
    } else {
        [1, 1, 1]
    };
    assert_eq!([in_scope, outside, in_pool], expected);
}

fn a_handle_does_not_keep_a_large_closure_alive() {
    const COUNT: usize = 100;
    let large = [1_u8; 32_768];
    let before = BYTES.load(Ordering::Relaxed);
    let kept: Vec<_> = (0..COUNT)
        .map(|_| {
            let mut task = reunite::spawn(move || large.iter().map(|n| usize::from(*n)).sum());
            let sum: usize = loop {
                match task.try_join() {
                    Some(sum) => break sum.unwrap(),
                    None => std::thread::yield_now(),
                }
            };
            assert_eq!(sum, large.len());
            task
        })
        .collect();
    // A thread may not have freed the last task yet.
    let bytes = BYTES.load(Ordering::Relaxed).saturating_sub(before);
    assert!(bytes < COUNT * large.len() / 4, "{bytes} bytes are kept");
    drop(kept);
}
