//! Runs every case in a process of its own and counts.
//!
//! Must not know: what a case does. Invariant: a case that aborts, hangs or is killed has failed, and takes
//! no other along.

use std::collections::VecDeque;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};

use crate::case::{Case, Suite};
use crate::suite;

/// How a case is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub(crate) struct Run {
    /// Whether modules are rewritten when they are loaded.
    #[arg(long, value_enum)]
    pub(crate) rewrite: Rewrite,
    /// As which user.
    #[arg(long, value_enum)]
    pub(crate) user: User,
    /// With which numbers.
    #[arg(long, value_enum)]
    pub(crate) scale: Scale,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rewrite {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum User {
    /// The one who started the program.
    Same,
    /// One without any privilege.
    Ordinary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scale {
    /// What every change has to pass, on a machine that may be busy.
    Daily,
    /// What a release has to pass, on a machine that does nothing else.
    Whole,
}

impl Scale {
    /// The number of this scale.
    pub(crate) fn of<T>(self, daily: T, whole: T) -> T {
        match self {
            Scale::Daily => daily,
            Scale::Whole => whole,
        }
    }
}

/// Which cases, and with which numbers.
pub(crate) struct Selection {
    pub(crate) filter: Option<String>,
    pub(crate) scale: Scale,
    pub(crate) jobs: usize,
}

#[derive(Default)]
struct Outcome {
    passed: usize,
    skipped: usize,
    failed: usize,
    slowest: Option<(Duration, String)>,
}

/// Runs what is selected; the error says that something failed, and is already shown.
pub(crate) fn run(suites: &[Suite], selection: &Selection) -> Result<()> {
    let queue: Mutex<VecDeque<(&Case, Run)>> = Mutex::default();
    let mut outcome = Outcome::default();
    for suite in suites {
        let mut proven = 0;
        for case in suite.cases.iter().filter(|case| selection.has(case)) {
            // That the tests it names exist has been checked; they have runs of their own.
            proven += usize::from(!case.proven.is_empty());
            if case.run.is_some() {
                let runs = suite::runs(suite.name, selection.scale);
                queue
                    .lock()
                    .expect("no thread panics")
                    .extend(runs.map(|run| (case, run)));
            }
        }
        outcome.passed += proven;
    }
    let outcome = Mutex::new(outcome);
    std::thread::scope(|scope| {
        for _ in 0..selection.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("no thread panics").pop_front();
                    let Some((case, run)) = next else { return };
                    let begun = Instant::now();
                    let verdict = judge(case, run);
                    let name = format!("{} ({})", case.id, shown(run));
                    let mut outcome = outcome.lock().expect("no thread panics");
                    let took = (begun.elapsed(), name.clone());
                    outcome.slowest = outcome.slowest.take().max(Some(took));
                    match verdict {
                        Ok(Verdict::Passed) => outcome.passed += 1,
                        Ok(Verdict::Skipped(why)) => {
                            println!("{name} skipped: {why}");
                            outcome.skipped += 1;
                        }
                        Err(error) => {
                            println!("{name}: {error:#}");
                            outcome.failed += 1;
                        }
                    }
                }
            });
        }
    });
    let outcome = outcome.into_inner().expect("no thread panics");
    if let Some((took, name)) = &outcome.slowest {
        println!("slowest: {name}, {:.1} s", took.as_secs_f64());
    }
    let (passed, failed, skipped) = (outcome.passed, outcome.failed, outcome.skipped);
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    ensure!(failed == 0, "the safety suites failed");
    ensure!(passed > 0, "no case has this in its id");
    Ok(())
}

impl Selection {
    fn has(&self, case: &Case) -> bool {
        let filter = self.filter.as_ref();
        filter.is_none_or(|filter| case.id.contains(filter.as_str()))
    }
}

fn shown(run: Run) -> String {
    let rewriting = match run.rewrite {
        Rewrite::On => "rewriting on",
        Rewrite::Off => "rewriting off",
    };
    match run.user {
        User::Same => rewriting.to_owned(),
        User::Ordinary => format!("{rewriting}, as an ordinary user"),
    }
}

enum Verdict {
    Passed,
    Skipped(String),
}

/// What a case that cannot run here prints before its reason; it ends well all the same.
pub(crate) const SKIPPED: &str = "skipped: ";

fn judge(case: &Case, run: Run) -> Result<Verdict> {
    let limit = Duration::from_secs(run.scale.of(120, 3600));
    let word = |value: &dyn ValueName| value.name();
    let child = Command::new(std::env::current_exe()?)
        .args(["case", &case.id])
        .args(["--rewrite", &word(&run.rewrite)])
        .args(["--user", &word(&run.user)])
        .args(["--scale", &word(&run.scale)])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start a process")?;
    let (status, text, errors) = finish(child, limit)?;
    if !status.success() {
        bail!("{status}\n{}{}", text.trim_end(), errors.trim_end());
    }
    Ok(match text.strip_prefix(SKIPPED) {
        Some(why) => Verdict::Skipped(why.trim_end().to_owned()),
        None => Verdict::Passed,
    })
}

trait ValueName {
    fn name(&self) -> String;
}

impl<T: ValueEnum> ValueName for T {
    fn name(&self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Waits for a process to end; kills it when its time is over.
fn finish(mut child: Child, limit: Duration) -> Result<(std::process::ExitStatus, String, String)> {
    fn reader(
        pipe: Option<impl std::io::Read + Send + 'static>,
    ) -> std::thread::JoinHandle<String> {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut pipe) = pipe {
                let _ = pipe.read_to_end(&mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }
    let (text, errors) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("killed after {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let joined = |thread: std::thread::JoinHandle<String>| thread.join().unwrap_or_default();
    Ok((status, joined(text), joined(errors)))
}
