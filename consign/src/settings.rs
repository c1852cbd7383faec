//! Every setting, in sections, and where they come from: the commented default file that is
//! compiled in, one file, `CONSIGN_*` variables, flags. The default file is the documentation: a
//! test holds it against [`Settings::default`].

mod certificates;
mod sections;

pub use certificates::read_pem;
pub use sections::{
    Admin, Catalog, Driver, Kafka, Log, LogKind, Record, RecordKind, Secret, Topics, View, ViewKind,
};

use crate::failure::Failure;
use request_spans::SpanSettings;
use runtime::settings::{Layers, SettingsError, Source};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// The defaults, each with what it is for.
pub const DEFAULTS: &str = include_str!("../config.default.toml");
/// `CONSIGN_*` variables that are no settings; one that ends in `_` stands for all that begin with
/// it.
pub const RESERVED: [&str; 5] = [
    "CONSIGN_CONFIG",
    "CONSIGN_LOG",
    "CONSIGN_TOKEN",
    "CONSIGN_TEST_",
    "CONSIGN_ORACLE_DIR",
];
/// Taken when no other file is named.
const USUAL_FILE: &str = "consign.toml";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub data: PathBuf,
    pub log: Log,
    pub record: Record,
    pub view: View,
    pub topics: Topics,
    pub secret: Secret,
    pub catalog: Catalog,
    pub security: gateway::config::Security,
    pub outbound: outbound::OutboundConfig,
    pub gateway: gateway::Config,
    pub worker: write_worker::Config,
    pub notifier: notifier_worker::Config,
    pub spool: spool::Config,
    pub admin: Admin,
    pub tracing: SpanSettings,
    pub kafka: Kafka,
    pub cassandra: store_cassandra::Config,
    pub elasticsearch: store_elasticsearch::Config,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: "./data".into(),
            log: Log::default(),
            record: Record::default(),
            view: View::default(),
            topics: Topics::default(),
            secret: Secret::default(),
            catalog: Catalog::default(),
            security: gateway::config::Security::default(),
            outbound: outbound::OutboundConfig::default(),
            gateway: gateway::Config::default(),
            worker: write_worker::Config::default(),
            notifier: notifier_worker::Config::default(),
            spool: spool::Config::default(),
            admin: Admin::default(),
            tracing: SpanSettings::default(),
            kafka: Kafka::default(),
            cassandra: store_cassandra::Config::default(),
            elasticsearch: store_elasticsearch::Config::default(),
        }
    }
}

/// Settings, and where each value that is no default came from.
#[derive(Clone, Debug)]
pub struct LoadedSettings {
    pub settings: Settings,
    pub origins: BTreeMap<String, Source>,
}

impl LoadedSettings {
    /// From this process's surroundings: the named file (or the usual one where it is), its
    /// variables, and the given flags.
    pub fn from_surroundings(file: Option<&Path>, flags: &[&str]) -> Result<Self, Failure> {
        let usual = Path::new(USUAL_FILE);
        let file = file.or_else(|| usual.exists().then_some(usual));
        let text = match file {
            Some(path) => {
                let text = std::fs::read_to_string(path);
                Some((
                    path.display().to_string(),
                    text.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?,
                ))
            }
            None => None,
        };
        // A variable that is no text cannot be a setting of ours, which all are.
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::layered(
            text.as_ref()
                .map(|(path, text)| (path.as_str(), text.as_str())),
            variables,
            flags,
        )
    }

    /// From what is given, and nothing else.
    pub fn layered(
        file: Option<(&str, &str)>,
        variables: impl IntoIterator<Item = (String, String)>,
        flags: &[&str],
    ) -> Result<Self, Failure> {
        let mut layers = Layers::new(
            parse_defaults(DEFAULTS)?,
            &parse_defaults(&example_settings(DEFAULTS))?,
        );
        if let Some((path, text)) = file {
            layers.file(path, text)?;
        }
        layers.variables(variables, &RESERVED)?;
        layers.flags(flags.iter().copied())?;
        let origins = layers.origins().clone();
        let settings: Settings = normalise_settings(layers.merged())
            .try_into()
            .map_err(|error: toml::de::Error| misfit_failure(&error, &origins))?;
        settings.check()?;
        Ok(Self { settings, origins })
    }
}

/// The settings without a default: lines of the default file that begin with `#` and a name, in
/// their sections.
pub fn example_settings(defaults: &str) -> String {
    let lines = defaults
        .lines()
        .filter_map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|first: char| first.is_ascii_lowercase()) => Some(rest),
            None if line.starts_with('[') => Some(line),
            _ => None,
        });
    lines.collect::<Vec<_>>().join("\n")
}

fn parse_defaults(text: &str) -> Result<Table, Failure> {
    text.parse().map_err(|error: toml::de::Error| {
        Failure::failed(format!("the compiled-in defaults are no TOML: {error}"))
    })
}

/// What layers cannot know: properties are texts, and copies for each datacenter replace the plain
/// number of copies.
fn normalise_settings(mut table: Table) -> Table {
    if let Some(properties) = table
        .get_mut("kafka")
        .and_then(|kafka| kafka.get_mut("properties"))
        .and_then(Value::as_table_mut)
    {
        for (_, value) in properties.iter_mut().filter(|(_, value)| !value.is_str()) {
            *value = Value::String(value.to_string());
        }
    }
    if let Some(replication) = table
        .get_mut("cassandra")
        .and_then(|section| section.get_mut("replication"))
        .and_then(Value::as_table_mut)
    {
        let datacenters = replication
            .get("datacenters")
            .and_then(Value::as_table)
            .is_some_and(|table| !table.is_empty());
        replication.remove(if datacenters { "simple" } else { "datacenters" });
    }
    table
}

/// A value of the right type that is still none of those that there are.
fn misfit_failure(error: &toml::de::Error, origins: &BTreeMap<String, Source>) -> Failure {
    let text = error.to_string();
    let key = origins
        .keys()
        .find(|key| text.contains(&format!("`{key}`")));
    let from = key
        .and_then(|key| origins.get(key))
        .map_or_else(|| "the settings".to_owned(), ToString::to_string);
    Failure::from(SettingsError::Malformed {
        from: Source::File(from),
        why: text.trim().replace('\n', " "),
    })
}

#[cfg(test)]
mod tests;
