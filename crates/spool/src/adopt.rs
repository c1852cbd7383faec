//! Spools that no gateway has open: found in a folder, and shipped by whoever finds them. Records
//! are the same bytes whoever ships them, so it does no harm if several do, or if the owner comes
//! back. Must never ship before what the records stand on is in the log.

use crate::{
    folder::{RECORDS, SpoolFolder},
    medium::{MediumError, Shipped, SpoolId, SpoolMedium},
    sender::{Spool, SpoolOptions},
};
use event_log::{AppendError, Log};
use runtime::Shutdown;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How often it is looked whether all is shipped.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    #[error(transparent)]
    Medium(#[from] MediumError),
    #[error("what the records stand on is not in the log: {0}")]
    Before(#[from] AppendError),
    #[error("{left} records are not acknowledged by the log yet{}", why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    Unfinished { left: u64, why: Option<String> },
}

/// What was shipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShippedSpool {
    pub id: SpoolId,
    pub records: u64,
    pub shipped: Shipped,
}

/// The spools in a folder, by name.
pub fn find_spools(root: &Path) -> io::Result<Vec<PathBuf>> {
    let listed = match fs::read_dir(root) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in listed {
        let path = entry?.path();
        if path.join(RECORDS).is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Takes the first spool of the folder that no process has open, or makes one.
pub fn take_or_make(root: &Path, topics: &str) -> Result<SpoolFolder, MediumError> {
    let found = find_spools(root).map_err(|source| MediumError::Io {
        place: root.display().to_string(),
        source,
    })?;
    for path in found {
        match SpoolFolder::open(&path, topics) {
            Err(error) if error.is_held() => {}
            opened => return opened,
        }
    }
    let name = SpoolId(runtime::random()).to_string();
    SpoolFolder::open(&root.join(name), topics)
}

/// Copies a spool that another process may have open, to be read or shipped from the copy: a process
/// that is frozen holds its folder.
pub fn copy_spool(path: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy_spool(&entry.path(), &target)?;
        } else if entry.file_name() != segment_log::LOCK_FILE {
            match fs::copy(entry.path(), target) {
                // It was shipped and let go of meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                copied => _ = copied?,
            }
        }
    }
    Ok(())
}

/// Ships all of a spool, and lets go of it; gives up when the limit is over.
pub async fn ship_spool(
    medium: impl Into<Arc<dyn SpoolMedium>>,
    log: &Log,
    options: SpoolOptions,
    limit: Duration,
) -> Result<ShippedSpool, ShipError> {
    let medium = medium.into();
    let shipped = ship_records(&medium, log, options, limit).await;
    medium.close().await;
    shipped
}

async fn ship_records(
    medium: &Arc<dyn SpoolMedium>,
    log: &Log,
    options: SpoolOptions,
    limit: Duration,
) -> Result<ShippedSpool, ShipError> {
    for record in medium.before().await? {
        log.append(record).await?;
    }
    let (id, found) = (medium.id(), medium.found());
    let clock = options.clock.clone();
    let spool = Spool::new(medium.clone(), log.publisher.clone(), options);
    spool.open();
    let (stop, until_stopped) = Shutdown::manual();
    let running = runtime::spawn("spool-adopted", spool.clone().run(until_stopped));
    let begun = clock.elapsed();
    let mut status = spool.status();
    while status.shipped.through < found.end && clock.elapsed() - begun < limit {
        tokio::time::sleep(LOOK).await;
        status = spool.status();
    }
    stop.hard();
    _ = running.await;
    // What was shipped is let go of before the spool is closed.
    medium.let_go(&status.shipped).await?;
    if status.shipped.through < found.end {
        return Err(ShipError::Unfinished {
            left: found.end - status.shipped.through,
            why: status.stuck,
        });
    }
    Ok(ShippedSpool {
        id,
        records: found.count(),
        shipped: status.shipped,
    })
}
