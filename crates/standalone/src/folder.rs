//! A data folder: `log/` (with the lock that keeps other processes out), `store/`, `secret`, and
//! `format`, which says by which version its records can be read. It must never be opened by two
//! processes.

use crate::{StandaloneError, secret};
use event_log::{Log, embedded};
use event_schema::signing::Keyring;
use std::{
    fs::{OpenOptions, Permissions},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};
use store::{Record, View};
use store_embedded::EmbeddedStore;

/// The open folder.
pub struct Folder {
    pub log: Log,
    pub record: Arc<dyn Record>,
    pub view: Arc<dyn View>,
    pub keys: Keyring,
    handle: embedded::Handle,
}

/// Where the secret is kept.
pub fn secret_of(data: &Path) -> PathBuf {
    data.join("secret")
}

impl Folder {
    /// Opens it, and makes what is missing. The lock comes first: nothing is touched before the
    /// folder is ours.
    pub async fn open(data: PathBuf) -> Result<Self, StandaloneError> {
        let opening = tokio::task::spawn_blocking(move || Self::open_blocking(&data));
        opening.await.unwrap_or_else(|error| {
            Err(StandaloneError::Service {
                service: "data folder",
                why: error.to_string(),
            })
        })
    }

    fn open_blocking(data: &Path) -> Result<Self, StandaloneError> {
        let is_new = is_empty(&data.join("log"));
        let is_ours = !data.exists();
        let (log, handle) = embedded::open_log(&data.join("log"), embedded::Options::default())?;
        let own = is_ours.then(|| data.to_owned());
        for folder in own
            .into_iter()
            .chain([data.join("log"), data.join("store")])
        {
            make_private(&folder).map_err(|source| StandaloneError::Folder {
                path: folder.clone(),
                source,
            })?;
        }
        check_format(data, is_new)?;
        let keys = secret::load_or_make(&secret_of(data))?;
        let file = data.join("store").join("consign.sqlite");
        make_private_file(&file).map_err(|source| StandaloneError::Folder {
            path: file.clone(),
            source,
        })?;
        let store = Arc::new(EmbeddedStore::open(store_embedded::Config::new(file))?);
        Ok(Self {
            log,
            record: store.clone(),
            view: store,
            keys,
            handle,
        })
    }

    /// Writes down what is still queued and lets go of the folder.
    pub async fn close(self) {
        let Self {
            log,
            record,
            view,
            keys: _,
            handle,
        } = self;
        drop((log, record, view));
        handle.shutdown().await;
    }
}

/// Hashes of passwords, wrapped keys and all documents are in it: nobody else on the machine may look.
fn make_private(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))
}

/// The files that SQLite makes beside it are as private as this one.
fn make_private_file(file: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).open(file)?;
    std::fs::set_permissions(file, Permissions::from_mode(0o600))
}

/// What `format` says. Rises when what lies in the folder means something else than before.
const FORMAT: &str = "2";

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none()) || !folder.exists()
}

/// Refuses what another version wrote; a new folder is given this version's format.
fn check_format(data: &Path, is_new: bool) -> Result<(), StandaloneError> {
    let path = data.join("format");
    let failed = |source| StandaloneError::Folder {
        path: path.clone(),
        source,
    };
    match std::fs::read_to_string(&path) {
        Ok(found) if found.trim() == FORMAT => Ok(()),
        Ok(found) => Err(StandaloneError::Format {
            data: data.to_owned(),
            found: found.trim().to_owned(),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && is_new => {
            std::fs::write(&path, format!("{FORMAT}\n")).map_err(failed)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(StandaloneError::Format {
                data: data.to_owned(),
                found: "0".to_owned(),
            })
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_another_version_is_refused_and_a_new_one_is_marked() {
        let data = tempfile::tempdir().unwrap();
        let log = data.path().join("log");
        assert!(is_empty(&log));
        check_format(data.path(), true).unwrap();
        check_format(data.path(), false).unwrap();
        std::fs::write(data.path().join("format"), "3\n").unwrap();
        let refused = check_format(data.path(), false).unwrap_err();
        assert!(refused.to_string().contains("format 3"), "{refused}");
        std::fs::remove_file(data.path().join("format")).unwrap();
        std::fs::create_dir_all(log.join("topics")).unwrap();
        assert!(!is_empty(&log));
        let refused = check_format(data.path(), false).unwrap_err();
        assert!(refused.to_string().contains("another folder"), "{refused}");
    }

    #[tokio::test]
    async fn nobody_else_on_the_machine_may_look_into_a_folder() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        let folder = Folder::open(data.clone()).await.unwrap();
        let mode = |path: &str| {
            let found = std::fs::metadata(data.join(path)).unwrap();
            found.permissions().mode() & 0o777
        };
        for path in ["", "log", "store"] {
            assert_eq!(mode(path), 0o700, "{path}");
        }
        for path in ["secret", "store/consign.sqlite", "store/consign.sqlite-wal"] {
            assert_eq!(mode(path), 0o600, "{path}");
        }
        folder.close().await;
    }
}
