//! Packing a folder into a `.tar.gz` and unpacking it.
//!
//! Must not know: what is packed. Invariant: the same content gives the same bytes: names are sorted, and
//! owners and times are constant.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use tar::{Archive, Builder, EntryType, Header};

/// The time of every file: 1 January 1980, the earliest that all archive formats can hold.
const TIME_S: u64 = 315_532_800;

/// Packs `folder` as a folder called `name`.
pub(super) fn pack(folder: &Path, name: &str, archive: &Path) -> Result<()> {
    let file =
        File::create(archive).with_context(|| format!("cannot write {}", archive.display()))?;
    let mut builder = Builder::new(GzBuilder::new().write(file, Compression::best()));
    for path in content(folder)? {
        let packed = Path::new(name).join(path.strip_prefix(folder)?);
        append(&mut builder, &path, &packed)
            .with_context(|| format!("cannot pack {}", path.display()))?;
    }
    builder.into_inner()?.finish()?.sync_all()?;
    Ok(())
}

pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<()> {
    let file = File::open(archive).with_context(|| format!("cannot read {}", archive.display()))?;
    fs::create_dir_all(folder)?;
    Archive::new(GzDecoder::new(file)).unpack(folder)?;
    Ok(())
}

/// Files and links below a folder, sorted.
fn content(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn append<W: Write>(builder: &mut Builder<W>, path: &Path, packed: &Path) -> Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    let mut header = Header::new_gnu();
    header.set_mtime(TIME_S);
    header.set_uid(0);
    header.set_gid(0);
    if metadata.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        header.set_mode(0o777);
        header.set_size(0);
        builder.append_link(&mut header, packed, fs::read_link(path)?)?;
    } else {
        header.set_entry_type(EntryType::Regular);
        header.set_mode(if is_program(&metadata) { 0o755 } else { 0o644 });
        header.set_size(metadata.len());
        builder.append_data(&mut header, packed, File::open(path)?)?;
    }
    Ok(())
}

#[cfg(unix)]
fn is_program(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;

    metadata.permissions().mode() & 0o111 != 0
}

/// Where files have no such mark, all get it: the archive may be unpacked where they do.
#[cfg(not(unix))]
fn is_program(_: &fs::Metadata) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn filled(folder: &Path, names: &[&str]) {
        for name in names {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, name).unwrap();
        }
        fs::set_permissions(folder.join("bin/run"), fs::Permissions::from_mode(0o700)).unwrap();
        symlink("a.so.1", folder.join("lib/a.so")).unwrap();
    }

    #[test]
    fn the_same_content_gives_the_same_bytes_and_comes_back() {
        let scratch = tempfile::tempdir().unwrap();
        let (one, two) = (scratch.path().join("one"), scratch.path().join("two"));
        filled(&one, &["bin/run", "lib/a.so.1"]);
        filled(&two, &["lib/a.so.1", "bin/run"]);
        let archives = [
            scratch.path().join("1.tar.gz"),
            scratch.path().join("2.tar.gz"),
        ];
        pack(&one, "p", &archives[0]).unwrap();
        pack(&two, "p", &archives[1]).unwrap();
        assert_eq!(
            fs::read(&archives[0]).unwrap(),
            fs::read(&archives[1]).unwrap()
        );

        let out = scratch.path().join("out");
        unpack(&archives[0], &out).unwrap();
        assert_eq!(
            fs::read_link(out.join("p/lib/a.so")).unwrap(),
            Path::new("a.so.1")
        );
        assert_eq!(
            fs::read_to_string(out.join("p/lib/a.so")).unwrap(),
            "lib/a.so.1"
        );
        let mode = |name: &str| fs::metadata(out.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("p/bin/run"), mode("p/lib/a.so.1")), (0o755, 0o644));
    }
}
