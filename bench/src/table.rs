//! The table of results: printed while it grows, and written as CSV, JSON and a chart.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use plotters::prelude::*;

use crate::rounds::{Candidate, median, sample};
use crate::setting::Setting;

pub(crate) struct Row {
    pub(crate) workload: String,
    pub(crate) candidate: String,
    pub(crate) unit: &'static str,
    pub(crate) median: f64,
    pub(crate) minimum: f64,
    pub(crate) maximum: f64,
    /// The median divided by that of the first candidate of the workload.
    pub(crate) ratio: f64,
    /// The minimum divided by that of the first candidate.
    pub(crate) ratio_of_minima: f64,
}

pub(crate) struct Table {
    setting: Setting,
    pub(crate) rows: Vec<Row>,
}

impl Table {
    pub(crate) fn new(setting: &Setting) -> Self {
        Self {
            setting: setting.clone(),
            rows: Vec::new(),
        }
    }

    /// Samples the candidates in rounds; the others are compared with the first one.
    pub(crate) fn measure(
        &mut self,
        workload: &str,
        unit: &'static str,
        rounds: usize,
        mut candidates: Vec<Candidate<'_>>,
    ) {
        println!("\n{workload}");
        let samples = sample(self.setting.length.of(rounds), &mut candidates);
        let names = candidates.iter().map(|(name, _)| *name);
        self.add(workload, unit, names.zip(samples));
    }

    /// Adds samples that were taken already.
    pub(crate) fn add<'a>(
        &mut self,
        workload: &str,
        unit: &'static str,
        candidates: impl Iterator<Item = (&'a str, Vec<f64>)>,
    ) {
        let mut first = None;
        for (candidate, samples) in candidates {
            let minimum = samples.iter().copied().fold(f64::INFINITY, f64::min);
            let maximum = samples.iter().copied().fold(0.0, f64::max);
            let median = median(&samples);
            let base = *first.get_or_insert((median, minimum));
            let ratio = median / base.0;
            println!(
                "  {candidate:34} {median:12.3} {unit:4} ({minimum:.3}–{maximum:.3})  {ratio:6.2}×"
            );
            self.rows.push(Row {
                workload: workload.to_owned(),
                candidate: candidate.to_owned(),
                unit,
                median,
                minimum,
                maximum,
                ratio,
                ratio_of_minima: minimum / base.1,
            });
        }
    }

    /// Takes over the rows of another table.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.rows.append(&mut other.rows);
    }

    /// The rows of this workload.
    pub(crate) fn of<'a>(&'a self, workload: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.workload == workload)
    }

    /// Prints all rows once more, with the minima.
    pub(crate) fn print(&self) {
        println!(
            "\n  {:34} {:>12} {:>12}       {:>16}",
            "", "minimum", "median", "ratios of both"
        );
        let mut workload = "";
        for row in &self.rows {
            if row.workload != workload {
                workload = &row.workload;
                println!("{workload}");
            }
            println!(
                "  {:34} {:12.3} {:12.3} {:4} {:7.2}× {:7.2}×",
                row.candidate, row.minimum, row.median, row.unit, row.ratio_of_minima, row.ratio
            );
        }
    }

    /// Writes `NAME.csv`, `NAME.json` and `NAME.svg`.
    pub(crate) fn write(&self, name: &str) -> Result<(), Box<dyn Error>> {
        let dir = &self.setting.out;
        fs::create_dir_all(dir)?;
        fs::write(dir.join(format!("{name}.csv")), self.csv()?)?;
        fs::write(dir.join(format!("{name}.json")), self.json()?)?;
        self.chart(&dir.join(format!("{name}.svg")))?;
        println!("\nwritten to {}/{name}.{{csv,json,svg}}", dir.display());
        Ok(())
    }

    fn csv(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::from(
            "workload,candidate,unit,median,minimum,maximum,ratio,ratio of minima,busy processes,load average\n",
        );
        let load = self.setting.load;
        let average = load.average.map_or_else(String::new, |it| it.to_string());
        for row in &self.rows {
            writeln!(
                text,
                "\"{}\",\"{}\",{},{:.4},{:.4},{:.4},{:.4},{:.4},{},{average}",
                row.workload,
                row.candidate,
                row.unit,
                row.median,
                row.minimum,
                row.maximum,
                row.ratio,
                row.ratio_of_minima,
                load.busy,
            )?;
        }
        Ok(text)
    }

    fn json(&self) -> Result<String, serde_json::Error> {
        let load = self.setting.load;
        let rows = self.rows.iter().map(|row| {
            serde_json::json!({
                "workload": row.workload, "candidate": row.candidate, "unit": row.unit,
                "median": row.median, "minimum": row.minimum, "maximum": row.maximum,
                "ratio": row.ratio, "ratio_of_minima": row.ratio_of_minima,
                "busy_processes": load.busy, "load_average": load.average,
            })
        });
        serde_json::to_string_pretty(&rows.collect::<Vec<_>>())
    }

    /// One bar per row: the ratio to the first candidate's median, on a logarithmic scale with base 2.
    fn chart(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        const LINE: u32 = 16;
        const LEFT: i32 = 620;
        const SCALE: f64 = 60.0;
        let mut workload = "";
        let lines = self.rows.len() + self.workloads();
        let size = (LEFT as u32 + 480, LINE * (lines as u32 + 3));
        let canvas = SVGBackend::new(path, size).into_drawing_area();
        canvas.fill(&WHITE)?;
        let text = ("sans-serif", 12).into_font();
        let put =
            |words: &str, x: i32, y: i32| canvas.draw_text(words, &text.color(&BLACK), (x, y));
        put(
            "median, as a multiple of the first candidate's (each mark is a doubling)",
            10,
            6,
        )?;
        let mut y = 2 * LINE as i32;
        for row in &self.rows {
            if row.workload != workload {
                workload = &row.workload;
                put(workload, 10, y)?;
                y += LINE as i32;
            }
            put(&row.candidate, 340, y)?;
            let length = (row.ratio.max(0.01).log2() * SCALE) as i32;
            let (from, to) = (length.clamp(-160, 0), length.clamp(0, 400));
            let middle = LEFT + 60;
            let colour = if row.candidate.starts_with("reunite") {
                RGBColor(34, 113, 177)
            } else {
                RGBColor(160, 160, 160)
            };
            canvas.draw(&Rectangle::new(
                [(middle + from, y + 2), (middle + to.max(from + 2), y + 12)],
                colour.filled(),
            ))?;
            put(&format!("{:.2}×", row.ratio), middle + to + 6, y)?;
            y += LINE as i32;
        }
        canvas.present()?;
        Ok(())
    }

    fn workloads(&self) -> usize {
        let changes = self.rows.windows(2);
        1 + changes
            .filter(|pair| pair[0].workload != pair[1].workload)
            .count()
    }
}
