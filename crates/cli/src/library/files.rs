//! The files of an installation: copied from beside this program, or removed.
//!
//! Must not know: what is in the files. Invariant: nothing is removed but files the library consists of,
//! and what is installed contains no path, so it can be copied as it is.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::place;

/// Folders below a prefix, and the names of files in them that belong to the library; `*` stands for a
/// version, each of its numbers with a point before it, or for none.
const PARTS: &[(&str, &[&str])] = &[
    ("lib", LIBRARIES),
    ("lib64", LIBRARIES),
    ("bin", &["extism.dll"]),
    ("include", &["extism.h"]),
    ("lib/pkgconfig", PACKAGES),
    ("lib64/pkgconfig", PACKAGES),
    ("lib/cmake/extism", CONFIGURATIONS),
    ("lib64/cmake/extism", CONFIGURATIONS),
];

const LIBRARIES: &[&str] = &[
    "libextism.a",
    "libextism.so*",
    "libextism*.dylib",
    "extism.lib",
    "extism.dll",
    "extism.dll.lib",
    "libextism.dll.a",
];

const PACKAGES: &[&str] = &["extism.pc", "extism-static.pc"];

const CONFIGURATIONS: &[&str] = &["extism-config.cmake", "extism-config-version.cmake"];

/// The files of a library below `prefix`, relative to it.
pub(crate) fn list(prefix: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for (folder, known) in PARTS {
        let Ok(entries) = fs::read_dir(prefix.join(folder)) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let belongs = name
                .to_str()
                .is_some_and(|name| known.iter().any(|known| is_named(name, known)));
            // Links count as files here, wherever they lead.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if belongs && !is_folder {
                files.push(Path::new(folder).join(name));
            }
        }
    }
    files.sort();
    files
}

/// Whether a file has a name of [`PARTS`].
fn is_named(name: &str, known: &str) -> bool {
    let Some((before, after)) = known.split_once('*') else {
        return name == known;
    };
    let version = name.strip_prefix(before);
    let Some(version) = version.and_then(|rest| rest.strip_suffix(after)) else {
        return false;
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match version.strip_prefix('.') {
        Some(numbers) => numbers.split('.').all(is_number),
        None => version.is_empty(),
    }
}

/// Whether a list of files has a library among them, not only what belongs to one.
pub(crate) fn has_library(files: &[PathBuf]) -> bool {
    files.iter().any(|file| {
        let name = file.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| super::search::NAMES.contains(&name))
    })
}

/// Copies a file, or the link it is, into its place below another prefix; a library in use is replaced,
/// not written over.
pub(crate) fn copy(from: &Path, to: &Path, file: &Path) -> io::Result<()> {
    let (source, target) = (from.join(file), to.join(file));
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    place::replace(&target, |scratch| match fs::read_link(&source) {
        Ok(leads_to) => link(&leads_to, scratch),
        Err(_) => copy_new(&source, scratch),
    })
}

/// Copies the bytes of a file and who may use it, to where nothing is.
fn copy_new(source: &Path, scratch: &Path) -> io::Result<()> {
    let mut from = File::open(source)?;
    let mut to = File::create_new(scratch)?;
    io::copy(&mut from, &mut to)?;
    to.set_permissions(from.metadata()?.permissions())
}

#[cfg(unix)]
fn link(leads_to: &Path, place: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(leads_to, place)
}

/// Where links need a privilege, none are installed.
#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Removes a file, and the folders above it that are the library's own and empty.
pub(crate) fn remove(prefix: &Path, file: &Path) -> io::Result<()> {
    let path = prefix.join(file);
    fs::remove_file(&path)?;
    if let Some(folder) = path
        .parent()
        .filter(|folder| folder.ends_with("cmake/extism"))
    {
        // It is not empty while other files of the library are in it.
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}
