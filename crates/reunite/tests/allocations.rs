//! How many allocations a task costs. A test file of its own, as the allocator counts for the whole process.
#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
/// That were allocated and not freed.
static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is the system's allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller promises what this asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller promises what this asks for.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const ROUNDS: usize = 50;

/// Of one round of many, rounded down: lists that grow now and then count nothing. The least of many times, as on a busy machine
/// the thread that ran the last task may not be idle yet, and another is started.
fn allocations_of(mut round: impl FnMut()) -> usize {
    // Threads are started, thread-locals made.
    (0..100).for_each(|_| round());
    let mut allocations_a_round = || {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        (0..ROUNDS).for_each(|_| round());
        (ALLOCATIONS.load(Ordering::Relaxed) - before) / ROUNDS
    };
    (0..40).map(|_| allocations_a_round()).min().unwrap()
}

/// One test, as what others allocate meanwhile would count.
#[test]
fn a_task_costs_so_much_memory() {
    a_task_costs_so_many_allocations();
    who_keeps_a_handle_does_not_keep_a_large_closure();
}

fn a_task_costs_so_many_allocations() {
    let in_scope = reunite::scope(|s| {
        allocations_of(|| {
            black_box(s.spawn(|| black_box(1)).join().unwrap());
        })
    });
    let outside = allocations_of(|| {
        black_box(reunite::spawn(|| black_box(1)).join().unwrap());
    });
    let pool = reunite::Pool::builder().threads(1).build().unwrap();
    let in_pool = allocations_of(|| {
        black_box(pool.spawn(|| black_box(1)).join().unwrap());
    });
    // A span is two, and asks in what context the task runs; one of a pool has none before somebody asks.
    let expected = if cfg!(feature = "tracing") {
        [4, 4, 5]
    } else {
        [1, 1, 1]
    };
    assert_eq!([in_scope, outside, in_pool], expected);
}

fn who_keeps_a_handle_does_not_keep_a_large_closure() {
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
    // A thread may not have freed the last yet.
    let bytes = BYTES.load(Ordering::Relaxed).saturating_sub(before);
    assert!(bytes < COUNT * large.len() / 4, "{bytes} bytes are kept");
    drop(kept);
}
