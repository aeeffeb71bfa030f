//! The ledger of an output folder, and the lock that protects it.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use image::RgbImage;
use reunite::ScopeBuilder;
use reunite::sync::Mutex;
use reunite_images::Transform;
use reunite_images::batch::{Ledger, Options, find, lock_shielded, run};

/// The time after which a test that waits has failed.
const PATIENCE: Duration = Duration::from_secs(60);

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

#[test]
fn results_written_while_the_ledger_is_locked_are_recorded_although_the_batch_is_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::create_dir(&input).unwrap();
    std::fs::create_dir(&out).unwrap();
    for number in 0..3 {
        let name = input.join(format!("{number}.png"));
        RgbImage::new(40, 30).save(name).unwrap();
    }
    let mut ledger = Ledger::open(&out);
    let jobs = find(&[input], &out, None, &ledger).jobs;
    ledger.begin(&jobs).unwrap();
    let options = Options {
        transform: Transform::default(),
        threads: 1,
        low_priority: false,
        memory: 64 << 20,
        item_timeout: None,
    };
    let ledger = Mutex::new(ledger);

    // Holds the lock, as a slow save does.
    let saving = lock_shielded(&ledger);
    let (begun, begins) = channel();
    let (made, results) = channel();
    std::thread::scope(|threads| {
        let (jobs, options, ledger) = (&jobs, &options, &ledger);
        let batch = threads.spawn(move || {
            ScopeBuilder::new().name("batch").scope(|scope| {
                begun.send(scope.canceller()).unwrap();
                run(scope, jobs, options, move |place, outcome| {
                    if outcome.is_ok() {
                        lock_shielded(ledger).record(&jobs[place], &options.transform);
                        made.send(place).unwrap();
                    }
                });
            })
        });
        let canceller = begins.recv_timeout(PATIENCE).unwrap();
        until("a result waits for the ledger", || {
            reunite::dump().to_string().contains("mutex")
        });
        canceller.cancel("enough");
        drop(saving);
        // An error if the cancellation left pictures out.
        let _ended = batch.join().unwrap();
    });
    ledger.into_inner().save().unwrap();

    let results: Vec<usize> = results.iter().collect();
    assert_eq!(results.first(), Some(&0), "{results:?}");
    let reopened = Ledger::open(&out);
    for job in jobs.iter().filter(|job| job.output.exists()) {
        assert!(
            reopened.is_current(job, &options.transform),
            "{} is forgotten",
            job.output.display()
        );
    }
}

#[test]
fn the_lock_can_be_taken_after_a_panic_of_its_holder() {
    let mutex = Mutex::new(0);
    let outcome = reunite::scope(|s| {
        s.spawn(|| {
            *lock_shielded(&mutex) += 1;
            let _held = lock_shielded(&mutex);
            panic!("under the lock");
        })
        .join()
    });
    assert!(outcome.is_err_and(|error| error.is_panic()));
    assert!(mutex.is_poisoned());
    assert_eq!(*lock_shielded(&mutex), 1);
}
