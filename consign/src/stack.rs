//! The one place where drivers are named: log, record, view, catalog and secret as the settings
//! say. Making them waits for no server.

use crate::{
    failure::Failure,
    settings::{LogKind, RecordKind, Settings, ViewKind, read_pem},
};
use audit::AuditPorts;
use catalog::Catalog;
use event_log::{Log, TopicSpec, kafka};
use event_schema::{signing::Keyring, topics::Layout};
use runtime::{Backoff, SystemClock};
use sealing::{MasterKeys, SubjectKeys};
use standalone::folder::Folder;
use std::{future::Future, sync::Arc, time::Duration};
use store::{Record, View};
use store_cassandra::{Cassandra, CassandraBlobs};
use store_elasticsearch::Elasticsearch;
use tokio::time::Instant;

/// What commands and services stand on.
pub struct Stack {
    pub log: Log,
    pub record: Arc<dyn Record>,
    pub view: Option<Arc<dyn View>>,
    pub layout: Layout,
    /// Held as long as the stack, where everything lives in a folder.
    folder: Option<Folder>,
}

impl Stack {
    /// Whatever the settings say; a data folder is opened and locked.
    pub async fn open(settings: &Settings) -> Result<Self, Failure> {
        let opened = Self::open_unless_held(settings).await?;
        opened.ok_or_else(|| {
            let why = format!("{} is open in another process", settings.data.display());
            Failure::failed(why).hint("it is open in `consign dev`, say: stop that first")
        })
    }

    /// Likewise; none, if another process has the data folder.
    pub async fn open_unless_held(settings: &Settings) -> Result<Option<Self>, Failure> {
        if settings.log.kind == LogKind::Kafka {
            return Self::of_servers(settings).map(Some);
        }
        let folder = match Folder::open(settings.data.clone()).await {
            Ok(folder) => folder,
            Err(error) if error.is_held() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(Some(Self {
            log: folder.log.clone(),
            record: folder.record.clone(),
            view: Some(folder.view.clone()),
            layout: settings.topics.layout(),
            folder: Some(folder),
        }))
    }

    /// For a service that is one of several: on servers only.
    pub fn shared(settings: &Settings) -> Result<Self, Failure> {
        match settings.log.kind {
            LogKind::Kafka => Self::of_servers(settings),
            LogKind::Embedded => Err(embedded_only_failure()),
        }
    }

    fn of_servers(settings: &Settings) -> Result<Self, Failure> {
        let log = kafka_log(settings)?;
        let record: Arc<dyn Record> = match settings.record.kind {
            RecordKind::Cassandra => Arc::new(cassandra_store(settings)?),
            RecordKind::Embedded => {
                return Err(Failure::usage(
                    "`record.kind` is `embedded`, which does not go with `log.kind` = `kafka`",
                ));
            }
        };
        let view: Option<Arc<dyn View>> = match settings.view.kind {
            ViewKind::Elasticsearch => Some(Arc::new(elasticsearch_store(settings)?)),
            ViewKind::None => None,
            ViewKind::Embedded => {
                return Err(Failure::usage(
                    "`view.kind` is `embedded`, which does not go with `log.kind` = `kafka`",
                ));
            }
        };
        Ok(Self {
            log,
            record,
            view,
            layout: settings.topics.layout(),
            folder: None,
        })
    }

    /// What a service needs that stands on the log alone.
    pub fn logged(&self) -> Logged {
        Logged {
            log: self.log.clone(),
            layout: self.layout.clone(),
        }
    }

    pub fn topics(&self) -> Vec<TopicSpec> {
        standalone::prepare::topic_specs(&self.layout)
    }

    pub fn view(&self) -> Option<&dyn View> {
        self.view.as_deref()
    }

    /// What an audit reads, and a rebuild reads and writes.
    pub fn audit_ports(&self, settings: &Settings) -> Result<AuditPorts, Failure> {
        Ok(AuditPorts {
            log: self.log.clone(),
            layout: self.layout.clone(),
            record: self.record.clone(),
            view: self.view.clone(),
            tables: load_catalog(settings)?.tables().to_vec(),
            clock: Arc::new(SystemClock),
        })
    }

    /// The secret of the data folder, where everything lives in one.
    pub fn own_keys(&self) -> Option<Keyring> {
        self.folder.as_ref().map(|folder| folder.keys.clone())
    }

    pub async fn close(self) {
        if let Some(folder) = self.folder {
            drop((self.log, self.record, self.view));
            folder.close().await;
        }
    }
}

/// The log, and how its topics are named.
#[derive(Clone)]
pub struct Logged {
    pub log: Log,
    pub layout: Layout,
}

impl Logged {
    /// For a service that is one of several and touches no store: on servers only.
    pub fn shared(settings: &Settings) -> Result<Self, Failure> {
        match settings.log.kind {
            LogKind::Kafka => Ok(Self {
                log: kafka_log(settings)?,
                layout: settings.topics.layout(),
            }),
            LogKind::Embedded => Err(embedded_only_failure()),
        }
    }

    pub fn topics(&self) -> Vec<TopicSpec> {
        standalone::prepare::topic_specs(&self.layout)
    }
}

fn kafka_log(settings: &Settings) -> Result<Log, Failure> {
    store_cassandra::tls::make_ready();
    let brokers = settings.kafka.brokers.join(",");
    let kafka = kafka::KafkaSettings {
        brokers,
        properties: settings.kafka.properties.clone(),
    };
    kafka::connect_log(kafka).map_err(|error| Failure::usage(error.to_string()))
}

fn cassandra_store(settings: &Settings) -> Result<Cassandra, Failure> {
    Ok(Cassandra::new(cassandra_config(settings)?)?)
}

/// Blobs in the record's keyspace, whose tables its migration makes.
pub fn cassandra_blobs(settings: &Settings) -> Result<CassandraBlobs, Failure> {
    Ok(CassandraBlobs::new(cassandra_config(settings)?)?)
}

fn cassandra_config(settings: &Settings) -> Result<store_cassandra::Config, Failure> {
    let mut config = settings.cassandra.clone();
    let authority = config.certificate_authority.take();
    config.certificate_authority = read_pem("cassandra.certificate_authority", authority)?;
    Ok(config)
}

fn elasticsearch_store(settings: &Settings) -> Result<Elasticsearch, Failure> {
    let mut config = settings.elasticsearch.clone();
    let authority = config.certificate_authority.take();
    config.certificate_authority = read_pem("elasticsearch.certificate_authority", authority)?;
    Ok(Elasticsearch::new(config)?)
}

fn embedded_only_failure() -> Failure {
    let hint = "set log.kind = \"kafka\", record.kind = \"cassandra\", view.kind = \"elasticsearch\" (see deploy/config), or run `consign \
                dev`, which is all services in one process";
    Failure::usage(
        "the embedded log is one process's own, so no service can run beside another on it",
    )
    .hint(hint)
}

/// Definitions that are compiled in, and those of the settings' folders.
pub fn load_catalog(settings: &Settings) -> Result<Catalog, Failure> {
    Ok(Catalog::load(&settings.catalog.folders)?)
}

/// The secret that all gateways of a deployment share.
pub fn load_keyring(settings: &Settings) -> Result<Keyring, Failure> {
    settings.secret.keyring()?.ok_or_else(|| {
        let hint = "CONSIGN_SECRET_VALUE=$(head -c 32 /dev/urandom | base64), or secret.file; the same for all gateways and workers";
        Failure::usage("there is no secret to sign request ids and tokens with").hint(hint)
    })
}

/// The keys of subjects whose values are sealed.
pub fn subject_keys(
    settings: &Settings,
    record: &Arc<dyn Record>,
    keys: &Keyring,
) -> Result<SubjectKeys, Failure> {
    let masters = match settings.secret.master_keys()? {
        Some(text) => MasterKeys::parse(&text, keys).map_err(|e| Failure::usage(e.to_string()))?,
        None => MasterKeys::derived(keys),
    };
    Ok(SubjectKeys::new(record.clone(), keys.clone(), masters))
}

/// Tries again while something is out of reach, for as long as patience lasts; servers may still be
/// starting.
pub async fn retry_with_patience<T, F>(
    patience: Duration,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let deadline = Instant::now() + patience;
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(2));
    loop {
        let failure = match attempt().await {
            Ok(value) => return Ok(value),
            Err(failure) if failure.kind != crate::failure::Kind::Unreachable => {
                return Err(failure);
            }
            Err(failure) => failure,
        };
        let wait = backoff.next_wait();
        if Instant::now() + wait > deadline {
            return Err(failure);
        }
        tokio::time::sleep(wait).await;
    }
}
