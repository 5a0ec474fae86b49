//! Which suite runs a case how.
//!
//! Must not know: the cases. Invariant: a case ends with nothing alive, whatever its suite.

use anyhow::{Context, Result, bail, ensure};
use extism_runtime::Stats;
use serde::Deserialize;

use crate::runner::{Rewrite, Run, Scale, User};
use crate::{case, concurrency, exhaustion, faults, files, http, limits, memory};

/// A row that is run by a function of its suite.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The name of the function.
    pub(crate) scenario: String,
}

/// Every way in which a case of this suite is run.
pub(crate) fn runs(suite: &str, scale: Scale) -> impl Iterator<Item = Run> + use<> {
    // Whoever is ordinary already needs no second run.
    let users: &[User] = match suite {
        "files" if files::is_privileged() => &[User::Same, User::Ordinary],
        // The system refuses no threads to those who may do anything.
        "faults" if files::is_privileged() => &[User::Ordinary],
        _ => &[User::Same],
    };
    users.iter().flat_map(move |user| {
        let run = move |rewrite| Run {
            rewrite,
            user: *user,
            scale,
        };
        [Rewrite::On, Rewrite::Off].map(run)
    })
}

/// Runs one case in this process.
pub(crate) fn run(id: &str, run: Run) -> Result<()> {
    if run.user == User::Ordinary {
        files::become_ordinary().context("cannot give up privileges")?;
    }
    let (suite, case) = case::find(id)?;
    let table = case.run.context("this case is proven elsewhere")?;
    match suite {
        "exhaustion" => exhaustion::run(table, run)?,
        "http" => http::run(table, run)?,
        "files" => files::run(table, run)?,
        "limits" => limits::run(table, run)?,
        "concurrency" => concurrency::run(table, run)?,
        "memory" => memory::run(table, run)?,
        "faults" => faults::run(table, run)?,
        _ => bail!("the cases of {suite} are proven elsewhere"),
    }
    let left = Stats::now();
    ensure!(left == Stats::default(), "still alive: {left:?}");
    Ok(())
}
