//! All services in one process on files: the embedded log, the embedded stores, a gateway, a
//! write-worker and a notifier. Composition only: no rule of the pipeline may be here, and a
//! service must not notice that it has company.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

mod catalog_folders;
pub mod folder;
pub mod prepare;
pub mod secret;
mod services;
pub mod signing_keys;

pub use catalog_folders::CatalogFolders;
pub use services::{Service, run_together};

use catalog::{Catalog, CatalogError};
use event_log::{AdminError, Durability, TopicProblem};
use event_schema::{
    signing::Keyring,
    topics::{Layout, TRANSACTIONS},
};
use folder::Folder;
use runtime::{Clock, Health, Shutdown, SystemClock};
use sealing::{BadMasterKey, MasterKeys, SubjectKeys};
use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use store::StoreError;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// What runs, and on which files.
#[derive(Clone, Debug)]
pub struct Options {
    /// Everything that is kept: made if need be, held by one process at a time.
    pub data: PathBuf,
    pub gateway: gateway::Config,
    pub worker: write_worker::Config,
    pub notifier: notifier_worker::Config,
    pub layout: Layout,
    /// Folders of definitions beside those that are compiled in.
    pub catalog: Vec<PathBuf>,
    /// Does SIGHUP ask for the catalog to be read again? It ends the process otherwise.
    pub reload_by_signal: bool,
    /// What signs request ids and tokens; none: the folder's own.
    pub keys: Option<Keyring>,
    /// Where the keys are listed that sign sessions, tokens and cursors; none: `keys` does.
    pub signing_keys_file: Option<PathBuf>,
    /// Master keys that wrap the keys of subjects, as text; none: one that follows from `keys`.
    pub master_keys: Option<String>,
    /// What the services take for the time.
    pub clock: Arc<dyn Clock>,
}

/// Why it did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum StandaloneError {
    /// Another process has the folder, or its log cannot be read.
    #[error("the data folder cannot be opened: {0}")]
    Log(#[from] event_log::embedded::OpenError),
    #[error("{}: {source}", .path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("{}: {why}", .path.display())]
    Secret { path: PathBuf, why: String },
    #[error(transparent)]
    MasterKeys(#[from] BadMasterKey),
    #[error("the catalog: {0}")]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Another version wrote it.
    #[error("{} holds records of format {found}, which this version does not read: name another folder, or run the version that wrote it", data.display())]
    Format { data: PathBuf, found: String },
    #[error("the data folder was made with other settings: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Topics(Vec<TopicProblem>),
    #[error("cannot listen on {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("the {service} ended: {why}")]
    Service { service: &'static str, why: String },
}

impl StandaloneError {
    /// Has another process got the folder?
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Log(event_log::embedded::OpenError::Lock(_)))
    }
}

/// Whoever connects at the start waits no longer than this for what was decided before: a store
/// that takes no writes can still be read.
const FINISHED_WITHIN: Duration = Duration::from_secs(15);

/// A pipeline that runs.
#[derive(Debug)]
pub struct Running {
    /// Where the gateway listens: the real port where 0 was asked for.
    pub address: SocketAddr,
    task: JoinHandle<Result<(), StandaloneError>>,
}

impl Running {
    /// Until it has ended: by shutdown, or because a service failed.
    pub async fn ended(self) -> Result<(), StandaloneError> {
        self.task.await.unwrap_or_else(|error| {
            Err(StandaloneError::Service {
                service: "pipeline",
                why: error.to_string(),
            })
        })
    }
}

/// Runs until shutdown.
pub async fn run(options: Options, shutdown: Shutdown) -> Result<(), StandaloneError> {
    start(options, shutdown).await?.ended().await
}

/// Answers when the gateway listens.
pub async fn start(options: Options, shutdown: Shutdown) -> Result<Running, StandaloneError> {
    let catalog = Catalog::load(&options.catalog)?;
    let address = options.gateway.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| StandaloneError::Listen { address, source })?;
    let address = listener
        .local_addr()
        .map_err(|source| StandaloneError::Listen { address, source })?;
    let folder = Folder::open(options.data.clone()).await?;
    let topics = prepare::topic_specs(&options.layout);
    let problems = folder.log.admin.create(&topics).await?;
    if !problems.is_empty() {
        return Err(StandaloneError::Topics(problems));
    }
    let prepared = prepare::prepare_stores(
        &catalog,
        folder.record.as_ref(),
        Some(folder.view.as_ref()),
        &SystemClock,
    )
    .await?;
    prepared
        .drift()
        .for_each(|drift| tracing::warn!(drift, "what is stored differs from the catalog"));
    prepared.undeclared().for_each(|undeclared| {
        tracing::info!(undeclared, "more is stored than the catalog declares")
    });
    let health = Health::default();
    let (durability, weak) = folder.log.admin.durability(&topics).await?;
    prepare::name_weaknesses(
        &health,
        weak,
        folder.record.as_ref(),
        Some(folder.view.as_ref()),
    )
    .await;
    let task = runtime::spawn(
        "standalone",
        serve_services(
            StandaloneParts {
                options,
                catalog,
                durability,
                health,
                folder,
            },
            listener,
            shutdown,
        ),
    );
    Ok(Running { address, task })
}

/// What all services of the process share.
struct StandaloneParts {
    options: Options,
    catalog: Catalog,
    durability: Durability,
    health: Health,
    folder: Folder,
}

/// What each service is given.
struct ServicePorts {
    gateway: gateway::Ports,
    worker: write_worker::Ports,
    notifier: notifier_worker::Ports,
    finished: write_worker::Finished,
}

async fn serve_services(
    parts: StandaloneParts,
    listener: TcpListener,
    shutdown: Shutdown,
) -> Result<(), StandaloneError> {
    let ports = parts.service_ports()?;
    let StandaloneParts {
        options, folder, ..
    } = parts;
    let (finished, partitions) = (ports.finished, options.layout.partitions(&TRANSACTIONS));
    if let Some(file) = options.signing_keys_file {
        let keys = ports.gateway.keys.clone();
        signing_keys::load_signing_keys(&file, &keys)?;
        if options.reload_by_signal {
            let following = signing_keys::follow_signing_keys(file, keys, shutdown.clone());
            runtime::spawn("signing-keys", following);
        }
    }
    let gateway = Service::new("gateway", move |shutdown: Shutdown| async move {
        // Nobody reads before all that was answered as applied is in the store again.
        tokio::select! {
            () = finished.partitions(partitions) => {}
            () = shutdown.soft() => {}
            () = tokio::time::sleep(FINISHED_WITHIN) => tracing::warn!("what was decided before is still being applied: reads may miss it"),
        }
        gateway::run(options.gateway, listener, ports.gateway, shutdown).await
    });
    let behind = vec![
        Service::new("write-worker", move |shutdown| async move {
            write_worker::run(options.worker, ports.worker, shutdown).await
        }),
        Service::new("notifier", move |shutdown| async move {
            notifier_worker::run(options.notifier, ports.notifier, shutdown).await
        }),
    ];
    let ended = run_together(shutdown, gateway, behind).await;
    folder.close().await;
    ended
}

impl StandaloneParts {
    fn service_ports(&self) -> Result<ServicePorts, StandaloneError> {
        let Self {
            options,
            catalog,
            durability,
            health,
            folder,
        } = self;
        let (registry, finished) = (
            prometheus::Registry::new(),
            write_worker::Finished::default(),
        );
        let keys = options.keys.clone().unwrap_or_else(|| folder.keys.clone());
        let masters = match &options.master_keys {
            Some(text) => MasterKeys::parse(text, &keys)?,
            None => MasterKeys::derived(&keys),
        };
        let sealing = SubjectKeys::new(folder.record.clone(), keys.clone(), masters);
        let (record, view) = (folder.record.clone(), folder.view.clone());
        let by_signal = options.reload_by_signal;
        let folders = CatalogFolders::new(options.catalog.clone(), record, Some(view), by_signal);
        let feedback = gateway::LocalFeedback::default();
        let gateway = gateway::Ports {
            feedback: feedback.clone(),
            sealing: sealing.clone(),
            log: folder.log.clone(),
            catalog: catalog.clone().into(),
            catalog_source: Some(Arc::new(folders)),
            record: folder.record.clone(),
            view: Some(folder.view.clone()),
            keys: keys.clone(),
            layout: options.layout.clone(),
            clock: options.clock.clone(),
            spool: None,
            durability: watch::channel(Some(*durability)).1,
            health: health.clone(),
            registry: registry.clone(),
        };
        let worker = write_worker::Ports {
            feedback,
            sealing,
            log: folder.log.clone(),
            catalog: catalog.clone(),
            record: folder.record.clone(),
            view: Some(folder.view.clone()),
            keys,
            layout: options.layout.clone(),
            clock: options.clock.clone(),
            health: health.clone(),
            registry: registry.clone(),
            finished: finished.clone(),
            owner: prepare::owner_name(),
        };
        let notifier = notifier_worker::Ports {
            log: folder.log.clone(),
            layout: options.layout.clone(),
            clock: options.clock.clone(),
            health: health.clone(),
            registry,
            notifier: prepare::owner_name(),
        };
        Ok(ServicePorts {
            gateway,
            worker,
            notifier,
            finished,
        })
    }
}
