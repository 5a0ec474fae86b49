//! Measurements side by side: as text for a terminal, as a Markdown table, as JSON.
//!
//! Must not know: how anything was measured. Invariant: the three show the same medians and verdicts, and a
//! column in which there is nothing is left out.

use serde_json::{Value, json};

use super::measurement::{Figure, Measurement, Measurements, Side};
use super::rows::{self, Row, Target};
use super::verdict::{self, Verdict};

const COLUMNS: [&str; 7] = [
    "row",
    "published",
    "ours",
    "ratio",
    "target",
    "target ratio",
    "met",
];

/// Texts in rows and columns, the titles in the first row.
struct Cells(Vec<Vec<String>>);

/// What a table has the rows of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The two libraries, side by side.
    Libraries,
    /// Another program: there is nothing to set beside its rows.
    Alone,
}

/// Aligned columns for a terminal: the libraries, and then what stands alone.
pub(crate) fn text(all: &Measurements) -> String {
    let tables = [Part::Libraries, Part::Alone].map(|part| aligned(&cells(all, part)));
    let tables = tables.into_iter().filter(|table| !table.is_empty());
    tables.collect::<Vec<_>>().join("\n")
}

fn aligned(Cells(cells): &Cells) -> String {
    let columns = cells.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let widths = cells.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in cells {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A table in Markdown; empty without rows.
pub(crate) fn markdown(all: &Measurements, part: Part) -> String {
    let mut text = String::new();
    for (at, row) in cells(all, part).0.iter().enumerate() {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
        if at == 0 {
            text.push_str(&format!("|{}\n", " --- |".repeat(row.len())));
        }
    }
    text
}

/// One JSON object a line, a row each.
pub(crate) fn json(all: &Measurements) -> String {
    let lines = all.rows.iter().map(|measured| {
        let row = described(measured);
        json!({
            "row": measured.name,
            "unit": measured.unit.key(),
            "published": measured.figure(Side::Published).map(figure_json),
            "ours": measured.figure(Side::Ours).map(figure_json),
            "ratio": ratio(measured),
            "target": row.map_or(Value::Null, |row| target_json(row.target)),
            "ratio_min": row.and_then(|row| row.ratio_min),
            "met": verdict_json(judged(measured, all)),
        })
    });
    lines.map(|line| format!("{line}\n")).collect()
}

fn cells(all: &Measurements, part: Part) -> Cells {
    let is_in_part =
        |measured: &&Measurement| rows::find(&measured.name).is_some() == (part == Part::Libraries);
    let mut cells = vec![COLUMNS.map(String::from).to_vec()];
    cells.extend(all.rows.iter().filter(is_in_part).map(|measured| {
        let row = described(measured);
        let figure = |side| {
            let figure = measured.figure(side);
            figure.map_or(String::new(), |figure| figure_text(measured, figure))
        };
        vec![
            measured.name.clone(),
            figure(Side::Published),
            figure(Side::Ours),
            ratio(measured).map_or(String::new(), times),
            row.map_or(String::new(), target_text),
            row.and_then(|row| row.ratio_min)
                .map_or(String::new(), |least| format!("≥ {}", times(least))),
            judged(measured, all).text().to_string(),
        ]
    }));
    if cells.len() == 1 {
        return Cells(Vec::new());
    }
    let used: Vec<bool> = (0..COLUMNS.len())
        .map(|column| cells.iter().skip(1).any(|row| !row[column].is_empty()))
        .collect();
    for row in &mut cells {
        let mut used = used.iter();
        row.retain(|_| *used.next().expect("there is one for each column"));
    }
    Cells(cells)
}

/// The row of the table this is a measurement of. Instructions are counted under the same names, and have no
/// targets.
fn described(measured: &Measurement) -> Option<&'static Row> {
    rows::find(&measured.name).filter(|row| row.unit == measured.unit)
}

fn ratio(measured: &Measurement) -> Option<f64> {
    let says_something = described(measured).is_none_or(|row| row.is_compared);
    measured.ratio().filter(|_| says_something)
}

fn judged(measured: &Measurement, all: &Measurements) -> Verdict {
    described(measured).map_or(Verdict::None, |row| verdict::judge(row, measured, all))
}

/// The median; behind it what the rounds span, and how often it was done.
fn figure_text(measured: &Measurement, figure: Figure) -> String {
    let unit = measured.unit;
    let mut text = unit.show(figure.median);
    if figure.rounds > 1 && figure.min < figure.max {
        let (min, max) = (unit.show(figure.min), unit.show(figure.max));
        text.push_str(&format!(" ({min} – {max})"));
    }
    if let Some(count) = figure.count {
        text.push_str(&format!(", {} times", super::line::grouped(count as f64)));
    }
    text
}

fn target_text(row: &Row) -> String {
    match row.target {
        Target::None => String::new(),
        Target::AtMost(most) => format!("≤ {}", row.unit.show(most)),
        Target::AtLeast(least) => format!("≥ {}", row.unit.show(least)),
        Target::AtMostAbove(other, more) => format!("≤ {other} + {}", row.unit.show(more)),
    }
}

/// A factor: whole where it is large.
fn times(ratio: f64) -> String {
    match ratio {
        ..10.0 => format!("{ratio:.2} ×"),
        ..100.0 => format!("{ratio:.1} ×"),
        _ => format!("{ratio:.0} ×"),
    }
}

fn figure_json(figure: Figure) -> Value {
    json!({
        "median": figure.median,
        "min": figure.min,
        "max": figure.max,
        "rounds": figure.rounds,
        "count": figure.count,
    })
}

fn target_json(target: Target) -> Value {
    match target {
        Target::None => Value::Null,
        Target::AtMost(most) => json!({ "at_most": most }),
        Target::AtLeast(least) => json!({ "at_least": least }),
        Target::AtMostAbove(other, more) => json!({ "row": other, "at_most_above": more }),
    }
}

fn verdict_json(verdict: Verdict) -> Value {
    match verdict {
        Verdict::None => Value::Null,
        verdict => Value::from(verdict.text()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::*;

    /// Two rounds of both libraries, and a row of another program.
    const PUBLISHED: &str = r#"{"row":"no-op","ns":5000}
{"row":"no-op","ns":5200}
{"row":"calls on 2 threads","ratio":1.06}"#;
    const OURS: &str = r#"{"row":"no-op","ns":50}
{"row":"no-op","ns":52}
{"row":"no-op, time limit","ns":80,"count":100000}
{"row":"calls on 2 threads","ratio":1.95}
{"row":"raw: no-op","ns":14.25}"#;

    fn measured(published: &str, ours: &str) -> Measurements {
        let mut all = Measurements::default();
        for (side, output) in [(Side::Published, published), (Side::Ours, ours)] {
            for line in line::parse(output).unwrap() {
                all.add(side, line).unwrap();
            }
        }
        all
    }

    #[test]
    fn a_terminal_gets_aligned_columns() {
        let expected = "\
row                 published                    ours                         ratio  target             target ratio  met
no-op               5.10 µs (5.00 µs – 5.20 µs)  51.0 ns (50.0 ns – 52.0 ns)  100 ×  ≤ 60.0 ns          ≥ 75.0 ×      yes
calls on 2 threads  1.06 ×                       1.95 ×                              ≥ 1.90 ×                         yes
no-op, time limit                                80.0 ns, 100,000 times              ≤ no-op + 20.0 ns                no

row         ours
raw: no-op  14.2 ns
";
        assert_eq!(text(&measured(PUBLISHED, OURS)), expected);
    }

    #[test]
    fn columns_with_nothing_in_them_are_left_out() {
        let alone = measured("", "{\"row\":\"no-op\",\"ns\":61}");
        assert_eq!(
            markdown(&alone, Part::Libraries),
            "| row | ours | target | target ratio | met |\n\
             | --- | --- | --- | --- | --- |\n\
             | no-op | 61.0 ns | ≤ 60.0 ns | ≥ 75.0 × | no |\n"
        );
        assert_eq!(markdown(&alone, Part::Alone), "");
        // The name is that of a row with a target, but the unit is another.
        let counted = measured(
            "{\"row\":\"no-op\",\"instructions\":59534}",
            "{\"row\":\"no-op\",\"instructions\":1184.5}",
        );
        assert_eq!(
            markdown(&counted, Part::Libraries),
            "| row | published | ours | ratio |\n\
             | --- | --- | --- | --- |\n\
             | no-op | 59,534 | 1,184 | 50.3 × |\n"
        );
    }

    #[test]
    fn a_ratio_of_next_to_nothing_is_not_shown() {
        let growth = "{\"row\":\"create and free, growth\",\"bytes\":3}";
        assert!(text(&measured(growth, growth)).ends_with("3.00 B     3.00 B\n"));
    }

    #[test]
    fn programs_get_numbers() {
        let found = json(&measured(PUBLISHED, OURS));
        let lines: Vec<Value> = found
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            lines[0],
            json!({
                "row": "no-op", "unit": "ns",
                "published": {
                    "median": 5100.0, "min": 5000.0, "max": 5200.0, "rounds": 2, "count": null
                },
                "ours": { "median": 51.0, "min": 50.0, "max": 52.0, "rounds": 2, "count": null },
                "ratio": 100.0, "target": { "at_most": 60.0 }, "ratio_min": 75.0, "met": "yes",
            })
        );
        assert_eq!(
            lines[2]["target"],
            json!({ "row": "no-op", "at_most_above": 20.0 })
        );
        assert_eq!(lines[2]["ours"]["count"], 100_000);
        assert_eq!(lines[3]["published"], Value::Null);
        assert_eq!(lines[3]["met"], Value::Null);
        assert_eq!(lines.len(), 4);
    }
}
