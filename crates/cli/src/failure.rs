//! Why a command failed: what happened, what is behind it, what to do next, and the program's exit code.
//!
//! Must not know: commands. Invariant: text that a plug-in chose cannot steer the terminal it is printed
//! on, and none of its lines looks like one of this program.

use std::process::ExitCode;

use anstyle::{AnsiColor, Effects, Style};
use extism_runtime::{CODE_FAILED, Error, Status};

use crate::global::Global;
use crate::output::printable;

/// What a failed command says and answers.
#[derive(Debug)]
pub(crate) struct Failure {
    headline: String,
    /// What is behind it, the outermost cause first.
    details: Vec<String>,
    /// Where in the plug-in it happened, if that is of little interest.
    traces: Vec<String>,
    pub(crate) hint: Option<String>,
    pub(crate) status: Status,
    /// What the C function answers.
    pub(crate) code: i32,
    exit: Exit,
}

/// The exit codes beside 0; docs/cli.md lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Failed,
    Usage,
    Interrupted,
    /// What was printed went to somebody who does not listen any more: nothing is left to say.
    Unheard,
}

impl Failure {
    /// What needs no status of its own: the arguments ask for something that is not to be had.
    pub(crate) fn new(headline: impl Into<String>) -> Failure {
        Failure {
            headline: headline.into(),
            details: Vec::new(),
            traces: Vec::new(),
            hint: None,
            status: Status::InvalidArgument,
            code: CODE_FAILED,
            exit: Exit::Failed,
        }
    }

    /// Arguments that cannot be meant.
    pub(crate) fn usage(headline: impl Into<String>) -> Failure {
        Failure {
            exit: Exit::Usage,
            ..Failure::new(headline)
        }
    }

    /// The user pressed Ctrl-C.
    pub(crate) fn interrupted() -> Failure {
        Failure {
            exit: Exit::Interrupted,
            status: Status::Cancelled,
            ..Failure::new("interrupted")
        }
    }

    /// A call ended with a code and no reason.
    pub(crate) fn non_zero(status: Status, code: i32) -> Failure {
        Failure {
            status,
            code,
            ..Failure::new(format!("returned non-zero exit code: {code}"))
        }
    }

    pub(crate) fn with_status(self, status: Status) -> Failure {
        Failure { status, ..self }
    }

    pub(crate) fn with_code(self, code: i32) -> Failure {
        Failure { code, ..self }
    }

    pub(crate) fn with_hint(self, hint: impl Into<Option<String>>) -> Failure {
        Failure {
            hint: hint.into(),
            ..self
        }
    }

    /// An error while `doing` something with a file or stream.
    pub(crate) fn io(doing: impl std::fmt::Display, error: &std::io::Error) -> Failure {
        use std::io::ErrorKind;

        let exit = match error.kind() {
            ErrorKind::BrokenPipe => Exit::Unheard,
            _ => Exit::Failed,
        };
        let status = match error.kind() {
            ErrorKind::NotFound => Status::NotFound,
            _ => Status::Io,
        };
        Failure {
            exit,
            status,
            ..Failure::new(format!("{doing}: {error}"))
        }
    }

    /// All of it as one text, for programs.
    pub(crate) fn text(&self) -> String {
        let mut lines = vec![self.headline.as_str()];
        lines.extend(self.details.iter().map(String::as_str));
        lines.join("\n")
    }

    /// Cuts the headline where `end` begins.
    pub(crate) fn cut(&mut self, end: &str) {
        if let Some(at) = self.headline.find(end) {
            self.headline.truncate(at);
        }
    }

    /// The exit code of the program.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self.exit {
            Exit::Failed | Exit::Unheard => 1,
            Exit::Usage => 2,
            Exit::Interrupted => crate::interrupt::EXIT_CODE,
        })
    }

    /// Says it on standard error, and answers the exit code of the program.
    pub(crate) fn report(&self, global: &Global) -> ExitCode {
        if self.exit == Exit::Unheard {
            return self.code();
        }
        let error = AnsiColor::Red.on_default().effects(Effects::BOLD);
        anstream::eprintln!("{error}extism{error:#}: {}", printable(&self.headline));
        let traces = self.traces.iter().filter(|_| global.verbose > 0);
        for text in self.details.iter().chain(traces) {
            anstream::eprintln!("{}", printable(text.trim_end()));
        }
        if let Some(hint) = self.hint.as_ref().filter(|_| !global.quiet) {
            let style = Style::new().bold();
            anstream::eprintln!("{style}hint{style:#}: {}", printable(hint));
        }
        self.code()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let exited = matches!(error.status(), Status::GuestExit);
        if let Some(code) = error.guest_code().filter(|_| exited) {
            return Failure::non_zero(error.status(), code);
        }
        let (traces, texts): (Vec<String>, Vec<String>) = chain(&error)
            .into_iter()
            .partition(|text| text.starts_with(TRACE));
        let mut texts = texts.into_iter();
        let headline = texts.next().unwrap_or_else(|| error.message().to_owned());
        let mut details: Vec<String> = texts.map(|text| format!("  because: {text}")).collect();
        let mut traces = traces;
        if is_trap(error.status()) {
            details.append(&mut traces);
        }
        Failure {
            details,
            traces,
            status: error.status(),
            ..Failure::new(headline)
        }
    }
}

/// How the engine begins the text that says where in the plug-in something happened.
const TRACE: &str = "error while executing at wasm backtrace";

/// The error and its causes, each text once.
fn chain(error: &Error) -> Vec<String> {
    let mut texts: Vec<String> = vec![error.message().to_owned()];
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !texts.iter().any(|said| said.contains(&text)) {
            texts.push(text);
        }
        cause = error.source();
    }
    texts
}

/// In a trap it matters where it happened; of a request that was denied the text says everything.
fn is_trap(status: Status) -> bool {
    (Status::TrapUnreachable.code()..=Status::TrapOther.code()).contains(&status.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_the_headline_once() {
        let cause = anyhow::anyhow!("no route").context("connect");
        let error = Error::with_cause(Status::DownloadFailed, "cannot download", cause);
        let failure = Failure::from(error);
        assert_eq!(failure.headline, "cannot download");
        let details = ["  because: connect", "  because: no route"];
        assert_eq!(failure.details, details);
        assert_eq!(
            failure.text(),
            "cannot download\n  because: connect\n  because: no route"
        );
    }

    #[test]
    fn where_it_happened_is_a_detail_of_a_trap_only() {
        let trace = "error while executing at wasm backtrace:\n    0: f";
        for (status, details) in [
            (Status::TrapUnreachable, Some(trace)),
            (Status::HostDenied, None),
        ] {
            let cause = anyhow::anyhow!("what happened").context(trace);
            let failure = Failure::from(Error::from_chain(status, cause));
            assert_eq!(failure.headline, "what happened");
            let traces = details.is_none().then_some(trace);
            assert_eq!(failure.details, Vec::from_iter(details));
            assert_eq!(failure.traces, Vec::from_iter(traces));
        }
    }

    #[test]
    fn an_exit_is_a_code() {
        let exit = Error::new(Status::GuestExit, "backtrace").with_guest_code(3);
        let failure = Failure::from(exit);
        assert_eq!(failure.headline, "returned non-zero exit code: 3");
        assert_eq!((failure.details.len(), failure.code), (0, 3));
    }
}
