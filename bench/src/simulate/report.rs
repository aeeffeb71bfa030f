//! The results, as tables and as a chart.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::state::SPENT;
use super::sweep::{AS_IT_IS, Point, TOGETHER_NAME};

/// Prints a point as soon as it is computed.
pub(super) fn print(point: &Point) {
    let (line, part) = busiest(point);
    println!(
        "  {:34} {} {:>4} {:10} {:22} {:7.2}×   {line} {:.0} %",
        point.program,
        if point.nodes == 1 {
            "one node "
        } else {
            "two nodes"
        },
        point.workers,
        point.decision,
        point.alternative,
        point.speed_up,
        part * 100.0,
    );
}

/// The line that is in use for the largest part of the time.
fn busiest(point: &Point) -> (&'static str, f64) {
    let busy = point.run.busy.iter().copied();
    busy.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or(("", 0.0))
}

/// Writes `simulate.csv`, `simulate.json` and `simulate.svg` into `dir`.
pub(super) fn write(points: &[Point], dir: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join("simulate.csv"), csv(points)?)?;
    // One point per line.
    let rows: Vec<_> = points.iter().map(|point| json(point).to_string()).collect();
    let text = format!("[\n{}\n]\n", rows.join(",\n"));
    fs::write(dir.join("simulate.json"), text)?;
    chart(points, &dir.join("simulate.svg"))?;
    println!("\nwritten to {}/simulate.{{csv,json,svg}}", dir.display());
    Ok(())
}

fn csv(points: &[Point]) -> Result<String, std::fmt::Error> {
    let mut text = String::from(
        "program,nodes,workers,decision,alternative,time_us,speed_up,publications,published,stolen,in_vain,taken_back,\
         woken,blocked,busiest,busy\n",
    );
    for point in points {
        let counts = &point.run.counts;
        let (line, part) = busiest(point);
        writeln!(
            text,
            "\"{}\",{},{},{},\"{}\",{:.1},{:.3},{},{},{},{},{},{},{},{line},{part:.3}",
            point.program,
            point.nodes,
            point.workers,
            point.decision,
            point.alternative,
            point.run.time as f64 / 1e6,
            point.speed_up,
            counts.publications,
            counts.published,
            counts.stolen,
            counts.in_vain,
            counts.taken_back,
            counts.woken,
            counts.blocked,
        )?;
    }
    Ok(text)
}

fn json(point: &Point) -> serde_json::Value {
    let whole: u64 = point.run.spent.iter().sum();
    let spent = SPENT.iter().map(|(spent, name)| {
        let time = point.run.spent[*spent as usize];
        (*name, time as f64 / whole.max(1) as f64)
    });
    serde_json::json!({
        "program": point.program, "nodes": point.nodes, "workers": point.workers,
        "decision": point.decision, "alternative": point.alternative,
        "time_us": rounded(point.run.time as f64 / 1e6), "speed_up": rounded(point.speed_up),
        "spent": parts(spent), "busy": parts(point.run.busy.iter().copied()),
    })
}

/// Rounds to three decimals.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// The parts that are large enough to be seen.
fn parts<'a>(
    parts: impl Iterator<Item = (&'a str, f64)>,
) -> serde_json::Map<String, serde_json::Value> {
    let seen = parts.filter(|(_, part)| *part >= 5e-4);
    seen.map(|(name, part)| (name.to_owned(), rounded(part).into()))
        .collect()
}

/// Names without repetition, in order.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

const COLUMNS: [&[&str]; 6] = [
    &[AS_IT_IS],
    &["wakers", "counters"],
    &["batch", "forks"],
    &["order", "asked"],
    &["helping", "locking", "taking", TOGETHER_NAME],
    &["without"],
];

const COLOURS: [RGBColor; 7] = [
    RGBColor(214, 95, 2),
    RGBColor(27, 158, 119),
    RGBColor(117, 112, 179),
    RGBColor(231, 41, 138),
    RGBColor(102, 166, 30),
    RGBColor(166, 118, 29),
    RGBColor(120, 120, 120),
];
const OURS: RGBColor = RGBColor(34, 113, 177);

type Curve = (String, RGBColor, Vec<(f64, f64)>);

/// One row per program: speed-up over workers, both in doublings; the pool as it is, and the alternatives.
fn chart(points: &[Point], path: &Path) -> Result<(), Box<dyn Error>> {
    let programs = distinct(points.iter().map(|point| point.program));
    let size = (300 * COLUMNS.len() as u32, 30 + 230 * programs.len() as u32);
    let canvas = SVGBackend::new(path, size).into_drawing_area();
    canvas.fill(&WHITE)?;
    let font = ("sans-serif", 13).into_font();
    canvas.draw_text(
        "first column: speed-up over workers; others: that of an alternative over the pool as it is, on two nodes; on scales of \
         doublings",
        &font.color(&BLACK),
        (10, 8),
    )?;
    let (_, charts) = canvas.split_vertically(30);
    let cells = charts.split_evenly((programs.len(), COLUMNS.len()));
    let rows = programs
        .iter()
        .flat_map(|program| COLUMNS.iter().map(move |column| (program, column)));
    for (cell, (program, column)) in cells.iter().zip(rows) {
        let caption = if column[0] == AS_IT_IS {
            program
        } else {
            column[0]
        };
        let is_first = column[0] == AS_IT_IS;
        draw(cell, caption, is_first, &curves(points, program, column))?;
    }
    canvas.present()?;
    Ok(())
}

/// In the column of the pool as it is: speed-ups; in the others: speed-ups divided by those of the pool as it is.
fn curves(points: &[Point], program: &str, column: &[&str]) -> Vec<Curve> {
    let is_first = column[0] == AS_IT_IS;
    let find = |decision: &str, alternative: &str, nodes: usize| {
        let of = move |point: &&Point| {
            (point.decision, point.alternative, point.nodes) == (decision, alternative, nodes)
        };
        let points = points.iter().filter(|point| point.program == program);
        points.filter(of).collect::<Vec<_>>()
    };
    let ours = |workers: usize| {
        let all = find(AS_IT_IS, "", 2);
        let same = all.iter().find(|point| point.workers == workers);
        same.map_or(1.0, |point| point.speed_up)
    };
    let of = |decision: &str, alternative: &str, nodes: usize| {
        let points = find(decision, alternative, nodes);
        let base = |workers| if is_first { 1.0 } else { ours(workers) };
        let value = |point: &&Point| (point.speed_up / base(point.workers)).log2();
        let curve = points
            .iter()
            .map(|point| ((point.workers as f64).log2(), value(point)));
        curve.collect::<Vec<_>>()
    };
    if is_first {
        let light = RGBColor(120, 180, 225);
        return vec![
            ("two nodes".to_owned(), light, of(AS_IT_IS, "", 2)),
            ("one node".to_owned(), OURS, of(AS_IT_IS, "", 1)),
        ];
    }
    let mut curves = Vec::new();
    let mut colours = COLOURS.iter().cycle();
    for decision in column {
        let those = points
            .iter()
            .filter(|p| p.program == program && p.decision == *decision);
        for alternative in distinct(those.map(|point| point.alternative)) {
            let name = format!("{decision} {alternative}");
            let colour = colours.next().copied().unwrap_or(BLACK);
            curves.push((name, colour, of(decision, alternative, 2)));
        }
    }
    curves
}

fn draw(
    cell: &DrawingArea<SVGBackend<'_>, Shift>,
    caption: &str,
    is_first: bool,
    curves: &[Curve],
) -> Result<(), Box<dyn Error>> {
    let (lowest, highest) = if is_first { (-4.0, 7.0) } else { (-4.0, 6.0) };
    let first = if is_first { 0.0 } else { 3.0 };
    let mut chart = ChartBuilder::on(cell)
        .caption(caption, ("sans-serif", 13))
        .margin(6)
        .x_label_area_size(18)
        .y_label_area_size(34)
        .build_cartesian_2d(first..7.0, lowest..highest)?;
    let power = |exponent: &f64| {
        let value = exponent.exp2();
        if value < 1.0 {
            format!("{value:.2}")
        } else {
            format!("{value:.0}")
        }
    };
    chart
        .configure_mesh()
        .x_labels(8)
        .y_labels(8)
        .x_label_formatter(&power)
        .y_label_formatter(&power)
        .light_line_style(TRANSPARENT)
        .draw()?;
    // The ideal speed-up, or the pool as it is.
    let reference = [(first, 0.0), (7.0, if is_first { 7.0 } else { 0.0 })];
    chart.draw_series([PathElement::new(reference, RGBColor(150, 150, 150))])?;
    for (name, colour, points) in curves.iter().filter(|(_, _, points)| !points.is_empty()) {
        let colour = *colour;
        let path = PathElement::new(points.clone(), colour.stroke_width(2));
        let drawn = chart.draw_series([path])?;
        drawn
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 10, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(("sans-serif", 9))
        .draw()?;
    Ok(())
}
