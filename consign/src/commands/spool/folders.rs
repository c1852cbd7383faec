//! Which spools a command looks at, and how: one that a process has open is looked at as a copy of
//! this moment. Must never change a folder that another process has open.

use crate::{failure::Failure, settings::Settings};
use ::spool::{SpoolFolder, adopt, folder::RECORDS};
use clap::Args;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The spools that a command is about.
#[derive(Clone, Debug, Args)]
pub struct SpoolSelection {
    /// One spool's folder, or one with many [default: `spool.folder` of the settings]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// A spool, or what it was a moment ago.
pub struct FoundSpool {
    pub path: PathBuf,
    pub folder: SpoolFolder,
    /// Of one that a process has open.
    copy: Option<TempDir>,
}

impl SpoolSelection {
    pub fn paths(&self, settings: &Settings) -> Result<Vec<PathBuf>, Failure> {
        let root = self.folder.as_ref().or(settings.spool.folder.as_ref());
        let Some(root) = root else {
            return Err(
                Failure::usage("no folder is named, and `spool.folder` is not set")
                    .hint("--folder FOLDER, or --set spool.folder=FOLDER"),
            );
        };
        if root.join(RECORDS).is_dir() {
            return Ok(vec![root.clone()]);
        }
        adopt::find_spools(root)
            .map_err(|error| Failure::failed(format!("{}: {error}", root.display())))
    }
}

impl FoundSpool {
    /// Opens a spool, or a copy of one that a process has open. `topics`: those that its records must
    /// have been made for, if that matters.
    pub fn open(path: &Path, topics: Option<&str>) -> Result<Self, Failure> {
        let open = |path: &Path| match topics {
            Some(topics) => SpoolFolder::open(path, topics),
            None => SpoolFolder::open_for_any_topics(path),
        };
        match open(path) {
            Err(error) if error.is_held() => {}
            opened => return Ok(Self::of(path, opened?, None)),
        }
        let copied = || -> std::io::Result<TempDir> {
            let copy = tempfile::tempdir()?;
            adopt::copy_spool(path, copy.path())?;
            Ok(copy)
        };
        let copy = copied().map_err(|error| {
            Failure::failed(format!("{} cannot be copied: {error}", path.display()))
        })?;
        Ok(Self::of(path, open(copy.path())?, Some(copy)))
    }

    fn of(path: &Path, folder: SpoolFolder, copy: Option<TempDir>) -> Self {
        Self {
            path: path.to_owned(),
            folder,
            copy,
        }
    }

    /// Does a process have it open?
    pub fn is_held(&self) -> bool {
        self.copy.is_some()
    }

    pub fn records(&self) -> u64 {
        let bounds = self.folder.bounds();
        bounds.end - bounds.earliest
    }
}
