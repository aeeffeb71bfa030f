//! Measures how long frames take while a batch keeps every core busy, and how fast it is cancelled.
//!
//! ```text
//! cargo run --example frames -- FOLDER [SECONDS] [--no-screen]
//! ```
//!
//! Opens the window (or draws without a screen), resizes the folder's pictures into a temporary folder, scrolls through
//! the list with the panel of tasks open, draws as often as possible, and prints the times between frames. The profiler
//! tells whether the drawing thread ever waited.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use eframe::egui::{Event, Modifiers, MouseWheelUnit, RawInput, TouchPhase, Ui, pos2, vec2};
use reunite_desk::{Settings, Window};

struct Measured {
    window: Window,
    lasts: Duration,
    began: Option<Instant>,
    last: Option<Instant>,
    frames: Vec<Duration>,
    cancelled: Option<Instant>,
    done: bool,
}

impl Measured {
    fn new(
        ctx: &eframe::egui::Context,
        settings: Settings,
        folder: PathBuf,
        lasts: Duration,
    ) -> Self {
        let mut window = Window::with(ctx, settings, None);
        window.desk_mut().add([folder]);
        Self {
            window,
            lasts,
            began: None,
            last: None,
            frames: Vec::new(),
            cancelled: None,
            done: false,
        }
    }

    fn frame(&mut self, ui: &mut Ui) {
        let now = Instant::now();
        if let Some(last) = self
            .last
            .replace(now)
            .filter(|_| self.began.is_some() && self.cancelled.is_none())
        {
            self.frames.push(now - last);
        }
        self.window.show(ui);
        ui.ctx().request_repaint();
        let desk = self.window.desk_mut();
        match (self.began, self.cancelled) {
            (None, _) if desk.can_start() => desk.start(),
            // Measures from here on, as the first pictures are being made.
            (None, _) if desk.counts().running > 0 => self.began = Some(now),
            (Some(began), None) if now - began > self.lasts || !desk.is_working() => {
                desk.cancel_all();
                self.cancelled = Some(now);
            }
            (Some(_), Some(cancelled)) if !self.done && !desk.is_working() => {
                self.done = true;
                self.report(now - cancelled);
            }
            _ => {}
        }
    }

    fn report(&mut self, cancel: Duration) {
        self.frames.sort_unstable();
        let at = |part: f64| {
            let place = (self.frames.len() as f64 * part) as usize;
            let frame = self.frames.get(place.min(self.frames.len() - 1));
            frame.map_or(0.0, |frame| frame.as_secs_f64() * 1e3)
        };
        let counts = self.window.desk().counts();
        println!(
            "{} frames: median {:.1} ms, 99 of 100 within {:.1} ms, the longest {:.1} ms",
            self.frames.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
        println!(
            "{} pictures in the list, {} made; all cancelled within {:.1} ms",
            self.window.desk().rows().len(),
            counts.done,
            cancel.as_secs_f64() * 1e3
        );
    }

    /// Turns the mouse wheel down, then up.
    fn turn(&self, input: &mut RawInput) {
        let down = self.frames.len() % 400 < 200;
        input.events.push(Event::PointerMoved(pos2(700.0, 250.0)));
        input.events.push(Event::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: vec2(0.0, if down { -90.0 } else { 90.0 }),
            source: eframe::egui::MouseWheelSource::Wheel,
            phase: TouchPhase::Move,
            modifiers: Modifiers::NONE,
        });
    }
}

impl eframe::App for Measured {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.frame(ui);
        if self.done {
            ui.ctx()
                .send_viewport_cmd(eframe::egui::ViewportCommand::Close);
        }
    }

    fn raw_input_hook(&mut self, _ctx: &eframe::egui::Context, input: &mut RawInput) {
        self.turn(input);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(
        arguments
            .next()
            .ok_or("frames FOLDER [SECONDS] [--no-screen]")?,
    );
    let rest: Vec<String> = arguments.collect();
    let seconds = rest.iter().find_map(|word| word.parse().ok()).unwrap_or(20);
    let lasts = Duration::from_secs(seconds);
    let out = tempfile::tempdir()?;
    let settings = Settings {
        out: out.path().join("out"),
        watching: true,
        ..Settings::default()
    };
    let profiling = reunite::profile::start();
    if rest.iter().any(|word| word == "--no-screen") {
        let mut harness = egui_kittest::Harness::builder()
            .with_size([1120.0, 760.0])
            .with_accessibility_check(false)
            .build_ui_state(
                move |ui, measured: &mut Option<Measured>| {
                    measured
                        .get_or_insert_with(|| {
                            Measured::new(ui.ctx(), settings.clone(), folder.clone(), lasts)
                        })
                        .frame(ui);
                },
                None,
            );
        while harness
            .state()
            .as_ref()
            .is_none_or(|measured| !measured.done)
        {
            if let Some(measured) = harness.state() {
                let mut input = RawInput::default();
                measured.turn(&mut input);
                harness.input_mut().events.extend(input.events);
            }
            harness.step();
        }
    } else {
        let options = eframe::NativeOptions {
            viewport: eframe::egui::ViewportBuilder::default().with_inner_size([1120.0, 760.0]),
            ..eframe::NativeOptions::default()
        };
        let create: eframe::AppCreator<'_> = Box::new(move |context| {
            Ok(Box::new(Measured::new(
                &context.egui_ctx,
                settings,
                folder,
                lasts,
            )))
        });
        eframe::run_native("frames", options, create)?;
    }
    let profile = profiling.finish();
    let drawing = |thread: usize| profile.threads[thread].name == "main";
    let waits = profile.tasks.iter().flat_map(|task| &task.waits);
    let waited: Vec<_> = waits.filter(|wait| drawing(wait.thread)).collect();
    let lost: Duration = waited.iter().map(|wait| wait.to - wait.from).sum();
    println!(
        "the thread that draws waited {} times, {:.1} ms in all",
        waited.len(),
        lost.as_secs_f64() * 1e3
    );
    Ok(())
}
