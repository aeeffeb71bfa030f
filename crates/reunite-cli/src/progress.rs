//! `--progress`, of every command: what people see while it runs.
//!
//! The bar is each command's own affair; the tree is drawn here, by a task of its own, for all of them. Whatever
//! else is written to the terminal meanwhile is written [`aside`], or it would be drawn over.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _, stderr};
use std::sync::OnceLock;
use std::time::Duration;

use clap::ValueEnum;
use console::{Term, truncate_str};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reunite::JoinHandle;
use reunite_base::escape::terminal;
use reunite_base::units::counted;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// A bar, if standard error is a terminal
    #[default]
    Bar,
    /// The live tree: every scope and task, what it does or waits for, and where; drawn anew all the time on a
    /// terminal, every few seconds elsewhere
    Tree,
    /// Nothing
    None,
}

/// How often the tree is drawn on a terminal.
const DRAWN_EVERY: Duration = Duration::from_millis(200);
/// How often it is written elsewhere.
const WRITTEN_EVERY: Duration = Duration::from_secs(2);
/// How many of its lines are written elsewhere.
const MOST_LINES: usize = 100;
/// The task that draws.
const ARTIST: &str = "progress";

struct Chosen {
    progress: Progress,
    /// What the tree is drawn with, if it is drawn.
    canvas: Option<ProgressBar>,
}

static CHOSEN: OnceLock<Chosen> = OnceLock::new();

/// Ends with the command.
pub(crate) struct Showing(#[allow(dead_code, reason = "its drop ends it")] Option<Artist>);

struct Artist {
    task: Option<JoinHandle<()>>,
}

impl Drop for Artist {
    fn drop(&mut self) {
        // Asks it to stop, and joins.
        drop(self.task.take());
        if let Some(Chosen {
            canvas: Some(canvas),
            ..
        }) = CHOSEN.get()
        {
            canvas.finish_and_clear();
        }
    }
}

/// Call once, before the command runs.
pub(crate) fn begin(progress: Progress) -> Showing {
    let is_drawn = progress == Progress::Tree && stderr().is_terminal();
    let chosen = CHOSEN.get_or_init(|| Chosen {
        progress,
        canvas: is_drawn.then(canvas),
    });
    if chosen.progress != Progress::Tree {
        return Showing(None);
    }
    let artist = reunite::Builder::new()
        .name(ARTIST)
        .spawn(|| match &chosen.canvas {
            Some(canvas) => {
                while reunite::sleep(DRAWN_EVERY).is_ok() {
                    canvas.set_message(framed(&picture()));
                    canvas.tick();
                }
            }
            None => {
                while reunite::sleep(WRITTEN_EVERY).is_ok() {
                    let _closed = write!(stderr(), "{}", cut(&picture(), MOST_LINES, usize::MAX));
                }
            }
        });
    Showing(Some(Artist { task: Some(artist) }))
}

fn canvas() -> ProgressBar {
    let canvas = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg}");
    canvas.set_style(style.unwrap_or(ProgressStyle::default_spinner()));
    canvas
}

/// Where a command that `has_watchers` draws its bar.
pub(crate) fn bar_target(has_watchers: bool) -> ProgressDrawTarget {
    let wants_bar = CHOSEN
        .get()
        .is_none_or(|chosen| chosen.progress == Progress::Bar);
    if has_watchers && wants_bar && stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    }
}

/// Writes something while the tree is out of the way.
pub(crate) fn aside<R>(write: impl FnOnce() -> R) -> R {
    match CHOSEN.get().and_then(|chosen| chosen.canvas.as_ref()) {
        Some(canvas) => canvas.suspend(write),
        None => write(),
    }
}

/// The tree, without what the program itself keeps beside its work.
fn picture() -> String {
    let counters = reunite::counters();
    let mut dump = reunite::dump();
    for scope in &mut dump.scopes {
        scope
            .tasks
            .retain(|task| !task.is_detached && task.task.name() != Some(ARTIST));
        #[cfg(unix)]
        scope.tasks.retain(|task| !reunite_live::is_its_own(task));
    }
    let mut text = String::new();
    let _infallible = writeln!(
        text,
        "{}; tasks have waited for {:.1} s",
        counted(counters.threads, "thread"),
        counters.blocked_time.as_secs_f64()
    );
    let _infallible = write!(text, "{dump}");
    text
}

/// As much as the terminal shows.
fn framed(picture: &str) -> String {
    let (rows, columns) = Term::stderr().size();
    cut(picture, usize::from(rows).saturating_sub(2), columns.into())
}

fn cut(picture: &str, rows: usize, columns: usize) -> String {
    let mut text = String::new();
    for line in picture.lines().take(rows) {
        let _infallible = writeln!(text, "{}", truncate_str(&terminal(line), columns, "…"));
    }
    let more = picture.lines().count().saturating_sub(rows);
    if more > 0 {
        let _infallible = writeln!(text, "… and {} more", counted(more, "line"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_for_a_terminal_is_counted() {
        assert_eq!(cut("a\nb\nc\n", 3, 80), "a\nb\nc\n");
        assert_eq!(cut("a\nb\nc\nd\n", 2, 80), "a\nb\n… and 2 lines more\n");
        assert_eq!(cut("abcdef\n", 2, 4), "abc…\n");
        assert_eq!(cut("a\u{1b}[2Jb\n", 2, 80), "a\\u{1b}[2Jb\n");
    }
}
