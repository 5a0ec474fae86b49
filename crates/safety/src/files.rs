//! Runs a row of the file-system suite: cases of the conformance suite, here as any user, and scenarios that
//! need a second hand in the folder.
//!
//! Must not know: what a path means. Invariant: what must not be written is as it was, seen from the host.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use extism_manifest::{Manifest, Wasm};
use extism_runtime::{Options, Plugin, Status};
use serde::Deserialize;

use crate::exhaustion::rewriting;
use crate::runner::{Rewrite, Run, SKIPPED};
use crate::witness::Witness;

/// What is run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// Cases of the area `files`, of the conformance suite or of `crates/safety/files`.
    #[serde(default)]
    cases: Vec<String>,
    /// A function of this file.
    scenario: Option<String>,
}

pub(crate) fn run(table: toml::Table, run: Run) -> Result<()> {
    let row: Row = table.try_into()?;
    for case in &row.cases {
        conformance(case, run)?;
    }
    let Some(scenario) = row.scenario else {
        return Ok(());
    };
    let witness = Witness::new(&options(run))?;
    match scenario.as_str() {
        "swap_race" => swap_race(run)?,
        "removed_later" => removed_later(run)?,
        "special_files" => special_files(run)?,
        "hard_link" => hard_link(run)?,
        "disk_full" => disk_full(run)?,
        "file_too_large" => file_too_large(run)?,
        _ => bail!("{scenario} is no scenario"),
    }
    witness.testify(96 << 20)
}

/// Whether this process may do what ordinary users may not.
pub(crate) fn is_privileged() -> bool {
    user::is_privileged()
}

/// Gives up every privilege for good. The process must have one thread.
pub(crate) fn become_ordinary() -> Result<()> {
    user::become_ordinary()
}

#[cfg(target_os = "linux")]
mod user {
    use anyhow::Result;
    use rustix::process::{Gid, Uid};
    use rustix::thread;

    /// `nobody`, who owns nothing.
    const NOBODY: u32 = 65_534;

    pub(super) fn is_privileged() -> bool {
        rustix::process::geteuid().is_root()
    }

    pub(super) fn become_ordinary() -> Result<()> {
        thread::set_thread_groups(&[])?;
        let (group, user) = (Gid::from_raw(NOBODY), Uid::from_raw(NOBODY));
        thread::set_thread_res_gid(group, group, group)?;
        thread::set_thread_res_uid(user, user, user)?;
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
mod user {
    pub(super) fn is_privileged() -> bool {
        false
    }

    pub(super) fn become_ordinary() -> anyhow::Result<()> {
        anyhow::bail!("not on this system")
    }
}

/// Judges the Rust driver by a case of the area `files`.
fn conformance(case: &str, run: Run) -> Result<()> {
    let here = std::env::current_exe()?;
    let beside = |name: &str| here.with_file_name(name);
    let (judge, driver) = (beside("extism-conformance"), beside("extism-driver"));
    let root = crate::root();
    if let Some(path) = [&judge, &driver, &root.join("fixtures/wat")]
        .into_iter()
        .find(|path| fs::metadata(path).is_err())
    {
        // A checkout in a private folder is no fault of ours.
        println!("{SKIPPED}this user cannot read {}", path.display());
        return Ok(());
    }
    let own = root.join("crates/safety/files");
    let suites = [root.join("conformance"), own];
    let has = |suite: &&PathBuf| {
        let text = fs::read_to_string(suite.join("cases/files.toml")).unwrap_or_default();
        text.contains(&format!("\nid = \"{case}\"\n"))
    };
    let suite = suites.iter().find(has);
    let suite = suite.with_context(|| format!("no suite has {case}"))?;
    let mut command = Command::new(judge);
    command.current_dir(root).arg("--suite").arg(suite);
    command.arg("--driver").arg(driver);
    command.args(["--filter", &format!("files/{case}")]);
    command.args(match run.rewrite {
        Rewrite::On => ["--rewrite", "on"],
        Rewrite::Off => ["--rewrite", "off"],
    });
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let nothing = text.contains("\n0 passed") || text.starts_with("0 passed");
    ensure!(
        output.status.success() && !nothing,
        "{case}:\n{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

const FILES: &str = include_str!("../../../fixtures/wat/files.wat");

fn options(run: Run) -> Options {
    Options {
        wasi: true,
        rewrite: rewriting(run),
        ..Options::default()
    }
}

/// A plug-in that may write to one folder and read the other.
fn plugin(run: Run, rw: &Path, ro: Option<&Path>) -> Result<Plugin> {
    let mut manifest = Manifest::new([Wasm::data(FILES)])
        .with_allowed_path(rw.display().to_string(), "/rw")
        .with_timeout(Duration::from_secs(60));
    if let Some(ro) = ro {
        manifest = manifest.with_allowed_path(format!("ro:{}", ro.display()), "/ro");
    }
    Ok(Plugin::load(manifest, options(run))?)
}

/// What a function of the fixture answers: an error number of WASI, or what it has read.
fn ask(plugin: &mut Plugin, function: &str, input: &str) -> Result<String> {
    let outcome = plugin.call(function, input.as_bytes());
    ensure!(outcome.code == 0, "{function} {input}: {outcome:?}");
    Ok(String::from_utf8_lossy(plugin.output()).into_owned())
}

fn expect(plugin: &mut Plugin, function: &str, input: &str, expected: &str) -> Result<()> {
    let found = ask(plugin, function, input)?;
    ensure!(
        found == expected,
        "{function} {input:?}: {found} instead of {expected}"
    );
    Ok(())
}

const SECRET: &str = "secret";
const NO_ENTRY: &str = "44";
const NO_SPACE: &str = "51";
#[cfg(target_os = "linux")]
const TOO_LARGE: &str = "22";

/// A name in the folder is now a folder, now a link out of it, while the plug-in opens what is below.
fn swap_race(run: Run) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (tree, outside) = (folder.path().join("tree"), folder.path().join("outside"));
    fs::create_dir_all(tree.join("real"))?;
    fs::create_dir(&outside)?;
    fs::write(outside.join("file"), SECRET)?;
    fs::write(tree.join("real/file"), "inside")?;
    std::os::unix::fs::symlink("../outside", tree.join("link"))?;
    let done = AtomicBool::new(false);
    let swap = || -> Result<u32> {
        let mut swaps = 0;
        let (name, real, link) = (tree.join("name"), tree.join("real"), tree.join("link"));
        while !done.load(Ordering::Relaxed) {
            for other in [&real, &link] {
                fs::rename(other, &name)?;
                fs::rename(&name, other)?;
                swaps += 1;
            }
        }
        Ok(swaps)
    };
    let mut plugin = plugin(run, &tree, None)?;
    let (swaps, found) = std::thread::scope(|scope| -> Result<(u32, [u32; 2])> {
        let swapper = scope.spawn(swap);
        let mut found = [0, 0];
        let attempts = || -> Result<()> {
            for _ in 0..run.scale.of(5_000, 20_000) {
                match ask(&mut plugin, "read", "/rw/name/file")?.as_str() {
                    "inside" => found[0] += 1,
                    SECRET => bail!("it read what is outside"),
                    _ => found[1] += 1,
                }
                let written = ask(&mut plugin, "overwrite", "/rw/name/file\ninside")?;
                ensure!(written.parse::<u32>().is_ok(), "{written}");
            }
            Ok(())
        };
        let attempted = { attempts }();
        done.store(true, Ordering::Relaxed);
        let swaps = swapper.join().expect("the other thread does not panic")?;
        attempted.map(|()| (swaps, found))
    })?;
    ensure!(swaps > 100, "only {swaps} swaps");
    ensure!(found[0] > 0 || found[1] > 0, "nothing was tried");
    ensure!(
        fs::read_to_string(outside.join("file"))? == SECRET,
        "it wrote outside"
    );
    Ok(())
}

/// The folder of the host is removed while the plug-in has it.
fn removed_later(run: Run) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let tree = folder.path().join("tree");
    fs::create_dir(&tree)?;
    fs::write(tree.join("file"), "there")?;
    let mut plugin = plugin(run, &tree, None)?;
    expect(&mut plugin, "read", "/rw/file", "there")?;
    fs::remove_dir_all(&tree)?;
    expect(&mut plugin, "read", "/rw/file", NO_ENTRY)?;
    expect(&mut plugin, "write", "/rw/new\nx", NO_ENTRY)?;
    // Another folder of that name is not the one that was granted.
    fs::create_dir(&tree)?;
    fs::write(tree.join("file"), SECRET)?;
    expect(&mut plugin, "read", "/rw/file", NO_ENTRY)?;
    fs::remove_dir_all(&tree)?;
    plugin.renew()?;
    expect(&mut plugin, "read", "/rw/file", NO_ENTRY)?;
    let compiled = plugin.compiled();
    let mut other = Plugin::new(&compiled)?;
    expect(&mut other, "read", "/rw/file", NO_ENTRY)?;
    let error = Plugin::load(compiled.manifest().clone(), options(run))
        .err()
        .context("loaded without its folder")?;
    ensure!(error.status() == Status::NotFound, "{error:?}");
    Ok(())
}

/// A socket, and a device behind a link.
fn special_files(run: Run) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket)?;
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero"))?;
    let mut plugin = plugin(run, folder.path(), None)?;
    for (function, input) in [
        ("read", "/rw/socket"),
        ("overwrite", "/rw/socket\nx"),
        ("truncate", "/rw/socket"),
        ("read", "/rw/zero"),
        ("overwrite", "/rw/zero\nx"),
        ("read", "/rw/zero/"),
    ] {
        let found = ask(&mut plugin, function, input)?;
        let is_error = found.parse::<u32>().is_ok_and(|number| number != 0);
        ensure!(is_error, "{function} {input}: {found}");
    }
    ensure!(
        fs::symlink_metadata(&socket)?.file_type().is_socket(),
        "the socket is gone"
    );
    Ok(())
}

/// A file with a second name outside is a file of the folder: the plug-in writes to it where it may write,
/// and does not where it may not.
fn hard_link(run: Run) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    for name in ["rw", "ro", "outside"] {
        fs::create_dir(path(name))?;
    }
    fs::write(path("outside/a"), "a")?;
    fs::write(path("outside/b"), "b")?;
    fs::hard_link(path("outside/a"), path("rw/a"))?;
    fs::hard_link(path("outside/b"), path("ro/b"))?;
    let mut plugin = plugin(run, &path("rw"), Some(&path("ro")))?;
    expect(&mut plugin, "overwrite", "/rw/a\nA", "0")?;
    ensure!(
        fs::read_to_string(path("outside/a"))? == "A",
        "not the same file"
    );
    for (function, input) in [
        ("overwrite", "/ro/b\nB"),
        ("truncate", "/ro/b"),
        ("touch", "/ro/b"),
        ("link", "/ro/b\n/rw/b"),
        ("rename", "/ro/b\n/rw/b"),
    ] {
        let found = ask(&mut plugin, function, input)?;
        ensure!(found != "0", "{function} {input}");
    }
    ensure!(
        fs::read_to_string(path("outside/b"))? == "b",
        "it wrote to what is read-only"
    );
    Ok(())
}

/// A file system without room.
fn disk_full(run: Run) -> Result<()> {
    let Ok(tiny) = tiny_file_system() else {
        println!("{SKIPPED}this user cannot mount a small file system");
        return Ok(());
    };
    let mut plugin = plugin(run, tiny.path(), None)?;
    let large = "x".repeat(20_000);
    let mut last = String::new();
    for number in 0..10 {
        last = ask(&mut plugin, "write", &format!("/rw/{number}\n{large}"))?;
        if last != "0" {
            break;
        }
    }
    ensure!(last == NO_SPACE, "a full disk answers {last}");
    expect(&mut plugin, "unlink", "/rw/0", "0")?;
    expect(&mut plugin, "write", "/rw/0\nsmall", "0")
}

/// A process that may not make large files; the system's signal would be its end.
#[cfg(target_os = "linux")]
fn file_too_large(run: Run) -> Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let folder = tempfile::tempdir()?;
    let mut plugin = plugin(run, folder.path(), None)?;
    let limit = Rlimit {
        current: Some(1_000),
        maximum: None,
    };
    setrlimit(Resource::Fsize, limit)?;
    let large = "x".repeat(1_001);
    // The first write ends where the limit is.
    expect(&mut plugin, "write", &format!("/rw/file\n{large}"), "0")?;
    expect(&mut plugin, "append", "/rw/file\nx", TOO_LARGE)?;
    expect(&mut plugin, "write", "/rw/file\nsmall", "0")
}

#[cfg(not(target_os = "linux"))]
fn file_too_large(_: Run) -> Result<()> {
    println!("{SKIPPED}this system has no such limit");
    Ok(())
}

#[cfg(target_os = "linux")]
fn tiny_file_system() -> Result<TinyFileSystem> {
    let folder = tempfile::tempdir()?;
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k,mode=777", "extism-safety"])
        .arg(folder.path())
        .output()?;
    ensure!(mounted.status.success(), "cannot mount");
    Ok(TinyFileSystem(folder))
}

/// Unmounted when it goes.
struct TinyFileSystem(tempfile::TempDir);

impl TinyFileSystem {
    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for TinyFileSystem {
    fn drop(&mut self) {
        let unmounted = Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .status();
        debug_assert!(
            unmounted.is_ok_and(|status| status.success()),
            "cannot unmount"
        );
    }
}
