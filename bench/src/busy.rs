//! Other processes that use the cores during a measurement.

use std::error::Error;
use std::io::Read;
use std::process::{Child, Command, Stdio};

/// The hidden command by which this program uses a core.
pub(crate) const COMMAND: &str = "use-a-core";

/// Processes that compute until this is dropped.
pub(crate) struct Busy(Vec<Child>);

impl Busy {
    pub(crate) fn start(count: usize) -> Result<Self, Box<dyn Error>> {
        let program = std::env::current_exe()?;
        let mut busy = Self(Vec::new());
        for _ in 0..count {
            let mut child = Command::new(&program);
            child.arg(COMMAND).stdin(Stdio::piped());
            busy.0.push(child.spawn()?);
        }
        Ok(busy)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // A process that has ended needs no kill.
            let _ended = child.kill();
            let _ended = child.wait();
        }
    }
}

/// Computes until the process that started this one is gone, for whatever reason.
pub(crate) fn use_a_core() -> ! {
    std::thread::spawn(|| {
        let _closed = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    loop {
        std::hint::spin_loop();
    }
}
