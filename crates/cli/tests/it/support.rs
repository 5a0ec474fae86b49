//! What every test needs: the program, plug-ins, and short ways to say what is expected.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// What became of a run of the program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    fn of(child: Child) -> Ran {
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// The output of a run that succeeded and had nothing else to say.
    pub(crate) fn quiet_success(self) -> Vec<u8> {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{self:?}");
        self.stdout
    }

    /// The message of a run that failed with nothing put out.
    pub(crate) fn failure(self) -> String {
        assert_eq!((self.code, self.text()), (1, ""), "{self:?}");
        self.stderr
    }
}

/// The program, with nothing in its environment that changes what it does.
pub(crate) fn extism() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_extism"));
    command.env_remove("EXTISM_PATH").env_remove("NO_COLOR");
    command
}

pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    run_with(args, b"")
}

/// Runs the program with `stdin` on its standard input.
pub(crate) fn run_with<S: AsRef<std::ffi::OsStr>>(
    args: impl IntoIterator<Item = S>,
    stdin: &[u8],
) -> Ran {
    let mut command = extism();
    command.args(args);
    wait(command, stdin)
}

pub(crate) fn wait(mut command: Command, stdin: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read its input has closed it.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    Ran::of(child)
}

/// Runs the program with zeros on its standard input, as many as it reads and no more than `bytes_max`;
/// answers how many it took, what the pipe holds included.
pub(crate) fn run_fed(args: &[&str], bytes_max: u64) -> (Ran, u64) {
    let mut command = extism();
    let mut child = command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let zeros = [0; 4096];
    let mut taken = 0;
    while taken < bytes_max && stdin.write_all(&zeros).is_ok() {
        taken += zeros.len() as u64;
    }
    drop(stdin);
    (Ran::of(child), taken)
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join(path);
    assert!(path.exists(), "{} is missing", path.display());
    path.to_str().unwrap().to_owned()
}

pub(crate) fn count_vowels() -> String {
    repository("examples/plugins/count_vowels.wasm")
}

/// A plug-in with a function for each thing a plug-in can do.
pub(crate) fn plain() -> String {
    repository("fixtures/plugins/ours.wasm")
}

/// The same with WASI.
pub(crate) fn wasi() -> String {
    repository("fixtures/plugins/ours_wasi.wasm")
}

/// A folder of the test, with files in it.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The path of a file, whether it exists or not.
    pub(crate) fn file(&self, name: &str) -> String {
        self.join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file and answers its path.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, contents).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// Functions that end in ways no kit for plug-ins offers.
pub(crate) const ENDINGS: &str = r#"(module
    (func (export "three") (result i32) i32.const 3)
    (func (export "trap") unreachable)
    (func (export "spin") (loop br 0))
    (memory 1)
    (func (export "grow") (if (i32.eq (memory.grow (i32.const 5000)) (i32.const -1)) (then unreachable)))
    (func (export "wants_more") (param i32)))"#;
