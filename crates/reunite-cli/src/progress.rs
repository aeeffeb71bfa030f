//! The option `--progress`, which every command has.
//!
//! Each command draws its own bar. The tree is drawn here for all commands, by a task of its own. Everything else that
//! is written to the terminal meanwhile goes through [`aside`], so that the tree is not drawn over it.

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
    /// A progress bar, if standard error is a terminal
    #[default]
    Bar,
    /// The running tasks as a tree, and what each waits for
    Tree,
    /// No progress output
    None,
}

/// The time between two drawings of the tree on a terminal.
const DRAW_INTERVAL: Duration = Duration::from_millis(200);
/// The time between two printings of the tree where standard error is no terminal.
const PRINT_INTERVAL: Duration = Duration::from_secs(2);
/// The most lines of the tree that are printed where standard error is no terminal.
const MAX_PRINTED_LINES: usize = 100;
/// The name of the task that draws.
const DRAWING_TASK: &str = "progress";

struct Chosen {
    progress: Progress,
    /// Draws the tree on a terminal; `None` if the tree is not drawn there.
    canvas: Option<ProgressBar>,
}

static CHOSEN: OnceLock<Chosen> = OnceLock::new();

/// The display of a command's progress; it ends when this is dropped.
pub(crate) struct Display(#[allow(dead_code, reason = "its drop ends it")] Option<DrawingTask>);

/// The task that draws the tree; its drop joins the task and clears the tree.
struct DrawingTask {
    task: Option<JoinHandle<()>>,
}

impl Drop for DrawingTask {
    fn drop(&mut self) {
        // Dropping the handle cancels the task and joins it.
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

/// Starts the display. Called once, before the command runs.
pub(crate) fn begin(progress: Progress) -> Display {
    let is_drawn = progress == Progress::Tree && stderr().is_terminal();
    let chosen = CHOSEN.get_or_init(|| Chosen {
        progress,
        canvas: is_drawn.then(canvas),
    });
    if chosen.progress != Progress::Tree {
        return Display(None);
    }
    let task = reunite::Builder::new()
        .name(DRAWING_TASK)
        .spawn(|| match &chosen.canvas {
            Some(canvas) => {
                while reunite::sleep(DRAW_INTERVAL).is_ok() {
                    canvas.set_message(fit_terminal(&tree()));
                    canvas.tick();
                }
            }
            None => {
                while reunite::sleep(PRINT_INTERVAL).is_ok() {
                    let _closed =
                        write!(stderr(), "{}", cut(&tree(), MAX_PRINTED_LINES, usize::MAX));
                }
            }
        });
    Display(Some(DrawingTask { task: Some(task) }))
}

fn canvas() -> ProgressBar {
    let canvas = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg}");
    canvas.set_style(style.unwrap_or(ProgressStyle::default_spinner()));
    canvas
}

/// Returns where a command draws its bar: nowhere unless it `has_watchers`, a bar was chosen, and standard error is a
/// terminal.
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

/// Calls `write` while the tree is removed from the terminal.
pub(crate) fn aside<R>(write: impl FnOnce() -> R) -> R {
    match CHOSEN.get().and_then(|chosen| chosen.canvas.as_ref()) {
        Some(canvas) => canvas.suspend(write),
        None => write(),
    }
}

/// Returns the tree of scopes and tasks, without the program's own tasks for display and signals.
fn tree() -> String {
    let counters = reunite::counters();
    let mut dump = reunite::dump();
    for scope in &mut dump.scopes {
        scope
            .tasks
            .retain(|task| !task.is_detached && task.task.name() != Some(DRAWING_TASK));
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

/// Cuts the tree to the size of the terminal.
fn fit_terminal(tree: &str) -> String {
    let (rows, columns) = Term::stderr().size();
    cut(tree, usize::from(rows).saturating_sub(2), columns.into())
}

/// Keeps the first `rows` lines of `text`, each cut to `columns`, and counts the lines left out.
fn cut(text: &str, rows: usize, columns: usize) -> String {
    let mut kept = String::new();
    for line in text.lines().take(rows) {
        let _infallible = writeln!(kept, "{}", truncate_str(&terminal(line), columns, "…"));
    }
    let more = text.lines().count().saturating_sub(rows);
    if more > 0 {
        let _infallible = writeln!(kept, "… and {}", counted(more, "more line"));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_terminal_are_counted() {
        assert_eq!(cut("a\nb\nc\n", 3, 80), "a\nb\nc\n");
        assert_eq!(cut("a\nb\nc\nd\n", 2, 80), "a\nb\n… and 2 more lines\n");
        assert_eq!(cut("a\nb\nc\n", 2, 80), "a\nb\n… and 1 more line\n");
        assert_eq!(cut("abcdef\n", 2, 4), "abc…\n");
        assert_eq!(cut("a\u{1b}[2Jb\n", 2, 80), "a\\u{1b}[2Jb\n");
    }
}
