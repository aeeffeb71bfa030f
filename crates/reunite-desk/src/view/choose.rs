//! The file chooser. Folders are read in the background, because a disk may be slow.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use eframe::egui::{Button, Context, Key, RichText, ScrollArea, TextEdit, Ui, vec2};
use reunite_base::units::counted;

use super::theme::Palette;
use super::widgets::{dialogue, enabled, primary};
use crate::background::{BackgroundTask, Wake};
use crate::folder::{Item, read};

/// The answer of the chooser.
pub(super) enum Answer {
    NotYet,
    Nothing,
    Pictures(Vec<PathBuf>),
    Output(PathBuf),
}

#[derive(Debug)]
pub(super) struct Chooser {
    /// True to choose an output folder, false to choose pictures.
    output: bool,
    folder: PathBuf,
    typed: String,
    reading: Option<BackgroundTask<Result<Vec<Item>, String>>>,
    items: Result<Vec<Item>, String>,
    chosen: BTreeSet<PathBuf>,
}

impl Chooser {
    pub(super) fn pictures(wake: &Wake) -> Self {
        let home = std::env::home_dir().unwrap_or_else(|| PathBuf::from("/"));
        Self::at(home, false, wake)
    }

    pub(super) fn output(now: &Path, wake: &Wake) -> Self {
        let home = std::env::home_dir().unwrap_or_else(|| PathBuf::from("/"));
        let there = now.parent().filter(|folder| folder.is_absolute());
        Self::at(there.map_or(home, Path::to_owned), true, wake)
    }

    fn at(folder: PathBuf, output: bool, wake: &Wake) -> Self {
        let mut chooser = Self {
            output,
            folder: PathBuf::new(),
            typed: String::new(),
            reading: None,
            items: Ok(Vec::new()),
            chosen: BTreeSet::new(),
        };
        chooser.go(folder, wake);
        chooser
    }

    fn go(&mut self, folder: PathBuf, wake: &Wake) {
        self.typed = folder.to_string_lossy().into_owned();
        self.folder.clone_from(&folder);
        self.items = Ok(Vec::new());
        self.reading = Some(BackgroundTask::start("folder", wake, move || read(&folder)));
    }

    pub(super) fn show(&mut self, ctx: &Context, wake: &Wake) -> Answer {
        if let Some(read) = self.reading.as_mut().and_then(BackgroundTask::take) {
            self.reading = None;
            self.items = read.unwrap_or_else(|error| Err(error.to_string()));
        }
        let shown = dialogue("chooser", ctx).show(ctx, |ui| {
            ui.set_width(560.0);
            self.content(ui, wake)
        });
        match shown.inner {
            Answer::NotYet if shown.should_close() => Answer::Nothing,
            answer => answer,
        }
    }

    fn content(&mut self, ui: &mut Ui, wake: &Wake) -> Answer {
        let palette = Palette::of(ui.visuals());
        let title = ui.heading(if self.output {
            "Where should the results go?"
        } else {
            "Which pictures?"
        });
        let mut next = None;
        ui.horizontal(|ui| {
            let parent = self.folder.parent().map(Path::to_owned);
            if enabled(ui, parent.is_some(), "Up").clicked() {
                next = parent;
            }
            let field = TextEdit::singleline(&mut self.typed).desired_width(f32::INFINITY);
            let field = ui.add(field).labelled_by(title.id);
            if field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
                next = Some(PathBuf::from(self.typed.trim()));
            }
        });
        match &self.items {
            Err(why) => {
                ui.label(RichText::new(why).color(palette.bad));
            }
            Ok(items) if items.is_empty() => {
                let what = if self.reading.is_some() {
                    "Reading…"
                } else {
                    "No folders or pictures in here."
                };
                ui.label(RichText::new(what).color(palette.weak));
            }
            Ok(items) => {
                let items: Vec<&Item> = items
                    .iter()
                    .filter(|item| item.is_folder || !self.output)
                    .collect();
                let height = 26.0;
                ScrollArea::vertical()
                    .max_height(300.0)
                    .auto_shrink(false)
                    .show_rows(ui, height, items.len(), |ui, shown| {
                        for item in &items[shown] {
                            if line(ui, item, self.output, &mut self.chosen) {
                                next = Some(item.path.clone());
                            }
                        }
                    });
            }
        }
        if let Some(folder) = next {
            self.go(folder, wake);
        }
        ui.add_space(4.0);
        ui.horizontal(|ui| self.buttons(ui)).inner
    }

    fn buttons(&mut self, ui: &mut Ui) -> Answer {
        let accent = Palette::of(ui.visuals()).accent;
        if self.output {
            if primary(ui, "Use this folder", accent, true).clicked() {
                return Answer::Output(self.folder.clone());
            }
        } else {
            let chosen = self.chosen.len();
            let add = match chosen {
                0 => "Add chosen".to_owned(),
                _ => format!("Add {}", counted(chosen, "item")),
            };
            if primary(ui, &add, accent, chosen > 0).clicked() {
                return Answer::Pictures(std::mem::take(&mut self.chosen).into_iter().collect());
            }
            if ui.button("Add this whole folder").clicked() {
                return Answer::Pictures(vec![self.folder.clone()]);
            }
        }
        match ui.button("Never mind").clicked() {
            true => Answer::Nothing,
            false => Answer::NotYet,
        }
    }
}

/// Draws the line of an item. Returns true if its folder is to be opened.
fn line(ui: &mut Ui, item: &Item, output: bool, chosen: &mut BTreeSet<PathBuf>) -> bool {
    ui.horizontal(|ui| {
        let mut is_chosen = chosen.contains(&item.path);
        if !output {
            let name = if item.is_folder {
                format!("{}/", item.name)
            } else {
                item.name.clone()
            };
            if ui.checkbox(&mut is_chosen, name).changed() {
                if is_chosen {
                    chosen.insert(item.path.clone());
                } else {
                    chosen.remove(&item.path);
                }
            }
        }
        if !item.is_folder {
            return false;
        }
        let open = if output {
            item.name.clone()
        } else {
            "Open".to_owned()
        };
        let button = ui.add(Button::new(open).small().min_size(vec2(0.0, 22.0)));
        let label = format!("Open {}", item.name);
        button.widget_info(|| {
            eframe::egui::WidgetInfo::labeled(eframe::egui::Role::Button, true, &label)
        });
        button.clicked()
    })
    .inner
}
