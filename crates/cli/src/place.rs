//! The place of a file that is written as a whole.
//!
//! Must not know: what is in the file. Invariant: whoever opens a file meanwhile sees the old one or the
//! new one, and nobody may who might not open the old one; what is no file (a device, a pipe) is written and
//! stays what it is; no link is followed but the one the user named.

use std::fs::{self, File, Metadata};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// How often a name is tried. Each is one of 2^64: a second time is for somebody else's luck.
const ATTEMPTS_MAX: u32 = 8;

/// Writes a file, to where the path leads if that is a link.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let found = fs::metadata(path);
    let real = match &found {
        Ok(found) if found.is_file() => fs::canonicalize(path).ok(),
        Ok(_) => None,
        // A link to nothing is no file yet, and what is to be made is what it names.
        Err(_) if fs::symlink_metadata(path).is_ok() => None,
        Err(_) => Some(path.to_path_buf()),
    };
    match real {
        None => fs::write(path, bytes),
        Some(real) => replace(&real, |scratch| {
            let mut file = File::create_new(scratch)?;
            if let Ok(old) = &found {
                permit(&file, old)?;
            }
            file.write_all(bytes)
        }),
    }
}

/// Lets those use a file who may use another one: it gets its owner and group, as far as this user can give
/// them, and its permissions.
#[cfg(unix)]
fn permit(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};

    let group = Some(old.gid());
    let given = fchown(file, Some(old.uid()), group).or_else(|_| fchown(file, None, group));
    // What another group might do is nothing to this one.
    let kept = if given.is_ok() { 0o777 } else { 0o707 };
    file.set_permissions(fs::Permissions::from_mode(old.permissions().mode() & kept))
}

/// Whoever may use the folder may use the files in it.
#[cfg(not(unix))]
fn permit(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Moves into its place what `make` made under another name in the same folder. It must not follow a
/// link, nor write over anything: a name that is taken is not the only one.
pub(crate) fn replace(path: &Path, make: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut attempts = 1;
    let scratch = loop {
        let scratch = beside(path);
        match make(&scratch) {
            Ok(()) => break scratch,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if attempts == ATTEMPTS_MAX {
                    return Err(error);
                }
                attempts += 1;
            }
            Err(error) => {
                // It may not even exist.
                let _ = fs::remove_file(&scratch);
                return Err(error);
            }
        }
    };
    fs::rename(&scratch, path).inspect_err(|_| {
        let _ = fs::remove_file(&scratch);
    })
}

/// A name that nobody can know before: the standard library's keys are the system's random numbers.
fn beside(path: &Path) -> PathBuf {
    let number = RandomState::new().hash_one(std::process::id());
    path.with_file_name(format!(".extism-{number:016x}.new"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let tried = std::cell::RefCell::new(Vec::new());
        let result = replace(&path, |scratch| {
            tried.borrow_mut().push(scratch.to_path_buf());
            fs::write(scratch, "taken")?;
            File::create_new(scratch).map(drop)
        });
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        let tried = tried.into_inner();
        assert_eq!(tried.len(), ATTEMPTS_MAX as usize);
        assert!(tried.iter().all(|scratch| scratch.is_file()));
        assert!(!path.exists());
    }

    #[test]
    fn a_name_may_be_as_long_as_names_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x".repeat(255));
        write(&path, b"x").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"x");
    }

    #[cfg(unix)]
    #[test]
    fn who_may_use_a_file_stays() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        write(&path, b"1").unwrap();
        for permitted in [0o600, 0o755, 0o444] {
            fs::set_permissions(&path, fs::Permissions::from_mode(permitted)).unwrap();
            write(&path, b"2").unwrap();
            assert_eq!(mode(), permitted);
        }
        assert_eq!(fs::read(&path).unwrap(), b"2");
        // Only some users may give files away.
        if chown(&path, Some(1), Some(2)).is_ok() {
            write(&path, b"3").unwrap();
            let found = fs::metadata(&path).unwrap();
            assert_eq!((found.uid(), found.gid(), mode()), (1, 2, 0o444));
        }
    }

    #[test]
    fn nothing_is_left_of_what_cannot_be_moved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::create_dir_all(path.join("b")).unwrap();
        let result = replace(&path, |scratch| fs::write(scratch, "x"));
        assert!(result.is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
