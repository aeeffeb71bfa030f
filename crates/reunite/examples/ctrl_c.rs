//! A program that ends in order at Ctrl-C: its tasks end, and their results are kept. A second Ctrl-C ends the process at
//! once. Run it with `cargo run -p reunite --features signal --example ctrl_c`.

use std::io;
use std::time::Duration;

use reunite::{on_interrupt, scope, shield, sleep};

fn main() -> io::Result<()> {
    let seconds = scope(|s| {
        let canceller = s.canceller();
        let _guard = on_interrupt(move || canceller.cancel("interrupted"))?;
        println!("working until Ctrl-C");
        let second = Duration::from_secs(1);
        let task = s.spawn(move || (0..).take_while(|_| sleep(second).is_ok()).count());
        // At Ctrl-C every wait in the scope ends. In `shield` this one goes on, so that the result is kept.
        io::Result::Ok(shield(|| task.join())?)
    })?;
    println!("worked for {seconds} s");
    Ok(())
}
