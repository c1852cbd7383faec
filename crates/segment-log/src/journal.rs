//! A journal that many logs share: one sync makes safe what waits in all of them. Opening it puts
//! back into the segments what a crash took from them. Must never be opened beside logs of its own
//! that are open.
//!
//! See ADR 9.

use crate::{
    Options,
    appender::AppenderFailure,
    commit::{Closed, Committer},
    journal_files::{Half, JournalFiles, replay, scan, write_floor},
    load::OpenError,
    lock::FolderLock,
    log::{CommitService, Opened, SegmentLog},
    medium::{Disk, Medium},
    recovery::RecoveryTrouble,
};
use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// See the crate's header. Dropping it lets it live on as long as one of its logs.
pub struct Journal {
    root: PathBuf,
    medium: Arc<dyn Medium>,
    /// For logs that are synced, and for those that are not: the ones do not make the others wait.
    synced: Arc<Committer>,
    unsynced: Arc<Committer>,
}

/// How a journal is kept.
#[derive(Clone, Copy, Debug)]
pub struct JournalOptions {
    /// Length of each of its two files, once it is reached.
    pub file_bytes: u64,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            file_bytes: 32 << 20,
        }
    }
}

impl Journal {
    /// The journal's folder, beside those of its logs.
    pub const FOLDER: &str = "journal";

    /// Opens or creates the journal of the logs below `root`, and makes those whole.
    pub fn open(root: &Path, options: JournalOptions) -> Result<Self, OpenError> {
        Self::open_on(Arc::new(Disk), root, options)
    }

    pub(crate) fn open_on(
        medium: Arc<dyn Medium>,
        root: &Path,
        options: JournalOptions,
    ) -> Result<Self, OpenError> {
        let folder = root.join(Self::FOLDER);
        let lock = FolderLock::acquire(&folder)?;
        let failed = |source| OpenError::Io {
            path: folder.clone(),
            source,
        };
        let paths = ["0.journal", "1.journal"].map(|name| folder.join(name));
        let files = [
            open_file(medium.as_ref(), &paths[0]).map_err(failed)?,
            open_file(medium.as_ref(), &paths[1]).map_err(failed)?,
        ];
        medium
            .sync_folder(&folder)
            .and_then(|()| medium.sync_folder(root))
            .map_err(failed)?;
        let found = scan::scan_journal(&paths, &files).map_err(|trouble| match trouble {
            RecoveryTrouble::Damage(damage) => OpenError::Damaged(damage),
            RecoveryTrouble::Io(source) => failed(source),
        })?;
        if !found.entries.is_empty() {
            let logs = replay::replay_entries(medium.as_ref(), root, &found.entries)?;
            tracing::info!(
                entries = found.entries.len(),
                logs,
                "the journal was put back into the logs"
            );
        }
        for at in [found.older, 1 - found.older] {
            let written = write_floor(
                medium.as_ref(),
                &files[at],
                u32::from(at == 1),
                found.greatest,
            );
            written.map_err(
                |(AppenderFailure::Rejected(error) | AppenderFailure::Fatal(error))| failed(error),
            )?;
        }
        let [first, second] = files;
        let halves = [
            Half::new(0, first).map_err(failed)?,
            Half::new(1, second).map_err(failed)?,
        ];
        let files = JournalFiles::new(
            medium.clone(),
            options.file_bytes,
            halves,
            found.greatest + 1,
            lock,
        );
        let synced = Arc::new(Committer::start("log-commit", Some(files)).map_err(failed)?);
        let unsynced = Arc::new(Committer::start("log-write", None).map_err(failed)?);
        Ok(Self {
            root: root.to_owned(),
            medium,
            synced,
            unsynced,
        })
    }

    /// Opens or creates one of its logs; `name` is the path of its folder from the root.
    pub fn open_log(
        &self,
        name: &str,
        options: Options,
    ) -> Result<(SegmentLog, Opened), OpenError> {
        let folder = self.root.join(name);
        if !replay::is_inside(name) || name.starts_with(Self::FOLDER) {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "this is no place for a log");
            return Err(OpenError::Io {
                path: folder,
                source,
            });
        }
        let (name, committer) = if options.sync {
            (Some(name.to_owned()), &self.synced)
        } else {
            (None, &self.unsynced)
        };
        let service = CommitService {
            committer: committer.clone(),
            name,
            alone: false,
        };
        SegmentLog::join(self.medium.clone(), &folder, options, service)
    }

    /// Closes its logs, syncs them, and leaves nothing in the journal.
    pub fn close(&self) -> Result<(), Closed> {
        let results = [self.synced.close(), self.unsynced.close()];
        results.into_iter().collect()
    }
}

fn open_file(medium: &dyn Medium, path: &Path) -> io::Result<File> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => medium.create(path),
        other => other,
    }
}

#[cfg(test)]
mod tests;
