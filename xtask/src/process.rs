//! Running another program and keeping what it printed.
//!
//! Must not know: stages, or which programs there are. Invariant: both output streams end up in one text,
//! in the order they were written, and nothing reaches the screen unless the caller asked for an echo.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// What happens to the output of a program while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// Kept, and shown by the caller if the program failed.
    OnFailure,
    /// Kept, and shown as it comes.
    Always,
}

/// A program that ran to its end.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) succeeded: bool,
    /// The command line, its output, and how it ended where it failed.
    pub(crate) text: String,
}

/// Runs a program with no input. An error means that it could not be started.
pub(crate) fn run(mut command: Command, echo: Echo) -> Result<Finished> {
    let line = command_line(&command);
    let (mut reader, writer) = io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    // The command keeps the writing end open; without this the pipe would never end.
    drop(command);

    let mut kept = Vec::new();
    let mut chunk = [0_u8; 8192];
    loop {
        let count = reader.read(&mut chunk)?;
        if count == 0 {
            break;
        }
        kept.extend_from_slice(&chunk[..count]);
        if echo == Echo::Always {
            let mut screen = io::stderr().lock();
            screen.write_all(&chunk[..count])?;
            screen.flush()?;
        }
    }
    let status = child.wait()?;
    let mut text = format!("$ {line}\n{}", String::from_utf8_lossy(&kept));
    if !status.success() {
        writeln!(text, "({status})")?;
    }
    Ok(Finished {
        succeeded: status.success(),
        text,
    })
}

/// Writes a script that can be run, where the system has scripts.
pub(crate) fn write_script(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Runs a program that has to succeed; what it prints is shown only if it does not.
pub(crate) fn succeed(command: Command) -> Result<()> {
    let finished = run(command, Echo::OnFailure)?;
    ensure!(finished.succeeded, "{}", finished.text);
    Ok(())
}

/// Runs a program that has to succeed and returns its standard output alone.
pub(crate) fn stdout_of(command: Command) -> Result<String> {
    let streams = streams_of(command, Echo::OnFailure)?;
    if !streams.succeeded {
        bail!("{}{}", streams.errors, streams.output);
    }
    Ok(streams.output)
}

/// The two output streams of a program, apart.
pub(crate) struct Streams {
    pub(crate) succeeded: bool,
    pub(crate) output: String,
    /// The command line, the error stream unless it was echoed, and how the program ended where it failed.
    pub(crate) errors: String,
}

/// Runs a program whose standard output is for this program and whose error stream is for people.
pub(crate) fn streams_of(mut command: Command, echo: Echo) -> Result<Streams> {
    let line = command_line(&command);
    let errors = if echo == Echo::Always {
        Stdio::inherit()
    } else {
        Stdio::piped()
    };
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn();
    let ended = child.and_then(|child| child.wait_with_output());
    let ended = ended.with_context(|| format!("cannot run `{line}`"))?;
    let mut errors = format!("$ {line}\n{}", String::from_utf8_lossy(&ended.stderr));
    if !ended.status.success() {
        writeln!(errors, "({})", ended.status)?;
    }
    let output = String::from_utf8(ended.stdout)
        .with_context(|| format!("`{line}` printed something not UTF-8"))?;
    Ok(Streams {
        succeeded: ended.status.success(),
        output,
        errors,
    })
}

/// Whether a program of this name can be started.
pub(crate) fn is_installed(program: &str) -> bool {
    let Some(folders) = std::env::var_os("PATH") else {
        return false;
    };
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&folders).any(|folder| folder.join(&name).is_file())
}

/// Which of these programs is not installed, as the reason to skip what needs it.
pub(crate) fn missing<S: AsRef<str>>(programs: &[S]) -> Option<String> {
    let mut names = programs.iter().map(AsRef::as_ref);
    let missing = names.find(|program| !is_installed(program))?;
    Some(format!("no {missing}"))
}

fn command_line(command: &Command) -> String {
    let shown = |word: &OsStr| {
        let word = word.to_string_lossy().into_owned();
        if word.is_empty() || word.contains(char::is_whitespace) {
            format!("'{word}'")
        } else {
            word
        }
    };
    // Cargo is run by its full path, which says nothing.
    let program = command.get_program();
    let mut words = vec![shown(Path::new(program).file_name().unwrap_or(program))];
    words.extend(command.get_args().map(shown));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_program_that_is_missing_is_the_reason() {
        assert_eq!(missing(&["cargo"]), None);
        let missing = missing(&["cargo", "extism-no-such-program", "extism-nor-this"]);
        assert_eq!(missing.as_deref(), Some("no extism-no-such-program"));
    }

    fn rustc(arguments: &[&str]) -> Command {
        let mut command = Command::new("rustc");
        command.args(arguments);
        command
    }

    #[test]
    fn a_success_keeps_its_output_under_its_command_line() {
        let finished = run(rustc(&["--version"]), Echo::OnFailure).unwrap();
        assert!(finished.succeeded);
        assert!(
            finished.text.starts_with("$ rustc --version\nrustc "),
            "{}",
            finished.text
        );
    }

    #[test]
    fn a_failure_keeps_the_error_stream_and_the_exit_status() {
        let finished = run(rustc(&["--no-such-option"]), Echo::OnFailure).unwrap();
        assert!(!finished.succeeded);
        assert!(
            finished.text.contains("no-such-option"),
            "{}",
            finished.text
        );
        assert!(
            finished.text.ends_with("(exit status: 1)\n"),
            "{}",
            finished.text
        );
    }

    #[test]
    fn the_streams_can_be_had_apart() {
        let version = stdout_of(rustc(&["--version"])).unwrap();
        assert!(
            version.starts_with("rustc ") && version.lines().count() == 1,
            "{version}"
        );
        let failed = streams_of(rustc(&["--no-such-option"]), Echo::OnFailure).unwrap();
        assert!(
            !failed.succeeded && failed.output.is_empty(),
            "{}",
            failed.output
        );
        assert!(
            failed.errors.ends_with("(exit status: 1)\n"),
            "{}",
            failed.errors
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(Command::new("extism-no-such-program"), Echo::OnFailure).unwrap_err();
        assert_eq!(error.to_string(), "cannot start `extism-no-such-program`");
        assert!(!is_installed("extism-no-such-program"));
        assert!(is_installed("rustc"));
    }

    #[test]
    fn words_with_spaces_are_quoted() {
        assert_eq!(command_line(&rustc(&["a b", "", "c"])), "rustc 'a b' '' c");
    }
}
