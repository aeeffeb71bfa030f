//! The list of pictures. Only visible rows are drawn.

use eframe::egui::{
    Align, Align2, Button, EventFilter, FontId, Id, Image, Key, Layout, Modifiers, Rect, Role,
    ScrollArea, Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};
use reunite_base::units::{bytes, counted};

use super::theme::Palette;
use super::thumbnails::Thumbnails;
use crate::messages::name;
use crate::model::{Desk, Row, State};

const ROW: f32 = 56.0;
const GAP: f32 = 6.0;
const THUMB: f32 = 44.0;

/// The row selected by the keyboard.
#[derive(Debug, Default)]
pub(super) struct Selection {
    row: usize,
    /// True if the selection moved and must be scrolled into view.
    moved: bool,
}

/// Draws the empty list.
pub(super) fn empty(ui: &mut Ui, desk: &Desk) {
    let palette = Palette::of(ui.visuals());
    let area = ui.available_rect_before_wrap().shrink(8.0);
    ui.painter().rect_stroke(
        area,
        14.0,
        Stroke::new(1.5, palette.line),
        StrokeKind::Inside,
    );
    let (title, hint) = if desk.is_looking() {
        ("Looking for pictures…", "")
    } else {
        (
            "Drop pictures and folders here",
            "JPEG, PNG, WebP, GIF, TIFF and BMP; the originals are not changed",
        )
    };
    let middle = area.center();
    let painter = ui.painter();
    painter.text(
        middle - vec2(0.0, 16.0),
        Align2::CENTER_CENTER,
        title,
        FontId::proportional(22.0),
        ui.visuals().text_color(),
    );
    painter.text(
        middle + vec2(0.0, 16.0),
        Align2::CENTER_CENTER,
        hint,
        FontId::proportional(14.0),
        palette.weak,
    );
}

pub(super) fn show(
    ui: &mut Ui,
    desk: &mut Desk,
    thumbnails: &mut Thumbnails,
    selection: &mut Selection,
) {
    let area = ui.available_rect_before_wrap();
    let list = ui.interact(
        area,
        Id::unique("pictures"),
        Sense::focusable_noninteractive(),
    );
    let rows = desk.rows().len();
    list.widget_info(|| WidgetInfo::labeled(Role::List, true, counted(rows, "picture")));
    selection.row = selection.row.min(rows.saturating_sub(1));
    let mut cancelled = None;
    if list.has_focus() {
        let filter = EventFilter {
            vertical_arrows: true,
            ..EventFilter::default()
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(list.id, filter));
        if keys(ui, selection, rows) {
            cancelled = Some(selection.row);
        }
    }
    let focused = list.has_focus().then_some(selection.row);

    let mut scroll = ScrollArea::vertical().auto_shrink(false);
    if std::mem::take(&mut selection.moved) {
        let middle = selection.row as f32 * (ROW + GAP) - (area.height() - ROW) / 2.0;
        scroll = scroll.vertical_scroll_offset(middle.max(0.0));
    }
    ui.spacing_mut().item_spacing.y = GAP;
    scroll.show_rows(ui, ROW, rows, |ui, shown| {
        for row in shown {
            let can_cancel = desk.can_cancel(row);
            let place = vec2(ui.available_width(), ROW);
            let (rect, _) = ui.allocate_exact_size(place, Sense::hover());
            let selected = focused == Some(row);
            if draw(
                ui,
                rect,
                &desk.rows()[row],
                can_cancel,
                selected,
                thumbnails,
            ) {
                cancelled = Some(row);
            }
        }
    });
    if let Some(row) = cancelled {
        desk.cancel(row);
    }
}

/// Moves the selection. Returns true if its row is to be cancelled.
fn keys(ui: &Ui, selection: &mut Selection, rows: usize) -> bool {
    const PAGE: usize = 8;
    let last = rows.saturating_sub(1);
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let before = selection.row;
    if pressed(Key::ArrowDown) {
        selection.row = (selection.row + 1).min(last);
    }
    if pressed(Key::ArrowUp) {
        selection.row = selection.row.saturating_sub(1);
    }
    if pressed(Key::PageDown) {
        selection.row = (selection.row + PAGE).min(last);
    }
    if pressed(Key::PageUp) {
        selection.row = selection.row.saturating_sub(PAGE);
    }
    if pressed(Key::Home) {
        selection.row = 0;
    }
    if pressed(Key::End) {
        selection.row = last;
    }
    selection.moved |= selection.row != before;
    pressed(Key::Delete)
}

/// Draws a row. Returns true if it is to be cancelled.
fn draw(
    ui: &mut Ui,
    rect: Rect,
    row: &Row,
    can_cancel: bool,
    selected: bool,
    thumbnails: &mut Thumbnails,
) -> bool {
    let palette = Palette::of(ui.visuals());
    let outline = if selected {
        Stroke::new(2.0, palette.accent)
    } else {
        Stroke::new(1.0, palette.line)
    };
    let painter = ui.painter();
    painter.rect(rect, 9.0, palette.card, outline, StrokeKind::Inside);

    let thumb = Rect::from_min_size(rect.min + vec2(6.0, 6.0), vec2(THUMB, THUMB));
    painter.rect_filled(thumb, 6.0, palette.wait.gamma_multiply(0.6));
    let made = matches!(row.state, State::Done(_) | State::Current);
    if let Some(output) = row.output.as_ref().filter(|_| made)
        && let Some(texture) = thumbnails.of(&(output.clone(), row.edition))
    {
        let size = texture.size_vec2();
        let size = size * (THUMB / size.max_elem()).min(1.0);
        Image::new((texture.id(), size))
            .corner_radius(5.0)
            .paint_at(ui, Rect::from_center_size(thumb.center(), size));
    }

    let mut cancel = false;
    let right = Rect::from_min_max(rect.right_top() - vec2(170.0, 0.0), rect.right_bottom())
        .shrink2(vec2(10.0, 0.0));
    let colour = palette.state(&row.state);
    let mut side = ui.new_child(
        UiBuilder::new()
            .max_rect(right)
            .layout(Layout::right_to_left(Align::Center)),
    );
    if can_cancel {
        let button = side.add(Button::new("Cancel").small().min_size(vec2(0.0, 24.0)));
        let label = format!("Cancel {}", name(&row.input));
        button.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
        cancel = button.clicked();
    }
    let (state, more) = describe(row);
    side.label(eframe::egui::RichText::new(state).color(colour));
    dot(&side, side.cursor().right_center() - vec2(6.0, 0.0), colour);

    let text = Rect::from_min_max(
        pos2(thumb.right() + 12.0, rect.top()),
        pos2(right.left(), rect.bottom()),
    );
    let mut lines = ui.new_child(
        UiBuilder::new()
            .max_rect(text.shrink2(vec2(0.0, 9.0)))
            .layout(Layout::top_down(Align::Min)),
    );
    lines.set_clip_rect(lines.clip_rect().intersect(text));
    lines.spacing_mut().item_spacing.y = 2.0;
    let file = eframe::egui::RichText::new(name(&row.input)).strong();
    lines
        .add(eframe::egui::Label::new(file).truncate())
        .on_hover_text(row.input.display().to_string());
    let failed = matches!(row.state, State::Failed(_));
    let weak = if failed { palette.bad } else { palette.weak };
    let detail = eframe::egui::RichText::new(&more).size(12.0).color(weak);
    let detail = lines.add(eframe::egui::Label::new(detail).truncate());
    if failed {
        detail.on_hover_text(more);
    }
    cancel
}

fn dot(ui: &Ui, at: eframe::egui::Pos2, colour: eframe::egui::Color32) {
    ui.painter().circle_filled(at, 4.0, colour);
}

/// Returns the state in a word, and a detail.
fn describe(row: &Row) -> (&'static str, String) {
    let folder = || {
        let parent = row.input.parent().unwrap_or(&row.input);
        parent.display().to_string()
    };
    match &row.state {
        State::Queued => ("Queued", folder()),
        State::Running => ("Running", folder()),
        State::Stopping => ("Stopping", folder()),
        State::Done(made) => {
            let saved = format!(
                "{} × {} · {}, was {}",
                made.width,
                made.height,
                bytes(made.bytes_out),
                bytes(made.bytes_in)
            );
            ("Done", saved)
        }
        State::Current => ("Up to date", folder()),
        State::Failed(why) => ("Failed", why.clone()),
        State::Cancelled => ("Cancelled", folder()),
    }
}
