//! Background work behind a terminal's screen. Keys and progress arrive through one queue, so the loop waits for both at
//! once, and takes the result of the work without waiting. `q` quits, `c` cancels the work.

use std::time::Duration;

use ratatui::crossterm::event::{Event, KeyCode, poll, read};
use ratatui::widgets::{Block, Gauge};
use reunite::channel::{Sender, unbounded};
use reunite::{Builder, JoinHandle, checkpoint, sleep};

const PARTS: u16 = 50;

/// The messages that wake the loop.
enum Wake {
    Key(KeyCode),
    Progress(u16),
    Completed,
}

fn work(wake: &Sender<Wake>) -> Result<u16, reunite::Cancelled> {
    for part in 1..=PARTS {
        sleep(Duration::from_millis(100))?;
        let _loop_gone = wake.try_send(Wake::Progress(part));
    }
    Ok(PARTS)
}

/// Reads keys until it is cancelled.
fn keys(wake: &Sender<Wake>) {
    while checkpoint().is_ok() {
        if poll(Duration::from_millis(50)).unwrap_or(false)
            && let Ok(Event::Key(key)) = read()
        {
            let _loop_gone = wake.try_send(Wake::Key(key.code));
        }
    }
}

fn main() -> std::io::Result<()> {
    let (wake, woken) = unbounded();
    let (teller, keyboard) = (wake.clone(), wake.clone());
    let _keys = Builder::new().name("keys").spawn(move || keys(&keyboard));
    let mut work: JoinHandle<_> = Builder::new().name("work").spawn(move || work(&teller));
    work.on_complete(move || drop(wake.try_send(Wake::Completed)));

    let mut terminal = ratatui::init();
    let (mut done, mut text) = (0, "working: c cancels, q quits".to_owned());
    loop {
        terminal.draw(|frame| {
            let gauge = Gauge::default().block(Block::bordered().title(text.as_str()));
            frame.render_widget(gauge.percent(done * 100 / PARTS), frame.area());
        })?;
        match woken.recv() {
            Ok(Wake::Key(KeyCode::Char('q'))) | Err(_) => break,
            Ok(Wake::Key(KeyCode::Char('c'))) => work.cancel(),
            Ok(Wake::Key(_)) => {}
            Ok(Wake::Progress(part)) => done = part,
            Ok(Wake::Completed) => match work.try_join() {
                Some(Ok(Ok(parts))) => text = format!("{parts} parts made: q quits"),
                Some(Ok(Err(error))) => text = format!("{error}: q quits"),
                Some(Err(error)) => text = format!("{error}: q quits"),
                None => {}
            },
        }
    }
    ratatui::restore();
    Ok(())
    // Dropping the handles cancels and joins both tasks; both check often whether to stop.
}
