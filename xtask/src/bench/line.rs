//! One line of a benchmark program: `{"row":"no-op","ns":86.1}`, perhaps with a `count`.
//!
//! Must not know: which rows there are. Invariant: a line has exactly one figure, and it is a finite number.

use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Nanoseconds per operation.
    Ns,
    /// A plain factor: how many times as much.
    Ratio,
    Bytes,
    /// Machine instructions per operation.
    Instructions,
}

const UNITS: [Unit; 4] = [Unit::Ns, Unit::Ratio, Unit::Bytes, Unit::Instructions];

impl Unit {
    /// The key of the figure in JSON.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Unit::Ns => "ns",
            Unit::Ratio => "ratio",
            Unit::Bytes => "bytes",
            Unit::Instructions => "instructions",
        }
    }

    /// A figure for people, in three digits and the unit that suits its size.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Unit::Ns => scaled(value, &["ns", "µs", "ms", "s"]),
            Unit::Bytes => scaled(value, &["B", "KB", "MB", "GB"]),
            Unit::Ratio => format!("{value:.2} ×"),
            Unit::Instructions => grouped(value),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.key())
    }
}

/// What a program found out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) row: String,
    pub(crate) unit: Unit,
    pub(crate) value: f64,
    /// How often the operation was done, where that matters.
    pub(crate) count: Option<u64>,
}

/// Every line of what a program printed.
pub(crate) fn parse(output: &str) -> Result<Vec<Line>> {
    output
        .lines()
        .map(|text| line(text).with_context(|| format!("a benchmark printed `{text}`")))
        .collect()
}

fn line(text: &str) -> Result<Line> {
    let fields: Map<String, Value> = serde_json::from_str(text)?;
    let row = fields.get("row").and_then(Value::as_str);
    let mut figures = UNITS.into_iter().filter_map(|unit| {
        let value = fields.get(unit.key())?.as_f64()?;
        Some((unit, value))
    });
    let (Some(row), Some((unit, value)), None) = (row, figures.next(), figures.next()) else {
        bail!("not a row with one figure");
    };
    ensure!(value.is_finite(), "not a number");
    Ok(Line {
        row: row.to_string(),
        unit,
        value,
        count: fields.get("count").and_then(Value::as_u64),
    })
}

/// Three digits of a number below 1,000, with the unit it then has.
fn scaled(value: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut units = units.iter().peekable();
    while let Some(unit) = units.next() {
        // What would be rounded up to a thousand has the next unit.
        if value.abs() < 999.5 || units.peek().is_none() {
            return format!("{value:.*} {unit}", decimals(value));
        }
        value /= 1e3;
    }
    String::new()
}

fn decimals(value: f64) -> usize {
    match value.abs() {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    }
}

/// A whole number in groups of three digits.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value <= -0.5 {
        text.insert(0, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_their_unit_and_count() {
        let output = "{\"row\":\"no-op\",\"ns\":86.125}\n\
                      {\"row\":\"memory, made\",\"bytes\":-12,\"count\":1000}\n\
                      {\"row\": \"rust: calls\", \"ratio\": 1.9}\n";
        let line = |row: &str, unit, value, count| Line {
            row: row.into(),
            unit,
            value,
            count,
        };
        assert_eq!(
            parse(output).unwrap(),
            [
                line("no-op", Unit::Ns, 86.125, None),
                line("memory, made", Unit::Bytes, -12.0, Some(1000)),
                line("rust: calls", Unit::Ratio, 1.9, None),
            ]
        );
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn a_line_that_is_no_row_is_shown() {
        for text in [
            "{\"row\":\"no-op\"}",
            "{\"ns\":1}",
            "{\"row\":\"no-op\",\"ns\":1,\"bytes\":1}",
            "{\"row\":\"no-op\",\"ns\":\"1\"}",
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert_eq!(
                error,
                format!("a benchmark printed `{text}`: not a row with one figure")
            );
        }
        assert!(
            format!("{:#}", parse("segmentation fault").unwrap_err())
                .starts_with("a benchmark printed `segmentation fault`: expected value")
        );
    }

    #[test]
    fn figures_have_three_digits() {
        for (unit, value, text) in [
            (Unit::Ns, 8.0, "8.00 ns"),
            (Unit::Ns, 86.125, "86.1 ns"),
            (Unit::Ns, 999.6, "1.00 µs"),
            (Unit::Ns, 1_090_000.0, "1.09 ms"),
            (Unit::Ns, 71e6, "71.0 ms"),
            (Unit::Ns, 5e12, "5000 s"),
            (Unit::Bytes, 29_616_976.0, "29.6 MB"),
            (Unit::Bytes, -3.25, "-3.25 B"),
            (Unit::Bytes, 0.0, "0.00 B"),
            (Unit::Ratio, 1.926, "1.93 ×"),
            (Unit::Instructions, 1184.49, "1,184"),
            (Unit::Instructions, 11_571_746.0, "11,571,746"),
        ] {
            assert_eq!(unit.show(value), text);
        }
        assert_eq!(grouped(-1234.0), "-1,234");
        assert_eq!(grouped(999.0), "999");
    }
}
