//! Runs a row of the faults suite: the nth piece of memory, file, socket or thread is not to be had, or time
//! is up at some moment, for every n.
//!
//! Must not know: where in the runtime they are asked for. Invariant: the faults are those of the system: an
//! allocator that says no, a process that may open no more files and start no more threads. Only the
//! allocator can say no once; what the system refuses, it refuses from then on.

mod scene;

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use extism_runtime::Status;
use serde::Deserialize;

use crate::allocator::{self, Refusal};
use crate::runner::Run;
use crate::witness::Witness;
use scene::{Act, LARGE, Scene};

/// What is run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// What fails.
    fails: Resource,
    /// What is done meanwhile: a function of this file.
    scenario: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Resource {
    Memory,
    Descriptors,
    Threads,
    Time,
}

/// Statuses by which a fault may be told.
const TOLD: &[Status] = &[
    Status::OutOfMemory,
    Status::Memory,
    Status::HttpFailed,
    Status::DownloadFailed,
    Status::Io,
    Status::NotFound,
    Status::GuestError,
    Status::GuestExit,
    Status::Timeout,
];

/// More faults than any scenario has places for them.
const FAULTS_MAX: u64 = 200;

pub(crate) fn run(table: toml::Table, run: Run) -> Result<()> {
    let row: Row = table.try_into()?;
    let folder = tempfile::tempdir()?;
    let scene = Scene::new(run, folder.path())?;
    let witness = Witness::new(&scene::options(run))?;
    let act = scene.act(&row.scenario)?;
    // Once as it should be, so that what is started once is there, unless that is what has to fail.
    if row.fails != Resource::Threads {
        scene.prepare(act)?;
    }
    let refusals: &[Refusal] = match row.fails {
        Resource::Memory => &[Refusal::FromThenOn, Refusal::Once],
        _ => &[Refusal::FromThenOn],
    };
    for refusal in refusals {
        every_fault(&row, *refusal, &scene, act)?;
    }
    drop(scene);
    witness.testify(512 << 20)
}

/// Does it with the first fault, the second, and so on, until there is none.
fn every_fault(row: &Row, refusal: Refusal, scene: &Scene, act: Act) -> Result<()> {
    let mut told = 0;
    for n in 0..FAULTS_MAX {
        let (done, failed) = match row.fails {
            Resource::Memory => {
                let (done, refused) = allocator::with_pieces(n, refusal, LARGE / 2, || act(scene));
                (done, refused > 0)
            }
            Resource::Descriptors => system::with_descriptors(n, || act(scene))?,
            Resource::Threads => (system::without_threads(|| act(scene))?, true),
            Resource::Time => {
                scene.time.set(Some(moment(n)));
                let done = act(scene);
                scene.time.set(None);
                // Whoever watches over the time may come too late, now and then, but not always.
                let failed = done.status != Status::Ok || told == 0;
                (done, failed)
            }
        };
        match done.status {
            Status::Ok => {}
            status if TOLD.contains(&status) => told += 1,
            status => bail!("{refusal:?}, {n}: {status:?}: {}", done.text),
        }
        // Without the fault the same works again.
        let again = act(scene);
        ensure!(
            again.status == Status::Ok,
            "{refusal:?}, {n}: afterwards: {}",
            again.text
        );
        // What threads were started by now stay.
        if !failed || row.fails == Resource::Threads {
            ensure!(told > 0, "nothing has failed: there was no fault");
            return Ok(());
        }
    }
    bail!("{refusal:?}: it always fails, or never")
}

/// Times that lie closely enough for each step to be the one in which time is up; the first is no time at
/// all.
fn moment(n: u64) -> Duration {
    match n {
        0 => Duration::ZERO,
        n => Duration::from_micros(1).mul_f64(1.3_f64.powi(n as i32)),
    }
}

#[cfg(target_os = "linux")]
mod system {
    use anyhow::{Context, Result};
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// Lets the process have so many more descriptors than it has. Numbers are given out from below, so those
    /// that are free below the limit count.
    pub(super) fn with_descriptors<T>(more: u64, act: impl FnOnce() -> T) -> Result<(T, bool)> {
        let mut used = open()?;
        // The other side of the last connection may be about to close what it has: that counts as free.
        for _ in 0..20 {
            std::thread::sleep(std::time::Duration::from_millis(1));
            let still = open()?;
            used.retain(|number| still.contains(number));
        }
        let limit = (0..).scan(0, |free, number| {
            *free += u64::from(!used.contains(&number));
            Some((number, *free))
        });
        let limit = limit.take_while(|(_, free)| *free <= more).last();
        let limit = limit.map_or(0, |(number, _)| number + 1);
        let before = getrlimit(Resource::Nofile);
        set(
            Resource::Nofile,
            Rlimit {
                current: Some(limit),
                ..before
            },
        )?;
        let done = act();
        set(Resource::Nofile, before)?;
        Ok((done, more < DESCRIPTORS_ENOUGH))
    }

    /// The numbers of what is open.
    fn open() -> Result<Vec<u64>> {
        let mut open: Vec<u64> = std::fs::read_dir("/proc/self/fd")?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        // One was that of the folder itself.
        open.retain(|number| std::fs::metadata(format!("/proc/self/fd/{number}")).is_ok());
        Ok(open)
    }

    /// More than any scenario needs.
    const DESCRIPTORS_ENOUGH: u64 = 12;

    /// Lets the user have no more threads. Who may do anything is not bound by that, and is somebody else.
    pub(super) fn without_threads<T>(act: impl FnOnce() -> T) -> Result<T> {
        let before = getrlimit(Resource::Nproc);
        set(
            Resource::Nproc,
            Rlimit {
                current: Some(0),
                ..before
            },
        )?;
        let done = act();
        set(Resource::Nproc, before)?;
        Ok(done)
    }

    fn set(resource: Resource, limit: Rlimit) -> Result<()> {
        setrlimit(resource, limit).context("cannot set a limit of the system")
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use anyhow::{Result, bail};

    pub(super) fn with_descriptors<T>(_: u64, _: impl FnOnce() -> T) -> Result<(T, bool)> {
        bail!("not on this system")
    }

    pub(super) fn without_threads<T>(_: impl FnOnce() -> T) -> Result<T> {
        bail!("not on this system")
    }
}
