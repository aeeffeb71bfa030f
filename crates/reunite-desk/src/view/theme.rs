//! Colours and spacing of the light and the dark theme.

use eframe::egui::{
    Color32, Context, CornerRadius, FontId, Margin, Shadow, Stroke, Style, TextStyle, Theme,
    ThemePreference, Vec2, Visuals,
};

use crate::model::State;
use crate::settings;

/// The colours that egui's own visuals do not define.
#[derive(Clone, Copy)]
pub(super) struct Palette {
    pub(super) accent: Color32,
    pub(super) on_accent: Color32,
    pub(super) good: Color32,
    pub(super) bad: Color32,
    pub(super) idle: Color32,
    pub(super) card: Color32,
    pub(super) line: Color32,
    pub(super) weak: Color32,
    pub(super) wait: Color32,
}

const LIGHT: Palette = Palette {
    accent: Color32::from_rgb(0x2f, 0x5f, 0xd0),
    on_accent: Color32::WHITE,
    good: Color32::from_rgb(0x1c, 0x7c, 0x4a),
    bad: Color32::from_rgb(0xb4, 0x2a, 0x2a),
    idle: Color32::from_rgb(0x6b, 0x72, 0x80),
    card: Color32::WHITE,
    line: Color32::from_rgb(0xdd, 0xe0, 0xe6),
    weak: Color32::from_rgb(0x5d, 0x64, 0x70),
    wait: Color32::from_rgb(0xd5, 0xdc, 0xea),
};

const DARK: Palette = Palette {
    accent: Color32::from_rgb(0x7a, 0xa2, 0xff),
    on_accent: Color32::from_rgb(0x10, 0x16, 0x26),
    good: Color32::from_rgb(0x5f, 0xcf, 0x94),
    bad: Color32::from_rgb(0xff, 0x8d, 0x85),
    idle: Color32::from_rgb(0x9a, 0xa2, 0xb1),
    card: Color32::from_rgb(0x20, 0x24, 0x2c),
    line: Color32::from_rgb(0x33, 0x39, 0x45),
    weak: Color32::from_rgb(0xa3, 0xab, 0xba),
    wait: Color32::from_rgb(0x3a, 0x43, 0x57),
};

impl Palette {
    pub(super) fn of(visuals: &Visuals) -> Self {
        if visuals.dark_mode { DARK } else { LIGHT }
    }

    pub(super) fn state(&self, state: &State) -> Color32 {
        match state {
            State::Queued | State::Cancelled => self.idle,
            State::Running | State::Stopping => self.accent,
            State::Done(_) | State::Current => self.good,
            State::Failed(_) => self.bad,
        }
    }
}

/// Installs both themes.
pub(super) fn install(ctx: &Context) {
    ctx.style_mut_of(Theme::Light, |style| {
        lay_out(style);
        style.visuals = visuals(
            Visuals::light(),
            &LIGHT,
            Color32::from_rgb(0xf3, 0xf5, 0xf8),
        );
    });
    ctx.style_mut_of(Theme::Dark, |style| {
        lay_out(style);
        style.visuals = visuals(Visuals::dark(), &DARK, Color32::from_rgb(0x17, 0x1a, 0x20));
    });
}

pub(super) fn prefer(ctx: &Context, theme: settings::Theme) {
    ctx.set_theme(match theme {
        settings::Theme::System => ThemePreference::System,
        settings::Theme::Light => ThemePreference::Light,
        settings::Theme::Dark => ThemePreference::Dark,
    });
}

fn lay_out(style: &mut Style) {
    style.spacing.item_spacing = Vec2::new(8.0, 8.0);
    style.spacing.button_padding = Vec2::new(12.0, 6.0);
    style.spacing.interact_size = Vec2::new(40.0, 30.0);
    style.spacing.menu_margin = Margin::same(8);
    style.spacing.window_margin = Margin::same(20);
    for (text, size) in [
        (TextStyle::Body, 14.0),
        (TextStyle::Button, 14.0),
        (TextStyle::Small, 12.0),
        (TextStyle::Heading, 20.0),
    ] {
        style.text_styles.insert(text, FontId::proportional(size));
    }
    style
        .text_styles
        .insert(TextStyle::Monospace, FontId::monospace(12.0));
    style.animation_time = 0.0;
}

fn visuals(mut visuals: Visuals, palette: &Palette, ground: Color32) -> Visuals {
    let round = CornerRadius::same(7);
    visuals.panel_fill = ground;
    visuals.window_fill = palette.card;
    visuals.window_stroke = Stroke::new(1.0, palette.line);
    visuals.window_corner_radius = CornerRadius::same(12);
    visuals.menu_corner_radius = CornerRadius::same(8);
    visuals.extreme_bg_color = palette.card;
    visuals.text_edit_bg_color = Some(palette.card);
    visuals.popup_shadow = Shadow::NONE;
    visuals.window_shadow = Shadow::NONE;
    visuals.weak_text_color = Some(palette.weak);
    visuals.error_fg_color = palette.bad;
    visuals.selection.bg_fill = palette.accent.gamma_multiply(0.35);
    visuals.selection.stroke = Stroke::new(1.5, palette.accent);
    let widgets = &mut visuals.widgets;
    for widget in [
        &mut widgets.noninteractive,
        &mut widgets.inactive,
        &mut widgets.hovered,
        &mut widgets.active,
        &mut widgets.open,
    ] {
        widget.corner_radius = round;
        widget.expansion = 0.0;
    }
    widgets.noninteractive.bg_stroke = Stroke::new(1.0, palette.line);
    widgets.inactive.weak_bg_fill = palette.card;
    widgets.inactive.bg_fill = palette.line;
    widgets.inactive.bg_stroke = Stroke::new(1.0, palette.line);
    widgets.hovered.bg_stroke = Stroke::new(1.0, palette.accent);
    widgets.hovered.weak_bg_fill = palette.card;
    widgets.active.bg_stroke = Stroke::new(1.5, palette.accent);
    visuals
}
