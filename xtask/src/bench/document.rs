//! `docs/benchmarks.md`.
//!
//! Must not know: how anything was measured. Invariant: the document says everything that is needed to do it
//! again.

use super::machine::Facts;
use super::measurement::Measurements;
use super::rows::ROWS;
use super::table::{self, Part};

/// What the document is made from.
pub(crate) struct Content<'a> {
    pub(crate) times: &'a Measurements,
    /// The reason if they could not be counted.
    pub(crate) instructions: Result<&'a Measurements, &'a str>,
    pub(crate) facts: &'a Facts,
    pub(crate) rounds: u32,
    /// Why the published library is not there, if it is not.
    pub(crate) published_missing: Option<&'a str>,
}

pub(crate) fn render(content: &Content<'_>) -> String {
    let mut text = String::from(
        "<!-- Written by `cargo xtask bench --write`. -->\n\n\
         # Benchmarks\n\n\
         One C program, built once against the library of Extism 1.41 and once against this one, run in turn in one \
         session with the same plug-ins. All sources are in `bench/`; `bench/plugins/published.wasm` is built with \
         the published Rust kit (1.4.1) and `bench/plugins/ours.wasm` from the same source with this project's, both \
         with cargo's release profile (optimisation level 3, link-time optimisation). Every call is checked to have \
         succeeded, and the last one of every timed loop to have given the right bytes.\n\n\
         ```sh\n\
         cargo xtask bench                  # the table; `bench echo` for the rows with that word\n\
         cargo xtask bench --quick no-op    # seconds, to see that it works\n\
         cargo xtask bench --instructions   # instructions per call, which do not depend on the machine's mood\n\
         cargo xtask bench --micro          # the parts, one by one\n\
         cargo xtask bench --write          # this page\n\
         ```\n\n\
         Times move with the machine; the ratio of two libraries measured in one run moves much less, and is what \
         the targets are about.\n\n\
         ## Measured on\n\n\
         | | |\n| --- | --- |\n",
    );
    for (what, which) in content.facts {
        text.push_str(&format!("| {what} | {which} |\n"));
    }
    text.push_str(&format!(
        "\n## Results\n\n\
         Medians of {} rounds, with what the rounds span in brackets.\n\n",
        content.rounds
    ));
    if let Some(reason) = content.published_missing {
        text.push_str(&format!(
            "The published library could not be fetched: {reason}.\n\n"
        ));
    }
    text.push_str(&table::markdown(content.times, Part::Libraries));
    text.push_str("\n## The rows\n\n| row | what one operation is |\n| --- | --- |\n");
    for row in ROWS {
        text.push_str(&format!("| {} | {} |\n", row.name, row.about));
    }
    let alone = table::markdown(content.times, Part::Alone);
    if !alone.is_empty() {
        text.push_str(&format!(
            "\n## The Rust crate and the engine\n\n\
             From the same rounds: `rust:` rows go through the crate `extism`, `raw:` rows to the engine directly \
             and are the limit of what can be reached. The program is in `bench/rust`.\n\n{alone}"
        ));
    }
    text.push_str("\n## Instructions\n\n");
    match content.instructions {
        Ok(counted) => {
            text.push_str(
                "Per call, on the thread that calls, under `valgrind --tool=callgrind`. An instruction that repeats \
                 itself, as copies and fills of large blocks do, counts once for each time: there the figures are \
                 bytes moved more than work done.\n\n",
            );
            text.push_str(&table::markdown(counted, Part::Libraries));
        }
        Err(reason) => text.push_str(&format!("Not counted: {reason}.\n")),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::line;
    use crate::bench::measurement::Side;

    fn measured(output: &str) -> Measurements {
        let mut all = Measurements::default();
        for line in line::parse(output).unwrap() {
            all.add(Side::Ours, line).unwrap();
        }
        all
    }

    #[test]
    fn everything_that_is_known_is_in_the_document() {
        let times = measured("{\"row\":\"no-op\",\"ns\":50}\n{\"row\":\"raw: x\",\"ns\":5}");
        let counted = measured("{\"row\":\"no-op\",\"instructions\":1184}");
        let facts = vec![("processor", "A fast one".to_string())];
        let mut content = Content {
            times: &times,
            instructions: Ok(&counted),
            facts: &facts,
            rounds: 5,
            published_missing: None,
        };
        let text = render(&content);
        for part in [
            "| processor | A fast one |\n",
            "Medians of 5 rounds",
            "| no-op | 50.0 ns | ≤ 60.0 ns | ≥ 75.0 × | yes |\n",
            "| no-op | call of a function that does nothing |\n",
            "## The Rust crate and the engine",
            "| raw: x | 5.00 ns |\n",
            "| no-op | 1,184 |\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("could not be fetched"));
        assert!(text.ends_with("|\n"));

        content.published_missing = Some("no Python");
        content.instructions = Err("no valgrind");
        let text = render(&content);
        assert!(text.contains("The published library could not be fetched: no Python.\n"));
        assert!(text.ends_with("Not counted: no valgrind.\n"));
    }
}
