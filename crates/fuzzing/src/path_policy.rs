//! `allowed_paths` against a toy file system: each path a plug-in sees leads to one folder.
//!
//! Input: lines `folder of the host=>path in the plug-in`.

use std::collections::BTreeMap;

use extism_abi::{Quoted, Status};
use extism_policy::{Access, path_rules};

use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "path_policy",
    about: "allowed_paths against mounts of a toy file system",
    bytes_max: 400,
    words: &[
        "ro:", "ro:ro:", "./", "../", "..", "/", "//", ".", "=>", "\n", "C:\\", "a", "b/c", "ü",
        "\0", " ",
    ],
    smoke: 200_000,
    run,
};

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let pairs: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.split_once("=>"))
        .collect();
    let mut tree = Folder::default();
    let mut taken = None;
    for (key, guest) in &pairs {
        if let Some(other) = tree.mount(guest, key) {
            taken = Some((other, *key, *guest));
            break;
        }
    }
    match (path_rules(pairs.iter().copied()), taken) {
        (Ok(rules), None) => {
            assert_eq!(rules.len(), pairs.len());
            for (rule, (key, guest)) in rules.iter().zip(&pairs) {
                let read_only = key.as_bytes().starts_with(b"ro:");
                let skipped = if read_only { 3 } else { 0 };
                assert_eq!(rule.host.as_bytes(), &key.as_bytes()[skipped..]);
                assert_eq!(rule.access == Access::ReadOnly, read_only);
                assert_eq!(rule.guest, *guest);
                assert_eq!(tree.find(guest), Some(*key), "{guest}");
            }
        }
        (Err(error), Some((first, second, guest))) => {
            assert_eq!(error.status(), Status::ManifestField);
            let text = error.to_string();
            for part in [first, second, guest] {
                assert!(text.contains(&Quoted(part).to_string()), "{text}");
            }
        }
        (found, expected) => panic!("{pairs:?}: {found:?}, not {expected:?}"),
    }
}

/// A folder: what is in it by name, and which key of `allowed_paths` is mounted here. Paths from the root and
/// others begin at different places, so the root is a child of its own.
#[derive(Default)]
struct Folder<'a> {
    children: BTreeMap<&'a str, Folder<'a>>,
    mounted: Option<&'a str>,
}

impl<'a> Folder<'a> {
    /// Mounts a folder; the one that is there already, if there is one.
    fn mount(&mut self, path: &'a str, key: &'a str) -> Option<&'a str> {
        let mut folder = self;
        for name in steps(path) {
            folder = folder.children.entry(name).or_default();
        }
        let before = folder.mounted;
        folder.mounted.get_or_insert(key);
        before
    }

    fn find(&self, path: &str) -> Option<&'a str> {
        let mut folder = self;
        for name in steps(path) {
            folder = folder.children.get(name)?;
        }
        folder.mounted
    }
}

/// The names a walker goes through. One step is staying where one is.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    let root = path.starts_with('/').then_some("/");
    let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
    root.into_iter().chain(names)
}
