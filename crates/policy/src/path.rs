//! The manifest's `allowed_paths` as a list of folders with their access.
//!
//! Must not know: files. Links, traversal and permissions are enforced by the WASI implementation, on
//! the folder handles it opens from this list.
//!
//! Keeps: one guest path names one folder, so that which access holds is never a matter of order.

use std::collections::BTreeMap;
use std::fmt;

use extism_abi::{Quoted, Status};

/// What a plug-in may do below a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Look and read.
    ReadOnly,
    /// Also create, write, rename and remove.
    ReadWrite,
}

/// A folder of the host and the path at which a plug-in sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// The folder of the host.
    pub host: String,
    /// The path inside the plug-in.
    pub guest: String,
    /// What the plug-in may do there.
    pub access: Access,
}

/// Two keys of `allowed_paths` claim one guest path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRuleError {
    guest: String,
    keys: [String; 2],
}

impl PathRuleError {
    /// Always [`Status::ManifestField`].
    pub fn status(&self) -> Status {
        Status::ManifestField
    }
}

impl fmt::Display for PathRuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PathRuleError { guest, keys } = self;
        let [first, second, guest] = [&keys[0], &keys[1], guest].map(|text| Quoted(text));
        write!(
            f,
            "allowed_paths maps both {first} and {second} to the guest path {guest}"
        )
    }
}

impl std::error::Error for PathRuleError {}

/// Reads `allowed_paths`: pairs of a host folder, with the prefix `ro:` if it is read-only, and the
/// guest path. A folder whose name itself begins with `ro:` is written `./ro:name`.
///
/// ```
/// use extism_policy::{Access, path_rules};
///
/// let rules = path_rules([("ro:/usr/share/dict", "/dict"), ("/var/data", "/data")]).unwrap();
/// assert_eq!((rules[0].host.as_str(), rules[0].access), ("/usr/share/dict", Access::ReadOnly));
/// assert_eq!((rules[1].host.as_str(), rules[1].access), ("/var/data", Access::ReadWrite));
/// ```
///
/// # Errors
///
/// If two keys have the same guest path; a trailing slash, repeated slashes and `.` make no difference.
pub fn path_rules<'a>(
    allowed_paths: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<PathRule>, PathRuleError> {
    let mut key_of_guest = BTreeMap::new();
    let mut rules = Vec::new();
    for (key, guest) in allowed_paths {
        if let Some(other) = key_of_guest.insert(normal(guest), key) {
            return Err(PathRuleError {
                guest: guest.to_string(),
                keys: [other.to_string(), key.to_string()],
            });
        }
        let (host, access) = match key.strip_prefix("ro:") {
            Some(host) => (host, Access::ReadOnly),
            None => (key, Access::ReadWrite),
        };
        rules.push(PathRule {
            host: host.to_string(),
            guest: guest.to_string(),
            access,
        });
    }
    Ok(rules)
}

/// A guest path as two spellings of the same place agree on it.
fn normal(guest: &str) -> String {
    let root = if guest.starts_with('/') { "/" } else { "" };
    let parts: Vec<&str> = guest
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    format!("{root}{}", parts.join("/"))
}
