//! `consign config show`: every setting in force and where it came from. Never shows a secret.

use super::Invocation;
use crate::{failure::Failure, output::format_table, settings::DEFAULTS};
use clap::Args;
use runtime::settings::leaf_values;
use serde::Serialize;
use toml::Value;

const EXAMPLES: &str = "\
Examples:
  consign config show --config gateway.toml
  consign config show --defaults > consign.toml       the commented defaults, to start a file from";

/// Show every setting in force and where it came from
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Print the commented default file instead
    #[arg(long)]
    defaults: bool,
}

#[derive(Serialize)]
struct SettingLine {
    setting: String,
    value: Value,
    from: Option<String>,
}

pub fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    if arguments.defaults {
        invocation.output.line(DEFAULTS.trim_end());
        return Ok(());
    }
    let loaded = invocation.settings(&[])?;
    let values = toml::Table::try_from(&loaded.settings)
        .map_err(|error| Failure::failed(error.to_string()))?;
    let line = |(setting, value): (String, Value)| SettingLine {
        from: loaded.origins.get(&setting).map(ToString::to_string),
        value: if is_secret(&setting) {
            Value::String("***".to_owned())
        } else {
            value
        },
        setting,
    };
    let lines: Vec<SettingLine> = leaf_values(&values).into_iter().map(line).collect();
    invocation.output.result(&lines, |lines| {
        let row = |line: &SettingLine| {
            vec![
                line.setting.clone(),
                line.value.to_string(),
                line.from.clone().unwrap_or_default(),
            ]
        };
        format_table(
            &["setting", "value", "from (or the default)"],
            &lines.iter().map(row).collect::<Vec<_>>(),
        )
    })
}

/// By its name: what properties of Kafka's client call their secrets included.
fn is_secret(setting: &str) -> bool {
    let name = setting.rsplit('.').next().unwrap_or(setting);
    ["secret.value", "secret.master_keys"].contains(&setting)
        || ["password", "secret", "api_key", "oauthbearer"]
            .iter()
            .any(|word| name.contains(word))
        || (setting.starts_with("kafka.properties.")
            && ["password", ".pem", "secret", ".jaas", "oauthbearer.config"]
                .iter()
                .any(|word| setting.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn secrets_are_known_by_name() {
        let secret = [
            "secret.value",
            "secret.master_keys",
            "cassandra.password",
            "elasticsearch.api_key",
            "kafka.properties.sasl.password",
            "kafka.properties.ssl.key.pem",
        ];
        secret
            .iter()
            .for_each(|setting| assert!(is_secret(setting), "{setting}"));
        let open = [
            "secret.file",
            "kafka.properties.sasl.username",
            "kafka.properties.ssl.ca.location",
            "gateway.listen",
        ];
        open.iter()
            .for_each(|setting| assert!(!is_secret(setting), "{setting}"));
    }
}
