//! Where an installed library may be.
//!
//! Must not know: what is in a library. Invariant: a library that is found by several names is listed once.

use std::path::{Path, PathBuf};

/// File names of the shared library, the one for linking first.
pub(crate) const NAMES: &[&str] = if cfg!(windows) {
    &["extism.dll"]
} else if cfg!(target_vendor = "apple") {
    &["libextism.dylib", "libextism.1.dylib"]
} else {
    &["libextism.so", "libextism.so.1"]
};

/// Where the user says it is.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Place {
    /// Look below this folder, and nowhere else
    #[arg(long, value_name = "DIR")]
    pub(crate) prefix: Option<PathBuf>,
    /// The library, or the folder it is in; it comes before the folders of the system
    #[arg(long, value_name = "PATH", env = "EXTISM_PATH")]
    pub(crate) path: Option<PathBuf>,
}

/// Every library that is found, in the order of the search.
pub(crate) fn search(place: &Place) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut known: Vec<PathBuf> = Vec::new();
    for candidate in candidates(place) {
        // One library has several names; links lead to the same file.
        let Ok(file) = std::fs::canonicalize(&candidate) else {
            continue;
        };
        if file.is_file() && !known.contains(&file) {
            known.push(file);
            found.push(candidate);
        }
    }
    found
}

/// The folders that are looked into, for messages.
pub(crate) fn folders(place: &Place) -> Vec<PathBuf> {
    if let Some(prefix) = &place.prefix {
        return below(prefix);
    }
    let mut folders: Vec<PathBuf> = place.path.iter().cloned().collect();
    if cfg!(unix) {
        folders.extend(below(Path::new("/usr/local")));
        folders.extend(below(Path::new("/usr")));
    }
    if let Some(home) = std::env::home_dir() {
        folders.push(home.join(".local").join("lib"));
    }
    folders
}

/// The folders of libraries below a prefix.
fn below(prefix: &Path) -> Vec<PathBuf> {
    if cfg!(windows) {
        return vec![prefix.join("bin"), prefix.join("lib")];
    }
    let multiarch = format!("{}-linux-gnu", std::env::consts::ARCH);
    let mut folders = vec![prefix.join("lib"), prefix.join("lib64")];
    if cfg!(target_os = "linux") {
        folders.push(prefix.join("lib").join(multiarch));
    }
    folders
}

fn candidates(place: &Place) -> Vec<PathBuf> {
    let mut candidates = Vec::new();
    for folder in folders(place) {
        if folder.is_file() {
            candidates.push(folder);
        } else {
            candidates.extend(NAMES.iter().map(|name| folder.join(name)));
        }
    }
    candidates
}
