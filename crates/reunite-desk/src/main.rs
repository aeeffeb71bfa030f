//! `reunite-desk [FILE OR FOLDER]…` opens the window.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use eframe::egui::ViewportBuilder;
use reunite_base::escape::terminal;
use reunite_desk::{Settings, Window};

const USAGE: &str = "\
Open a window that resizes pictures

Usage: reunite-desk [FILE OR FOLDER]...

Arguments:
  [FILE OR FOLDER]...  Pictures and folders to list in the window at the start

Options:
  -h, --help     Print help
  -V, --version  Print version
";

fn main() -> ExitCode {
    let inputs: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    match inputs.first().and_then(|first| first.to_str()) {
        Some("-h" | "--help") => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some("-V" | "--version") => {
            println!("reunite-desk {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Some(flag) if flag.starts_with("--") => {
            let flag = terminal(flag);
            eprintln!("reunite-desk: unknown option {flag}\n\n{USAGE}");
            return ExitCode::from(2);
        }
        _ => {}
    }
    match open(inputs) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "reunite-desk: cannot open a window: {error}. It needs a screen (X11 or Wayland) and OpenGL; \
                 without them, use `reunite images`"
            );
            ExitCode::from(2)
        }
    }
}

fn open(inputs: Vec<PathBuf>) -> eframe::Result {
    let options = eframe::NativeOptions {
        viewport: ViewportBuilder::default()
            .with_title("reunite desk")
            .with_app_id("reunite-desk")
            .with_inner_size([1120.0, 760.0])
            .with_min_inner_size([760.0, 480.0])
            .with_drag_and_drop(true),
        ..eframe::NativeOptions::default()
    };
    let create: eframe::AppCreator<'_> = Box::new(move |context| {
        let mut window = Window::new(&context.egui_ctx, Settings::place());
        window.desk_mut().add(inputs);
        Ok(Box::new(window))
    });
    eframe::run_native("reunite-desk", options, create)
}
