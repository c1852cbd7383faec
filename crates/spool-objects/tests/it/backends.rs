//! The places that are held to the contract. Each test has its own. Azure's protocol is among them where
//! `AZURITE_BLOB_STORAGE_URL` names an emulator that has a container `spools`.

use crate::{faulty::FaultyStore, s3_server::serve_s3};
use object_store::{
    ObjectStore, aws::AmazonS3Builder, azure::MicrosoftAzureBuilder, local::LocalFileSystem,
    memory::InMemory, prefix::PrefixStore,
};
use runtime::SystemClock;
use spool::{FolderSite, SpoolSite};
use spool_objects::{GROUP_BYTES, ObjectBlobs, ObjectSite, SiteOptions, Timings};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};
use store::{BlobStore, Record};
use store_cassandra::{Cassandra, CassandraBlobs};
use tempfile::TempDir;
use tokio::{sync::OnceCell, task::JoinHandle};

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
    Cassandra,
}

pub fn all() -> Vec<Kind> {
    let mut all = vec![
        Kind::Folder,
        Kind::Memory,
        Kind::Local,
        Kind::S3,
        Kind::Cassandra,
    ];
    if std::env::var_os("AZURITE_BLOB_STORAGE_URL").is_some() {
        all.push(Kind::Azure);
    }
    all
}

/// A place for spools that outlives the processes of a test.
pub struct Backend {
    folder: TempDir,
    blobs: Option<Arc<dyn BlobStore>>,
    root: String,
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
        let (mut server, mut store, mut blobs) = (None, None, None);
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
            Kind::Cassandra => blobs = Some(cassandra_tables().await),
        }
        let objects = store.map(ObjectBlobs::new);
        Self {
            folder,
            blobs: blobs.or(objects.map(|objects| Arc::new(objects) as _)),
            root: format!("spools-{}", unique_name()),
            server,
        }
    }

    /// A process's view of it. `name`: what the process is called again after a restart.
    pub fn site(&self, name: Option<&str>) -> Arc<dyn SpoolSite> {
        match &self.blobs {
            None => {
                let below = name.unwrap_or("shared");
                Arc::new(FolderSite::new(self.folder.path().join(below)))
            }
            Some(_) => Arc::new(self.site_with(name, TIMINGS)),
        }
    }

    /// Of a place that is no folder of this machine.
    pub fn site_with(&self, name: Option<&str>, timings: Timings) -> ObjectSite {
        let blobs = self.blobs.clone().expect("it is no folder");
        ObjectSite::over(
            blobs,
            self.root.clone(),
            "test://spools".into(),
            site_options(name, timings),
        )
    }

    /// Of a place that is no folder of this machine.
    pub fn blobs(&self) -> &dyn BlobStore {
        self.blobs.as_deref().expect("it is no folder")
    }

    /// The folder in the store of a spool.
    pub fn folder_of(&self, spool: &str) -> String {
        format!("{}/{spool}", self.root)
    }
}

/// On an object store of a test's own.
pub fn object_site(store: Arc<dyn ObjectStore>, name: Option<&str>) -> ObjectSite {
    ObjectSite::over(
        Arc::new(ObjectBlobs::new(store)),
        "spools".into(),
        "test://spools".into(),
        site_options(name, TIMINGS),
    )
}

fn site_options(name: Option<&str>, timings: Timings) -> SiteOptions {
    SiteOptions {
        name: name.map(str::to_owned),
        forget_after: Duration::from_secs(86_400),
        clock: Arc::new(SystemClock),
        timings,
        group_bytes: GROUP_BYTES,
    }
}

/// One keyspace for all runs; each test has a folder of its own.
async fn cassandra_tables() -> Arc<dyn BlobStore> {
    static MIGRATED: OnceCell<()> = OnceCell::const_new();
    let config = store_cassandra::Config {
        nodes: vec![testbed::Servers::shared().addresses().cassandra.clone()],
        keyspace: "spool_contract".to_owned(),
        ..Default::default()
    };
    let migration = async || {
        let record = Cassandra::new(config.clone()).unwrap();
        record.migrate(&[]).await.unwrap();
    };
    MIGRATED.get_or_init(migration).await;
    Arc::new(CassandraBlobs::new(config.clone()).unwrap())
}

fn unique_name() -> String {
    static TESTS: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    format!("{since}-{}", TESTS.fetch_add(1, Ordering::Relaxed))
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
    let prefix = unique_name();
    let store = MicrosoftAzureBuilder::new()
        .with_use_emulator(true)
        .with_container_name("spools")
        .build();
    Arc::new(PrefixStore::new(store.unwrap(), prefix))
}
