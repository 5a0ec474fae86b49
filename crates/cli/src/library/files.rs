//! The files of an installation: copied from beside this program, or removed.
//!
//! Must not know: what is in the files. Invariant: nothing is removed but files the library consists of,
//! and what is installed contains no path, so it can be copied as it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders below a prefix, and the beginnings of the names of files in them that belong to the library.
const PARTS: &[(&str, &[&str])] = &[
    ("lib", &["libextism.", "extism.lib", "extism.dll"]),
    ("lib64", &["libextism."]),
    ("bin", &["extism.dll"]),
    ("include", &["extism.h"]),
    ("lib/pkgconfig", &["extism.pc", "extism-static.pc"]),
    ("lib64/pkgconfig", &["extism.pc", "extism-static.pc"]),
    ("lib/cmake/extism", &["extism-config"]),
    ("lib64/cmake/extism", &["extism-config"]),
];

/// The files of a library below `prefix`, relative to it.
pub(crate) fn list(prefix: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for (folder, beginnings) in PARTS {
        let Ok(entries) = fs::read_dir(prefix.join(folder)) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let belongs = name
                .to_str()
                .is_some_and(|name| beginnings.iter().any(|start| name.starts_with(start)));
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
    let mut scratch = target.clone().into_os_string();
    scratch.push(format!(".{}.new", std::process::id()));
    let scratch = PathBuf::from(scratch);
    let made = match fs::read_link(&source) {
        Ok(leads_to) => link(&leads_to, &scratch),
        Err(_) => fs::copy(&source, &scratch).map(drop),
    };
    made.and_then(|()| fs::rename(&scratch, &target))
        .inspect_err(|_| {
            // It may not even exist.
            let _ = fs::remove_file(&scratch);
        })
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
