//! The panel of settings.

use std::path::PathBuf;

use eframe::egui::{Button, ComboBox, DragValue, RichText, ScrollArea, Slider, TextEdit, Ui, vec2};
use reunite_images::{Fit, OutputFormat};

use super::choose::Chooser;
use super::theme::Palette;
use crate::background::Wake;
use crate::model::Desk;
use crate::settings::LARGEST;

pub(super) fn show(ui: &mut Ui, desk: &mut Desk, chooser: &mut Option<Chooser>, wake: &Wake) {
    let mut settings = desk.settings().clone();
    ScrollArea::vertical().show(ui, |ui| {
        let title = title(ui, "Size, in pixels");
        ui.horizontal(|ui| {
            let side = |value| DragValue::new(value).range(1..=LARGEST).speed(4);
            ui.add(side(&mut settings.width))
                .labelled_by(title)
                .on_hover_text("Width of the box");
            ui.label("×");
            ui.add(side(&mut settings.height))
                .labelled_by(title)
                .on_hover_text("Height of the box");
        });
        ui.horizontal_wrapped(|ui| {
            for side in [256, 512, 1024, 2048] {
                let chosen = (settings.width, settings.height) == (side, side);
                if ui
                    .add(
                        Button::new(side.to_string())
                            .small()
                            .min_size(vec2(0.0, 24.0))
                            .selected(chosen),
                    )
                    .clicked()
                {
                    (settings.width, settings.height) = (side, side);
                }
            }
        });

        let title = self::title(ui, "How pictures fit the box");
        let fits = [
            (Fit::Fit, "Whole picture in the box"),
            (Fit::Cover, "Fill the box, crop the rest"),
            (Fit::Exact, "Stretch to the box"),
        ];
        choice(ui, "fit", title, &fits, &mut settings.fit);

        let title = self::title(ui, "Format");
        let formats = [
            (None, "As it is"),
            (Some(OutputFormat::Jpeg), "JPEG"),
            (Some(OutputFormat::Png), "PNG"),
            (Some(OutputFormat::WebP), "WebP"),
        ];
        choice(ui, "format", title, &formats, &mut settings.format);

        let title = self::title(ui, "Quality of JPEG and WebP");
        let lossless = settings.format == Some(OutputFormat::Png);
        ui.spacing_mut().slider_width = 150.0;
        ui.add_enabled(!lossless, Slider::new(&mut settings.quality, 1..=100))
            .labelled_by(title);
        ui.checkbox(&mut settings.strip, "Remove EXIF metadata");

        let title = self::title(ui, "Output folder");
        let mut out = settings.out.to_string_lossy().into_owned();
        let typed = ui
            .add(TextEdit::singleline(&mut out).desired_width(f32::INFINITY))
            .labelled_by(title);
        if typed.changed() {
            settings.out = PathBuf::from(out);
        }
        if ui.button("Choose folder…").clicked() {
            *chooser = Some(Chooser::output(&settings.out, wake));
        }
        ui.checkbox(&mut settings.replace, "Replace files that are in the way")
            .on_hover_text("Otherwise only results of earlier runs are replaced");
    });
    if settings != *desk.settings() {
        desk.set_settings(settings);
    }
}

fn title(ui: &mut Ui, text: &str) -> eframe::egui::Id {
    ui.add_space(6.0);
    let weak = Palette::of(ui.visuals()).weak;
    ui.label(RichText::new(text).size(12.0).color(weak)).id
}

fn choice<T: Copy + PartialEq>(
    ui: &mut Ui,
    name: &str,
    title: eframe::egui::Id,
    choices: &[(T, &str)],
    chosen: &mut T,
) {
    let known = choices.iter().find(|(value, _)| value == chosen);
    ComboBox::from_id_salt(name)
        .width(ui.available_width() - 8.0)
        .selected_text(known.map_or("", |(_, text)| text))
        .show_ui(ui, |ui| {
            for (value, text) in choices {
                ui.selectable_value(chosen, *value, *text);
            }
        })
        .response
        .labelled_by(title);
}
