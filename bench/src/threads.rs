//! What it costs to start a task and to have it back.

use std::error::Error;
use std::time::Instant;

use crate::rounds::{Candidate, print, sample};

const BATCH: u32 = 200;

pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    println!("spawn one, join one:");
    let mut candidates: Vec<Candidate<'_>> = vec![
        each("std::thread", || {
            let _ = std::thread::spawn(|| 1).join();
        }),
        each("reunite::spawn", || {
            let _ = reunite::spawn(|| 1).join();
        }),
        each("reunite::scope of one", || {
            reunite::scope(|s| {
                let _ = s.spawn(|| 1).join();
            });
        }),
        each("rayon::scope of one (a pool)", || {
            rayon::scope(|s| s.spawn(|_| ()))
        }),
    ];
    let samples = sample(30, &mut candidates);
    print("µs", &candidates, &samples);

    println!("\nscope of eight that are joined at the end, a task:");
    let mut candidates: Vec<Candidate<'_>> = vec![
        each("std::thread::scope", || {
            std::thread::scope(|s| (0..8).for_each(|_| drop(s.spawn(|| 1))));
        }),
        each("reunite::scope", || {
            reunite::scope(|s| (0..8).for_each(|_| drop(s.spawn(|| 1))));
        }),
    ];
    let samples = sample(30, &mut candidates);
    let a_task: Vec<Vec<f64>> = samples
        .iter()
        .map(|samples| samples.iter().map(|us| us / 8.0).collect())
        .collect();
    print("µs", &candidates, &a_task);
    Ok(())
}

/// Microseconds a call, over a batch of calls.
fn each<'a>(name: &'a str, mut call: impl FnMut() + 'a) -> Candidate<'a> {
    let measure = move || {
        let start = Instant::now();
        (0..BATCH).for_each(|_| call());
        start.elapsed().as_secs_f64() * 1e6 / f64::from(BATCH)
    };
    (name, Box::new(measure))
}
