//! The sections that belong to no crate: which drivers, how topics are named and sized, the secret,
//! where the worker reports.

use super::Settings;
use crate::{
    failure::Failure,
    spool_location::{SpoolLocation, is_plain_name},
};
use event_schema::{signing::Keyring, topics::Layout};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

/// What a section of one choice looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Driver<K> {
    pub kind: K,
}

pub type Log = Driver<LogKind>;
pub type Record = Driver<RecordKind>;
pub type View = Driver<ViewKind>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    #[default]
    Embedded,
    Kafka,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    #[default]
    Embedded,
    Cassandra,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewKind {
    #[default]
    Embedded,
    Elasticsearch,
    /// There is no search.
    None,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topics {
    pub prefix: String,
    pub generation: u16,
    pub partitions: u16,
    pub document_limit_bytes: usize,
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            prefix: "consign.".to_owned(),
            generation: 1,
            partitions: 4,
            document_limit_bytes: 1 << 20,
        }
    }
}

impl Topics {
    pub fn layout(&self) -> Layout {
        Layout {
            prefix: self.prefix.clone(),
            generation: self.generation,
            partitions: self.partitions,
            document_limit: self.document_limit_bytes,
        }
    }
}

/// What signs request ids and tokens, and what wraps the keys of subjects. Never shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_keys_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_keys_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_keys: Option<String>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl Secret {
    /// The secret that is set, if one is.
    pub fn keyring(&self) -> Result<Option<Keyring>, Failure> {
        match (&self.value, &self.file) {
            (Some(value), _) => standalone::secret::make_keyring(value.trim().as_bytes())
                .map(Some)
                .map_err(Failure::usage),
            (None, Some(file)) => Ok(Some(standalone::secret::load_secret(file)?)),
            (None, None) => Ok(None),
        }
    }

    /// The master keys that are set, if any are, as text.
    pub fn master_keys(&self) -> Result<Option<String>, Failure> {
        match (&self.master_keys, &self.master_keys_file) {
            (Some(text), _) => Ok(Some(text.clone())),
            (None, Some(file)) => std::fs::read_to_string(file)
                .map(Some)
                .map_err(|error| Failure::usage(format!("{}: {error}", file.display()))),
            (None, None) => Ok(None),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    pub folders: Vec<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    pub listen: SocketAddr,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9090)),
        }
    }
}

/// Where Kafka is; properties are passed to its client as they are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    pub brokers: Vec<String>,
    pub properties: BTreeMap<String, String>,
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            brokers: vec!["127.0.0.1:9092".to_owned()],
            properties: BTreeMap::new(),
        }
    }
}

/// Without the values of properties: passwords are among them.
impl std::fmt::Debug for Kafka {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.properties.keys().collect();
        f.debug_struct("Kafka")
            .field("brokers", &self.brokers)
            .field("properties", &names)
            .finish()
    }
}

impl Settings {
    /// Does everything live in one process?
    pub fn is_embedded(&self) -> bool {
        self.log.kind == LogKind::Embedded
    }

    /// What no single value can be wrong about.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let wrong = |why: String| Err(Failure::usage(why));
        let embedded = [
            ("log", self.log.kind == LogKind::Embedded),
            ("record", self.record.kind == RecordKind::Embedded),
            ("view", self.view.kind == ViewKind::Embedded),
        ];
        if self.log.kind == LogKind::Kafka
            && let Some((section, _)) = embedded.iter().find(|(_, embedded)| *embedded)
        {
            return wrong(format!(
                "`log.kind` is `kafka`, so that several processes share the work, but `{section}.kind` is `embedded`, which is one \
                 process's own: set `{section}.kind` too"
            ));
        }
        if self.log.kind == LogKind::Embedded
            && let Some((section, _)) = embedded.iter().find(|(_, embedded)| !embedded)
        {
            return wrong(format!(
                "`{section}.kind` needs `log.kind` to be `kafka`: the embedded log goes with the embedded stores"
            ));
        }
        if !(1..2048).contains(&self.topics.generation) {
            return wrong(format!(
                "`topics.generation` must be from 1 to 2047, not {}",
                self.topics.generation
            ));
        }
        if self.topics.partitions == 0 {
            return wrong("`topics.partitions` must be at least 1".to_owned());
        }
        if self.gateway.body_limit_bytes > self.topics.document_limit_bytes {
            return wrong(format!(
                "`gateway.body_limit_bytes` ({}) must not be larger than `topics.document_limit_bytes` ({}): topics would refuse what the \
                 gateway took",
                self.gateway.body_limit_bytes, self.topics.document_limit_bytes
            ));
        }
        let (age, remembered) = (self.spool.max_age_days, self.cassandra.ledger_days);
        if let Some(remembered) = remembered
            && self.spool.is_wanted()
            && age >= u64::from(remembered)
        {
            return wrong(format!(
                "`spool.max_age_days` ({age}) must be smaller than `cassandra.ledger_days` ({remembered}): what is shipped twice is found in the ledger"
            ));
        }
        if let Err(why) = check_spool(&self.spool) {
            return wrong(why);
        }
        if self.secret.file.is_some() && self.secret.value.is_some() {
            return wrong("set `secret.file` or `secret.value`, not both".to_owned());
        }
        if self.secret.master_keys_file.is_some() && self.secret.master_keys.is_some() {
            return wrong(
                "set `secret.master_keys_file` or `secret.master_keys`, not both".to_owned(),
            );
        }
        Ok(())
    }
}

/// Why the settings name no place for spools, or two.
fn check_spool(spool: &spool::Config) -> Result<(), String> {
    let Some(location) = &spool.location else {
        return match spool.name {
            Some(_) => Err("`spool.name` is for a `spool.location`".to_owned()),
            None => Ok(()),
        };
    };
    if spool.folder.is_some() {
        return Err("set `spool.folder` or `spool.location`, not both".to_owned());
    }
    if spool.name.as_ref().is_some_and(|name| !is_plain_name(name)) {
        return Err("`spool.name` is made of letters, digits, `-`, `_` and `.`".to_owned());
    }
    let read: Result<SpoolLocation, _> = location.parse();
    read.map(drop)
        .map_err(|error| format!("`spool.location` {error}"))
}
