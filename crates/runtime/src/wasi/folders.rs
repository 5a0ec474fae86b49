//! The folders that a plug-in is granted.
//!
//! Must not know: who uses them. Invariant: each is opened once for all instances of a compiled plug-in, so
//! that none of them moves another folder, or a link to one, to where the next would look for it.

use std::sync::OnceLock;

use extism_policy::{Access, PathRule};
use wasmtime_wasi::filesystem::WasiFilesystemCtx;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use crate::Status;
use crate::error::Error;

/// Those of a compiled plug-in.
#[derive(Default)]
pub(crate) struct Folders {
    paths: Vec<PathRule>,
    opened: OnceLock<WasiFilesystemCtx>,
}

impl Folders {
    /// Folders that are opened by whoever needs them first.
    pub(crate) fn new(paths: Vec<PathRule>) -> Folders {
        Folders {
            paths,
            opened: OnceLock::new(),
        }
    }

    /// Sees to it that they are open. A folder that is not there now may be there the next time.
    pub(super) fn open(&self) -> Result<(), Error> {
        if self.paths.is_empty() || self.opened.get().is_some() {
            return Ok(());
        }
        let mut builder = WasiCtxBuilder::new();
        for path in &self.paths {
            let perms = match path.access {
                Access::ReadOnly => FsPerms::ReadOnly,
                Access::ReadWrite => FsPerms::ReadWrite,
            };
            builder
                .preopened_dir(&path.host, &path.guest, perms)
                .map_err(|error| {
                    let message = format!("allowed_paths: cannot open folder {:?}", path.host);
                    Error::with_cause(Status::NotFound, message, error)
                })?;
        }
        let opened = builder.build().filesystem().clone();
        // Who comes second has the folders of the first.
        self.opened.get_or_init(|| opened);
        Ok(())
    }

    /// Those that are open.
    pub(super) fn opened(&self) -> WasiFilesystemCtx {
        self.opened.get().cloned().unwrap_or_default()
    }
}
