//! The runner of stages: one line per stage with its time, silence on success, everything on failure.
//!
//! Must not know: which stages there are. Invariant: every stage is counted, and the run ends with exactly
//! one line `N passed, N failed, N skipped` that is the sum of all of them.

use std::io::{self, IsTerminal, Write};
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::process::{self, Echo, Finished};
use crate::tally::Tally;

/// One step of a command.
pub(crate) struct Stage<'a> {
    pub(crate) name: String,
    /// How long it may take on two cores from nothing; going over is reported, it is no failure.
    pub(crate) budget: Duration,
    pub(crate) start: Start,
    pub(crate) on_failure: OnFailure,
    pub(crate) run: Work<'a>,
}

/// The work of a stage.
pub(crate) type Work<'a> = Box<dyn FnOnce(&Job) -> Result<Report> + Send + 'a>;

/// When a stage begins. It is shown at its place in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// When those before it have ended.
    InTurn,
    /// With the first stage, beside the others: for what is long, needs nothing and disturbs nobody.
    AtOnce,
}

/// What a failed stage means for those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// They do not depend on it and run.
    Continue,
    /// They cannot work and are skipped.
    Stop,
}

/// What a stage found. An error counts as one failure and is shown in full.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Report {
    Passed(Tally),
    /// The counts, and everything there is to read about them.
    Failed(Tally, String),
    /// Why it could not run.
    Skipped(String),
}

/// The tools a stage works with.
pub(crate) struct Job {
    echo: Echo,
}

impl Job {
    pub(crate) fn new(echo: Echo) -> Job {
        Job { echo }
    }

    /// Runs a program and returns its output; a failure of the program is an error with all of it.
    pub(crate) fn run(&self, command: Command) -> Result<String> {
        let finished = process::run(command, self.echo)?;
        if !finished.succeeded {
            bail!("{}", finished.text);
        }
        Ok(finished.text)
    }

    /// Runs programs that check one thing each.
    pub(crate) fn checks(&self, commands: Vec<Command>) -> Result<Report> {
        for command in commands {
            self.run(command)?;
        }
        Ok(Report::Passed(Tally::PASSED))
    }

    /// Runs test runners, all of them, and reads their closing lines.
    pub(crate) fn tests(&self, commands: Vec<Command>) -> Result<Report> {
        let (mut total, mut text) = (Tally::default(), String::new());
        for command in commands {
            let finished = process::run(command, self.echo)?;
            let counts = counts(&finished);
            if counts.failed > 0 {
                text.push_str(&finished.text);
            }
            total += counts;
        }
        Ok(match total.failed {
            0 => Report::Passed(total),
            _ => Report::Failed(total, text),
        })
    }
}

/// Runs the stages, prints their lines in order, and the closing line.
pub(crate) fn run(stages: Vec<Stage<'_>>, echo: Echo) -> Tally {
    let width = stages
        .iter()
        .map(|stage| stage.name.chars().count())
        .max()
        .unwrap_or(0);
    let job = &Job::new(echo);
    let mut total = Tally::default();
    let mut stopped_by: Option<String> = None;
    thread::scope(|scope| {
        let begun: Vec<Begun<'_, '_>> = stages
            .into_iter()
            .map(|stage| Begun::new(stage, scope, job))
            .collect();
        for Begun { stage, work } in begun {
            let Named {
                name,
                budget,
                on_failure,
            } = stage;
            let progress = Progress::start(&name, budget, echo);
            let (report, elapsed) = match (&stopped_by, work) {
                (Some(earlier), _) => {
                    let reason = format!("`{earlier}` failed");
                    (Report::Skipped(reason), Duration::ZERO)
                }
                (None, Ready::InTurn(run)) => timed(run, job),
                (None, Ready::Running(thread)) => thread.join().unwrap_or_else(|_| {
                    let text = format!("`{name}` panicked");
                    (Report::Failed(Tally::FAILED, text), Duration::ZERO)
                }),
            };
            progress.stop();
            let line = Line {
                name: &name,
                width,
                elapsed,
                budget,
            };
            total += line.print(&report);
            if on_failure == OnFailure::Stop && matches!(report, Report::Failed(..)) {
                stopped_by = Some(name);
            }
        }
    });
    println!("{total}");
    total
}

/// A stage whose turn will come, and which may be running already.
struct Begun<'scope, 'work> {
    stage: Named,
    work: Ready<'scope, 'work>,
}

/// What there is to say of a stage, without its work.
struct Named {
    name: String,
    budget: Duration,
    on_failure: OnFailure,
}

enum Ready<'scope, 'work> {
    InTurn(Work<'work>),
    Running(ScopedJoinHandle<'scope, (Report, Duration)>),
}

impl<'scope, 'work: 'scope> Begun<'scope, 'work> {
    fn new(
        stage: Stage<'work>,
        scope: &'scope Scope<'scope, '_>,
        job: &'scope Job,
    ) -> Begun<'scope, 'work> {
        let Stage {
            name,
            budget,
            start,
            on_failure,
            run,
        } = stage;
        let work = match start {
            Start::InTurn => Ready::InTurn(run),
            Start::AtOnce => Ready::Running(scope.spawn(move || timed(run, job))),
        };
        let stage = Named {
            name,
            budget,
            on_failure,
        };
        Begun { stage, work }
    }
}

fn timed(run: Work<'_>, job: &Job) -> (Report, Duration) {
    let started = Instant::now();
    let report =
        run(job).unwrap_or_else(|error| Report::Failed(Tally::FAILED, format!("{error:#}")));
    (report, started.elapsed())
}

/// A runner that failed without a failed test (it did not compile, say) counts as one failure.
fn counts(finished: &Finished) -> Tally {
    let mut tally = Tally::read(&finished.text);
    if !finished.succeeded {
        tally.failed = tally.failed.max(1);
    }
    tally
}

/// The one line a stage leaves behind.
struct Line<'a> {
    name: &'a str,
    width: usize,
    elapsed: Duration,
    budget: Duration,
}

impl Line<'_> {
    fn print(&self, report: &Report) -> Tally {
        let (mark, detail, tally) = match report {
            Report::Passed(tally) if *tally == Tally::PASSED => ("ok", String::new(), *tally),
            Report::Passed(tally) => ("ok", tally.to_string(), *tally),
            Report::Failed(tally, output) => {
                println!("\n{}\n", output.trim_end());
                ("FAILED", tally.to_string(), *tally)
            }
            Report::Skipped(reason) => ("SKIPPED", format!("({reason})"), Tally::SKIPPED),
        };
        println!("{}", self.text(mark, &detail).trim_end());
        tally
    }

    fn text(&self, mark: &str, detail: &str) -> String {
        let Line {
            name,
            width,
            elapsed,
            budget,
        } = self;
        let late = if elapsed > budget {
            format!("  over its budget of {} s", budget.as_secs())
        } else {
            String::new()
        };
        format!(
            "{mark:<8}{name:<width$}{:>8.1} s  {detail}{late}",
            elapsed.as_secs_f64()
        )
    }
}

/// A line that is rewritten every second on a terminal; elsewhere a sign of life every minute.
struct Progress {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Progress {
    fn start(name: &str, budget: Duration, echo: Echo) -> Progress {
        let (stop, stopped) = mpsc::channel();
        let on_terminal = io::stderr().is_terminal() && echo == Echo::OnFailure;
        let period = Duration::from_secs(if on_terminal { 1 } else { 60 });
        let name = name.to_string();
        let started = Instant::now();
        let thread = thread::spawn(move || {
            while stopped.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
                let seconds = started.elapsed().as_secs();
                let text = format!("...     {name}  {seconds} s of {} s", budget.as_secs());
                show(on_terminal, &text);
            }
            if on_terminal {
                show(on_terminal, "");
            }
        });
        Progress { stop, thread }
    }

    fn stop(self) {
        drop(self.stop);
        // A panic in the display is no reason to fail the stage.
        drop(self.thread.join());
    }
}

/// Replaces the progress line on a terminal; writes a line elsewhere.
pub(crate) fn show(on_terminal: bool, text: &str) {
    let mut screen = io::stderr().lock();
    // A screen that cannot be written to only loses the progress line.
    drop(if on_terminal {
        write!(screen, "\r\x1b[K{text}").and_then(|()| screen.flush())
    } else {
        writeln!(screen, "{text}")
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    fn stage(name: &str, on_failure: OnFailure, report: Result<Report>) -> Stage<'static> {
        let run = Box::new(move |_: &Job| report);
        Stage {
            name: name.to_string(),
            budget: Duration::from_secs(60),
            start: Start::InTurn,
            on_failure,
            run,
        }
    }

    #[test]
    fn the_total_is_the_sum_of_all_stages() {
        let five = Tally {
            passed: 5,
            failed: 0,
            skipped: 2,
        };
        let two = Tally {
            passed: 1,
            failed: 1,
            skipped: 0,
        };
        let total = run(
            vec![
                stage("a", OnFailure::Continue, Ok(Report::Passed(five))),
                stage(
                    "b",
                    OnFailure::Continue,
                    Ok(Report::Failed(two, "text".into())),
                ),
                stage("c", OnFailure::Continue, Err(anyhow!("broken"))),
                stage(
                    "d",
                    OnFailure::Continue,
                    Ok(Report::Skipped("no compiler".into())),
                ),
            ],
            Echo::OnFailure,
        );
        assert_eq!(
            total,
            Tally {
                passed: 6,
                failed: 2,
                skipped: 3
            }
        );
    }

    #[test]
    fn after_a_stage_that_stops_the_rest_is_skipped() {
        let total = run(
            vec![
                stage("build", OnFailure::Stop, Err(anyhow!("does not compile"))),
                stage(
                    "tests",
                    OnFailure::Continue,
                    Ok(Report::Passed(Tally::PASSED)),
                ),
            ],
            Echo::OnFailure,
        );
        assert_eq!(
            total,
            Tally {
                passed: 0,
                failed: 1,
                skipped: 1
            }
        );
    }

    #[test]
    fn a_stage_that_starts_at_once_runs_beside_the_others_and_counts_at_its_place() {
        let (begun, begins) = mpsc::channel::<()>();
        let (go_on, goes_on) = mpsc::channel::<()>();
        let beside: Work<'_> = Box::new(move |_| {
            begun.send(())?;
            goes_on.recv()?;
            Err(anyhow!("broken"))
        });
        let first: Work<'_> = Box::new(move |_| {
            begins.recv()?;
            go_on.send(())?;
            Ok(Report::Passed(Tally::PASSED))
        });
        let stages = vec![
            Stage {
                run: first,
                ..stage("first", OnFailure::Continue, Err(anyhow!("replaced")))
            },
            Stage {
                start: Start::AtOnce,
                run: beside,
                ..stage("beside", OnFailure::Stop, Err(anyhow!("replaced")))
            },
            stage(
                "last",
                OnFailure::Continue,
                Ok(Report::Passed(Tally::PASSED)),
            ),
        ];
        assert_eq!(
            run(stages, Echo::OnFailure),
            Tally {
                passed: 1,
                failed: 1,
                skipped: 1
            }
        );
    }

    #[test]
    fn a_runner_that_dies_without_a_closing_line_is_one_failure() {
        let finished = |succeeded, text: &str| Finished {
            succeeded,
            text: text.into(),
        };
        assert_eq!(
            counts(&finished(false, "error: could not compile")),
            Tally::FAILED
        );
        let fine = finished(true, "4 passed, 0 failed, 1 skipped");
        assert_eq!(
            counts(&fine),
            Tally {
                passed: 4,
                failed: 0,
                skipped: 1
            }
        );
        let failed = finished(false, "4 passed, 2 failed, 1 skipped");
        assert_eq!(
            counts(&failed),
            Tally {
                passed: 4,
                failed: 2,
                skipped: 1
            }
        );
    }

    #[test]
    fn a_line_says_when_a_stage_took_too_long() {
        let (budget, late) = (Duration::from_secs(60), Duration::from_millis(61_200));
        let line = Line {
            name: "lint",
            width: 6,
            elapsed: late,
            budget,
        };
        assert_eq!(
            line.text("ok", ""),
            "ok      lint      61.2 s    over its budget of 60 s"
        );
    }
}
