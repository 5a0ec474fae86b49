//! A driver: the program that does with an SDK what the steps say.
//!
//! Must not know: cases. Invariant: an answer comes in time or the driver is ended; nothing it does can make
//! the runner wait longer.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::reply::Reply;

/// How a driver is started.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    program: String,
    arguments: Vec<String>,
    folder: Option<PathBuf>,
}

impl Command {
    /// The words of the command, and the folder it runs in; `None` without words.
    pub(crate) fn new(words: Vec<String>, folder: Option<PathBuf>) -> Option<Command> {
        let mut words = words.into_iter();
        Some(Command {
            program: words.next()?,
            arguments: words.collect(),
            folder,
        })
    }
}

/// A driver that runs.
pub(crate) struct Driver {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<std::io::Result<String>>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// It took longer than it may.
    TooLong(Duration),
    /// It ended.
    Ended,
    /// It said something that is no reply.
    NoReply(String),
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Silence::TooLong(time) => write!(f, "no answer within {} s", time.as_secs()),
            Silence::Ended => write!(f, "no answer: the driver ended"),
            Silence::NoReply(line) => {
                let cut: String = line.chars().take(200).collect();
                write!(f, "no reply of the protocol: {cut}")
            }
        }
    }
}

impl Driver {
    pub(crate) fn start(command: &Command) -> Result<Driver> {
        let mut process = std::process::Command::new(&command.program);
        process
            .args(&command.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some(folder) = &command.folder {
            process.current_dir(folder);
        }
        let child = process.spawn();
        let mut child = child.with_context(|| format!("cannot start {}", command.program))?;
        let Some(output) = child.stdout.take() else {
            bail!("the driver has no standard output");
        };
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        Ok(Driver {
            child,
            input,
            lines,
        })
    }

    /// Sends a line and waits for the answer. After an error the driver is of no more use.
    pub(crate) fn ask(&mut self, line: &str, time_max: Duration) -> Result<Reply, Silence> {
        let input = self.input.as_mut().ok_or(Silence::Ended)?;
        let sent = input.write_all(format!("{line}\n").as_bytes());
        sent.and_then(|()| input.flush())
            .map_err(|_| Silence::Ended)?;
        match self.lines.recv_timeout(time_max) {
            Ok(Ok(line)) => Reply::parse(&line).ok_or(Silence::NoReply(line)),
            Err(RecvTimeoutError::Timeout) => Err(Silence::TooLong(time_max)),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => Err(Silence::Ended),
        }
    }

    /// Says `BYE` and waits for the end; what is wrong with it.
    pub(crate) fn bye(mut self, time_max: Duration) -> Option<String> {
        match self.ask("BYE", time_max) {
            Ok(Reply::Done(_)) => {}
            Ok(reply) => return Some(format!("BYE was answered by {reply}")),
            Err(silence) => return Some(format!("BYE: {silence}")),
        }
        self.input = None;
        // The reader hears of the end as soon as the driver closes its output.
        match self.lines.recv_timeout(time_max) {
            Err(RecvTimeoutError::Disconnected) => {}
            Ok(line) => return Some(format!("the driver went on after BYE: {line:?}")),
            Err(RecvTimeoutError::Timeout) => {
                return Some("the driver did not end after BYE".to_owned());
            }
        }
        match self.child.wait() {
            Ok(status) if status.success() => None,
            Ok(status) => Some(format!("the driver ended with {status}")),
            Err(error) => Some(format!("the driver's end is unknown: {error}")),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // One that has ended is only collected.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
