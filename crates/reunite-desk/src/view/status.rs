//! The status bar: progress, counts and rate.

use std::time::Instant;

use eframe::egui::{Align, Layout, ProgressBar, RichText, Ui};
use reunite_base::units::counted;

use super::theme::Palette;
use crate::messages::duration;
use crate::model::{Desk, Phase};

pub(super) fn show(ui: &mut Ui, desk: &Desk) {
    let palette = Palette::of(ui.visuals());
    let (now, counts) = (Instant::now(), desk.counts());
    let all = desk.rows().len();
    let settled = all - counts.open();
    let part = if all == 0 {
        0.0
    } else {
        settled as f32 / all as f32
    };
    ui.add(
        ProgressBar::new(part)
            .desired_height(6.0)
            .corner_radius(3)
            .fill(palette.accent),
    );
    ui.horizontal(|ui| {
        ui.label(RichText::new(headline(desk)).strong());
        let parts = [
            (counts.done, "done", palette.good),
            (counts.current, "up to date", palette.good),
            (counts.running, "running", palette.accent),
            (counts.queued, "queued", palette.idle),
            (counts.failed, "failed", palette.bad),
            (counts.cancelled, "cancelled", palette.idle),
        ];
        for (many, what, colour) in parts.into_iter().filter(|(many, ..)| *many > 0) {
            ui.label(RichText::new(format!("{many} {what}")).color(colour));
        }
        if desk.ignored() > 0 {
            let ignored = format!("{} ignored", counted(desk.ignored(), "other file"));
            ui.label(RichText::new(ignored).color(palette.weak));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(RichText::new(speed(desk, now)).color(palette.weak));
        });
    });
}

fn headline(desk: &Desk) -> &'static str {
    match desk.phase() {
        Phase::Working => "Working",
        Phase::Paused => "Paused",
        Phase::Stopping => "Stopping",
        Phase::Idle if desk.is_looking() => "Looking for pictures…",
        Phase::Idle if desk.rows().is_empty() => "Nothing to do yet",
        Phase::Idle if desk.counts().queued > 0 => "Ready",
        Phase::Idle => "Done",
    }
}

fn speed(desk: &Desk, now: Instant) -> String {
    if !desk.is_working() {
        let (elapsed, done) = desk.elapsed(now);
        return match done {
            0 => String::new(),
            _ => format!("{} in {}", counted(done, "picture"), duration(elapsed)),
        };
    }
    let rate = desk
        .rate(now)
        .map(|rate| format!("{rate:.1} pictures per second"));
    let left = desk
        .time_left(now)
        .filter(|_| desk.phase() == Phase::Working)
        .map(|left| format!("{} left", duration(left)));
    [rate, left]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ")
}
