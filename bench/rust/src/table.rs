//! Rows: an operation, how long it takes, and who is told.
//!
//! Must not know: what the operations do. Invariant: what a row needs is prepared outside of the time that
//! is taken, and only if the row is wanted.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

/// What is measured: does its work once and checks the answer.
pub(crate) type Operation = Box<dyn FnMut() -> Result<()> + Send>;

/// A finished row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) figure: Figure,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Figure {
    /// The time of one operation in nanoseconds.
    Ns(f64),
    /// Operations per second on two threads over those on one.
    Ratio(f64),
}

impl Figure {
    pub(crate) fn number(self) -> f64 {
        match self {
            Figure::Ns(number) | Figure::Ratio(number) => number,
        }
    }
}

impl Row {
    /// One line, with no more digits than can be known.
    pub(crate) fn json(&self) -> String {
        let rounded = |digits: f64| (self.figure.number() * digits).round() / digits;
        match self.figure {
            Figure::Ns(_) => serde_json::json!({ "row": self.name, "ns": rounded(10.0) }),
            Figure::Ratio(_) => serde_json::json!({ "row": self.name, "ratio": rounded(1_000.0) }),
        }
        .to_string()
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// How long a sample takes, in which the operation is repeated.
    sample_time: Duration,
    samples: usize,
}

impl Effort {
    /// For numbers that are shown.
    pub(crate) const FULL: Effort = Effort {
        sample_time: Duration::from_millis(60),
        samples: 5,
    };

    /// Each operation a time or two, to see that it works.
    #[cfg(test)]
    pub(crate) const ONCE: Effort = Effort {
        sample_time: Duration::ZERO,
        samples: 1,
    };
}

/// Measures the wanted rows, one after the other.
pub(crate) struct Table<'a> {
    filter: &'a str,
    effort: Effort,
    tell: &'a dyn Fn(Row) -> Result<()>,
}

impl<'a> Table<'a> {
    /// Rows whose name contains `filter` are measured and told.
    pub(crate) fn new(
        filter: &'a str,
        effort: Effort,
        tell: &'a dyn Fn(Row) -> Result<()>,
    ) -> Table<'a> {
        Table {
            filter,
            effort,
            tell,
        }
    }

    /// Measures an operation.
    pub(crate) fn row(
        &mut self,
        name: &str,
        prepare: impl FnOnce() -> Result<Operation>,
    ) -> Result<()> {
        self.finish(name, |effort| Ok(Figure::Ns(time(effort, prepare()?)?)))
    }

    /// Measures something too short to be an operation: what `count` of them add to the time of another
    /// operation. `prepare` gives the operation with them, and the one without.
    pub(crate) fn difference(
        &mut self,
        name: &str,
        count: u32,
        prepare: impl FnOnce() -> Result<[Operation; 2]>,
    ) -> Result<()> {
        self.finish(name, |effort| {
            let [with, without] = prepare()?;
            let difference = time(effort, with)? - time(effort, without)?;
            Ok(Figure::Ns(difference.max(0.0) / f64::from(count)))
        })
    }

    /// Measures how many times as much two threads do in the same time as one. `prepare` gives each of them
    /// an operation of its own.
    pub(crate) fn scaling(
        &mut self,
        name: &str,
        prepare: impl FnOnce() -> Result<[Operation; 2]>,
    ) -> Result<()> {
        self.finish(name, |effort| {
            let operations = &mut prepare()?;
            let repeats = repeats(effort, operations)?;
            let ratio = median(effort, || {
                let one = sample(&mut operations[..1], repeats)?.as_secs_f64();
                Ok(2.0 * one / sample(operations, repeats)?.as_secs_f64())
            })?;
            Ok(Figure::Ratio(ratio))
        })
    }

    fn finish(&mut self, name: &str, measure: impl FnOnce(Effort) -> Result<Figure>) -> Result<()> {
        if !name.contains(self.filter) {
            return Ok(());
        }
        let figure = measure(self.effort).with_context(|| name.to_owned())?;
        (self.tell)(Row {
            name: name.to_owned(),
            figure,
        })
    }
}

/// The time of an operation in nanoseconds.
fn time(effort: Effort, operation: Operation) -> Result<f64> {
    let operations = &mut [operation];
    let repeats = repeats(effort, operations)?;
    median(effort, || {
        Ok(sample(operations, repeats)?.as_nanos() as f64 / repeats as f64)
    })
}

fn median(effort: Effort, measure: impl FnMut() -> Result<f64>) -> Result<f64> {
    let samples = std::iter::repeat_with(measure).take(effort.samples);
    let mut samples = samples.collect::<Result<Vec<f64>>>()?;
    samples.sort_by(f64::total_cmp);
    let middle = samples.get(samples.len() / 2).copied();
    middle.context("an effort without samples")
}

/// How often an operation has to be repeated to fill a sample. Finding out is the warm-up.
fn repeats(effort: Effort, operations: &mut [Operation]) -> Result<u64> {
    let mut repeats = 1;
    loop {
        let time = sample(operations, repeats)?;
        // A tenth is enough to tell from.
        if time * 10 >= effort.sample_time {
            let fill = effort.sample_time.as_nanos() as f64 / time.as_nanos().max(1) as f64;
            return Ok((repeats as f64 * fill).ceil().max(1.0) as u64);
        }
        repeats *= 4;
    }
}

/// How long it takes until every operation was repeated so often, each on a thread of its own if there are
/// several.
fn sample(operations: &mut [Operation], repeats: u64) -> Result<Duration> {
    if let [operation] = operations {
        let start = Instant::now();
        repeat(operation, repeats)?;
        return Ok(start.elapsed());
    }
    let together = Barrier::new(operations.len());
    let spans = thread::scope(|scope| {
        let together = &together;
        let threads: Vec<_> = operations
            .iter_mut()
            .map(|operation| {
                scope.spawn(move || {
                    together.wait();
                    let start = Instant::now();
                    repeat(operation, repeats)?;
                    Ok((start, Instant::now()))
                })
            })
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<_>>| {
            let ended = thread.join();
            ended.map_err(|_| anyhow!("a thread panicked"))?
        };
        threads
            .into_iter()
            .map(join)
            .collect::<Result<Vec<(Instant, Instant)>>>()
    })?;
    let first = spans.iter().map(|span| span.0).min();
    let last = spans.iter().map(|span| span.1).max();
    let (first, last) = first.zip(last).context("no operation")?;
    ensure!(last >= first, "the clock went back");
    Ok(last - first)
}

fn repeat(operation: &mut Operation, repeats: u64) -> Result<()> {
    (0..repeats).try_for_each(|_| operation())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use anyhow::bail;

    use super::*;

    /// The rows that are told.
    fn told(filter: &str, measure: impl FnOnce(&mut Table<'_>) -> Result<()>) -> Result<Vec<Row>> {
        let rows = RefCell::new(Vec::new());
        let keep = |row| {
            rows.borrow_mut().push(row);
            Ok(())
        };
        measure(&mut Table::new(filter, Effort::ONCE, &keep))?;
        Ok(rows.into_inner())
    }

    fn counting(calls: &Arc<AtomicU64>) -> Operation {
        let calls = Arc::clone(calls);
        Box::new(move || {
            calls.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    }

    #[test]
    fn only_wanted_rows_are_prepared() {
        let rows = told("two", |table| {
            table.row("one", || bail!("it is not wanted"))?;
            table.row("row two", || Ok(Box::new(|| Ok(()))))
        })
        .unwrap();
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["row two"]);
    }

    #[test]
    fn a_wrong_answer_ends_the_run_and_names_the_row() {
        let error = told("", |table| {
            table.row("broken", || Ok(Box::new(|| bail!("42"))))
        });
        assert_eq!(format!("{:#}", error.unwrap_err()), "broken: 42");
    }

    #[test]
    fn two_threads_have_an_operation_each() {
        let calls = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
        let rows = told("", |table| {
            table.scaling("row", || Ok(calls.each_ref().map(counting)))
        })
        .unwrap();
        assert!(
            matches!(
                rows[..],
                [Row {
                    figure: Figure::Ratio(_),
                    ..
                }]
            ),
            "{rows:?}"
        );
        // Both to find out how often to repeat, the first alone, and both at once.
        assert_eq!(calls.map(|calls| calls.load(Ordering::Relaxed)), [3, 2]);
    }

    #[test]
    fn a_difference_measures_both_and_tells_one_row() {
        let calls = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
        let rows = told("", |table| {
            table.difference("row", 1_000, || Ok(calls.each_ref().map(counting)))
        })
        .unwrap();
        assert_eq!(rows.len(), 1);
        assert!(rows[0].figure.number() >= 0.0, "{rows:?}");
        // Once to find out how often to repeat, once to measure.
        assert_eq!(calls.map(|calls| calls.load(Ordering::Relaxed)), [2, 2]);
    }

    #[test]
    fn a_row_is_one_line_of_json() {
        let line = |figure| {
            let name = "rust: no-op".into();
            Row { name, figure }.json()
        };
        let ns = line(Figure::Ns(49.249));
        assert_eq!(ns, r#"{"ns":49.2,"row":"rust: no-op"}"#);
        let ratio = line(Figure::Ratio(1.94567));
        assert_eq!(ratio, r#"{"ratio":1.946,"row":"rust: no-op"}"#);
    }
}
