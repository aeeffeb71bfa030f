//! Background work in a program with an event loop, such as that of a window (winit, Win32, AppKit). Other threads may
//! only post events to the loop, and the loop must never wait for a thread. `on_complete` posts an event when a task
//! has completed; the loop then takes the result by `try_join`.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use reunite::{JoinHandle, scope, sleep, spawn};

/// The events of the loop. `Clicked` and `CloseRequested` come from the system.
#[derive(Debug)]
enum Event {
    Clicked,
    Woken,
    CloseRequested,
}

/// Posts events from any thread: `EventLoopProxy` in winit, `PostMessage` in Win32.
#[derive(Clone)]
struct Proxy(Sender<Event>);

impl Proxy {
    fn post(&self, event: Event) {
        let _loop_gone = self.0.send(event);
    }
}

struct Window {
    proxy: Proxy,
    work: Option<JoinHandle<u64>>,
}

impl Window {
    fn start(&mut self) {
        let work = spawn(|| {
            scope(|s| {
                let parts = s.map(1..=8, |part: u64| {
                    sleep(Duration::from_millis(20)).map(|()| part * part)
                });
                parts.threads(2).into_iter().flatten().flatten().sum()
            })
        });
        let proxy = self.proxy.clone();
        work.on_complete(move || proxy.post(Event::Woken));
        self.work = Some(work);
    }

    /// Handles an event without waiting. Returns false if the window is to be closed.
    fn handle(&mut self, event: Event) -> bool {
        println!("{event:?}");
        match event {
            Event::Clicked if self.work.is_none() => self.start(),
            Event::Clicked => {}
            Event::Woken => {
                if let Some(result) = self.work.as_mut().and_then(JoinHandle::try_join) {
                    self.work = None;
                    match result {
                        Ok(sum) => println!("the sum of the squares is {sum}"),
                        Err(error) => println!("no sum: {error}"),
                    }
                    self.proxy.post(Event::CloseRequested);
                }
            }
            // The caller then drops the handle, which stops the work and waits for its end. That wait is harmless: the
            // loop has ended.
            Event::CloseRequested => return false,
        }
        true
    }
}

fn main() {
    let (sender, events): (_, Receiver<Event>) = channel();
    let proxy = Proxy(sender);
    let mut window = Window {
        proxy: proxy.clone(),
        work: None,
    };
    // The first click starts the work; the second comes while the work still runs, and is ignored.
    proxy.post(Event::Clicked);
    proxy.post(Event::Clicked);
    while events.recv().is_ok_and(|event| window.handle(event)) {}
}
