//! What a user may say of Kafka, and what promises need. Must never let a setting that a promise
//! hangs on be changed in silence.

use super::{bootstrap::Bootstrap, classify, outage_log};
use parking_lot::Mutex;
use rdkafka::{ClientConfig, ClientContext, config::RDKafkaLogLevel};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt};

/// Where Kafka is, and librdkafka's properties: for all clients (`security.protocol`,
/// `sasl.username`, `ssl.ca.location`, `group.protocol`, …), or with `producer.` or `consumer.`
/// before the name for one kind only.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
pub struct KafkaSettings {
    /// `host:port`, several separated by commas.
    pub brokers: String,
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

/// Without the values of properties: passwords are among them.
impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.properties.keys().collect();
        f.debug_struct("KafkaSettings")
            .field("brokers", &self.brokers)
            .field("properties", &names)
            .finish()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    #[error("no Kafka brokers are named")]
    NoBrokers,
    #[error(
        "the Kafka property `{name}` must be `{required}` and cannot be set to `{found}`: {why}"
    )]
    Required {
        name: String,
        required: &'static str,
        found: String,
        why: &'static str,
    },
    #[error("the Kafka property `{name}` cannot be set: {why}")]
    Ours { name: String, why: &'static str },
    #[error("the Kafka property `{name}` is `{found}`, which is not a number")]
    NotANumber { name: String, found: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientKind {
    Producer,
    Consumer,
}

/// A property that must have this value.
struct Required {
    kind: ClientKind,
    name: &'static str,
    alias: Option<&'static str>,
    value: &'static str,
    why: &'static str,
}

const REQUIRED: [Required; 10] = [
    Required {
        kind: ClientKind::Producer,
        name: "acks",
        alias: Some("request.required.acks"),
        value: "all",
        why: "an acknowledged record must be on all replicas in sync",
    },
    Required {
        kind: ClientKind::Producer,
        name: "enable.idempotence",
        alias: None,
        value: "true",
        why: "records must keep their order through retries",
    },
    Required {
        kind: ClientKind::Producer,
        name: "delivery.report.only.error",
        alias: None,
        value: "false",
        why: "every record is answered",
    },
    Required {
        kind: ClientKind::Producer,
        name: "message.timeout.ms",
        alias: Some("delivery.timeout.ms"),
        value: "0",
        why: "a record that the client gives up leaves a hole: those behind it are appended",
    },
    Required {
        kind: ClientKind::Producer,
        name: "message.send.max.retries",
        alias: Some("retries"),
        value: "2147483647",
        why: "a record that the client gives up leaves a hole: those behind it are appended",
    },
    Required {
        kind: ClientKind::Consumer,
        name: "enable.auto.commit",
        alias: None,
        value: "false",
        why: "offsets follow results",
    },
    Required {
        kind: ClientKind::Consumer,
        name: "enable.auto.offset.store",
        alias: None,
        value: "false",
        why: "offsets follow results",
    },
    Required {
        kind: ClientKind::Consumer,
        name: "auto.offset.reset",
        alias: None,
        value: "error",
        why: "a position that is gone must stop the partition, not be guessed",
    },
    Required {
        kind: ClientKind::Consumer,
        name: "allow.auto.create.topics",
        alias: None,
        value: "false",
        why: "topics are created on purpose, with their settings",
    },
    Required {
        kind: ClientKind::Consumer,
        name: "enable.partition.eof",
        alias: None,
        value: "true",
        why: "reading a range must know its end",
    },
];

/// The group that readers of partitions name because the client must name one. No consumer joins it; the
/// client only asks who coordinates it, and logs a warning where that is denied.
pub const NOMINAL_GROUP: &str = "consign-readers";

const OURS: [(&str, &str); 7] = [
    ("bootstrap.servers", "name the brokers in `brokers`"),
    ("metadata.broker.list", "name the brokers in `brokers`"),
    ("group.id", "groups have fixed names"),
    (
        "group.instance.id",
        "static members do not leave their group when they stop, so their partitions would wait for the session to end",
    ),
    ("transactional.id", "no Kafka transactions are used"),
    (
        "partition.assignment.strategy",
        "it is cooperative-sticky; for the newer protocol set `group.protocol` to `consumer`",
    ),
    (
        "enable.gapless.guarantee",
        "a record is given up only when the broker refuses it for good; those behind it go on",
    ),
];

const PRODUCER_DEFAULTS: [(&str, &str); 5] = [
    ("linger.ms", "1"),
    // The record limit is the topic's. A batch stays below what a topic takes by default.
    ("message.max.bytes", "67108864"),
    ("batch.size", "1000000"),
    ("queue.buffering.max.messages", "100000"),
    ("queue.buffering.max.kbytes", "65536"),
];

const CONSUMER_DEFAULTS: [(&str, &str); 5] = [
    // Per partition, as each has its own queue.
    ("queued.max.messages.kbytes", "8192"),
    ("queued.min.messages", "10000"),
    ("fetch.queue.backoff.ms", "20"),
    // A partition that is opened waits for the fetch that is under way.
    ("fetch.wait.max.ms", "100"),
    ("fetch.error.backoff.ms", "200"),
];

/// Only with the classic protocol: with the newer one they are the broker's.
const CLASSIC: [(&str, &str); 3] = [
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("session.timeout.ms", "10000"),
    ("heartbeat.interval.ms", "1000"),
];

/// Settings that passed.
pub(super) struct CheckedProperties {
    settings: KafkaSettings,
    pub queue_records: usize,
    pub queue_bytes: usize,
}

impl CheckedProperties {
    pub fn new(settings: KafkaSettings) -> Result<Self, SettingError> {
        if settings.brokers.trim().is_empty() {
            return Err(SettingError::NoBrokers);
        }
        for (full, found) in &settings.properties {
            let (kind, name) = split_property(full);
            if let Some((_, why)) = OURS.iter().find(|(ours, _)| *ours == name) {
                return Err(SettingError::Ours {
                    name: full.clone(),
                    why,
                });
            }
            let required = REQUIRED.iter().find(|required| {
                (required.name == name || required.alias == Some(name))
                    && kind.is_none_or(|kind| kind == required.kind)
            });
            if let Some(required) = required
                && !is_same(required, found)
            {
                return Err(SettingError::Required {
                    name: full.clone(),
                    required: required.value,
                    found: found.clone(),
                    why: required.why,
                });
            }
        }
        let mut checked = Self {
            settings,
            queue_records: 0,
            queue_bytes: 0,
        };
        checked.queue_records = checked.number_property("queue.buffering.max.messages")?;
        checked.queue_bytes = checked
            .number_property("queue.buffering.max.kbytes")?
            .saturating_mul(1024);
        Ok(checked)
    }

    /// To be kept beside every client that lives long.
    pub fn bootstrap(&self) -> Bootstrap {
        Bootstrap::new(&self.settings.brokers)
    }

    pub fn producer(&self) -> ClientConfig {
        let mut config = self.client_config(ClientKind::Producer, &PRODUCER_DEFAULTS);
        // The bound is ours; the client's own lies above it, so that what is sent again always
        // fits.
        config.set(
            "queue.buffering.max.messages",
            self.queue_records
                .saturating_mul(2)
                .min(10_000_000)
                .to_string(),
        );
        config.set(
            "queue.buffering.max.kbytes",
            (self.queue_bytes / 1024)
                .saturating_mul(2)
                .clamp(1024, 2_147_483_647)
                .to_string(),
        );
        config
    }

    /// For reading partitions that no group assigns.
    pub fn fetcher(&self) -> ClientConfig {
        let mut config = self.client_config(ClientKind::Consumer, &CONSUMER_DEFAULTS);
        config.set("group.id", NOMINAL_GROUP);
        // Both belong to groups, of which this is none.
        config.remove("group.protocol");
        config.remove("group.remote.assignor");
        config
    }

    pub fn member(&self, group: &str) -> ClientConfig {
        let mut config = self.client_config(ClientKind::Consumer, &CONSUMER_DEFAULTS);
        config.set("group.id", group);
        if !self.is_newer_protocol() {
            for (name, value) in CLASSIC {
                if self.property(ClientKind::Consumer, name).is_none() {
                    config.set(name, value);
                }
            }
        }
        config.set("enable.partition.eof", "false");
        config
    }

    pub fn admin(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.settings.brokers)
            .set("client.id", "consign");
        for (full, value) in &self.settings.properties {
            if let (None, name) = split_property(full)
                && !name.starts_with("group.")
            {
                config.set(name, value);
            }
        }
        config
    }

    fn is_newer_protocol(&self) -> bool {
        self.property(ClientKind::Consumer, "group.protocol")
            .is_some_and(|protocol| protocol.eq_ignore_ascii_case("consumer"))
    }

    fn client_config(&self, kind: ClientKind, defaults: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.settings.brokers)
            .set("client.id", "consign")
            .set("log.connection.close", "false");
        for (name, value) in defaults {
            config.set(*name, *value);
        }
        for (full, value) in &self.settings.properties {
            match split_property(full) {
                (None, name) if kind == ClientKind::Producer && name.starts_with("group.") => {}
                (None, name) => drop(config.set(name, value)),
                (Some(_), _) => {}
            }
        }
        for (full, value) in &self.settings.properties {
            if let (Some(of), name) = split_property(full)
                && of == kind
            {
                config.set(name, value);
            }
        }
        for required in REQUIRED.iter().filter(|required| required.kind == kind) {
            config.set(required.name, required.value);
            if let Some(alias) = required.alias {
                config.remove(alias);
            }
        }
        config
    }

    fn property(&self, kind: ClientKind, name: &str) -> Option<&str> {
        let prefix = match kind {
            ClientKind::Producer => "producer.",
            ClientKind::Consumer => "consumer.",
        };
        let properties = &self.settings.properties;
        properties
            .get(&format!("{prefix}{name}"))
            .or_else(|| properties.get(name))
            .map(String::as_str)
    }

    fn number_property(&self, name: &'static str) -> Result<usize, SettingError> {
        let default = PRODUCER_DEFAULTS
            .iter()
            .find(|(default, _)| *default == name)
            .map_or("0", |(_, value)| value);
        let found = self.property(ClientKind::Producer, name).unwrap_or(default);
        found.parse().map_err(|_| SettingError::NotANumber {
            name: name.into(),
            found: found.into(),
        })
    }
}

fn split_property(full: &str) -> (Option<ClientKind>, &str) {
    match full.split_once('.') {
        Some(("producer", name)) => (Some(ClientKind::Producer), name),
        Some(("consumer", name)) => (Some(ClientKind::Consumer), name),
        Some(_) | None => (None, full),
    }
}

fn is_same(required: &Required, found: &str) -> bool {
    found.eq_ignore_ascii_case(required.value) || (required.name == "acks" && found == "-1")
}

/// Sends what librdkafka has to say where everything else is said.
pub(super) fn forward_log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        // A connection that failed, or all of them.
        RDKafkaLogLevel::Error if matches!(facility, "FAIL" | "ERROR") => {
            outage_log::log_failure(message);
        }
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error => {
            tracing::error!(target: "kafka", facility, message);
        }
        RDKafkaLogLevel::Warning => tracing::warn!(target: "kafka", facility, message),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "kafka", facility, message)
        }
        RDKafkaLogLevel::Debug => tracing::debug!(target: "kafka", facility, message),
    }
}

/// For clients of which only the log matters, and whether brokers deny them.
#[derive(Default)]
pub(super) struct Quiet {
    /// What brokers said when they denied this client; none since one answered.
    denial: Mutex<Option<String>>,
}

impl Quiet {
    pub fn denial(&self) -> Option<String> {
        self.denial.lock().clone()
    }

    /// A broker answered.
    pub fn reached(&self) {
        *self.denial.lock() = None;
    }
}

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        forward_log(level, facility, message);
    }

    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        if error.rdkafka_error_code().is_some_and(classify::is_denial) {
            let before = self.denial.lock().replace(reason.to_owned());
            if before.is_none() {
                outage_log::log_denial(reason);
            }
        } else if outage_log::is_out_of_reach(&error) {
            outage_log::log_failure(reason);
        // The end of a partition is news for the reader, and nothing to tell anybody else.
        } else if error.rdkafka_error_code() != Some(rdkafka::types::RDKafkaErrorCode::PartitionEOF)
        {
            tracing::warn!(target: "kafka", %error, reason);
        }
    }
}

impl rdkafka::consumer::ConsumerContext for Quiet {}

#[cfg(test)]
mod tests;
