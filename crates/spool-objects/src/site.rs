//! A location with the spools of a deployment: which there are, which of them nobody looks after, and
//! the one that this process writes.

use crate::{
    location::{BadLocation, ObjectLocation},
    object_blobs::ObjectBlobs,
    object_spool::ObjectSpool,
    objects::{IDENTITY, OWNER, SpoolObjects, SpoolOwner, WRITER},
    opening::{OpenedSpool, SpoolOpening, claim_writing},
    spool_state::{SpoolRole, Timings},
};
use async_trait::async_trait;
use parking_lot::Mutex;
use runtime::Clock;
use spool::{
    SpoolId, SpoolMedium, SpoolSite,
    medium::{MediumError, SeenSpool, SpoolIdentity},
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use store::BlobStore;
use tokio::time::Instant;

/// Of the time at which a store says that an object was put, milliseconds.
const RESOLUTION: i64 = 1_000;

/// How a process uses a location.
#[derive(Clone, Debug)]
pub struct SiteOptions {
    /// A name that the process has again after a restart; none: it has a new spool each time.
    pub name: Option<String>,
    /// Spools that are empty and quiet for so long are removed.
    pub forget_after: Duration,
    pub clock: Arc<dyn Clock>,
    pub timings: Timings,
    /// A group of records is not longer, unless it is one record; see [`GROUP_BYTES`].
    pub group_bytes: usize,
}

/// What an object store takes in one request nearly as fast as a single byte.
pub const GROUP_BYTES: usize = 4 << 20;

/// See the module's header.
pub struct ObjectSite {
    store: Arc<dyn BlobStore>,
    root: String,
    place: String,
    options: SiteOptions,
    /// What the owners of others last said, and since when they say the same.
    watched: Mutex<HashMap<String, (Option<SpoolOwner>, Instant)>>,
}

impl ObjectSite {
    /// Asks nothing of the store yet.
    pub fn connect(location: &ObjectLocation, options: SiteOptions) -> Result<Self, BadLocation> {
        let store = ObjectBlobs::new(location.connect()?);
        let root = location.prefix().to_string();
        Ok(Self::over(
            Arc::new(store),
            root,
            location.to_string(),
            options,
        ))
    }

    /// In a folder of any store of blobs; `place`: for people.
    pub fn over(
        store: Arc<dyn BlobStore>,
        root: String,
        place: String,
        options: SiteOptions,
    ) -> Self {
        Self {
            store,
            root,
            place,
            options,
            watched: Mutex::default(),
        }
    }

    fn objects(&self, folder: &str) -> SpoolObjects {
        let place = format!("{}/{folder}", self.place);
        let root = if self.root.is_empty() { "" } else { "/" };
        let folder = format!("{}{root}{folder}", self.root);
        SpoolObjects::new(self.store.clone(), folder, &place)
    }

    /// Of a name that [`SpoolSite::list`] gave, or only its last part.
    fn named(&self, name: &str) -> SpoolObjects {
        self.objects(name.rsplit('/').next().unwrap_or(name))
    }

    fn opening<'a>(
        &self,
        objects: SpoolObjects,
        role: SpoolRole,
        topics: Option<&'a str>,
    ) -> SpoolOpening<'a> {
        SpoolOpening {
            objects,
            role,
            topics,
            clock: self.options.clock.clone(),
            timings: self.options.timings,
            group_bytes: self.options.group_bytes,
            instance: SpoolId(runtime::random()).to_string(),
        }
    }

    /// The spool of this process's name, which no other process may write from now on.
    async fn open_named(
        &self,
        objects: SpoolObjects,
        topics: &str,
    ) -> Result<OpenedSpool, MediumError> {
        let instance = SpoolId(runtime::random()).to_string();
        claim_writing(&objects, &instance).await?;
        loop {
            let role = SpoolRole::Writer { is_named: true };
            let mut opening = self.opening(objects.clone(), role, Some(topics));
            opening.instance.clone_from(&instance);
            if let Some(opened) = opening.open().await? {
                return Ok(opened);
            }
            let identity = SpoolIdentity::new(SpoolId(runtime::random()), topics);
            objects.put_identity(&identity).await?;
        }
    }

    /// Did whoever looks after the spool say nothing for as long as it must not be quiet? By this
    /// process's clock alone: it must have been watched for so long.
    fn is_quiet(&self, place: &str, owner: Option<SpoolOwner>) -> bool {
        if owner.is_none() {
            return true;
        }
        let (now, mut watched) = (Instant::now(), self.watched.lock());
        match watched.get(place) {
            Some((known, since)) if *known == owner => now - *since >= self.options.timings.lease,
            Some(_) | None => {
                watched.insert(place.to_owned(), (owner, now));
                false
            }
        }
    }

    /// Is the newest object of the spool older than an empty spool may be?
    async fn is_forgotten(&self, objects: &SpoolObjects) -> Result<bool, MediumError> {
        // A process that lives may be quiet for long, and believes that it may write.
        if objects.meta(&objects.path(WRITER)).await?.is_some() {
            return Ok(false);
        }
        let path = objects.path(IDENTITY);
        let (made, marks) = (objects.meta(&path).await?, objects.list("shipped").await?);
        let newest = made
            .into_iter()
            .chain(marks)
            .map(|entry| entry.put_at)
            .max();
        let age = newest.map(|newest| self.options.clock.now().saturating_sub(newest));
        Ok(age.is_some_and(|age| {
            u128::try_from(age).is_ok_and(|age| age > self.options.forget_after.as_millis())
        }))
    }
}

#[async_trait]
impl SpoolSite for ObjectSite {
    async fn take_own(&self, topics: &str) -> Result<Arc<dyn SpoolMedium>, MediumError> {
        let Some(name) = &self.options.name else {
            let id = SpoolId(runtime::random());
            let role = SpoolRole::Writer { is_named: false };
            let opening = self.opening(self.objects(&id.to_string()), role, Some(topics));
            return Ok(Arc::new(ObjectSpool::start(opening.make(id))));
        };
        let opened = self.open_named(self.objects(name), topics).await?;
        Ok(Arc::new(ObjectSpool::start(opened)))
    }

    async fn list(&self) -> Result<Vec<String>, MediumError> {
        let folders = self.store.list_folders(&self.root).await;
        let folders = folders.map_err(|error| self.objects("").away(&error))?;
        let mut names = Vec::new();
        for folder in folders {
            let objects = self.objects(&folder);
            let identity = objects.path(IDENTITY);
            // One with a writer only holds nothing yet.
            if objects.meta(&identity).await?.is_some() || !objects.groups().await?.is_empty() {
                names.push(objects.place.to_string());
            }
        }
        names.sort();
        Ok(names)
    }

    async fn take_over(
        &self,
        name: &str,
        topics: &str,
    ) -> Result<Option<Arc<dyn SpoolMedium>>, MediumError> {
        let objects = self.named(name);
        let owner = objects.get_json(&objects.path(OWNER)).await?;
        if !self.is_quiet(&objects.place, owner) {
            return Ok(None);
        }
        let opening = self.opening(objects.clone(), SpoolRole::Shipper, Some(topics));
        let Some(opened) = opening.open().await? else {
            return Ok(None);
        };
        if opened.found.count() == 0 && self.is_forgotten(&objects).await? {
            objects.delete_everything().await?;
            return Ok(None);
        }
        Ok(Some(Arc::new(ObjectSpool::start(opened))))
    }

    async fn look_at(&self, name: &str, topics: Option<&str>) -> Result<SeenSpool, MediumError> {
        let objects = self.named(name);
        let beat = objects.meta(&objects.path(OWNER)).await?;
        let lease = i64::try_from(self.options.timings.lease.as_millis()).unwrap_or(i64::MAX);
        let is_held = beat.is_some_and(|beat| {
            let age = self.options.clock.now() - beat.put_at;
            age < lease.saturating_add(RESOLUTION)
        });
        let role = if is_held {
            SpoolRole::Reader
        } else {
            SpoolRole::Shipper
        };
        let opened = self.opening(objects.clone(), role, topics).open().await?;
        let opened = opened.ok_or_else(|| objects.damaged("there is no spool"))?;
        Ok(SeenSpool {
            medium: Arc::new(ObjectSpool::start(opened)),
            is_held,
        })
    }
}
