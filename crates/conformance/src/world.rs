//! What is outside of a driver while a case runs: servers, folders, and words kept from replies.
//!
//! Must not know: steps. Invariant: a name in braces is replaced only if it is one of ours, so JSON stays
//! JSON.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::tree::Tree;

/// No name in braces is longer.
const NAME_BYTES_MAX: usize = 16;

/// The world of one case.
pub(crate) struct World {
    /// The repository.
    pub(crate) root: PathBuf,
    http: SocketAddr,
    other: SocketAddr,
    pub(crate) tree: Option<Tree>,
    captured: BTreeMap<String, String>,
}

impl World {
    pub(crate) fn new(root: &Path, http: SocketAddr, other: SocketAddr) -> World {
        World {
            root: root.to_owned(),
            http,
            other,
            tree: None,
            captured: BTreeMap::new(),
        }
    }

    /// A world for tests, where nobody listens.
    #[cfg(test)]
    pub(crate) fn bare() -> World {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        World::new(&root, address(1), address(2))
    }

    /// The bytes with names in braces replaced: `{http}` and `{other}` are where the servers listen, `{port}`
    /// and `{other_port}` their ports, `{tree}` and `{outside}` the folders of the case, `{root}` the
    /// repository.
    pub(crate) fn substitute(&self, bytes: &[u8]) -> Vec<u8> {
        let mut rest = bytes;
        let mut result = Vec::with_capacity(bytes.len());
        while let Some((first, after)) = rest.split_first() {
            let name = || {
                let end = after
                    .iter()
                    .take(NAME_BYTES_MAX)
                    .position(|byte| *byte == b'}')?;
                let meant = self.meaning(std::str::from_utf8(after.get(..end)?).ok()?)?;
                Some((meant, after.get(end + 1..)?))
            };
            match (*first == b'{').then(name).flatten() {
                Some((meant, behind)) => {
                    result.extend_from_slice(meant.as_bytes());
                    rest = behind;
                }
                None => {
                    result.push(*first);
                    rest = after;
                }
            }
        }
        result
    }

    /// As [`World::substitute`].
    pub(crate) fn substitute_text(&self, text: &str) -> String {
        let replaced = self.substitute(text.as_bytes());
        String::from_utf8(replaced).expect("text in the place of text is text")
    }

    fn meaning(&self, name: &str) -> Option<String> {
        Some(match name {
            "http" => self.http.to_string(),
            "other" => self.other.to_string(),
            "port" => self.http.port().to_string(),
            "other_port" => self.other.port().to_string(),
            "root" => self.root.display().to_string(),
            "tree" | "outside" => self.tree.as_ref()?.folder(name).display().to_string(),
            _ => return None,
        })
    }

    /// Keeps a word under a name unless there is one already; the one that is kept.
    pub(crate) fn capture(&mut self, name: &str, word: &str) -> &str {
        self.captured
            .entry(name.to_owned())
            .or_insert_with(|| word.to_owned())
    }

    pub(crate) fn captured(&self, name: &str) -> Option<&str> {
        self.captured.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_names_are_replaced() {
        let world = World::bare();
        assert_eq!(
            world.substitute_text(r#"{"url": "http://{http}/{port}/{x}", "o": "{other}"} {tree}"#),
            r#"{"url": "http://127.0.0.1:1/1/{x}", "o": "127.0.0.1:2"} {tree}"#
        );
        assert_eq!(world.substitute(b"\xff{{port}}"), b"\xff{1}");
    }

    #[test]
    fn the_first_word_is_kept() {
        let mut world = World::bare();
        assert_eq!(world.captured("a"), None);
        assert_eq!(world.capture("a", "1"), "1");
        assert_eq!(world.capture("a", "2"), "1");
        assert_eq!(world.captured("a"), Some("1"));
    }
}
