//! Background work behind an event loop as windows have one (winit, Win32, AppKit): other threads may only post events
//! to it, and it must never wait for them. `on_complete` posts one, `try_join` takes the result.

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

    /// False when the window is to go. Waits for nothing.
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
            // Dropping the handle stops the work, and is the one wait: the window is gone by then.
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
    // A click that starts the work, and one that comes too early.
    proxy.post(Event::Clicked);
    proxy.post(Event::Clicked);
    while events.recv().is_ok_and(|event| window.handle(event)) {}
}
