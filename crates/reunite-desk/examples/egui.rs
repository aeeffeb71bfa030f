//! Background work behind an egui window. The work wakes the window when it is done, and the window takes the result
//! without waiting.

use std::time::Duration;

use eframe::egui::{Button, CentralPanel, ProgressBar, Ui};
use reunite::channel::{Receiver, unbounded};
use reunite::{JoinHandle, scope, sleep, spawn};

const PARTS: u32 = 40;

#[derive(Default)]
struct Window {
    /// The work, and its progress.
    work: Option<(JoinHandle<u64>, Receiver<u32>)>,
    done: u32,
    text: String,
}

impl Window {
    fn start(&mut self, ui: &Ui) {
        let (tell, told) = unbounded();
        let (progress, completed) = (ui.ctx().clone(), ui.ctx().clone());
        let work = spawn(move || {
            // A scope in the background: its tasks may borrow, and it ends when all of them have completed.
            scope(|s| {
                let parts = s.map(1..=PARTS, |part| {
                    let _cancelled = sleep(Duration::from_millis(200));
                    u64::from(part)
                });
                let mut sum = 0;
                for part in parts.threads(2).into_iter().flatten() {
                    sum += part;
                    let _window_gone = tell.try_send(1);
                    progress.request_repaint();
                }
                sum
            })
        });
        work.on_complete(move || completed.request_repaint());
        (self.work, self.done) = (Some((work, told)), 0);
    }

    fn take(&mut self) {
        let Some((work, told)) = &mut self.work else {
            return;
        };
        self.done += std::iter::from_fn(|| told.try_recv().ok()).sum::<u32>();
        if let Some(result) = work.try_join() {
            self.text = match result {
                Ok(sum) => format!("{} parts, {sum} in all", self.done),
                Err(error) => error.to_string(),
            };
            self.work = None;
        }
    }
}

impl eframe::App for Window {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.take();
        CentralPanel::default().show(ui, |ui| {
            let idle = self.work.is_none();
            if ui.add_enabled(idle, Button::new("Start")).clicked() {
                self.start(ui);
            }
            if let Some((work, _)) = &self.work
                && ui.button("Cancel").clicked()
            {
                work.cancel();
            }
            ui.add(ProgressBar::new(self.done as f32 / PARTS as f32));
            ui.label(&self.text);
        });
    }
}

fn main() -> eframe::Result {
    let options = eframe::NativeOptions::default();
    eframe::run_native(
        "background work",
        options,
        Box::new(|_| Ok(Box::new(Window::default()))),
    )
}
