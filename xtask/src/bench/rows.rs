//! The rows of the benchmark and the figures to reach: the one table of both.
//!
//! Must not know: how a row is measured or shown. Invariant: a name here is a name in `bench/host.c`, in
//! `bench/artefact.c`, in the programs of packages, or of what this command measures itself.

use super::line::Unit;

/// One thing that is measured.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What one operation is, for people.
    pub(crate) about: &'static str,
    pub(crate) unit: Unit,
    pub(crate) source: Source,
    pub(crate) target: Target,
    /// How many times better than the published library it must be.
    pub(crate) ratio_min: Option<f64>,
    /// Whether the ratio says anything: not where both figures are next to nothing.
    pub(crate) is_compared: bool,
}

/// Who measures a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `bench/host.c`, asked for a row of this name; it may answer more than one row.
    Host(&'static str),
    /// `bench/artefact.c`, with this project's library alone.
    Artefact,
    /// The program of a language, with the packages for it.
    Package(Language),
    /// This command.
    Files,
}

/// A language whose packages are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Language {
    /// `sdk/browser/bench.mjs`: JavaScript in a page.
    Browser,
    /// `sdk/elixir/bench.exs`; there is nothing published to set beside it.
    Elixir,
    /// `sdk/node/bench.mjs`.
    JavaScript,
    /// `sdk/python/bench.py`.
    Python,
}

impl Language {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Language::Browser => "pages",
            Language::Elixir => "Elixir",
            Language::JavaScript => "JavaScript",
            Language::Python => "Python",
        }
    }
}

/// The figure to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// It is shown and not judged.
    None,
    AtMost(f64),
    AtLeast(f64),
    /// At most this much more than another row.
    AtMostAbove(&'static str, f64),
}

const US: f64 = 1e3;
const MS: f64 = 1e6;
const MB: f64 = 1e6;

const fn row(name: &'static str, unit: Unit, target: Target, ratio_min: f64) -> Row {
    Row {
        name,
        about: "",
        unit,
        source: Source::Host(name),
        target,
        ratio_min: if ratio_min > 0.0 {
            Some(ratio_min)
        } else {
            None
        },
        is_compared: true,
    }
}

impl Row {
    const fn about(self, about: &'static str) -> Row {
        Row { about, ..self }
    }

    const fn from(self, source: Source) -> Row {
        Row { source, ..self }
    }

    const fn uncompared(self) -> Row {
        Row {
            is_compared: false,
            ..self
        }
    }
}

const PYTHON: Source = Source::Package(Language::Python);
const JAVASCRIPT: Source = Source::Package(Language::JavaScript);
const BROWSER: Source = Source::Package(Language::Browser);
const ELIXIR: Source = Source::Package(Language::Elixir);

/// No ratio is asked for.
const ANY: f64 = 0.0;

/// In the order they are measured and shown.
pub(crate) const ROWS: &[Row] = &[
    row("no-op", Unit::Ns, Target::AtMost(60.0), 75.0)
        .about("call of a function that does nothing"),
    row("count_vowels", Unit::Ns, Target::AtMost(230.0), 22.0)
        .about("call with 14 bytes of text; JSON comes back"),
    row("count_vowels_total", Unit::Ns, Target::None, ANY)
        .about("the same with a configuration value read, and a variable read and set"),
    row("echo 64 KiB", Unit::Ns, Target::AtMost(16.0 * US), 4.5)
        .about("call whose output is its input"),
    row("echo 1 MiB", Unit::Ns, Target::AtMost(0.36 * MS), 3.0).about("the same"),
    row("echo 16 MiB", Unit::Ns, Target::None, ANY).about("the same"),
    row("echo 64 KiB, our kit", Unit::Ns, Target::None, ANY)
        .about("the same with the plug-in built with this project's Rust kit, in both libraries"),
    row(
        "echo 1 MiB, our kit",
        Unit::Ns,
        Target::AtMost(0.16 * MS),
        7.0,
    )
    .about("the same"),
    row("echo 16 MiB, our kit", Unit::Ns, Target::None, ANY).about("the same"),
    row("host function", Unit::Ns, Target::AtMost(10.0), 9.0).about(
        "call of a host function `(i64) -> i64` by a plug-in; the loop around it is subtracted",
    ),
    row(
        "no-op, time limit",
        Unit::Ns,
        Target::AtMostAbove("no-op", 20.0),
        ANY,
    )
    .about("no-op of a plug-in whose manifest has a `timeout_ms` of 1,000"),
    row("no-op, cancel handle", Unit::Ns, Target::None, ANY)
        .about("no-op of a plug-in whose cancel handle has been asked for"),
    row("instance", Unit::Ns, Target::AtMost(8.0 * US), 27.0)
        .about("plug-in made from a compiled plug-in, called (no-op) and freed"),
    row("load again", Unit::Ns, Target::AtMost(60.0 * US), 25.0)
        .about("`extism_plugin_new` of bytes seen before in the process, and free"),
    row("load first", Unit::Ns, Target::None, 1.0)
        .about("`extism_plugin_new` of bytes never seen, all caches off, and free"),
    row("load artefact", Unit::Ns, Target::AtMost(0.4 * MS), ANY)
        .about("plug-in made from a precompiled artefact, caches off, and freed")
        .from(Source::Artefact),
    row("calls on 2 threads", Unit::Ratio, Target::AtLeast(1.9), ANY)
        .about("no-op calls per second on two threads, a plug-in each, over one thread"),
    row("instances on 2 threads", Unit::Ratio, Target::None, ANY)
        .about("the same for `instance`, both threads from one compiled plug-in"),
    row("memory, made", Unit::Bytes, Target::None, 2.0)
        .about("resident memory per plug-in, 1,000 alive from one compiled plug-in")
        .from(Source::Host("memory")),
    row("memory, called", Unit::Bytes, Target::None, ANY)
        .about("the same once each has been called (count_vowels)")
        .from(Source::Host("memory")),
    row("create and free", Unit::Ns, Target::None, ANY).about("`instance`, as often as it says"),
    row("create and free, growth", Unit::Bytes, Target::None, ANY)
        .about("how much resident memory has grown afterwards, per plug-in made")
        .from(Source::Host("create and free"))
        .uncompared(),
    row("no-op, Python", Unit::Ns, Target::AtMost(1.5 * US), ANY)
        .about("no-op through the package for Python, beside the published package 1.1.1")
        .from(PYTHON),
    row(
        "count_vowels, Python",
        Unit::Ns,
        Target::AtMost(2.0 * US),
        ANY,
    )
    .about("as the row without Python")
    .from(PYTHON),
    row(
        "echo 64 KiB, Python",
        Unit::Ns,
        Target::AtMost(25.0 * US),
        ANY,
    )
    .about("the same")
    .from(PYTHON),
    row(
        "echo 1 MiB, Python",
        Unit::Ns,
        Target::AtMost(0.4 * MS),
        ANY,
    )
    .about("the same")
    .from(PYTHON),
    row("no-op, JavaScript", Unit::Ns, Target::AtMost(0.5 * US), ANY)
        .about("no-op through the package for Node, synchronously, beside the published package 2.0.0-rc13")
        .from(JAVASCRIPT),
    row(
        "count_vowels, JavaScript",
        Unit::Ns,
        Target::AtMost(US),
        ANY,
    )
    .about("as the row without JavaScript")
    .from(JAVASCRIPT),
    row(
        "echo 64 KiB, JavaScript",
        Unit::Ns,
        Target::AtMost(25.0 * US),
        ANY,
    )
    .about("the same")
    .from(JAVASCRIPT),
    row(
        "echo 1 MiB, JavaScript",
        Unit::Ns,
        Target::AtMost(0.4 * MS),
        ANY,
    )
    .about("the same")
    .from(JAVASCRIPT),
    row(
        "no-op, JavaScript awaited",
        Unit::Ns,
        Target::AtMost(60.0 * US),
        ANY,
    )
    .about("no-op on another thread, awaited; in the published package with `runInWorker`")
    .from(JAVASCRIPT),
    row(
        "no-op, JavaScript web",
        Unit::Ns,
        Target::AtMost(0.5 * US),
        ANY,
    )
    .about("no-op through the package for Node with its web engine, synchronously, beside the published package")
    .from(JAVASCRIPT),
    row(
        "count_vowels, JavaScript web",
        Unit::Ns,
        Target::AtMost(1.5 * US),
        ANY,
    )
    .about("as the row without JavaScript")
    .from(JAVASCRIPT),
    row(
        "echo 64 KiB, JavaScript web",
        Unit::Ns,
        Target::AtMost(40.0 * US),
        ANY,
    )
    .about("the same; the target is for Node 22 and later, whose engine takes modules with two memories")
    .from(JAVASCRIPT),
    row(
        "echo 1 MiB, JavaScript web",
        Unit::Ns,
        Target::AtMost(0.6 * MS),
        ANY,
    )
    .about("the same")
    .from(JAVASCRIPT),
    row("no-op, browser", Unit::Ns, Target::AtMost(US), ANY)
        .about("no-op on the thread of a page in headless Chromium, beside the published package, which awaits")
        .from(BROWSER),
    row("count_vowels, browser", Unit::Ns, Target::AtMost(2.0 * US), ANY)
        .about("as the row without a browser")
        .from(BROWSER),
    row("echo 64 KiB, browser", Unit::Ns, Target::AtMost(40.0 * US), ANY)
        .about("the same")
        .from(BROWSER),
    row("echo 1 MiB, browser", Unit::Ns, Target::AtMost(0.6 * MS), ANY)
        .about("the same")
        .from(BROWSER),
    row("native function, Elixir", Unit::Ns, Target::None, ANY)
        .about("into the native library of the package for Elixir and back, on a scheduler")
        .from(ELIXIR),
    row("no-op, Elixir", Unit::Ns, Target::AtMost(15.0 * US), ANY)
        .about("no-op by a process: on a thread of the library, answered by message")
        .from(ELIXIR),
    row("count_vowels, Elixir", Unit::Ns, Target::None, ANY)
        .about("as the row without Elixir")
        .from(ELIXIR),
    row("echo 64 KiB, Elixir", Unit::Ns, Target::None, ANY)
        .about("the same")
        .from(ELIXIR),
    row("echo 1 MiB, Elixir", Unit::Ns, Target::None, ANY)
        .about("the same")
        .from(ELIXIR),
    row("no-op, Elixir, plug-in process", Unit::Ns, Target::None, ANY)
        .about("no-op by a call of an `Extism.PluginServer`")
        .from(ELIXIR),
    row(
        "no-op, Elixir, 1,000 plug-in processes",
        Unit::Ns,
        Target::None,
        ANY,
    )
    .about("the same, 1,000 processes calling one each, all at once: time over calls")
    .from(ELIXIR),
    row(
        "heartbeat, Elixir, 4 plug-ins loop",
        Unit::Ns,
        Target::AtMost(30.0 * MS),
        ANY,
    )
    .about("how late the latest of 300 beats is, every 10 ms, of a process beside 4 plug-ins that never end")
    .from(ELIXIR),
    row("library size", Unit::Bytes, Target::AtMost(16.0 * MB), ANY)
        .about("the shared library, stripped")
        .from(Source::Files),
];

/// The row of this name, if it is one of the table and not of another program.
pub(crate) fn find(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    #[test]
    fn names_are_unique_and_every_row_is_explained() {
        for (at, row) in ROWS.iter().enumerate() {
            assert!(
                ROWS[..at].iter().all(|other| other.name != row.name),
                "{}",
                row.name
            );
            assert!(!row.about.is_empty(), "{}", row.name);
            if let Target::AtMostAbove(other, _) = row.target {
                assert_eq!(find(other).map(|row| row.unit), Some(row.unit));
            }
        }
    }

    #[test]
    fn the_programs_of_packages_have_every_row_they_are_asked_for() {
        for (source, file) in [
            (PYTHON, "sdk/python/bench.py"),
            (ELIXIR, "sdk/elixir/bench.exs"),
        ] {
            let program = Project::locate().read(file).unwrap();
            for row in ROWS.iter().filter(|row| row.source == source) {
                assert!(
                    program.contains(&format!("\"{}\"", row.name)),
                    "{}",
                    row.name
                );
            }
        }
    }

    #[test]
    fn the_program_has_every_row_it_is_asked_for() {
        let source = Project::locate().read("bench/host.c").unwrap();
        for row in ROWS {
            if let Source::Host(name) = row.source {
                assert!(source.contains(&format!("    {{\"{name}\", ")), "{name}");
                assert!(
                    source.contains(&format!("\"{}\"", row.name)),
                    "{}",
                    row.name
                );
            }
        }
    }
}
