//! Files in which commands keep how far they are: read back whole, written whole or not at all.

use crate::failure::Failure;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};
use tokio::time::Instant;

/// Between two times that one is written.
const EVERY: Duration = Duration::from_secs(2);

/// A file that is written now and then.
pub struct Checkpoint {
    file: PathBuf,
    written: Mutex<Instant>,
}

impl Checkpoint {
    pub fn at(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            written: Mutex::new(Instant::now()),
        }
    }

    /// Writes if the last time is long enough ago.
    pub fn keep(&self, state: &impl Serialize) -> std::io::Result<()> {
        {
            let mut written = self.written.lock().unwrap_or_else(|e| e.into_inner());
            if written.elapsed() < EVERY {
                return Ok(());
            }
            *written = Instant::now();
        }
        self.write(state)
    }

    pub fn write(&self, state: &impl Serialize) -> std::io::Result<()> {
        let file = &self.file;
        let beside = file.with_extension("partial");
        let mut written = fs::File::create(&beside)?;
        written.write_all(&serde_json::to_vec(state)?)?;
        written.sync_all()?;
        fs::rename(&beside, file)?;
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

pub fn read_checkpoint<T: DeserializeOwned>(file: &Path) -> Result<T, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{}: no checkpoint: {error}", file.display())))
}
