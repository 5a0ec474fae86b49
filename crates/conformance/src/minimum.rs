//! How many cases there have to be: a suite that silently lost some fails.
//!
//! Must not know: what is in a case. Invariant: the numbers of `minimum.toml` are reached, in all and by
//! area.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::case::Case;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Minimum {
    total: usize,
    core: usize,
    area: BTreeMap<String, usize>,
}

/// Compares the cases with `minimum.toml` of the suite.
pub(crate) fn check(suite: &Path, cases: &[Case]) -> Result<()> {
    let path = suite.join("minimum.toml");
    let text = std::fs::read_to_string(&path);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    compare(&toml::from_str(&text)?, cases)
}

fn compare(minimum: &Minimum, cases: &[Case]) -> Result<()> {
    let count = |is: &dyn Fn(&Case) -> bool| cases.iter().filter(|case| is(case)).count();
    for (what, found, least) in [
        ("cases", cases.len(), minimum.total),
        ("core cases", count(&|case| case.core), minimum.core),
    ] {
        ensure!(
            found >= least,
            "{found} {what} were loaded, {least} are the minimum"
        );
    }
    for (area, least) in &minimum.area {
        let found = count(&|case| case.area == *area);
        ensure!(
            found >= *least,
            "{found} cases of {area} were loaded, {least} are the minimum"
        );
    }
    let unlisted = cases
        .iter()
        .find(|case| !minimum.area.contains_key(&case.area));
    ensure!(
        unlisted.is_none(),
        "minimum.toml does not have the area of {}",
        unlisted.map(Case::name).unwrap_or_default()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case;

    #[test]
    fn fewer_cases_than_there_were() {
        let cases = case::parse(
            "a",
            "[[case]]\nid = \"x\"\ncore = true\nsteps = \"GC -> OK\"\n[[case]]\nid = \"y\"\nsteps = \"GC -> OK\"",
        )
        .unwrap();
        for (total, core, area, why) in [
            (2, 1, "a = 2", None),
            (
                3,
                0,
                "a = 0",
                Some("2 cases were loaded, 3 are the minimum"),
            ),
            (
                0,
                2,
                "a = 0",
                Some("1 core cases were loaded, 2 are the minimum"),
            ),
            (
                0,
                0,
                "a = 3",
                Some("2 cases of a were loaded, 3 are the minimum"),
            ),
            (
                0,
                0,
                "b = 0",
                Some("minimum.toml does not have the area of a/x"),
            ),
        ] {
            let text = format!("total = {total}\ncore = {core}\n[area]\n{area}");
            let result = compare(&toml::from_str(&text).unwrap(), &cases);
            assert_eq!(result.err().map(|error| error.to_string()).as_deref(), why);
        }
    }
}
