//! The places that are held to the contract. Each test has its own. Azure's protocol is among them where
//! `AZURITE_BLOB_STORAGE_URL` names an emulator that has a container `spools`.

use crate::{faulty::FaultyStore, s3_server::serve_s3};
use object_store::{
    ObjectStore, aws::AmazonS3Builder, azure::MicrosoftAzureBuilder, local::LocalFileSystem,
    memory::InMemory, path::Path, prefix::PrefixStore,
};
use runtime::SystemClock;
use spool::{FolderSite, SpoolSite};
use spool_objects::{ObjectSite, SiteOptions, Timings};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};
use tempfile::TempDir;
use tokio::task::JoinHandle;

pub const TOPICS: &str = "transactions in 4 partitions";
pub const TIMINGS: Timings = Timings {
    beat: Duration::from_millis(50),
    lease: Duration::from_millis(400),
    away_after: Duration::from_millis(200),
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Folder,
    Memory,
    Local,
    S3,
    Azure,
}

pub fn all() -> Vec<Kind> {
    let mut all = vec![Kind::Folder, Kind::Memory, Kind::Local, Kind::S3];
    if std::env::var_os("AZURITE_BLOB_STORAGE_URL").is_some() {
        all.push(Kind::Azure);
    }
    all
}

/// A place for spools that outlives the processes of a test.
pub struct Backend {
    folder: TempDir,
    pub store: Option<Arc<dyn ObjectStore>>,
    server: Option<JoinHandle<()>>,
}

impl Drop for Backend {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

impl Backend {
    pub async fn start(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (mut server, mut store) = (None, None);
        match kind {
            Kind::Folder => {}
            Kind::Memory => store = Some(Arc::new(InMemory::new()) as Arc<dyn ObjectStore>),
            Kind::Local => {
                let local = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
                store = Some(Arc::new(local));
            }
            Kind::S3 => {
                let (address, running) = serve_s3(folder.path()).await;
                server = Some(running);
                store = Some(s3_client(&address));
            }
            Kind::Azure => store = Some(azure_client()),
        }
        Self {
            folder,
            store,
            server,
        }
    }

    /// A process's view of it. `name`: what the process is called again after a restart.
    pub fn site(&self, name: Option<&str>) -> Arc<dyn SpoolSite> {
        match &self.store {
            None => {
                let below = name.unwrap_or("shared");
                Arc::new(FolderSite::new(self.folder.path().join(below)))
            }
            Some(store) => Arc::new(object_site(store.clone(), name)),
        }
    }
}

pub fn object_site(store: Arc<dyn ObjectStore>, name: Option<&str>) -> ObjectSite {
    site_with(store, name, TIMINGS)
}

pub fn site_with(store: Arc<dyn ObjectStore>, name: Option<&str>, timings: Timings) -> ObjectSite {
    let options = SiteOptions {
        name: name.map(str::to_owned),
        forget_after: Duration::from_secs(86_400),
        clock: Arc::new(SystemClock),
        timings,
    };
    ObjectSite::over(store, Path::from("spools"), "test://spools".into(), options)
}

/// A store in memory that can be made to fail.
pub fn faulty() -> Arc<FaultyStore> {
    Arc::new(FaultyStore::default())
}

fn s3_client(address: &str) -> Arc<dyn ObjectStore> {
    let store = AmazonS3Builder::new()
        .with_bucket_name("bucket")
        .with_region("us-east-1")
        .with_endpoint(address)
        .with_allow_http(true)
        .with_access_key_id("key")
        .with_secret_access_key("secret")
        .build();
    Arc::new(store.unwrap())
}

/// A prefix of its own in the emulator's container.
fn azure_client() -> Arc<dyn ObjectStore> {
    static TESTS: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let prefix = format!("{since}-{}", TESTS.fetch_add(1, Ordering::Relaxed));
    let store = MicrosoftAzureBuilder::new()
        .with_use_emulator(true)
        .with_container_name("spools")
        .build();
    Arc::new(PrefixStore::new(store.unwrap(), prefix))
}
