//! The window: draws the [`Desk`] and passes clicks and keys to it.

mod choose;
mod insight;
mod list;
mod settings;
mod status;
mod theme;
mod thumbnails;
mod toolbar;
mod widgets;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::{
    Align2, CentralPanel, Context, Frame, Id, Key, Margin, Modifiers, Panel, RichText, Ui,
    ViewportCommand,
};
use reunite_base::units::counted;

use crate::background::Wake;
use crate::messages;
use crate::model::{Desk, Phase};
use crate::settings::Settings;
use choose::Chooser;
use list::Selection;
use theme::Palette;
use thumbnails::Thumbnails;
use widgets::{dialogue, primary};

/// The shortest time between two frames drawn for events, which leaves the cores to the pictures.
const FRAME: Duration = Duration::from_millis(33);

/// The window.
pub struct Window {
    desk: Desk,
    thumbnails: Thumbnails,
    chooser: Option<Chooser>,
    selection: Selection,
    wake: Wake,
}

impl Window {
    /// Creates a window drawn in `ctx`, with the settings saved at `place`.
    pub fn new(ctx: &Context, place: Option<PathBuf>) -> Self {
        let (settings, notice) = match &place {
            Some(place) => Settings::load(place),
            None => Settings::default().into(),
        };
        let mut window = Self::with(ctx, settings, place);
        window.desk.set_notice(notice);
        window
    }

    /// Creates a window with the given settings, saved at `place` later.
    pub fn with(ctx: &Context, settings: Settings, place: Option<PathBuf>) -> Self {
        theme::install(ctx);
        theme::prefer(ctx, settings.theme);
        let wake: Wake = {
            let ctx = ctx.clone();
            Arc::new(move || ctx.request_repaint_after(FRAME))
        };
        Self {
            desk: Desk::new(settings, Arc::clone(&wake)).remembering(place),
            thumbnails: Thumbnails::new(&wake),
            chooser: None,
            selection: Selection::default(),
            wake,
        }
    }

    /// Returns the state of the window.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Returns the state of the window, to change it.
    pub fn desk_mut(&mut self) -> &mut Desk {
        &mut self.desk
    }

    /// Draws the window, and handles mouse and keyboard.
    pub fn show(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        if let Some(again) = self.desk.tick(Instant::now()) {
            ctx.request_repaint_after(again);
        }
        self.handle_close(&ctx);
        self.handle_dropped_files(&ctx);
        self.handle_keys(&ctx);
        let settings = self.desk.settings().clone();

        let bar = Frame::new()
            .fill(ui.visuals().panel_fill)
            .inner_margin(Margin::symmetric(16, 12));
        Panel::top("toolbar").frame(bar).show(ui, |ui| {
            toolbar::show(ui, &mut self.desk, &mut self.chooser, &self.wake);
        });
        Panel::bottom("status")
            .frame(bar)
            .show(ui, |ui| status::show(ui, &self.desk));
        Panel::left("settings")
            .exact_size(264.0)
            .resizable(false)
            .frame(bar)
            .show(ui, |ui| {
                settings::show(ui, &mut self.desk, &mut self.chooser, &self.wake);
            });
        if settings.watching {
            Panel::bottom("insight")
                .default_size(230.0)
                .size_range(120.0..=480.0)
                .resizable(true)
                .frame(bar)
                .show(ui, |ui| insight::show(ui, self.desk.insight()));
        }
        CentralPanel::default()
            .frame(Frame::new().fill(ui.visuals().panel_fill).inner_margin(12))
            .show(ui, |ui| {
                self.thumbnails.take(&ctx);
                notice(ui, &mut self.desk);
                if self.desk.rows().is_empty() {
                    list::empty(ui, &self.desk);
                } else {
                    list::show(
                        ui,
                        &mut self.desk,
                        &mut self.thumbnails,
                        &mut self.selection,
                    );
                }
            });
        self.choose(&ctx);
        self.ask(&ctx);
        hover(&ctx);
        if settings.theme != self.desk.settings().theme {
            theme::prefer(&ctx, self.desk.settings().theme);
        }
    }

    fn handle_close(&mut self, ctx: &Context) {
        if ctx.input(|input| input.viewport().close_requested()) && !self.desk.close() {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
        } else if self.desk.is_closed() {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    fn handle_dropped_files(&mut self, ctx: &Context) {
        let dropped: Vec<PathBuf> = ctx.input(|input| {
            let files = input.raw.dropped_files.iter();
            files.map(|file| file.path().to_owned()).collect()
        });
        if !dropped.is_empty() {
            self.desk.add(dropped);
        }
    }

    fn handle_keys(&mut self, ctx: &Context) {
        if self.chooser.is_some() || self.desk.asks() {
            return;
        }
        let pressed = |key| ctx.input_mut(|input| input.consume_key(Modifiers::COMMAND, key));
        if pressed(Key::O) {
            self.chooser = Some(Chooser::pictures(&self.wake));
        }
        if pressed(Key::Enter) {
            self.desk.start();
        }
        if pressed(Key::P) {
            match self.desk.phase() {
                Phase::Paused => self.desk.resume(),
                _ => self.desk.pause(),
            }
        }
        if pressed(Key::Period) {
            self.desk.cancel_all();
        }
        if pressed(Key::R) {
            self.desk.retry();
        }
        if pressed(Key::T) {
            insight::toggle(&mut self.desk);
        }
        if pressed(Key::Q) {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    fn choose(&mut self, ctx: &Context) {
        let Some(chooser) = &mut self.chooser else {
            return;
        };
        match chooser.show(ctx, &self.wake) {
            choose::Answer::NotYet => return,
            choose::Answer::Nothing => {}
            choose::Answer::Pictures(paths) => self.desk.add(paths),
            choose::Answer::Output(out) => {
                let mut settings = self.desk.settings().clone();
                settings.out = out;
                self.desk.set_settings(settings);
            }
        }
        self.chooser = None;
    }

    /// Asks whether to close while a batch runs, or shows that the window is closing.
    fn ask(&mut self, ctx: &Context) {
        let now = Instant::now();
        if let Some(left) = self.desk.drains_for(now) {
            dialogue("draining", ctx).show(ctx, |ui| {
                ui.set_width(360.0);
                ui.heading("Finishing…");
                ui.label(format!(
                    "The window closes when the pictures in progress are finished, at the latest in {}.",
                    messages::duration(left)
                ));
            });
            return;
        }
        if !self.desk.asks() {
            return;
        }
        let open = self.desk.counts().open();
        let answer = dialogue("quit", ctx).show(ctx, |ui| {
            ui.set_width(400.0);
            ui.heading("Pictures are still being made");
            let verb = if open == 1 { "is" } else { "are" };
            ui.label(format!(
                "{} {verb} not made yet. If you quit now, the pictures being made are finished and the others are \
                 left out. No incomplete file stays behind.",
                counted(open, "picture")
            ));
            ui.add_space(8.0);
            ui.horizontal(|ui| {
                let palette = Palette::of(ui.visuals());
                let stay = primary(ui, "Keep working", palette.accent, true);
                if ui.memory(|memory| memory.focused().is_none()) {
                    stay.request_focus();
                }
                let quit = ui.button(RichText::new("Quit").color(palette.bad));
                (stay.clicked(), quit.clicked())
            })
            .inner
        });
        let (stay, quit) = answer.inner;
        if quit {
            self.desk.drain(now);
            ctx.request_repaint();
        } else if stay || answer.should_close() {
            self.desk.keep_working();
        }
    }
}

impl eframe::App for Window {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.show(ui);
    }
}

impl std::fmt::Debug for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Window")
            .field("desk", &self.desk)
            .finish_non_exhaustive()
    }
}

/// Shows the notice until the user dismisses it.
fn notice(ui: &mut Ui, desk: &mut Desk) {
    let Some(notice) = desk.notice().map(str::to_owned) else {
        return;
    };
    let palette = Palette::of(ui.visuals());
    Frame::new()
        .fill(palette.bad.gamma_multiply(0.12))
        .corner_radius(8)
        .inner_margin(10)
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                let room = ui.available_width() - 80.0;
                ui.allocate_ui(eframe::egui::vec2(room, 0.0), |ui| {
                    ui.set_width(room);
                    ui.label(RichText::new(notice).color(palette.bad));
                });
                if ui.button("Got it").clicked() {
                    desk.set_notice(None);
                }
            });
        });
}

/// Shows a hint while files are held over the window.
fn hover(ctx: &Context) {
    let count = ctx.input(|input| input.raw.hovered_files.len());
    if count == 0 {
        return;
    }
    let area = ctx.content_rect();
    let painter = ctx.layer_painter(eframe::egui::LayerId::new(
        eframe::egui::Order::Foreground,
        Id::unique("hover"),
    ));
    let visuals = ctx.global_style().visuals.clone();
    let palette = Palette::of(&visuals);
    painter.rect_filled(area, 0.0, visuals.panel_fill.gamma_multiply(0.85));
    painter.text(
        area.center(),
        Align2::CENTER_CENTER,
        "Drop to add",
        eframe::egui::FontId::proportional(26.0),
        palette.accent,
    );
}
