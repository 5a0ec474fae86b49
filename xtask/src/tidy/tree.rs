//! The tree as a whole: which files may be in it at all.
//!
//! Must not know: what is in a file beyond its size and kind, but for lock files. Invariant: everything that
//! is committed can be read in a review, and comes from public places.

use std::collections::BTreeSet;

use super::file::File;
use super::finding::Finding;

/// All files, and the folders they are in.
pub(super) struct Tree {
    files: Vec<File>,
    paths: BTreeSet<String>,
}

impl Tree {
    pub(super) fn new(files: Vec<File>) -> Tree {
        let mut paths = BTreeSet::from([String::new()]);
        for file in &files {
            let mut path = file.path.as_str();
            paths.insert(path.to_string());
            while let Some((folder, _)) = path.rsplit_once('/') {
                paths.insert(folder.to_string());
                path = folder;
            }
        }
        Tree { files, paths }
    }

    pub(super) fn files(&self) -> &[File] {
        &self.files
    }

    /// Whether there is a file or folder of this path; the root is the empty path.
    pub(super) fn contains(&self, path: &str) -> bool {
        self.paths.contains(path)
    }
}

/// The largest file of the tree.
const FILE_BYTES_MAX: u64 = 256 * 1024;

pub(super) fn small_enough(file: &File, _: &Tree) -> Vec<Finding> {
    if file.bytes <= FILE_BYTES_MAX {
        return Vec::new();
    }
    vec![file.finding(
        0,
        format!("{} bytes are more than {FILE_BYTES_MAX}", file.bytes),
    )]
}

/// Kinds of files, by extension. A new kind is a decision: add it here with the first file.
const EXTENSIONS: &[&str] = &[
    "c", "cc", "config", "cpp", "css", "erl", "escript", "ex", "exs", "h", "hpp", "hrl", "html",
    "json", "lock", "md", "mjs", "mts", "png", "py", "rs", "src", "svg", "toml", "ts", "txt",
    "wasm", "wast", "wat",
];

/// Files whose name has no extension.
const NAMES: &[&str] = &[
    ".formatter.exs",
    ".gitattributes",
    ".gitignore",
    ".prettierignore",
    "LICENSE",
    "SHA256SUMS",
    "run",
];

/// Kinds that are no text, with the folders they may be in. Built plug-ins are compared with their sources
/// by `cargo xtask plugins --check`.
const BINARY: &[(&str, &str)] = &[
    ("png", ""),
    ("wasm", "examples/plugins/"),
    ("wasm", "fixtures/"),
    ("wasm", "bench/plugins/"),
];

pub(super) fn known_kind(file: &File, _: &Tree) -> Vec<Finding> {
    let extension = file.extension();
    let known = EXTENSIONS.contains(&extension) || NAMES.contains(&file.name());
    if !known {
        return vec![file.finding(
            0,
            "files of this kind are not in the list of xtask/src/tidy/tree.rs",
        )];
    }
    let binary_places: Vec<&str> = BINARY
        .iter()
        .filter(|(kind, _)| *kind == extension)
        .map(|(_, folder)| *folder)
        .collect();
    if binary_places.is_empty() && file.text.is_none() {
        return vec![file.finding(0, "the content is no text")];
    }
    if !binary_places.is_empty()
        && !binary_places
            .iter()
            .any(|folder| file.path.starts_with(folder))
    {
        return vec![file.finding(0, "files of this kind may not be in this folder")];
    }
    Vec::new()
}

/// What a lock file may name as the origin of a package, by the key that holds it.
const ORIGINS: &[(&str, &str)] = &[
    (
        "source = \"",
        "registry+https://github.com/rust-lang/crates.io-index\"",
    ),
    ("\"resolved\": \"", "https://registry.npmjs.org/"),
];

/// A lock file written behind a mirror would send everyone to that mirror.
pub(super) fn public_sources_only(file: &File, _: &Tree) -> Vec<Finding> {
    if !(file.extension() == "lock" || file.name() == "package-lock.json") {
        return Vec::new();
    }
    let strange = |line: &str| {
        let line = line.trim_start();
        ORIGINS.iter().any(|(key, origin)| {
            line.strip_prefix(key)
                .is_some_and(|rest| !rest.starts_with(origin))
        })
    };
    let message = "a package that does not come from the public registry";
    file.lines()
        .filter(|(_, line)| strange(line))
        .map(|(at, _)| file.finding(at, message))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::messages;
    use super::*;

    #[test]
    fn a_large_file_is_found() {
        let size = usize::try_from(FILE_BYTES_MAX).unwrap();
        assert!(messages("a.svg", &"x".repeat(size)).is_empty());
        let large = "x".repeat(size + 1);
        assert_eq!(
            messages("a.svg", &large),
            ["a.svg: 262145 bytes are more than 262144"]
        );
    }

    #[test]
    fn an_unknown_kind_is_found() {
        let message = "files of this kind are not in the list of xtask/src/tidy/tree.rs";
        assert_eq!(messages("a/b.exe", ""), [format!("a/b.exe: {message}")]);
        assert_eq!(messages("Makefile", ""), [format!("Makefile: {message}")]);
        assert!(messages("LICENSE", "").is_empty());
    }

    #[test]
    fn content_that_is_no_text_is_found_unless_the_kind_is_binary() {
        let check = |path: &str| {
            let file = File::new(path, vec![0, 0xff, 0xfe]);
            known_kind(&file, &Tree::new(Vec::new()))
                .iter()
                .map(Finding::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(check("a.txt"), ["a.txt: the content is no text"]);
        assert!(check("a.png").is_empty());
        assert!(check("fixtures/a.wasm").is_empty());
        assert_eq!(
            check("crates/a.wasm"),
            ["crates/a.wasm: files of this kind may not be in this folder"]
        );
    }

    #[test]
    fn a_package_from_elsewhere_is_found() {
        let message = "a package that does not come from the public registry";
        let line = |origin: &str| format!("[[package]]\nsource = \"{origin}\"\n");
        let public = line("registry+https://github.com/rust-lang/crates.io-index");
        assert!(messages("Cargo.lock", &public).is_empty());
        let mirror = line("registry+https://mirror.example/index");
        assert_eq!(
            messages("Cargo.lock", &mirror),
            [format!("Cargo.lock:2: {message}")]
        );
        let npm = "{\n  \"resolved\": \"http://mirror.example/a.tgz\"\n}\n";
        assert_eq!(
            messages("sdk/package-lock.json", npm),
            [format!("sdk/package-lock.json:2: {message}")]
        );
    }

    #[test]
    fn the_tree_knows_its_folders() {
        let tree = Tree::new(vec![File::new("a/b/c.md", Vec::new())]);
        for path in ["", "a", "a/b", "a/b/c.md"] {
            assert!(tree.contains(path), "{path}");
        }
        assert!(!tree.contains("b"));
    }
}
