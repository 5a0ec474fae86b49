//! The folders of a case: files, links and a place outside of what is granted.
//!
//! Must not know: plug-ins. Invariant: everything is below one temporary folder, which is gone afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The folders of one case: `tree`, which it describes, and `outside` with the file `secret.txt`.
pub(crate) struct Tree {
    folder: tempfile::TempDir,
    made: BTreeMap<PathBuf, String>,
}

impl Tree {
    /// Makes what the case describes: contents by path. A path that ends in `/` is a folder, contents
    /// `-> target` a link, contents `fifo` a pipe. `{outside}` and `{tree}` in a target are the folders.
    pub(crate) fn new(entries: &BTreeMap<String, String>) -> Result<Tree> {
        let folder = tempfile::tempdir()?;
        let mut tree = Tree {
            folder,
            made: BTreeMap::new(),
        };
        fs::create_dir(tree.folder("tree"))?;
        fs::create_dir(tree.folder("outside"))?;
        fs::write(tree.folder("outside").join("secret.txt"), "secret")?;
        for (path, content) in entries {
            tree.make(path, content)
                .with_context(|| format!("cannot make {path}"))?;
        }
        tree.made = tree.snapshot()?;
        Ok(tree)
    }

    /// The folder of this name, `tree` or `outside`.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn make(&self, path: &str, content: &str) -> Result<()> {
        let at = self.folder("tree").join(path);
        if path.ends_with('/') {
            return Ok(fs::create_dir_all(at)?);
        }
        if let Some(parent) = at.parent() {
            fs::create_dir_all(parent)?;
        }
        if let Some(target) = content.strip_prefix("-> ") {
            let shown = |name| self.folder(name).display().to_string();
            let target = target.replace("{outside}", &shown("outside"));
            let target = target.replace("{tree}", &shown("tree"));
            return link(Path::new(&target), &at);
        }
        if content == "fifo" {
            let made = Command::new("mkfifo").arg(&at).status()?;
            ensure!(made.success(), "mkfifo fails");
            return Ok(());
        }
        Ok(fs::write(at, content)?)
    }

    /// The contents of a file of the tree, or of one `outside`; `None` if there is none.
    pub(crate) fn read(&self, path: &str) -> Option<Vec<u8>> {
        let path = match path.strip_prefix("outside/") {
            Some(path) => self.folder("outside").join(path),
            None => self.folder("tree").join(path),
        };
        fs::read(path).ok()
    }

    /// Whether both folders are as they were made.
    pub(crate) fn is_unchanged(&self) -> Result<bool> {
        Ok(self.snapshot()? == self.made)
    }

    /// Every path below, with what is there.
    fn snapshot(&self) -> Result<BTreeMap<PathBuf, String>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                let meta = fs::symlink_metadata(&path)?;
                let is = if meta.is_symlink() {
                    format!("link {}", fs::read_link(&path)?.display())
                } else if meta.is_dir() {
                    folders.push(path.clone());
                    "folder".to_owned()
                } else if meta.is_file() {
                    let content = fs::read(&path)?;
                    format!("file {:?} {}", meta.modified()?, content.escape_ascii())
                } else {
                    "other".to_owned()
                };
                found.insert(path, is);
            }
        }
        Ok(found)
    }
}

impl Drop for Tree {
    /// Whoever waits for a pipe in the background is let go.
    fn drop(&mut self) {
        for (path, is) in &self.made {
            if is == "other" {
                let mut options = fs::OpenOptions::new();
                let _ = options.read(true).write(true).open(path);
            }
        }
    }
}

#[cfg(unix)]
fn link(target: &Path, at: &Path) -> Result<()> {
    Ok(std::os::unix::fs::symlink(target, at)?)
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> Result<()> {
    anyhow::bail!("links are made on Unix only")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_made_read_and_watched() {
        let entries = [
            ("a/b.txt", "text"),
            ("empty/", ""),
            ("link", "-> {outside}/secret.txt"),
        ];
        let entries = entries.map(|(path, content)| (path.to_owned(), content.to_owned()));
        let tree = Tree::new(&BTreeMap::from(entries)).unwrap();
        assert_eq!(tree.read("a/b.txt").as_deref(), Some(&b"text"[..]));
        assert_eq!(tree.read("link").as_deref(), Some(&b"secret"[..]));
        assert_eq!(
            tree.read("outside/secret.txt").as_deref(),
            Some(&b"secret"[..])
        );
        assert_eq!(tree.read("none"), None);
        assert!(tree.is_unchanged().unwrap());
        fs::write(tree.folder("tree").join("empty/new"), "").unwrap();
        assert!(!tree.is_unchanged().unwrap());
    }
}
