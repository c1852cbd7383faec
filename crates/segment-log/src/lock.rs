//! One process per folder, said clearly. Must never delete the lock file: whoever deletes a lock
//! file lets two in.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("{0} is in use by another process: stop that one first, or choose another folder")]
    Held(PathBuf),
    #[error("{path} cannot be locked: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// The file of a folder that is locked.
pub const LOCK_FILE: &str = "lock";

/// Held until dropped; the system lets go of it when the process dies.
#[derive(Debug)]
pub struct FolderLock(#[allow(dead_code, reason = "the open file is the lock")] File);

impl FolderLock {
    /// Creates the folder if need be.
    pub fn acquire(folder: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io {
            path: folder.to_owned(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(LOCK_FILE))
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(LockError::Held(folder.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}
