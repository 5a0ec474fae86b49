//! What was measured: for each row, the figures of both libraries from all rounds.
//!
//! Must not know: targets, or how it is shown. Invariant: rows keep the order in which they first came, and
//! all figures of a row have one unit.

use anyhow::{Result, ensure};

use super::line::{Line, Unit};

/// The two libraries that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Published,
    Ours,
}

impl Side {
    /// As it is called in tables, folders and JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Side::Published => "published",
            Side::Ours => "ours",
        }
    }
}

/// All rows measured so far.
#[derive(Debug, Default)]
pub(crate) struct Measurements {
    pub(crate) rows: Vec<Measurement>,
}

/// One row.
#[derive(Debug)]
pub(crate) struct Measurement {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    published: Series,
    ours: Series,
}

/// The figures of one library, one a round.
#[derive(Debug, Default)]
struct Series {
    values: Vec<f64>,
    count: Option<u64>,
}

/// What the rounds come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// How often the operation was done in the last round, where that matters.
    pub(crate) count: Option<u64>,
    pub(crate) rounds: usize,
}

impl Measurements {
    pub(crate) fn add(&mut self, side: Side, line: Line) -> Result<()> {
        let found = self.rows.iter().position(|row| row.name == line.row);
        let at = found.unwrap_or_else(|| {
            self.rows.push(Measurement {
                name: line.row.clone(),
                unit: line.unit,
                published: Series::default(),
                ours: Series::default(),
            });
            self.rows.len() - 1
        });
        let row = &mut self.rows[at];
        ensure!(
            row.unit == line.unit,
            "the row `{}` is in {} and in {}",
            row.name,
            row.unit,
            line.unit
        );
        let series = match side {
            Side::Published => &mut row.published,
            Side::Ours => &mut row.ours,
        };
        series.values.push(line.value);
        series.count = line.count;
        Ok(())
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Measurement> {
        self.rows.iter().find(|row| row.name == name)
    }
}

impl Measurement {
    pub(crate) fn figure(&self, side: Side) -> Option<Figure> {
        let series = match side {
            Side::Published => &self.published,
            Side::Ours => &self.ours,
        };
        let mut sorted = series.values.clone();
        sorted.sort_by(f64::total_cmp);
        Some(Figure {
            median: median(&sorted)?,
            min: *sorted.first()?,
            max: *sorted.last()?,
            count: series.count,
            rounds: sorted.len(),
        })
    }

    /// How many times as much the published library takes; of factors there is no such thing.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let published = self.figure(Side::Published)?.median;
        let ours = self.figure(Side::Ours)?.median;
        let comparable = self.unit != Unit::Ratio && published > 0.0 && ours > 0.0;
        comparable.then(|| published / ours)
    }
}

/// The middle of sorted values, or the mean of the two in the middle.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some((sorted[sorted.len() / 2 - 1] + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(row: &str, unit: Unit, value: f64) -> Line {
        Line {
            row: row.into(),
            unit,
            value,
            count: None,
        }
    }

    #[test]
    fn the_median_is_in_the_middle() {
        for (sorted, expected) in [
            (&[][..], None),
            (&[3.0], Some(3.0)),
            (&[1.0, 4.0], Some(2.5)),
            (&[1.0, 2.0, 9.0], Some(2.0)),
            (&[1.0, 2.0, 4.0, 9.0], Some(3.0)),
        ] {
            assert_eq!(median(sorted), expected, "{sorted:?}");
        }
    }

    #[test]
    fn rounds_come_together_in_one_row() {
        let mut all = Measurements::default();
        for value in [70.0, 50.0, 60.0] {
            all.add(Side::Ours, line("b", Unit::Ns, value)).unwrap();
        }
        all.add(Side::Published, line("b", Unit::Ns, 6000.0))
            .unwrap();
        all.add(Side::Ours, line("a", Unit::Ratio, 2.0)).unwrap();
        all.add(Side::Published, line("a", Unit::Ratio, 1.0))
            .unwrap();

        let names: Vec<&str> = all.rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["b", "a"]);
        let row = all.find("b").unwrap();
        assert_eq!(
            row.figure(Side::Ours),
            Some(Figure {
                median: 60.0,
                min: 50.0,
                max: 70.0,
                count: None,
                rounds: 3
            })
        );
        assert_eq!(row.ratio(), Some(100.0));
        assert_eq!(all.find("a").unwrap().ratio(), None);
    }

    #[test]
    fn without_the_published_library_there_is_no_ratio() {
        let mut all = Measurements::default();
        all.add(Side::Ours, line("a", Unit::Ns, 1.0)).unwrap();
        let row = all.find("a").unwrap();
        assert_eq!(row.figure(Side::Published), None);
        assert_eq!(row.ratio(), None);
    }

    #[test]
    fn a_row_has_one_unit() {
        let mut all = Measurements::default();
        all.add(Side::Ours, line("a", Unit::Ns, 1.0)).unwrap();
        let error = all
            .add(Side::Published, line("a", Unit::Bytes, 1.0))
            .unwrap_err();
        assert_eq!(error.to_string(), "the row `a` is in ns and in bytes");
    }
}
