//! Copies a topic's files, to look into a log that another process may have open. Must never change
//! anything in the folder it copies from.

use super::topic::FOLDER;
use segment_log::{FolderLock, Journal};
use std::{fs, io, path::Path};

/// Makes the folder `into` a log that has this one topic of the log in `from`; not if that has no
/// such topic. Of a log that is open, what it has written is there: segments only grow, and what is
/// torn off at their end is found by its checksum.
pub fn copy_topic(from: &Path, topic: &str, into: &Path) -> io::Result<bool> {
    let stands = from.join(FOLDER).join(topic);
    if !stands.exists() {
        return Ok(false);
    }
    let journal = from.join(Journal::FOLDER);
    // After a crash of the machine, only the journal may have the last records. A running process
    // writes over it.
    let lock = if journal.exists() {
        FolderLock::acquire(&journal).ok()
    } else {
        None
    };
    if lock.is_some() {
        copy_folder(&journal, &into.join(Journal::FOLDER))?;
    }
    copy_folder(&stands, &into.join(FOLDER).join(topic))?;
    Ok(true)
}

/// What is deleted meanwhile was deleted on purpose.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&source, &target)?;
        } else if let Err(error) = fs::copy(&source, &target)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(io::Error::new(
                error.kind(),
                format!("{}: {error}", source.display()),
            ));
        }
    }
    Ok(())
}
