//! Putting the C library, its header and the command line under a prefix, for C, pkg-config and CMake.
//!
//! Must not know: what the library does. Invariant: nothing that is installed contains the prefix, so the
//! whole folder can be moved or packed.

pub(crate) mod library;
mod package;
mod platform;
pub(crate) mod sample;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::process::{self, Echo};
use crate::project::Project;
use library::Built;
use package::Package;
use platform::Platform;

/// Where to install.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The folder to install into.
    #[arg(long, value_name = "P")]
    pub(crate) prefix: PathBuf,
    /// Where libraries go, if not `lib` below the prefix.
    #[arg(long, value_name = "DIR")]
    libdir: Option<PathBuf>,
    /// Where the header goes, if not `include` below the prefix.
    #[arg(long, value_name = "DIR")]
    includedir: Option<PathBuf>,
}

impl Options {
    pub(crate) fn at(prefix: &Path) -> Options {
        Options {
            prefix: prefix.to_path_buf(),
            libdir: None,
            includedir: None,
        }
    }
}

/// The folders of an installation, all absolute.
struct Folders {
    prefix: PathBuf,
    libraries: PathBuf,
    headers: PathBuf,
}

impl Folders {
    fn new(options: &Options) -> Result<Folders> {
        let prefix = std::path::absolute(&options.prefix)?;
        // A relative folder is meant below the prefix.
        let below = |given: &Option<PathBuf>, default: &str| {
            given
                .as_ref()
                .map_or_else(|| prefix.join(default), |folder| prefix.join(folder))
        };
        let (libraries, headers) = (
            below(&options.libdir, "lib"),
            below(&options.includedir, "include"),
        );
        Ok(Folders {
            libraries,
            headers,
            prefix,
        })
    }
}

/// Builds what is needed, installs it and returns the installed files, relative to the prefix where below it.
pub(crate) fn run(project: &Project, options: &Options, echo: Echo) -> Result<Vec<PathBuf>> {
    let platform = Platform::host();
    let built = library::build(project, platform, echo)?;
    let folders = Folders::new(options)?;
    let mut installer = Installer {
        folders: &folders,
        installed: Vec::new(),
    };
    installer.install(project, platform, &built)?;
    installer.installed.sort();
    Ok(installer.installed)
}

/// Where the shared library is in an installation at the default folders.
pub(crate) fn shared_library(prefix: &Path) -> PathBuf {
    let platform = Platform::host();
    let folder = match platform {
        Platform::Windows => "bin",
        _ => "lib",
    };
    prefix.join(folder).join(platform.names().shared)
}

/// Builds the shared library alone, as an installation has it, and answers where it is.
pub(crate) fn build_shared_library(project: &Project, echo: Echo) -> Result<PathBuf> {
    library::build_shared(project, Platform::host(), echo)
}

/// The name by which programs linked with the shared library look for it.
pub(crate) fn recorded_name() -> String {
    Platform::host().names().recorded
}

struct Installer<'a> {
    folders: &'a Folders,
    installed: Vec<PathBuf>,
}

impl Installer<'_> {
    fn install(&mut self, project: &Project, platform: Platform, built: &Built) -> Result<()> {
        let Folders {
            prefix,
            libraries,
            headers,
        } = self.folders;
        let names = platform.names();
        let programs = prefix.join("bin");
        let shared = if platform == Platform::Windows {
            &programs
        } else {
            libraries
        };
        self.copy(&built.shared, &shared.join(&names.shared))?;
        for (link, target) in &names.links {
            self.link(&libraries.join(link), target)?;
        }
        self.copy(&built.archive, &libraries.join(names.archive))?;
        if let (Some(name), Some(import)) = (names.import, &built.import) {
            self.copy(import, &libraries.join(name))?;
        }
        self.copy(&project.path("include/extism.h"), &headers.join("extism.h"))?;
        self.packages(platform, built)?;

        let program = programs.join(format!("extism{}", std::env::consts::EXE_SUFFIX));
        self.copy(&built.program, &program)?;
        self.extras(&program)
    }

    /// The files by which pkg-config and CMake find the library.
    fn packages(&mut self, platform: Platform, built: &Built) -> Result<()> {
        let Folders {
            prefix,
            libraries,
            headers,
        } = self.folders;
        let package = |folder: &Path| Package {
            platform,
            prefix: package::relative(folder, prefix),
            libraries: package::relative(folder, libraries),
            headers: package::relative(folder, headers),
            native_libraries: &built.native_libraries,
        };
        let pkgconfig = libraries.join("pkgconfig");
        let description = package(&pkgconfig);
        self.text(
            &pkgconfig.join("extism.pc"),
            &description.pkg_config_shared(),
        )?;
        self.text(
            &pkgconfig.join("extism-static.pc"),
            &description.pkg_config_static(),
        )?;
        let cmake = libraries.join("cmake").join("extism");
        self.text(
            &cmake.join("extism-config.cmake"),
            &package(&cmake).cmake_config(),
        )?;
        self.text(
            &cmake.join("extism-config-version.cmake"),
            &package::cmake_version(),
        )
    }

    /// What the program prints about itself, where it can: the manual page and the completions.
    fn extras(&mut self, program: &Path) -> Result<()> {
        let extras: [(&[&str], &str); 4] = [
            (&["man"], "share/man/man1/extism.1"),
            (
                &["completion", "bash"],
                "share/bash-completion/completions/extism",
            ),
            (&["completion", "zsh"], "share/zsh/site-functions/_extism"),
            (
                &["completion", "fish"],
                "share/fish/vendor_completions.d/extism.fish",
            ),
        ];
        for (arguments, place) in extras {
            let mut command = Command::new(program);
            command.args(arguments);
            let printed = process::streams_of(command, Echo::OnFailure)?;
            if printed.succeeded && !printed.output.is_empty() {
                self.text(&self.folders.prefix.join(place), &printed.output)?;
            }
        }
        Ok(())
    }

    fn copy(&mut self, from: &Path, to: &Path) -> Result<()> {
        self.place(to, |new| fs::copy(from, new).map(drop))
            .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
    }

    fn text(&mut self, to: &Path, text: &str) -> Result<()> {
        self.place(to, |new| fs::write(new, text))
            .with_context(|| format!("cannot write {}", to.display()))
    }

    fn link(&mut self, link: &Path, target: &str) -> Result<()> {
        self.place(link, |new| symbolic_link(target, new))
            .with_context(|| format!("cannot link {} to {target}", link.display()))
    }

    /// Makes the file beside its place and moves it there: a library in use is replaced, not written over.
    fn place(&mut self, to: &Path, make: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<()> {
        let folder = to.parent().context("a file is in a folder")?;
        fs::create_dir_all(folder)?;
        let scratch = tempfile::Builder::new()
            .prefix(".extism-")
            .tempdir_in(folder)?;
        let new = scratch.path().join("new");
        make(&new)?;
        fs::rename(&new, to)?;
        let shown = to.strip_prefix(&self.folders.prefix).unwrap_or(to);
        self.installed.push(shown.to_path_buf());
        Ok(())
    }
}

#[cfg(unix)]
fn symbolic_link(target: &str, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Where links need a privilege the platform's names have none.
#[cfg(not(unix))]
fn symbolic_link(_: &str, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fake(project: &Project, program: &str) -> Built {
        for name in ["shared", "archive", "include/extism.h"] {
            project.write(name, name).unwrap();
        }
        Built {
            shared: project.path("shared"),
            archive: project.path("archive"),
            import: None,
            program: PathBuf::from(program),
            native_libraries: vec!["-lm".into()],
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_installation_has_the_library_under_three_names_and_can_be_repeated() {
        let scratch = tempfile::tempdir().unwrap();
        let project = Project::at(scratch.path());
        // A program that prints nothing offers no manual page.
        let built = fake(&project, "/bin/true");
        let prefix = scratch.path().join("prefix");
        let options = Options {
            libdir: Some("lib64".into()),
            ..Options::at(&prefix)
        };
        let folders = Folders::new(&options).unwrap();
        let shared = format!("lib64/libextism.so.{}", crate::project::VERSION);
        for _ in 0..2 {
            let mut installer = Installer {
                folders: &folders,
                installed: Vec::new(),
            };
            installer.install(&project, Platform::Elf, &built).unwrap();
            installer.installed.sort();
            let expected = [
                "bin/extism",
                "include/extism.h",
                "lib64/cmake/extism/extism-config-version.cmake",
                "lib64/cmake/extism/extism-config.cmake",
                "lib64/libextism.a",
                "lib64/libextism.so",
                "lib64/libextism.so.1",
                shared.as_str(),
                "lib64/pkgconfig/extism-static.pc",
                "lib64/pkgconfig/extism.pc",
            ];
            assert_eq!(installer.installed, expected.map(PathBuf::from));
        }
        assert_eq!(
            fs::read_to_string(prefix.join("lib64/libextism.so")).unwrap(),
            "shared"
        );
        assert_eq!(fs::read_dir(prefix.join("lib64")).unwrap().count(), 6);
    }

    #[test]
    fn nothing_that_is_written_contains_the_prefix() {
        let scratch = tempfile::tempdir().unwrap();
        let project = Project::at(scratch.path());
        let built = fake(&project, "unused");
        let prefix = scratch.path().join("a-prefix");
        let folders = Folders::new(&Options::at(&prefix)).unwrap();
        let mut installer = Installer {
            folders: &folders,
            installed: Vec::new(),
        };
        installer.packages(Platform::host(), &built).unwrap();
        assert_eq!(installer.installed.len(), 4);
        for path in &installer.installed {
            let text = fs::read_to_string(prefix.join(path)).unwrap();
            assert!(!text.contains("a-prefix"), "{}:\n{text}", path.display());
        }
    }
}
