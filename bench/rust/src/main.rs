//! What the Rust SDK costs, and what the engine costs when it is called directly: `extism-bench rows
//! [filter]` prints a line of JSON for each row whose name contains the filter.
//!
//! A row is `{"row": "rust: no-op", "ns": 49.2}`: the time of one operation, the median of several samples. A
//! row about threads has a `ratio` in place of `ns`: operations per second on two threads over those on one.
//! `rust:` rows go through the crate `extism` and are named like those of `bench/host.c`; `raw:` rows go to
//! the engine with the runtime's own settings and are the limit of what can be reached.
//!
//! Must not know: the C library and the published one; the table that sets the rows side by side is made by
//! `cargo xtask bench`. Invariant: every operation checks the answer it got; a wrong one ends the run.

mod codegen;
mod raw;
mod sdk;
mod table;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;

use table::{Effort, Row, Table};

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let filter = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["rows"] => String::new(),
        ["rows", filter] => filter.to_owned(),
        _ => {
            eprintln!("usage: extism-bench rows [filter]");
            return Ok(ExitCode::from(2));
        }
    };
    let print = |row: Row| Ok(writeln!(std::io::stdout(), "{}", row.json())?);
    rows(&mut Table::new(&filter, Effort::FULL, &print))?;
    Ok(ExitCode::SUCCESS)
}

fn rows(table: &mut Table<'_>) -> Result<()> {
    sdk::rows(table)?;
    raw::rows(table)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_gets_the_answers_it_expects() {
        let names = RefCell::new(Vec::new());
        let keep = |row: Row| {
            assert!(row.figure.number().is_finite(), "{row:?}");
            names.borrow_mut().push(row.name);
            Ok(())
        };
        rows(&mut Table::new("", Effort::ONCE, &keep)).unwrap();
        let names = names.into_inner();
        assert!(names.contains(&"rust: no-op".to_owned()));
        assert!(names.contains(&"raw: no-op".to_owned()));
        let distinct: BTreeSet<&String> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
    }
}
