//! The committed plug-ins: built from the workspaces beside the main one, and compared with what is in the
//! tree.
//!
//! Must not know: what the plug-ins do. Invariant: the bytes depend on the sources, the lock files and the
//! compiler alone, not on where the repository or the user's home is; so they can be compared byte for byte.
//!
//! The Rust compiler is the one Debian packages for Wasm, since it brings the sources of its standard
//! library: that is compiled with the plug-ins, and no other toolchain has to be installed for the two
//! targets.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::process;
use crate::project::Project;
use crate::renamed;
use crate::stages::Report;
use crate::tally::Tally;

const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";
const LINKER: &str = "wasm-ld-19";
const WASI_LIBRARIES: &str = "/usr/lib/wasm32-wasi";
const CLANG: &str = "clang-19";

/// Another version makes other bytes. Moving to one means building all plug-ins anew, in the same change.
const VERSION: &str = "rustc 1.96.0";
const CLANG_VERSION: &str = "clang version 19.1.7";

/// Hashes of the files beside it, in the form that `sha256sum --check` reads.
const HASHES: &str = "SHA256SUMS";

const PLAIN: &str = "wasm32-unknown-unknown";
const WASI: &str = "wasm32-wasip1";

/// Stands between cargo and the compiler, for one thing: cargo tells crates apart by the absolute path of
/// their folder where that is not in the workspace, and the compiler orders code by what cargo says. Crates
/// of the repository, none of which have the same name and version, are told apart by those instead.
const WRAPPER: &str = r#"#!/bin/sh
compiler=$1
shift
case $CARGO_MANIFEST_DIR in
"$EXTISM_ROOT"/*)
    count=$#
    while [ "$count" -gt 0 ]; do
        word=$1
        shift
        case $word in metadata=*) word=metadata=$CARGO_PKG_NAME-$CARGO_PKG_VERSION ;; esac
        set -- "$@" "$word"
        count=$((count - 1))
    done
    ;;
esac
exec "$compiler" "$@"
"#;

pub(crate) const WRAPPER_FILE: &str = "rustc-wrapper.sh";

/// A workspace of plug-ins, each a package that becomes a file of its name.
struct Workspace {
    folder: &'static str,
    /// The largest file that is committed.
    bytes_max: usize,
    packages: &'static [(&'static str, &'static [&'static str])],
}

const WORKSPACES: &[Workspace] = &[
    Workspace {
        folder: "examples/plugins",
        bytes_max: 100 * 1024,
        packages: &[(PLAIN, &["count_vowels", "greet", "host_call", "http", "kv"])],
    },
    Workspace {
        folder: "examples/game_box/games",
        bytes_max: 256 * 1024,
        packages: &[(PLAIN, &["liars_dice", "tic_tac_toe"])],
    },
    Workspace {
        folder: "fixtures/plugins",
        bytes_max: 256 * 1024,
        packages: &[
            (
                PLAIN,
                &[
                    "conformance_published",
                    "conformance_rust",
                    "ours",
                    "ours_host",
                    "published",
                    "published_host",
                    "surface_ours",
                    "surface_published",
                ],
            ),
            (WASI, &["ours_wasi", "published_wasi"]),
        ],
    },
    Workspace {
        folder: "bench/plugins",
        bytes_max: 256 * 1024,
        packages: &[(PLAIN, &["ours", "published"])],
    },
];

/// Packages that need only compile: with both kits, from one source that names all there is.
const NOT_KEPT: &[&str] = &["surface_ours", "surface_published"];

/// A plug-in of one source in C, without a libc.
struct CSource {
    source: &'static str,
    folder: &'static str,
    file: &'static str,
}

const C_SOURCES: &[CSource] = &[
    CSource {
        source: "pdk/c/conformance/conformance.c",
        folder: "fixtures/plugins",
        file: "conformance_c.wasm",
    },
    CSource {
        source: "examples/game_box/games/race_to_21/race_to_21.c",
        folder: "examples/game_box/games",
        file: "race_to_21.wasm",
    },
    CSource {
        source: "examples/game_box/test/fixtures/hostile.c",
        folder: "examples/game_box/test/fixtures",
        file: "hostile.wasm",
    },
];

/// The largest file that is made of C.
const C_BYTES_MAX: usize = 64 * 1024;

/// A plug-in that was built.
pub(crate) struct Plugin {
    /// The folder it is committed in, relative to the root.
    folder: &'static str,
    /// The name of its file.
    file: String,
    bytes: Vec<u8>,
}

impl Plugin {
    /// Where it is committed, relative to the root.
    fn path(&self) -> String {
        format!("{}/{}", self.folder, self.file)
    }
}

/// What `cargo xtask plugins` does: builds all plug-ins into the tree, or only checks that they are as
/// committed.
pub(crate) fn run(check_only: bool) -> Result<()> {
    if let Some(reason) = missing_tool() {
        bail!("{reason}");
    }
    if check_only {
        return match check()? {
            Report::Passed(tally) => {
                println!("{tally}");
                Ok(())
            }
            Report::Failed(_, text) | Report::Skipped(text) => bail!("{text}"),
        };
    }
    let project = Project::locate();
    let plugins = build(&project.path("target/plugins"))?;
    for plugin in &plugins {
        let path = project.path(&plugin.path());
        fs::write(path, &plugin.bytes)
            .with_context(|| format!("cannot write {}", plugin.path()))?;
        println!("{} {} bytes", plugin.path(), plugin.bytes.len());
    }
    for workspace in WORKSPACES {
        project.write(
            &format!("{}/{HASHES}", workspace.folder),
            &hashes(workspace.folder, &plugins),
        )?;
    }
    Ok(())
}

/// Builds all plug-ins and compares them with those in the tree.
pub(crate) fn check() -> Result<Report> {
    if let Some(reason) = missing_tool() {
        return Ok(Report::Skipped(reason));
    }
    let project = Project::locate();
    Ok(compare(&project, &build(&project.path("target/plugins"))?))
}

/// Builds all plug-ins, with `out` for everything the compiler leaves behind.
pub(crate) fn build(out: &Path) -> Result<Vec<Plugin>> {
    let project = Project::locate();
    write_wrapper(out)?;
    let mut plugins = C_SOURCES
        .iter()
        .map(|source| compile_c(&project, source, out))
        .collect::<Result<Vec<_>>>()?;
    for workspace in WORKSPACES {
        for (target, packages) in workspace.packages {
            compile(&project, workspace, target, packages, out)?;
            for package in packages.iter().filter(|name| !NOT_KEPT.contains(name)) {
                let file = format!("{package}.wasm");
                let path = target_folder(out, workspace)
                    .join(target)
                    .join("release")
                    .join(&file);
                let bytes =
                    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                ensure!(
                    bytes.len() <= workspace.bytes_max,
                    "{file} has {} bytes, more than {}",
                    bytes.len(),
                    workspace.bytes_max
                );
                plugins.push(Plugin {
                    folder: workspace.folder,
                    file,
                    bytes,
                });
            }
        }
    }
    Ok(plugins)
}

/// What has to be installed first, if anything.
pub(crate) fn missing_tool() -> Option<String> {
    let install = "apt-get install rustc-web cargo-web rust-web-src clang-19 lld-19 wasi-libc";
    for file in [CARGO, RUSTC, WASI_LIBRARIES] {
        if !Path::new(file).exists() {
            return Some(format!("there is no {file}: {install}"));
        }
    }
    for program in [LINKER, CLANG] {
        if !process::is_installed(program) {
            return Some(format!("there is no {program}: {install}"));
        }
    }
    let mut clang = Command::new(CLANG);
    clang.arg("--version");
    let version = process::stdout_of(clang).ok()?;
    if !version.contains(CLANG_VERSION) {
        let found = version.lines().next().unwrap_or_default();
        return Some(format!(
            "plug-ins are built by {CLANG_VERSION}, {CLANG} is {found}"
        ));
    }
    let version = process::stdout_of(rustc(&["--version"])).ok()?;
    if !version.starts_with(VERSION) {
        return Some(format!(
            "plug-ins are built by {VERSION}, {RUSTC} is {}",
            version.trim()
        ));
    }
    match standard_library() {
        Ok(folder) if folder.join("library").is_dir() => None,
        _ => Some(format!(
            "there are no sources of the standard library: {install}"
        )),
    }
}

fn rustc(arguments: &[&str]) -> Command {
    let mut command = Command::new(RUSTC);
    command.args(arguments);
    command
}

/// The sources of the standard library, where the compiler looks for them.
fn standard_library() -> Result<PathBuf> {
    let sysroot = process::stdout_of(rustc(&["--print", "sysroot"]))?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib/src/rust"))
}

fn compile(
    project: &Project,
    workspace: &Workspace,
    target: &str,
    packages: &[&str],
    out: &Path,
) -> Result<()> {
    // Sources of dependencies are unpacked first, so that the folder they are in can be named below.
    let mut fetch = cargo(project, workspace.folder, "fetch");
    fetch.args(["--locked", "--target", target]);
    process::succeed(fetch)?;

    let mut build = cargo(project, workspace.folder, "build");
    build.args([
        "--locked",
        "--release",
        "--target",
        target,
        "-Z",
        "build-std=std,panic_abort",
    ]);
    build
        .args(["-Z", "build-std-features=optimize_for_size", "--target-dir"])
        .arg(target_folder(out, workspace));
    for package in packages {
        build.args(["--package", package]);
    }
    let root = fs::canonicalize(project.root())?;
    build
        .env(renamed::VARIABLE, flags(&root, target)?)
        .env("EXTISM_ROOT", root)
        .env("RUSTC_WRAPPER", out.join(WRAPPER_FILE));
    process::succeed(build)
}

/// The linker keeps no path and no name, so the bytes depend on the sources and the compiler alone. It is not
/// left to the compiler to call it, which would have `wasm-opt` change the result where that is installed.
fn compile_c(project: &Project, source: &CSource, out: &Path) -> Result<Plugin> {
    let path = out.join(source.file);
    let object = path.with_extension("o");
    let mut compiler = Command::new(CLANG);
    compiler.current_dir(project.root()).args([
        "--no-default-config",
        "--target=wasm32",
        "-std=c11",
        "-Oz",
        "-nostdlib",
        "-fno-builtin",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-c",
    ]);
    compiler.arg(source.source).arg("-o").arg(&object);
    process::succeed(compiler)?;
    let mut linker = Command::new(LINKER);
    linker.args(["-m", "wasm32", "--no-entry", "--strip-all"]);
    linker.arg(&object).arg("-o").arg(&path);
    process::succeed(linker)?;
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let length = bytes.len();
    ensure!(
        length <= C_BYTES_MAX,
        "{} has {length} bytes, more than {C_BYTES_MAX}",
        source.file
    );
    Ok(Plugin {
        folder: source.folder,
        file: source.file.to_owned(),
        bytes,
    })
}

fn target_folder(out: &Path, workspace: &Workspace) -> PathBuf {
    out.join(workspace.folder.replace('/', "-"))
}

pub(crate) fn write_wrapper(out: &Path) -> Result<()> {
    fs::create_dir_all(out)?;
    process::write_script(&out.join(WRAPPER_FILE), WRAPPER)
}

/// The compiler's own cargo, without anything that a user's environment says about building.
pub(crate) fn cargo(project: &Project, folder: &str, subcommand: &str) -> Command {
    let mut command = Command::new(CARGO);
    command.arg(subcommand).current_dir(project.path(folder));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if [
            "CARGO_BUILD_",
            "CARGO_INCREMENTAL",
            "CARGO_PROFILE_",
            "CARGO_TARGET_",
            "CARGO_UNSTABLE_",
            "RUST",
        ]
        .iter()
        .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    // The compiler is a released one; this is what lets it build its standard library.
    command
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", RUSTC)
        .env("CARGO_TERM_COLOR", "never");
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", LINKER);
    command.env("CARGO_TARGET_WASM32_WASIP1_LINKER", LINKER);
    command
}

/// The compiler's flags: every folder of this machine gets a name that is the same on all, and WASI gets its
/// libraries.
pub(crate) fn flags(root: &Path, target: &str) -> Result<OsString> {
    let library = standard_library()?;
    let mut flags = vec![
        renamed::renamed(root, "/extism"),
        renamed::renamed(&library, "/rust"),
        renamed::renamed(&fs::canonicalize(library)?, "/rust"),
    ];
    flags.extend(renamed::crates()?);
    if target == WASI {
        flags.push("-L".into());
        flags.push(WASI_LIBRARIES.into());
        flags.push(format!("-Clink-arg={WASI_LIBRARIES}/crt1-reactor.o").into());
        flags.push("-Clink-arg=--export=_initialize".into());
    }
    Ok(renamed::encoded(&flags))
}

/// One check per plug-in and one per file of hashes.
fn compare(project: &Project, plugins: &[Plugin]) -> Report {
    let mut tally = Tally::default();
    let mut text = String::new();
    let mut judge = |path: String, built: &[u8]| {
        let finding = match fs::read(project.path(&path)) {
            Ok(committed) if committed == built => {
                tally += Tally::PASSED;
                return;
            }
            Ok(_) => "is not what the sources give",
            Err(_) => "cannot be read",
        };
        tally += Tally::FAILED;
        writeln!(text, "{path} {finding}: run `cargo xtask plugins`")
            .expect("a String takes all text");
    };
    for plugin in plugins {
        judge(plugin.path(), &plugin.bytes);
    }
    for workspace in WORKSPACES {
        judge(
            format!("{}/{HASHES}", workspace.folder),
            hashes(workspace.folder, plugins).as_bytes(),
        );
    }
    if tally.failed == 0 {
        Report::Passed(tally)
    } else {
        Report::Failed(tally, text)
    }
}

/// The file of hashes of a folder.
fn hashes(folder: &str, plugins: &[Plugin]) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    for plugin in plugins.iter().filter(|plugin| plugin.folder == folder) {
        let digest = Sha256::digest(&plugin.bytes);
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        lines.push((&plugin.file, hash));
    }
    lines.sort();
    lines
        .iter()
        .map(|(file, hash)| format!("{hash}  {file}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugins() -> Vec<Plugin> {
        let plugin = |folder, file: &str, bytes: &[u8]| Plugin {
            folder,
            file: file.into(),
            bytes: bytes.into(),
        };
        vec![
            plugin("examples/plugins", "b.wasm", b"abc"),
            plugin("examples/plugins", "a.wasm", b""),
            plugin("fixtures/plugins", "c.wasm", b"abc"),
        ]
    }

    #[test]
    fn hashes_are_sorted_by_file() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let text = hashes("examples/plugins", &plugins());
        assert_eq!(text, format!("{empty}  a.wasm\n{abc}  b.wasm\n"));
    }

    #[test]
    fn every_difference_is_named() {
        let scratch = tempfile::tempdir().unwrap();
        let project = Project::at(scratch.path());
        let plugins = plugins();
        for Workspace { folder, .. } in WORKSPACES {
            project
                .write(&format!("{folder}/{HASHES}"), &hashes(folder, &plugins))
                .unwrap();
        }
        project.write("examples/plugins/a.wasm", "").unwrap();
        project.write("examples/plugins/b.wasm", "abd").unwrap();
        let expected = "examples/plugins/b.wasm is not what the sources give: run `cargo xtask plugins`\n\
                        fixtures/plugins/c.wasm cannot be read: run `cargo xtask plugins`\n";
        let tally = Tally {
            passed: WORKSPACES.len() as u64 + 1,
            failed: 2,
            skipped: 0,
        };
        assert_eq!(
            compare(&project, &plugins),
            Report::Failed(tally, expected.into())
        );

        project.write("examples/plugins/b.wasm", "abc").unwrap();
        project.write("fixtures/plugins/c.wasm", "abc").unwrap();
        assert_eq!(
            compare(&project, &plugins),
            Report::Passed(Tally {
                passed: WORKSPACES.len() as u64 + 3,
                ..Tally::default()
            })
        );
    }

    #[test]
    fn every_package_of_a_workspace_is_built() {
        let project = Project::locate();
        for workspace in WORKSPACES {
            let manifest = project
                .read(&format!("{}/Cargo.toml", workspace.folder))
                .unwrap();
            let manifest: toml::Table = toml::from_str(&manifest).unwrap();
            let members = manifest["workspace"]["members"].as_array().unwrap();
            let mut members: Vec<&str> = members
                .iter()
                .map(|member| member.as_str().unwrap())
                .collect();
            let mut built: Vec<&str> = workspace
                .packages
                .iter()
                .flat_map(|(_, packages)| packages.iter().copied())
                .collect();
            members.sort_unstable();
            built.sort_unstable();
            assert_eq!(members, built, "{}", workspace.folder);
        }
    }
}
