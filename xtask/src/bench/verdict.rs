//! Whether a row is where it should be.
//!
//! Must not know: how a verdict is shown. Invariant: what was not measured is not judged.

use super::measurement::{Measurement, Measurements, Side};
use super::rows::{Row, Target};

/// The answer for a row. A row may ask for a figure, for a ratio, or for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing is asked for, or it could not be measured.
    None,
    Met,
    /// The figure is reached and the ratio is not.
    FigureOnly,
    /// The ratio is reached and the figure is not: another machine, perhaps.
    RatioOnly,
    Missed,
}

impl Verdict {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Verdict::None => "",
            Verdict::Met => "yes",
            Verdict::FigureOnly => "figure only",
            Verdict::RatioOnly => "ratio only",
            Verdict::Missed => "no",
        }
    }
}

/// Judges a row by what was measured of it and, where its target says so, of another row.
pub(crate) fn judge(row: &Row, measured: &Measurement, all: &Measurements) -> Verdict {
    let figure = figure_met(row.target, measured, all);
    let ratio = row
        .ratio_min
        .zip(measured.ratio())
        .map(|(least, ratio)| ratio >= least);
    match (figure, ratio) {
        (None, None) => Verdict::None,
        (None | Some(true), Some(true)) | (Some(true), None) => Verdict::Met,
        (Some(true), Some(false)) => Verdict::FigureOnly,
        (Some(false), Some(true)) => Verdict::RatioOnly,
        (Some(false) | None, Some(false)) | (Some(false), None) => Verdict::Missed,
    }
}

fn figure_met(target: Target, measured: &Measurement, all: &Measurements) -> Option<bool> {
    let median = measured.figure(Side::Ours)?.median;
    match target {
        Target::None => None,
        Target::AtMost(most) => Some(median <= most),
        Target::AtLeast(least) => Some(median >= least),
        Target::AtMostAbove(other, more) => {
            let base = all.find(other)?.figure(Side::Ours)?.median;
            Some(median <= base + more)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::{Line, Unit};
    use super::super::rows::{ROWS, Source};
    use super::*;

    fn measured(figures: &[(&str, Side, f64)]) -> Measurements {
        let mut all = Measurements::default();
        for (row, side, value) in figures {
            let line = Line {
                row: (*row).into(),
                unit: Unit::Ns,
                value: *value,
                count: None,
            };
            all.add(*side, line).unwrap();
        }
        all
    }

    fn check(target: Target, ratio_min: Option<f64>, figures: &[(&str, Side, f64)], to: Verdict) {
        let row = Row {
            name: "a",
            about: "",
            unit: Unit::Ns,
            source: Source::Files,
            target,
            ratio_min,
            is_compared: true,
        };
        let all = measured(figures);
        assert_eq!(
            judge(&row, all.find("a").unwrap(), &all),
            to,
            "{target:?} {ratio_min:?} {figures:?}"
        );
    }

    #[test]
    fn a_row_is_judged_by_its_figure_and_its_ratio() {
        use Side::{Ours, Published};
        let both = [("a", Published, 600.0), ("a", Ours, 60.0)];
        let alone = [("a", Ours, 60.0)];
        let (met, missed) = (Target::AtMost(60.0), Target::AtMost(59.0));
        check(Target::None, None, &both, Verdict::None);
        check(met, Some(10.0), &both, Verdict::Met);
        check(met, Some(11.0), &both, Verdict::FigureOnly);
        check(missed, Some(10.0), &both, Verdict::RatioOnly);
        check(missed, Some(11.0), &both, Verdict::Missed);
        check(Target::None, Some(11.0), &both, Verdict::Missed);
        check(Target::None, Some(10.0), &alone, Verdict::None);
        check(met, Some(11.0), &alone, Verdict::Met);
        check(missed, None, &alone, Verdict::Missed);
        check(Target::AtLeast(60.0), None, &alone, Verdict::Met);
        check(Target::AtLeast(61.0), None, &alone, Verdict::Missed);
        check(met, Some(1.0), &[("a", Published, 1.0)], Verdict::None);
    }

    #[test]
    fn a_row_can_be_bound_to_another() {
        use Side::Ours;
        let target = Target::AtMostAbove("b", 20.0);
        check(
            target,
            None,
            &[("b", Ours, 50.0), ("a", Ours, 70.0)],
            Verdict::Met,
        );
        check(
            target,
            None,
            &[("b", Ours, 50.0), ("a", Ours, 71.0)],
            Verdict::Missed,
        );
        check(target, None, &[("a", Ours, 71.0)], Verdict::None);
    }

    #[test]
    fn the_targets_of_the_table_can_be_met_and_missed() {
        let judged = |value: f64| {
            let no_op = ROWS.iter().find(|row| row.name == "no-op").unwrap();
            let all = measured(&[
                ("no-op", Side::Published, 5000.0),
                ("no-op", Side::Ours, value),
            ]);
            judge(no_op, all.find("no-op").unwrap(), &all)
        };
        assert_eq!(judged(60.0), Verdict::Met);
        assert_eq!(judged(65.0), Verdict::RatioOnly);
        assert_eq!(judged(90.0), Verdict::Missed);
    }
}
