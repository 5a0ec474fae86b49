//! Runs the cases of a suite against a driver.
//!
//! Must not know: what a verb means. Invariant: a case leaves nothing behind for the next: what it made is
//! freed, and a driver that hangs or ends is replaced.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::case::Case;
use crate::driver::{Command, Driver, Silence};
use crate::feature::Features;
use crate::hex;
use crate::known::Known;
use crate::reply::Reply;
use crate::report::{Report, Verdict};
use crate::server::Servers;
use crate::step::Step;
use crate::tree::Tree;
use crate::world::World;

/// A run.
pub(crate) struct Runner {
    pub(crate) command: Command,
    pub(crate) features: Features,
    pub(crate) known: Known,
    pub(crate) selection: Selection,
    pub(crate) rewriting_off: bool,
    pub(crate) step_time_max: Duration,
    pub(crate) suite: PathBuf,
}

/// Which cases run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    pub(crate) filter: Option<String>,
    pub(crate) area: Option<String>,
    pub(crate) core: bool,
}

impl Selection {
    fn has(&self, case: &Case) -> bool {
        let area = self.area.as_ref().is_none_or(|area| *area == case.area);
        let filter = self.filter.as_ref();
        let filter = filter.is_none_or(|filter| case.name().contains(filter));
        area && filter && (case.core || !self.core)
    }

    fn is_all(&self) -> bool {
        self.filter.is_none() && self.area.is_none() && !self.core
    }
}

/// What the case after each area is called.
const LEFTOVER: &str = "nothing-is-left";

impl Runner {
    /// Runs everything that is selected.
    pub(crate) fn run(&self, cases: &[Case], mut report: Report) -> Result<Report> {
        let suite = self.suite.canonicalize()?;
        // The fixtures are next to the suite, or further up; a suite need not have any.
        let root = suite
            .ancestors()
            .find(|folder| folder.join("fixtures").is_dir())
            .or(suite.parent())
            .context("the suite is in no folder")?
            .to_owned();
        let servers = Servers::start(&root)?;
        let mut session = Session {
            runner: self,
            root,
            servers,
            driver: None,
        };
        // Before anything else: what is wrong here is wrong with every case.
        session.driver()?;
        let mut names = Vec::new();
        let selected: Vec<&Case> = cases
            .iter()
            .filter(|case| self.selection.has(case))
            .collect();
        if selected.is_empty() {
            bail!("no case is selected");
        }
        for (at, case) in selected.iter().enumerate() {
            let name = case.name();
            report.add(&name, &self.judged(&name, session.judge(case)));
            names.push(name);
            if selected
                .get(at + 1)
                .is_none_or(|next| next.area != case.area)
            {
                let name = format!("{}/{LEFTOVER}", case.area);
                report.add(&name, &self.judged(&name, session.leftover()));
                names.push(name);
            }
        }
        if let Some(why) = session.end() {
            report.add("end", &Verdict::Failed(why));
        }
        if self.selection.is_all() {
            for pattern in self.known.unused(&names) {
                let why = format!("{pattern} in the list of failing cases fits none");
                report.add("known-failing", &Verdict::Failed(why));
            }
        }
        Ok(report)
    }

    /// The verdict with what is known to fail in mind.
    fn judged(&self, name: &str, verdict: Verdict) -> Verdict {
        match (self.known.reason(name), verdict) {
            (Some(reason), Verdict::Failed(_)) => {
                Verdict::Skipped(format!("known to fail: {reason}"))
            }
            (Some(reason), Verdict::Passed) => {
                Verdict::Failed(format!("passes, and is known to fail: {reason}"))
            }
            (_, verdict) => verdict,
        }
    }
}

struct Session<'a> {
    runner: &'a Runner,
    root: PathBuf,
    servers: Servers,
    driver: Option<Driver>,
}

impl Session<'_> {
    /// The driver, started if there is none.
    fn driver(&mut self) -> Result<&mut Driver> {
        if self.driver.is_none() {
            let mut driver = Driver::start(&self.runner.command)?;
            let reply = driver.ask("HELLO 1", self.runner.step_time_max);
            check_hello(&self.runner.features, reply)?;
            self.driver = Some(driver);
        }
        self.driver.as_mut().context("the driver was just started")
    }

    fn ask(&mut self, line: &str) -> Result<Result<Reply, Silence>> {
        let time_max = self.runner.step_time_max;
        let reply = self.driver()?.ask(line, time_max);
        if reply.is_err() {
            self.driver = None;
        }
        Ok(reply)
    }

    fn judge(&mut self, case: &Case) -> Verdict {
        if let Some((feature, reason)) = self.runner.features.lacks(&case.needs) {
            return Verdict::Skipped(format!("{feature}: {reason}"));
        }
        let mut made = BTreeSet::new();
        let judged = self.steps(case, &mut made);
        let freed = self.free(&made);
        match judged.and_then(|why| Ok(why.or(freed?))) {
            Ok(None) => Verdict::Passed,
            Ok(Some(why)) => Verdict::Failed(why),
            Err(error) => Verdict::Failed(format!("{error:#}")),
        }
    }

    /// Why the case failed; `None` if it did not.
    fn steps(&mut self, case: &Case, made: &mut BTreeSet<String>) -> Result<Option<String>> {
        let mut world = World::new(&self.root, self.servers.http(), self.servers.other());
        if let Some(entries) = &case.tree {
            world.tree = Some(Tree::new(entries)?);
        }
        self.servers.forget_hits();
        for step in &case.steps {
            made.extend(step.makes().map(str::to_owned));
            let begun = Instant::now();
            let reply = match step.verb.local {
                true => Ok(self.local(step, &world)?),
                false => {
                    let line = step.request(&world, self.runner.rewriting_off, |name| {
                        case.source(name, &world)
                    })?;
                    self.ask(&line)?
                }
            };
            let took = begun.elapsed();
            let why = match &reply {
                Err(silence) => Some(silence.to_string()),
                Ok(reply) => step.expected.mismatch(reply, took, &mut world),
            };
            if let Some(why) = why {
                let got =
                    reply.map_or_else(|silence| silence.to_string(), |reply| reply.to_string());
                return Ok(Some(format!("{}\n{why}\ngot {got}", step.text)));
            }
        }
        Ok(None)
    }

    /// What the runner does itself.
    fn local(&self, step: &Step, world: &World) -> Result<Reply> {
        let tree = || world.tree.as_ref().context("the case has no tree");
        let word = match step.verb.name {
            "HITS" => self.servers.hits().to_string(),
            "TREE" => match tree()?.is_unchanged()? {
                true => "unchanged".to_owned(),
                false => "changed".to_owned(),
            },
            "FILE" => {
                let path = step
                    .arguments
                    .first()
                    .context("FILE takes a path")?
                    .text(world)?;
                match tree()?.read(&path) {
                    Some(content) => hex::encode(&content),
                    None => "?".to_owned(),
                }
            }
            name => bail!("the runner does not know {name}"),
        };
        Ok(Reply::Done(vec![word]))
    }

    /// Frees what a case made: plug-ins before what they were borrowed or made from.
    fn free(&mut self, made: &BTreeSet<String>) -> Result<Option<String>> {
        let mut wrong = None;
        for kind in ["p", "x", "q", "c"] {
            for id in made.iter().filter(|id| id.starts_with(kind)) {
                if self.driver.is_none() {
                    return Ok(wrong);
                }
                match self.ask(&format!("FREE {id}"))? {
                    Ok(Reply::Done(_)) => {}
                    Ok(reply) => wrong = Some(format!("FREE {id}\ngot {reply}")),
                    Err(silence) => wrong = Some(format!("FREE {id}\n{silence}")),
                }
            }
        }
        Ok(wrong)
    }

    /// After an area nothing must be alive.
    fn leftover(&mut self) -> Verdict {
        let stats = BTreeSet::from(["stats".to_owned()]);
        if let Some((feature, reason)) = self.runner.features.lacks(&stats) {
            return Verdict::Skipped(format!("{feature}: {reason}"));
        }
        for (line, expected) in [("GC", ""), ("STATS", "0 0 0 0")] {
            let words = expected.split(' ').filter(|word| !word.is_empty());
            let expected = Reply::Done(words.map(str::to_owned).collect());
            match self.ask(line) {
                Ok(Ok(reply)) if reply == expected => {}
                Ok(Ok(reply)) => {
                    return Verdict::Failed(format!("{line}\nexpected {expected}\ngot {reply}"));
                }
                Ok(Err(silence)) => return Verdict::Failed(format!("{line}\n{silence}")),
                Err(error) => return Verdict::Failed(format!("{error:#}")),
            }
        }
        Verdict::Passed
    }

    fn end(&mut self) -> Option<String> {
        self.driver.take()?.bye(self.runner.step_time_max)
    }
}

/// Whether the driver is of this protocol and has what is declared.
fn check_hello(features: &Features, reply: Result<Reply, Silence>) -> Result<()> {
    let words = match reply {
        Ok(Reply::Done(words)) => words,
        Ok(reply) => bail!("HELLO was answered by {reply}"),
        Err(silence) => bail!("HELLO: {silence}"),
    };
    let value = |name: &str| {
        let named = words
            .iter()
            .find_map(|word| word.strip_prefix(&format!("{name}=")));
        named.with_context(|| format!("the answer to HELLO has no {name}="))
    };
    for name in ["sdk", "version", "library"] {
        value(name)?;
    }
    features.agree_with(value("features")?)
}
