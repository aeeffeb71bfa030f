//! The window without a screen.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use eframe::egui::{Key, Modifiers, ViewportEvent, ViewportId};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use reunite_desk::{Desk, Window};

use super::{Folder, PATIENCE};

pub(crate) struct Screen {
    pub(crate) harness: Harness<'static, Option<Window>>,
    woken: Receiver<()>,
}

impl Screen {
    pub(crate) fn of(folder: &Folder) -> Self {
        let settings = folder.settings();
        let harness = Harness::builder()
            .with_size([1120.0, 760.0])
            .build_ui_state(
                move |ui, window: &mut Option<Window>| {
                    window
                        .get_or_insert_with(|| Window::with(ui.ctx(), settings.clone(), None))
                        .show(ui);
                },
                None,
            );
        let (wake, woken) = channel();
        harness.ctx.set_request_repaint_callback(move |_| {
            let _over = wake.send(());
        });
        let mut this = Self { harness, woken };
        let window = this.harness.state_mut().as_mut().unwrap();
        window.desk_mut().add([folder.input()]);
        this.until(|desk| !desk.is_looking());
        this.harness.step();
        this
    }

    pub(crate) fn desk(&self) -> &Desk {
        self.harness.state().as_ref().unwrap().desk()
    }

    /// Draws frames as they are requested, until `done` returns true.
    pub(crate) fn until(&mut self, done: impl Fn(&Desk) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            self.harness.step();
            if done(self.desk()) {
                return;
            }
            assert!(
                Instant::now() < end,
                "this does not come: {:?}",
                self.desk()
            );
            let _time_is_up = self.woken.recv_timeout(Duration::from_millis(100));
        }
    }

    pub(crate) fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.step();
        self.harness.step();
    }

    pub(crate) fn press(&mut self, key: Key) {
        self.harness.key_press_modifiers(Modifiers::COMMAND, key);
        self.harness.step();
        self.harness.step();
    }

    pub(crate) fn shows(&self, text: &str) -> bool {
        self.harness
            .query_all_by_label_contains(text)
            .next()
            .is_some()
    }

    pub(crate) fn close(&mut self) {
        let viewports = &mut self.harness.input_mut().viewports;
        let root = viewports.entry(ViewportId::ROOT).or_default();
        root.events.push(ViewportEvent::Close);
        self.harness.step();
        self.harness.step();
    }
}
