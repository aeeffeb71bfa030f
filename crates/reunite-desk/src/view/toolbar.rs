//! The toolbar.

use eframe::egui::{Align, Button, Layout, Ui};

use super::choose::Chooser;
use super::insight;
use super::theme::Palette;
use super::widgets::{enabled, primary};
use crate::background::Wake;
use crate::model::{Desk, Phase};
use crate::settings::Theme;

pub(super) fn show(ui: &mut Ui, desk: &mut Desk, chooser: &mut Option<Chooser>, wake: &Wake) {
    let palette = Palette::of(ui.visuals());
    ui.horizontal(|ui| {
        let idle = !desk.is_working();
        if enabled(ui, idle, "Add pictures…")
            .on_hover_text("Choose files and folders (Ctrl+O), or drop them on the window")
            .clicked()
        {
            *chooser = Some(Chooser::pictures(wake));
        }
        match desk.phase() {
            Phase::Idle => {
                let start = primary(ui, "Start", palette.accent, desk.can_start());
                if start
                    .on_hover_text("Make all queued pictures (Ctrl+Enter)")
                    .clicked()
                {
                    desk.start();
                }
            }
            Phase::Working => {
                if enabled(ui, true, "Pause")
                    .on_hover_text("Start no other picture until you resume (Ctrl+P)")
                    .clicked()
                {
                    desk.pause();
                }
            }
            Phase::Paused => {
                if primary(ui, "Resume", palette.accent, true)
                    .on_hover_text("Continue (Ctrl+P)")
                    .clicked()
                {
                    desk.resume();
                }
            }
            Phase::Stopping => {
                enabled(ui, false, "Stopping…");
            }
        }
        if desk.is_working() {
            let can = desk.phase() != Phase::Stopping;
            if enabled(ui, can, "Cancel all")
                .on_hover_text("Stop the pictures in progress, and start no others (Ctrl+.)")
                .clicked()
            {
                desk.cancel_all();
            }
        } else {
            if desk.can_retry()
                && enabled(ui, true, "Retry")
                    .on_hover_text("Retry pictures that failed or were cancelled (Ctrl+R)")
                    .clicked()
            {
                desk.retry();
            }
            if !desk.rows().is_empty()
                && enabled(ui, true, "Clear list")
                    .on_hover_text("Empty the list; no file is changed")
                    .clicked()
            {
                desk.clear();
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            themes(ui, desk);
            let watching = desk.settings().watching;
            if ui
                .add(Button::new("Tasks").selected(watching))
                .on_hover_text("The live tree of tasks, and the timeline of this run (Ctrl+T)")
                .clicked()
            {
                insight::toggle(desk);
            }
        });
    });
}

fn themes(ui: &mut Ui, desk: &mut Desk) {
    let now = desk.settings().theme;
    // The layout runs from right to left.
    for (theme, name) in [
        (Theme::Dark, "Dark"),
        (Theme::Light, "Light"),
        (Theme::System, "Auto"),
    ] {
        if ui.add(Button::new(name).selected(theme == now)).clicked() {
            let mut settings = desk.settings().clone();
            settings.theme = theme;
            desk.set_settings(settings);
        }
    }
    ui.separator();
}
