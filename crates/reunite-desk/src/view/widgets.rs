//! Buttons and dialogues shared by the parts of the window.

use eframe::egui::{Button, Color32, Context, Frame, Id, Modal, Response, RichText, Ui};

use super::theme::Palette;

pub(super) fn dialogue(name: &str, ctx: &Context) -> Modal {
    let frame = Frame::window(&ctx.global_style()).inner_margin(20);
    Modal::new(Id::unique(name)).frame(frame)
}

pub(super) fn enabled(ui: &mut Ui, enabled: bool, name: &str) -> Response {
    ui.add_enabled(enabled, Button::new(name))
}

/// A button for the main action.
pub(super) fn primary(ui: &mut Ui, name: &str, colour: Color32, enabled: bool) -> Response {
    let on = Palette::of(ui.visuals()).on_accent;
    let button = Button::new(RichText::new(name).color(on).strong()).fill(colour);
    ui.add_enabled(enabled, button)
}
