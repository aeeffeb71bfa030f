//! Goals beside measurements: the rows that count, as a page in Markdown.

use std::fmt::Write as _;

use crate::table::{Row, Table};

/// The goal that a row is compared with.
#[derive(Clone, Copy)]
enum Aim {
    /// At most this value, in the row's unit.
    Value(f64),
    /// At most this many times the first candidate.
    OfFirst(f64),
    /// At most this many times the best peer.
    OfBest(f64),
}

use Aim::{OfBest, OfFirst, Value};

/// A workload, its row that counts, and the goal: mostly the best ratio seen of any peer on other machines.
const AIMS: &[(&str, &str, Aim)] = &[
    (
        "14 queens, 1 worker: processor time",
        "reunite::join",
        OfFirst(1.1),
    ),
    (
        "unbalanced tree, 1 worker: processor time",
        "reunite::join",
        OfFirst(1.1),
    ),
    (
        "14 queens, 2 workers: wall time",
        "reunite::join",
        OfFirst(1.0 / 1.75),
    ),
    (
        "unbalanced tree, 2 workers: wall time",
        "reunite::join",
        OfFirst(1.0 / 1.5),
    ),
    (
        "quicksort of 20 million, 2 workers: wall time",
        "reunite::join",
        OfFirst(1.0 / 1.9),
    ),
    (
        "tree of 2^10, 2 workers: wall time a node",
        "reunite::join",
        OfFirst(1.2),
    ),
    (
        "tree of 2^18, 2 workers: wall time a node",
        "reunite::join",
        OfFirst(0.75),
    ),
    (
        "tree of 2^20, 2 workers: wall time a node",
        "reunite::join",
        OfFirst(0.7),
    ),
    (
        "tree of 2^24, 2 workers: wall time a node",
        "reunite::join",
        OfFirst(0.65),
    ),
    (
        "fib(34) without a cut-off, 1 worker: processor time a join",
        "reunite::join",
        OfBest(1.0),
    ),
    (
        "fib(34) without a cut-off, 2 workers: wall time a join",
        "reunite::join",
        OfBest(1.0),
    ),
    (
        "1000000 joins open at a time, 2 workers: processor time a join",
        "reunite::join",
        Value(100.0),
    ),
    (
        "100,000 tiny tasks in a scope, 1 worker: processor time a task",
        "reunite: Pool::scope",
        Value(45.0),
    ),
    (
        "100 tasks of no scope, 1 worker, joined later: processor time a task",
        "reunite: Pool::spawn",
        Value(200.0),
    ),
    (
        "a scope without a task, in a worker: processor time",
        "reunite: Pool::scope",
        Value(60.0),
    ),
    (
        "1000 scopes, one inside the other: processor time a scope",
        "reunite: Pool::scope",
        Value(400.0),
    ),
    (
        "10000 scopes, one inside the other: processor time a scope",
        "reunite: Pool::scope",
        Value(400.0),
    ),
    (
        "30000 scopes, one inside the other: processor time a scope",
        "reunite: Pool::scope",
        Value(400.0),
    ),
    (
        "a scope of two tasks: processor time",
        "reunite: 1,000 others are open",
        OfFirst(1.05),
    ),
    (
        "Pool::enter and fib(10): processor time of the caller",
        "reunite: 1,000 at once, before",
        OfFirst(1.0),
    ),
    (
        "1,000 tasks spawned, cancelled and brought back: processor time",
        "reunite: PoolScope::cancel",
        Value(40.0),
    ),
    (
        "1 of 1,000 computing tasks of a scope fails: from there until all are back",
        "reunite: PoolScope::cancel",
        Value(49.0),
    ),
    (
        "one of 10,000 threads in a pipeline, woken and ended: processor time",
        "reunite::scope, channel",
        OfFirst(1.3),
    ),
    (
        "spawn one in a scope, join it: wall time",
        "reunite::scope",
        OfFirst(0.1),
    ),
    (
        "spawn one in a scope, join it: allocations",
        "reunite::scope",
        Value(2.0),
    ),
    (
        "there and back, the other thread asleep: wall time",
        "reunite: Pool::spawn, mpsc",
        OfFirst(1.1),
    ),
    (
        "there and back, the other thread asleep: wall time",
        "reunite::spawn, join",
        OfFirst(1.1),
    ),
    (
        "ordered map over a slice, skewed an item, 2 cores: wall time",
        "reunite::par(..).map",
        OfBest(1.0),
    ),
    (
        "ordered map over a slice, growing an item, 2 cores: wall time",
        "reunite::par(..).map",
        OfBest(1.0),
    ),
    (
        "ordered map over a lazy iterator, 100 ns an item, 2 cores: wall time",
        "reunite: PoolScope::map",
        OfFirst(0.58),
    ),
    (
        "ordered map over a lazy iterator, 100 ns an item, 2 cores: wall time",
        "reunite::map, two threads",
        OfBest(1.0),
    ),
    (
        "lock and unlock, nobody else: wall time",
        "reunite::sync::Mutex",
        OfFirst(1.0),
    ),
    (
        "read lock and unlock, nobody else: wall time",
        "reunite::sync::RwLock",
        OfFirst(1.0),
    ),
    (
        "permit taken and given back, nobody else: wall time",
        "reunite::sync::Semaphore",
        OfFirst(1.0),
    ),
    (
        "value that is there, read: wall time",
        "reunite::sync::OnceCell",
        OfFirst(1.0),
    ),
    (
        "1:1, capacity 1: wall time of a message",
        "reunite::channel",
        OfBest(1.0),
    ),
    (
        "2:2, capacity 1: wall time of a message",
        "reunite::channel",
        Value(155.0),
    ),
    (
        "1:1, capacity 64: wall time of a message",
        "reunite::channel",
        OfBest(1.0),
    ),
    (
        "2:2, capacity 64: wall time of a message",
        "reunite::channel",
        OfBest(1.0),
    ),
    (
        "1:1, capacity 1024: wall time of a message",
        "reunite::channel",
        OfBest(1.0),
    ),
    (
        "2:2, capacity 1024: wall time of a message",
        "reunite::channel",
        OfBest(1.0),
    ),
];

/// The page of a run: goals, and the cells of all channels.
///
/// # Errors
/// There is no such row: its workload or the candidate was renamed.
pub(crate) fn page(table: &Table) -> Result<String, String> {
    let mut page = String::from(
        "| what | reunite: minimum / median | best peer | aim: at most | met by minimum / median |\n|---|---|---|---|---|\n",
    );
    for (workload, ours, aim) in AIMS {
        let rows: Vec<_> = table.of(workload).collect();
        let line = line(&rows, ours, *aim)
            .ok_or_else(|| format!("no row `{ours}`, or no other candidate, in `{workload}`"))?;
        let _written = writeln!(page, "| {workload} | {line} |");
    }
    Ok(page + &channels(table))
}

fn is_ours(row: &Row) -> bool {
    row.candidate.starts_with("reunite")
}

fn line(rows: &[&Row], ours: &str, aim: Aim) -> Option<String> {
    let first = rows.first()?;
    let mine = rows.iter().find(|row| row.candidate == ours)?;
    let is_first_a_peer = !matches!(aim, OfFirst(_));
    let peers = rows.iter().skip(usize::from(!is_first_a_peer));
    let best = peers
        .filter(|row| !is_ours(row))
        .min_by(|a, b| a.median.total_cmp(&b.median));
    let (base, most, unit) = match aim {
        Value(most) => (None, most, format!(" {}", mine.unit)),
        OfFirst(most) => (Some(first), most, format!(" of {}", first.candidate)),
        OfBest(most) => {
            let best = best?;
            (Some(best), most, format!(" of {}", best.candidate))
        }
    };
    let (mut minimum, median) = base.map_or((1.0, 1.0), |row| (row.minimum, row.median));
    if let OfBest(_) = aim {
        // Another peer may have been the best by its minimum.
        let minima = rows.iter().filter(|row| !is_ours(row));
        minimum = minima.map(|row| row.minimum).fold(minimum, f64::min);
    }
    let form = |row: &Row| {
        let (minimum, median) = (row.minimum / minimum, row.median / median);
        format!("{} / {}", short(minimum), short(median))
    };
    let peer = best.map_or_else(
        || "–".to_owned(),
        |row| format!("{}: {}", row.candidate, form(row)),
    );
    // A run cannot show a difference of half a percent.
    let met = |value: f64| if value <= most * 1.005 { "yes" } else { "no" };
    Some(format!(
        "{} | {peer} | {}{unit} | {} / {}",
        form(mine),
        short(most),
        met(mine.minimum / minimum),
        met(mine.median / median),
    ))
}

/// Three digits, or all digits before the point if there are more.
fn short(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

/// Ratios to the median of each cell's best peer: wall and CPU time.
fn channels(table: &Table) -> String {
    let mut page = String::new();
    for what in ["wall", "CPU"] {
        let end = format!(": {what} time of a message");
        let mut line = String::new();
        let mut capacity = "";
        let cells = table
            .rows
            .iter()
            .filter(|row| row.candidate == "reunite::channel" && row.workload.ends_with(&end));
        for row in cells {
            let Some((shape, rest)) = row.workload.split_once(", capacity ") else {
                continue;
            };
            let now = rest.trim_end_matches(&end);
            let peers = table.of(&row.workload).filter(|row| !is_ours(row));
            let Some(best) = peers.min_by(|a, b| a.median.total_cmp(&b.median)) else {
                continue;
            };
            if now != capacity {
                capacity = now;
                let _written = write!(line, "|\n| {capacity} ");
            }
            let ratio = short(row.median / best.median);
            let _written = write!(line, "| {shape}: {ratio} of {} ", best.candidate);
        }
        if !line.is_empty() {
            let line = line.trim_start_matches("|\n");
            let _written = write!(
                page,
                "\n| capacity | {what} time of a message, medians | | | |\n|---|---|---|---|---|\n{line}|\n"
            );
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(candidate: &str, minimum: f64, median: f64) -> Row {
        Row {
            workload: "1:1, capacity 4: wall time of a message".to_owned(),
            candidate: candidate.to_owned(),
            unit: "ns",
            median,
            minimum,
            maximum: median,
            ratio: 1.0,
            ratio_of_minima: 1.0,
        }
    }

    #[test]
    fn a_row_is_held_against_a_value_the_first_and_the_best_peer() {
        let rows = [
            row("plain", 10.0, 20.0),
            row("other", 8.0, 10.0),
            row("reunite::channel", 5.0, 30.0),
        ];
        let rows: Vec<_> = rows.iter().collect();
        let of = |aim| line(&rows, "reunite::channel", aim).unwrap();
        assert_eq!(
            of(Value(29.0)),
            "5.00 / 30.0 | other: 8.00 / 10.0 | 29.0 ns | yes / no"
        );
        assert_eq!(
            of(OfFirst(1.5)),
            "0.50 / 1.50 | other: 0.80 / 0.50 | 1.50 of plain | yes / yes"
        );
        assert_eq!(
            of(OfBest(1.0)),
            "0.62 / 3.00 | other: 1.00 / 1.00 | 1.00 of other | yes / no"
        );
        assert!(line(&rows, "another", Value(1.0)).is_none());
    }

    #[test]
    fn cells_of_channels_name_the_best_peer_of_each() {
        let mut table = Table::new(&crate::setting::Setting {
            out: std::path::PathBuf::new(),
            load: crate::setting::Load::now(0),
            length: crate::setting::Length::Full,
            on: "",
        });
        table.rows = vec![
            row("kanal", 1.0, 10.0),
            row("flume", 1.0, 8.0),
            row("reunite::channel", 1.0, 4.0),
        ];
        assert_eq!(
            channels(&table),
            "\n| capacity | wall time of a message, medians | | | |\n|---|---|---|---|---|\n| 4 | 1:1: 0.50 of flume |\n"
        );
        assert!(page(&table).is_err());
    }
}
