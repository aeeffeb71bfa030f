//! Threads that wait, and pools that have nothing to do.

use std::time::{Duration, Instant};

use super::peers::{chili, cpu_seconds, pool, rayon, seconds};
use crate::rounds::Candidate;
use crate::table::Table;

pub(super) fn run(table: &mut Table) {
    let ideal = 1_000.0 / 64.0 * 0.010;
    let candidates: Vec<Candidate<'_>> = vec![
        ("ideal", Box::new(move || ideal * 1e3)),
        (
            "reunite: scope, max_threads(64)",
            Box::new(|| {
                seconds(|| {
                    let builder = reunite::ScopeBuilder::new().max_threads(64);
                    let ended = builder.scope(|s| {
                        (0..1_000).for_each(|_| {
                            s.spawn(|| std::thread::sleep(Duration::from_millis(10)));
                        });
                    });
                    ended.expect("nobody fails");
                }) * 1e3
            }),
        ),
        (
            "reunite::for_each, threads(64)",
            Box::new(|| {
                seconds(|| {
                    let mapped =
                        reunite::map(0..1_000, |_| std::thread::sleep(Duration::from_millis(10)));
                    mapped.threads(64).into_iter().for_each(drop);
                }) * 1e3
            }),
        ),
    ];
    table.measure(
        "1,000 sleeps of 10 ms on 64 threads: wall time",
        "ms",
        9,
        candidates,
    );

    let candidates: Vec<Candidate<'_>> = vec![
        (
            "std::thread",
            Box::new(|| spawn_and_join(|| drop(std::thread::spawn(|| 1).join()))),
        ),
        (
            "reunite::spawn",
            Box::new(|| spawn_and_join(|| drop(reunite::spawn(|| 1).join()))),
        ),
    ];
    table.measure(
        "spawn one on a thread, join it: wall time",
        "µs",
        31,
        candidates,
    );

    // 64 tasks block and one fails: the time until all are back.
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "std: unpark one by one, join",
            Box::new(|| {
                let threads: Vec<_> = (0..64)
                    .map(|_| std::thread::spawn(std::thread::park))
                    .collect();
                std::thread::sleep(Duration::from_millis(5));
                seconds(|| {
                    threads.iter().for_each(|thread| thread.thread().unpark());
                    threads
                        .into_iter()
                        .for_each(|thread| thread.join().expect("no panic"));
                }) * 1e6
            }),
        ),
        (
            "reunite: try_scope fails",
            Box::new(|| {
                let failed_at = std::sync::Mutex::new(Instant::now());
                let result = reunite::try_scope(|s| {
                    for _ in 0..64 {
                        s.spawn(|| match reunite::sleep(Duration::from_secs(60)) {
                            Ok(()) => Ok(()),
                            Err(_) => Err("cancelled"),
                        });
                    }
                    s.spawn(|| {
                        std::thread::sleep(Duration::from_millis(5));
                        *failed_at.lock().expect("no panic") = Instant::now();
                        Err::<(), _>("failed")
                    });
                    Ok(())
                });
                assert!(result.is_err());
                let failed_at = *failed_at.lock().expect("no panic");
                failed_at.elapsed().as_secs_f64() * 1e6
            }),
        ),
    ];
    table.measure(
        "one fails while 64 threads block, until all are back: wall time",
        "µs",
        15,
        candidates,
    );

    let (mine, rayons, chilis) = (pool(2), rayon(2), chili(2));
    let mut idle: Vec<Candidate<'_>> = vec![(
        "nothing",
        Box::new(|| percent(|| std::thread::sleep(Duration::from_secs(2)))),
    )];
    idle.push((
        "reunite: a live pool and scope",
        Box::new(|| {
            mine.scope(|s| {
                drop(s.spawn(|| 1).join());
                std::thread::sleep(Duration::from_millis(10));
                percent(|| std::thread::sleep(Duration::from_secs(2)))
            })
        }),
    ));
    idle.push((
        "chili: a live scope",
        Box::new(|| {
            let _scope = chilis.scope();
            percent(|| std::thread::sleep(Duration::from_secs(2)))
        }),
    ));
    table.measure("idle: processor time", "%", 3, idle);

    let every_millisecond = |mut no_op: Box<dyn FnMut() + '_>| {
        percent(|| {
            for _ in 0..500 {
                std::thread::sleep(Duration::from_millis(1));
                no_op();
            }
        })
    };
    let candidates: Vec<Candidate<'_>> = vec![
        ("no pool", Box::new(|| every_millisecond(Box::new(|| ())))),
        (
            "reunite: Pool::spawn",
            Box::new(|| every_millisecond(Box::new(|| mine.spawn(|| ()).detach()))),
        ),
        (
            "rayon: spawn",
            Box::new(|| every_millisecond(Box::new(|| rayons.spawn(|| ())))),
        ),
    ];
    table.measure(
        "one no-op a millisecond: processor time",
        "%",
        5,
        candidates,
    );
}

fn spawn_and_join(once: impl Fn()) -> f64 {
    seconds(|| (0..200).for_each(|_| once())) * 1e6 / 200.0
}

/// The processor time of the process, as a percentage of the wall time.
fn percent(f: impl FnOnce()) -> f64 {
    let mut wall = 0.0;
    let cpu = cpu_seconds(|| wall = seconds(f));
    cpu / wall * 100.0
}
