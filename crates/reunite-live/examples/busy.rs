//! A program to watch: `cargo run -p reunite-live --example busy -- 30` runs for thirty seconds, or until it is
//! cancelled in its live view.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use reunite::sync::{Barrier, Mutex};
use reunite::{Builder, ScopeBuilder};
use reunite_live::{Live, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args()
        .nth(1)
        .map_or(Ok(30), |word| word.parse())?;
    let ledger = Mutex::new(());
    let (_sender, lines) = reunite::channel::bounded::<String>(1);
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    ScopeBuilder::new()
        .name("busy")
        .scope(|s| {
            let canceller = s.canceller();
            let live = Live::start(here, Options::new("busy"), move || {
                canceller.cancel("cancelled in the live view");
                true
            })?;
            println!("{}", live.url());
            let alarm = s.canceller();
            s.spawn_with(Builder::new().name("alarm"), move || {
                if reunite::sleep(Duration::from_secs(seconds)).is_ok() {
                    alarm.cancel("the time is up");
                }
            });
            s.spawn_with(Builder::new().name("panic"), || panic!("on purpose"));
            s.spawn_with(Builder::new().name("deadlock"), deadlock);
            let writer = s.spawn_with(Builder::new().name("writer"), || {
                let _held = ledger.lock();
                // Nothing is sent, so it holds the lock until it is cancelled.
                lines.recv().is_ok()
            });
            let reader = s.spawn_with(Builder::new().name("reader"), || ledger.lock().is_ok());
            let batch = s.spawn_with(Builder::new().name("batch"), || {
                ScopeBuilder::new().name("items").max_threads(4).scope(|s| {
                    for n in 0..1_000 {
                        let name = format!("item {n}");
                        s.spawn_with(Builder::new().name(name), move || {
                            reunite::sleep(Duration::from_millis(20 + n % 7 * 10))
                        });
                    }
                })
            });
            let _outcomes = (writer.join(), reader.join(), batch.join());
            Ok::<(), std::io::Error>(())
        })
        .map_or_else(|error| Err(error.into()), |begun| Ok(begun?))
}

/// Two tasks that take two locks in opposite order: one of them is refused.
fn deadlock() {
    let (a, b, met) = (Mutex::new(()), Mutex::new(()), Barrier::new(2));
    let both = |first: &Mutex<()>, second: &Mutex<()>| {
        let _first = first.lock();
        let _met = met.wait();
        second.lock().is_ok()
    };
    reunite::scope(|s| {
        s.spawn(|| both(&a, &b));
        s.spawn(|| both(&b, &a));
    });
}
