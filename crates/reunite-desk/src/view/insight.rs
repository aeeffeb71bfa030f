//! The panel with the live tree of tasks and the timeline of the run.

use eframe::egui::{
    Align2, Color32, FontId, Rect, RichText, ScrollArea, Sense, Ui, UiBuilder, pos2, vec2,
};

use super::theme::Palette;
use crate::insight::{Insight, Lane, Line};
use crate::model::Desk;

const LANE: f32 = 16.0;
const NAMES: f32 = 110.0;

/// Shows or hides the panel.
pub(super) fn toggle(desk: &mut Desk) {
    let mut settings = desk.settings().clone();
    settings.watching = !settings.watching;
    desk.set_settings(settings);
}

pub(super) fn show(ui: &mut Ui, insight: Option<&Insight>) {
    let weak = Palette::of(ui.visuals()).weak;
    let Some(insight) = insight else {
        ui.label(
            RichText::new("Tasks are shown while a batch runs; the timeline stays afterwards.")
                .color(weak),
        );
        ui.allocate_space(ui.available_size());
        return;
    };
    let area = ui.available_rect_before_wrap();
    let middle = area.left() + area.width() * 0.46;
    let (left, right) = area.split_left_right_at_x(middle);
    let mut left = ui.new_child(UiBuilder::new().max_rect(left.with_max_x(middle - 12.0)));
    left.label(RichText::new("Live tasks").strong());
    tree(&mut left, &insight.tree);
    let mut right = ui.new_child(UiBuilder::new().max_rect(right));
    right.horizontal(|ui| {
        ui.label(RichText::new("Timeline").strong());
        for (text, colour) in [
            ("runs", Palette::of(ui.visuals()).accent),
            ("waits", Palette::of(ui.visuals()).wait),
        ] {
            let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
            ui.painter().rect_filled(rect, 2.0, colour);
            ui.label(RichText::new(text).size(12.0).color(weak));
        }
    });
    timeline(&mut right, insight);
    ui.allocate_space(ui.available_size());
}

fn tree(ui: &mut Ui, lines: &[Line]) {
    let palette = Palette::of(ui.visuals());
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.spacing_mut().interact_size.y = 14.0;
    ScrollArea::vertical()
        .id_salt("tree")
        .auto_shrink(false)
        .show_rows(ui, 16.0, lines.len(), |ui, shown| {
            for line in &lines[shown] {
                ui.horizontal(|ui| {
                    ui.add_space(line.depth as f32 * 14.0);
                    let (rect, _) = ui.allocate_exact_size(vec2(8.0, 14.0), Sense::hover());
                    let colour = match (line.is_scope, line.waits) {
                        (true, _) => palette.line,
                        (_, true) => palette.wait,
                        _ => palette.accent,
                    };
                    let mark = Rect::from_center_size(rect.center(), vec2(8.0, 8.0));
                    ui.painter()
                        .rect_filled(mark, if line.is_scope { 0.0 } else { 4.0 }, colour);
                    let name = RichText::new(&line.name).size(12.0);
                    ui.label(if line.is_scope { name.strong() } else { name });
                    let doing = RichText::new(&line.doing).size(12.0).color(palette.weak);
                    ui.add(eframe::egui::Label::new(doing).truncate());
                });
            }
        });
}

fn timeline(ui: &mut Ui, insight: &Insight) {
    let weak = Palette::of(ui.visuals()).weak;
    ui.spacing_mut().item_spacing.y = 3.0;
    ScrollArea::vertical()
        .id_salt("timeline")
        .auto_shrink(false)
        .show(ui, |ui| {
            for lane in &insight.lanes {
                draw(ui, lane, insight.wall.as_secs_f32());
            }
            for note in &insight.notes {
                ui.label(RichText::new(note).size(12.0).color(weak));
            }
        });
}

fn draw(ui: &mut Ui, lane: &Lane, wall: f32) {
    let palette = Palette::of(ui.visuals());
    let (rect, place) = ui.allocate_exact_size(vec2(ui.available_width(), LANE), Sense::hover());
    ui.painter().text(
        rect.left_center(),
        Align2::LEFT_CENTER,
        &lane.name,
        FontId::proportional(12.0),
        palette.weak,
    );
    let track = Rect::from_min_max(pos2(rect.left() + NAMES, rect.top()), rect.max);
    let at = |seconds: f32| track.left() + track.width() * (seconds / wall.max(1e-6)).min(1.0);
    let bar = |from: f32, to: f32, colour: Color32| {
        let bar = Rect::from_x_y_ranges(at(from)..=at(to).max(at(from) + 1.0), track.y_range());
        ui.painter()
            .rect_filled(bar.shrink2(vec2(0.0, 2.0)), 2.0, colour);
    };
    for span in &lane.spans {
        let colour = if span.waits {
            palette.wait
        } else {
            palette.accent
        };
        bar(span.from.as_secs_f32(), span.to.as_secs_f32(), colour);
    }
    place.on_hover_text(&lane.name);
}
