//! The spool of a gateway, as the settings say: which folder, and whether that is as safe as it must
//! be.

use crate::{failure::Failure, services, settings::Settings};
use event_log::{Durability, Log, NewRecord};
use event_schema::topics::{Layout, TRANSACTIONS};
use runtime::{Health, Shutdown, health::Weakened};
use spool::{Spool, SpoolFolder, SpoolId, SpoolOptions, adopt, folder::FolderError};
use std::{fs, path::Path, sync::Arc, time::Duration};
use store::Record;
use tokio::sync::watch;

/// File systems that are gone with a container, or with the machine's memory.
const FLEETING: [&str; 4] = ["overlay", "tmpfs", "ramfs", "aufs"];

/// How long one spool is shipped before others are looked at.
const ADOPTION: Duration = Duration::from_secs(60);

/// How long the record store is waited for when a spool is shipped.
const STORE_PATIENCE: Duration = Duration::from_secs(10);

/// How a spool of these settings is kept.
pub fn spool_options(settings: &Settings) -> SpoolOptions {
    SpoolOptions {
        limits: settings.spool.limits(),
        reserve: settings.spool.reserve_bytes,
        max_age: settings.spool.max_age(),
        tracked_topic: settings.topics.layout().name(&TRANSACTIONS).into(),
        clock: services::system_clock(),
    }
}

/// A name for the topics that records are made for: they are not shipped to others by mistake.
pub fn topics_name(layout: &Layout) -> String {
    format!(
        "{} in {} partitions",
        layout.name(&TRANSACTIONS),
        layout.partitions
    )
}

/// Opens the gateway's spool, if there is to be one. `definitions`: what its events stand on.
pub fn open_spool(
    settings: &Settings,
    log: &Log,
    definitions: &NewRecord,
    health: &Health,
) -> Result<Option<Arc<Spool>>, Failure> {
    let Some(root) = &settings.spool.folder else {
        return Ok(None);
    };
    let folder = adopt::take_or_make(root, &topics_name(&settings.topics.layout()))?;
    folder.keep_before(definitions)?;
    tracing::info!(folder = %folder.path().display(), spool = %folder.id(), "the gateway has a spool");
    let file_system = fs::read_to_string("/proc/self/mounts")
        .ok()
        .and_then(|mounts| file_system_of(&mounts, folder.path()));
    if let Some(found) = file_system.filter(|found| FLEETING.contains(&found.as_str())) {
        health.set_weakened("spool", vec![ephemeral_weakness(&found)]);
    }
    let spool = Spool::new(folder, log.publisher.clone(), spool_options(settings))?;
    Ok(Some(spool))
}

/// Looks for spools of gateways that died, and ships them, as long as the log is there. A gateway
/// that only seemed to be dead does no harm with what it ships itself.
pub async fn adopt_abandoned(
    settings: Settings,
    log: Log,
    record: Arc<dyn Record>,
    own: Arc<Spool>,
    mut found: watch::Receiver<Option<Durability>>,
    shutdown: Shutdown,
) {
    let Some(root) = settings.spool.folder.clone() else {
        return;
    };
    let every = Duration::from_secs(settings.spool.adopt_seconds.max(1));
    tokio::select! {
        () = shutdown.soft() => return,
        known = found.wait_for(Option::is_some) => if known.is_err() { return },
    }
    loop {
        for path in adopt::find_spools(&root).unwrap_or_default() {
            if path != own.path() && log.publisher.healthy() {
                adopt_one(&settings, &log, record.as_ref(), &path).await;
            }
        }
        tokio::select! {
            () = shutdown.soft() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

async fn adopt_one(settings: &Settings, log: &Log, record: &dyn Record, path: &Path) {
    let folder = match SpoolFolder::open(path, &topics_name(&settings.topics.layout())) {
        Ok(folder) => folder,
        Err(error) if error.is_held() => return,
        Err(error) => {
            tracing::warn!(folder = %path.display(), %error, "a spool that no gateway has open cannot be opened");
            return;
        }
    };
    let bounds = folder.bounds();
    if bounds.earliest == bounds.end {
        // Whoever shipped it may have ended before its row was gone.
        return say_empty(record, folder.id()).await;
    }
    let (spool, records) = (folder.id(), bounds.end - bounds.earliest);
    tracing::info!(%spool, records, folder = %path.display(), "the spool of a gateway that ended is claimed and shipped");
    match adopt::ship_spool(folder, log, spool_options(settings), ADOPTION).await {
        Ok(shipped) => {
            tracing::info!(%spool, records = shipped.records, "the spool is shipped");
            say_empty(record, spool).await;
        }
        Err(error) => tracing::warn!(%spool, %error, "the spool is not shipped yet; retrying"),
    }
}

/// Takes away the row by which gateways know that the spool holds something. Without that they say
/// of unknown requests that they may still come, until what the spool may hold is too old.
pub async fn say_empty(record: &dyn Record, spool: SpoolId) {
    let id = spool.to_string();
    let said = store::spools::set_empty(record, &id);
    let why = match tokio::time::timeout(STORE_PATIENCE, said).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it did not answer in time".to_owned(),
    };
    tracing::warn!(%spool, why, "the record store does not take away the row of a spool that is shipped");
}

fn ephemeral_weakness(found: &str) -> Weakened {
    Weakened {
        component: "spool".into(),
        setting: "spool.folder".into(),
        found: format!("a folder on `{found}`"),
        wanted: "a volume that outlives the container and the machine's memory".into(),
        consequence: "what is answered `spooled` is lost with the container".into(),
    }
}

/// The kind of the file system that holds a path, as the system's list of mounts has it.
fn file_system_of(mounts: &str, path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let mount = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let (at, kind) = (words.next()?, words.next()?);
        path.starts_with(at).then(|| (at.len(), kind.to_owned()))
    };
    let (_, kind) = mounts
        .lines()
        .filter_map(mount)
        .max_by_key(|(length, _)| *length)?;
    Some(kind)
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        let failure = Self::failed(format!("the spool cannot be opened: {error}"));
        if error.is_held() {
            failure.hint("a gateway has it open; each needs one of its own")
        } else {
            failure
        }
    }
}

#[cfg(test)]
mod tests;
