//! The spool of a gateway, as the settings say: where it is kept, and whether that is as safe as it
//! must be.

use crate::{failure::Failure, services, settings::Settings, spool_location::SpoolLocation, stack};
use event_log::{Durability, Log, NewRecord};
use event_schema::topics::{Layout, TRANSACTIONS};
use runtime::{Backoff, Health, Shutdown, health::Weakened};
use spool::{
    FolderSite, Spool, SpoolId, SpoolMedium, SpoolOptions, SpoolSite, adopt, medium::MediumError,
};
use spool_objects::{GROUP_BYTES, ObjectSite, SiteOptions, Timings};
use std::{fs, path::Path, sync::Arc, time::Duration};
use store::{Record, StoreError};
use tokio::{sync::watch, time::Instant};

/// File systems that are gone with a container, or with the machine's memory.
const FLEETING: [&str; 4] = ["overlay", "tmpfs", "ramfs", "aufs"];

/// A group of a spool in Cassandra is not longer, unless it is one record: a cell is copied as a whole
/// by each replica, and again by the transaction that puts it.
const ROW_BYTES: usize = 512 << 10;

/// How long one spool is shipped before others are looked at.
const ADOPTION: Duration = Duration::from_secs(60);

/// How long the record store is waited for when a spool is shipped.
const STORE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a gateway that starts waits for an object store or for Cassandra.
const START_PATIENCE: Duration = Duration::from_secs(60);

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

/// Where the gateways of these settings have their spools, if they have any.
pub fn site(settings: &Settings) -> Result<Option<Arc<dyn SpoolSite>>, Failure> {
    if let Some(location) = &settings.spool.location {
        return site_at(location, settings).map(Some);
    }
    let folder = settings.spool.folder.as_ref();
    Ok(folder.map(|root| Arc::new(FolderSite::new(root.clone())) as Arc<dyn SpoolSite>))
}

/// A place in an object store, or in the record's tables.
pub fn site_at(location: &str, settings: &Settings) -> Result<Arc<dyn SpoolSite>, Failure> {
    let location: SpoolLocation = location.parse().map_err(bad_location)?;
    let options = |group_bytes| SiteOptions {
        name: settings.spool.name.clone(),
        forget_after: settings.spool.max_age(),
        clock: services::system_clock(),
        timings: Timings::default(),
        group_bytes,
    };
    let place = location.to_string();
    let site = match location {
        SpoolLocation::Objects(objects) => {
            ObjectSite::connect(&objects, options(GROUP_BYTES)).map_err(bad_location)?
        }
        SpoolLocation::Tables { folder } => {
            let blobs = Arc::new(stack::cassandra_blobs(settings)?);
            ObjectSite::over(blobs, folder, place, options(ROW_BYTES))
        }
    };
    Ok(Arc::new(site))
}

fn bad_location(error: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("the spool's location {error}"))
}

/// Opens the gateway's spool in `site`. `definitions`: what its events stand on.
pub async fn open_spool(
    site: &dyn SpoolSite,
    settings: &Settings,
    log: &Log,
    definitions: &NewRecord,
    health: &Health,
) -> Result<Arc<Spool>, Failure> {
    let topics = topics_name(&settings.topics.layout());
    let medium = take_own(site, &topics).await?;
    medium.keep_before(definitions).await?;
    tracing::info!(place = medium.place(), spool = %medium.id(), "the gateway has a spool");
    if settings.spool.folder.is_some() {
        say_fleeting(Path::new(&medium.place()), health);
    }
    let options = spool_options(settings);
    Ok(Spool::new(medium, log.publisher.clone(), options))
}

/// Takes the gateway's spool; waits a while for a store that is away: what an earlier process left
/// must be known before anything new is taken.
async fn take_own(site: &dyn SpoolSite, topics: &str) -> Result<Arc<dyn SpoolMedium>, MediumError> {
    let (begun, mut backoff) = (
        Instant::now(),
        Backoff::new(Duration::from_millis(200), Duration::from_secs(5)),
    );
    loop {
        match site.take_own(topics).await {
            Err(error @ MediumError::Away { .. }) if begun.elapsed() < START_PATIENCE => {
                tracing::warn!(%error, "the spool cannot be opened yet; retrying");
                tokio::time::sleep(backoff.next_wait()).await;
            }
            taken => return taken,
        }
    }
}

/// Says so if a folder goes with its container, or with the machine's memory.
fn say_fleeting(folder: &Path, health: &Health) {
    let mounts = fs::read_to_string("/proc/self/mounts").ok();
    let file_system = mounts.and_then(|mounts| file_system_of(&mounts, folder));
    if let Some(found) = file_system.filter(|found| FLEETING.contains(&found.as_str())) {
        health.set_weakened("spool", vec![ephemeral_weakness(&found)]);
    }
}

/// Is the spool of these settings kept in the record's tables?
pub fn is_in_tables(settings: &Settings) -> bool {
    let location = settings.spool.location.as_ref();
    let location = location.and_then(|location| location.parse().ok());
    matches!(location, Some(SpoolLocation::Tables { .. }))
}

/// Says so, once the record store tells, if its nodes forget what they acknowledged just before they
/// are killed. What it keeps of the log is applied again; what it keeps of a spool is nowhere else.
pub async fn say_forgetful<F, A>(may_forget: F, health: Health, shutdown: Shutdown)
where
    F: Fn() -> A,
    A: Future<Output = Result<Option<Duration>, StoreError>>,
{
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(15));
    loop {
        match may_forget().await {
            Ok(None) => return,
            Ok(Some(_)) => {
                return health.set_weakened("spool", vec![forgetful_weakness()]);
            }
            Err(_) => tokio::select! {
                () = shutdown.soft() => return,
                () = tokio::time::sleep(backoff.next_wait()) => {}
            },
        }
    }
}

/// Spools of gateways that died, beside the one that this gateway writes: found, and shipped.
pub struct SpoolAdoption {
    pub site: Arc<dyn SpoolSite>,
    pub own: Arc<Spool>,
    pub settings: Settings,
    pub log: Log,
    pub record: Arc<dyn Record>,
}

impl SpoolAdoption {
    /// Until shutdown, as long as the log is there. A gateway that only seemed to be dead does no
    /// harm with what it ships itself.
    pub async fn run(self, mut found: watch::Receiver<Option<Durability>>, shutdown: Shutdown) {
        let every = Duration::from_secs(self.settings.spool.adopt_seconds.max(1));
        tokio::select! {
            () = shutdown.soft() => return,
            known = found.wait_for(Option::is_some) => if known.is_err() { return },
        }
        loop {
            for name in self.site.list().await.unwrap_or_default() {
                if name != self.own.kept_at() && self.log.publisher.healthy() {
                    self.adopt_one(&name).await;
                }
            }
            tokio::select! {
                () = shutdown.soft() => return,
                () = tokio::time::sleep(every) => {}
            }
        }
    }

    async fn adopt_one(&self, name: &str) {
        let topics = topics_name(&self.settings.topics.layout());
        let medium: Arc<dyn SpoolMedium> = match self.site.take_over(name, &topics).await {
            Ok(Some(medium)) => medium,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(place = name, %error, "a spool that no gateway has open cannot be opened");
                return;
            }
        };
        let record = self.record.as_ref();
        let (spool, records) = (medium.id(), medium.found().count());
        if records == 0 {
            // Whoever shipped it may have ended before its row was gone.
            medium.close().await;
            return say_empty(record, spool).await;
        }
        tracing::info!(%spool, records, place = name, "the spool of a gateway that ended is claimed and shipped");
        let options = spool_options(&self.settings);
        match adopt::ship_spool(medium, &self.log, options, ADOPTION).await {
            Ok(shipped) => {
                tracing::info!(%spool, records = shipped.records, "the spool is shipped");
                say_empty(record, spool).await;
            }
            Err(error) => tracing::warn!(%spool, %error, "the spool is not shipped yet; retrying"),
        }
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

fn forgetful_weakness() -> Weakened {
    Weakened {
        component: "spool".into(),
        setting: "spool.location".into(),
        found: "tables whose nodes sync now and then, in fewer than three copies".into(),
        wanted: "three copies, or `commitlog_sync` by batch or group".into(),
        consequence: "what was answered `spooled` just before a node is killed is lost".into(),
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

impl From<MediumError> for Failure {
    fn from(error: MediumError) -> Self {
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
