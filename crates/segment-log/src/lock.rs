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

/// Creates a folder and those above it, and syncs their names: a cut of the power does not take what
/// is in them with the names. One that is there may be of a process that was killed before it synced.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    let is_missing = |above: &&Path| !above.as_os_str().is_empty() && !above.exists();
    let made: Vec<&Path> = folder.ancestors().skip(1).take_while(is_missing).collect();
    std::fs::create_dir_all(folder)?;
    for named in made.into_iter().rev().chain([folder]) {
        let above = named.parent().filter(|above| !above.as_os_str().is_empty());
        match File::open(above.unwrap_or(Path::new("."))) {
            // It is not ours, so it was not made here.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            opened => opened?.sync_all()?,
        }
    }
    Ok(())
}

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
        create_folder(folder).map_err(failed)?;
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
